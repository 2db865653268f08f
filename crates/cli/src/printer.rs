//! The two output streams and the rules for them: data to standard output, talk to standard error.

use std::io::{self, IsTerminal as _, Write};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::error::CommandError;
use crate::exit::Exit;
use crate::json::one_line;
use crate::outcome::Outcome;

/// Owns the output. Clones write to the same streams.
#[derive(Clone)]
pub struct Printer {
    streams: Arc<Mutex<Streams>>,
    json: bool,
    quiet: bool,
    is_terminal: bool,
}

struct Streams {
    data: Box<dyn Write + Send>,
    talk: Box<dyn Write + Send>,
    failure: Option<io::Error>,
}

impl Printer {
    /// Standard output and standard error.
    pub fn system(json: bool, quiet: bool) -> Self {
        Self {
            is_terminal: io::stderr().is_terminal(),
            ..Self::new(io::stdout(), io::stderr(), json, quiet)
        }
    }

    /// The given streams.
    pub fn new(
        data: impl Write + Send + 'static,
        talk: impl Write + Send + 'static,
        json: bool,
        quiet: bool,
    ) -> Self {
        let streams = Streams {
            data: Box::new(data),
            talk: Box::new(talk),
            failure: None,
        };
        Self {
            streams: Arc::new(Mutex::new(streams)),
            json,
            quiet,
            is_terminal: false,
        }
    }

    /// Whether a person watches standard error.
    pub(crate) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Shows a line that the next one takes the place of, where a person watches.
    pub(crate) fn ticker(&self, text: &str) {
        if self.is_terminal && !self.quiet {
            // With nobody listening on standard error there is nobody to tell.
            let _ = self.with(|streams| {
                write!(streams.talk, "{CLEAR}{text}")?;
                streams.talk.flush()
            });
        }
    }

    /// Says something that may be missed.
    pub(crate) fn say(&self, text: &str) {
        if !self.quiet {
            self.insist(text);
        }
    }

    /// Says something that a person has to see.
    pub(crate) fn insist(&self, text: &str) {
        // With nobody listening on standard error there is nobody to tell.
        let start = if self.is_terminal { CLEAR } else { "" };
        let _ = self.with(|streams| writeln!(streams.talk, "{start}{text}"));
    }

    /// Prints a piece of a result that is still arriving, on a line of its own.
    pub(crate) fn piece(&self, value: &Value) {
        self.print(&one_line(value));
    }

    /// Prints one text of a command that goes on, under this name for programs.
    #[cfg(feature = "mcp")]
    pub(crate) fn line(&self, name: &str, text: &str) {
        if self.json {
            self.print(&one_line(&serde_json::json!({ name: text })));
        } else {
            self.print(text);
        }
    }

    /// Prints the result of a command.
    pub(crate) fn finish(&self, outcome: &Outcome) -> Exit {
        match &outcome.result {
            Some(result) if self.json => self.print(&one_line(&result.value)),
            Some(result) => self.print(&result.text),
            None => {}
        }
        self.exit(outcome.exit)
    }

    /// Prints why a command failed.
    pub(crate) fn fail(&self, error: &CommandError) -> Exit {
        if self.json {
            self.insist(&one_line(&error.to_json()));
        } else {
            self.insist(&error.lines().join("\n"));
        }
        self.exit(Exit::of(error))
    }

    fn print(&self, text: &str) {
        self.with(|streams| {
            if streams.failure.is_none() {
                let printed = writeln!(streams.data, "{text}").and_then(|()| streams.data.flush());
                streams.failure = printed.err();
            }
        });
    }

    /// A reader that has gone away has seen enough, which is success; a full disk is not.
    fn exit(&self, exit: Exit) -> Exit {
        let failure = self.with(|streams| streams.failure.take());
        match failure {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                self.insist(&format!("error: cannot write the result: {error}"));
                Exit::LocalState
            }
            Some(_) | None => exit,
        }
    }

    fn with<T>(&self, action: impl FnOnce(&mut Streams) -> T) -> T {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        action(&mut streams)
    }
}

/// Takes the place of a line that is still being shown.
const CLEAR: &str = "\r\x1b[K";
