//! Commands from the words on the command line to exit code, standard output and standard error.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use procura_client::{
    FetchError, Parts, Pause, Profile, Request, Response, SystemEntropy, SystemPause, Transport,
};
use procura_keys::clock::{Clock, Timestamp};
use serde_json::{Value, json};

use super::*;

mod agents;
pub(crate) mod bank;
mod failures;
mod identity;
mod providers;

use self::bank::Bank;

/// A command line against the scripted bank, with a profile that lasts for the test.
struct Terminal {
    client: Client,
    notices: Buffer,
}

impl Terminal {
    fn new(bank: Bank) -> Self {
        let clock = Arc::new(StillClock);
        let parts = Parts {
            transport: Arc::new(bank),
            clock: clock.clone(),
            entropy: Arc::new(SystemEntropy),
            pause: clock,
        };
        let notices = Buffer::default();
        let heard = notices.clone();
        let options = Options {
            host_name: Some("laptop".to_owned()),
            directory: Some("https://directory.example".to_owned()),
            notices: Some(Arc::new(move |notice| {
                let _ = writeln!(heard.clone(), "{notice}");
            })),
            ..Options::default()
        };
        Self {
            client: Client::new(Profile::in_memory(), options, parts),
            notices,
        }
    }

    /// Runs `procura` with these words. Returns exit code, standard output and standard error.
    async fn run(&self, words: &[&str]) -> String {
        let words = ["procura"].iter().chain(words);
        let arguments = match Arguments::try_parse_from(words) {
            Ok(arguments) => arguments,
            Err(error) => return format!("exit {}\n{error}", error.exit_code()),
        };
        let (data, talk) = (Buffer::default(), Buffer::default());
        let (json, quiet) = (arguments.globals.json, arguments.globals.talk.quiet);
        let printer = Printer::new(data.clone(), talk.clone(), json, quiet);
        let exit = run_with(arguments, &self.client, &printer).await;
        let (data, talk) = (data.text(), talk.text());
        format!("exit {}\n-- out --\n{data}-- err --\n{talk}", exit as u8)
    }
}

/// What was written to a stream.
#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Always the same moment, and nobody waits.
pub(crate) struct StillClock;

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(1_772_013_600)
    }
}

#[async_trait]
impl Pause for StillClock {
    async fn pause(&self, _: Duration) {
        SystemPause.pause(Duration::ZERO).await;
    }
}
