//! Processes that are killed, and many at once on one directory: no key is lost, nothing is registered twice.
#![expect(
    clippy::unwrap_used,
    reason = "a program or server that does not start fails the test"
)]

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A service that registers every agent, under a number for each key, and holds back an answer if it is told to.
#[derive(Clone)]
struct Service {
    issuer: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// The public keys of agents, in the order of registration.
    agents: Vec<String>,
    /// What to hold back, and whom to tell.
    silent: Option<(&'static str, Sender<()>)>,
    calls: Vec<String>,
}

impl Service {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let service = Self {
            issuer: format!("http://{}", listener.local_addr().unwrap()),
            state: Arc::default(),
        };
        let served = service.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let service = served.clone();
                std::thread::spawn(move || service.serve(stream.unwrap()));
            }
        });
        service
    }

    /// Does what is asked at `path` from now on, but says nothing. The receiver hears of it.
    fn hold_back(&self, path: &'static str) -> Receiver<()> {
        let (sender, receiver) = channel();
        self.state.lock().unwrap().silent = Some((path, sender));
        receiver
    }

    fn speak(&self) {
        self.state.lock().unwrap().silent = None;
    }

    /// One request for each connection.
    fn serve(&self, stream: TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        let mut first = head.split([' ', '?']);
        let (_, path) = (first.next()?, first.next()?.to_owned());
        let field = |name: &str| {
            let lines = head.lines().filter_map(|line| line.split_once(": "));
            let mut found = lines.filter(|(field, _)| field.eq_ignore_ascii_case(name));
            found.next().map(|(_, value)| value.to_owned())
        };
        let length = field("content-length").map_or(0, |it| it.parse().unwrap());
        reader.read_exact(&mut vec![0; length]).ok()?;
        let answer = self.answer(&path, field("authorization").as_deref());
        let silent = self.state.lock().unwrap().silent.clone();
        if let Some((_, heard)) = silent.filter(|(silent, _)| *silent == path) {
            heard.send(()).ok()?;
            // Until the other side is gone.
            let _ = reader.read(&mut [0]);
            return None;
        }
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{answer}",
            answer.len()
        );
        reader.into_inner().write_all(answer.as_bytes()).ok()
    }

    fn answer(&self, path: &str, token: Option<&str>) -> String {
        let mut state = self.state.lock().unwrap();
        state.calls.push(path.to_owned());
        match path {
            "/.well-known/agent-configuration" => format!(
                r#"{{"version":"1.0-draft","provider_name":"bank","description":"d","issuer":"{}",
                "algorithms":["Ed25519"],"modes":["delegated"],"approval_methods":[],"endpoints":{{}}}}"#,
                self.issuer
            ),
            "/agent/register" => {
                let key = agent_key(token.unwrap());
                let known = state.agents.iter().position(|it| *it == key);
                let number = known.unwrap_or_else(|| {
                    state.agents.push(key);
                    state.agents.len() - 1
                });
                format!(
                    r#"{{"agent_id":"agt_{number}_","host_id":"hst_1","mode":"delegated","status":"active",
                    "agent_capability_grants":[]}}"#
                )
            }
            "/agent/rotate-key" => r#"{"agent_id":"agt_0_","status":"active"}"#.to_owned(),
            "/host/rotate-key" => r#"{"host_id":"hst_1","status":"active"}"#.to_owned(),
            _ => r#"{"capabilities":[]}"#.to_owned(),
        }
    }

    fn agents(&self) -> usize {
        self.state.lock().unwrap().agents.len()
    }
}

/// The agent's public key in the claims of a host JWT.
fn agent_key(token: &str) -> String {
    let claims = token.split('.').nth(1).unwrap();
    let claims = base64url(claims);
    let (_, rest) = claims.split_once(r#""agent_public_key":{"#).unwrap();
    let (_, rest) = rest.split_once(r#""x":""#).unwrap();
    rest.split('"').next().unwrap().to_owned()
}

fn base64url(text: &str) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut bits, mut held, mut bytes) = (0_u32, 0, Vec::new());
    for byte in text.bytes() {
        let value = ALPHABET.iter().position(|it| *it == byte).unwrap();
        bits = (bits << 6) | u32::try_from(value).unwrap();
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from((bits >> held) & 0xff).unwrap());
        }
    }
    String::from_utf8(bytes).unwrap()
}

fn command(data: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_procura"));
    command.args(["--allow-loopback-http", "--json", "--data"]);
    command.arg(data).args(words);
    // The keychain of whoever runs the tests is not theirs.
    command.env("PROCURA_NO_KEYCHAIN", "1");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(data: &Path, words: &[&str]) -> Output {
    command(data, words).output().unwrap()
}

/// Starts a command and kills it as soon as the service has done what it asks, before the answer.
fn kill_unanswered(service: &Service, path: &'static str, data: &Path, words: &[&str]) {
    let reached = service.hold_back(path);
    let mut child: Child = command(data, words).spawn().unwrap();
    reached.recv_timeout(PATIENCE).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    service.speak();
}

fn assert_done(output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

#[test]
fn a_connect_that_was_killed_before_its_answer_is_taken_up_again() {
    let (home, service) = (tempfile::tempdir().unwrap(), Service::start());
    let connect = ["connect", service.issuer.as_str()];
    kill_unanswered(&service, "/agent/register", home.path(), &connect);
    assert_eq!(service.agents(), 1);
    assert_done(&run(home.path(), &connect));
    assert_eq!(service.agents(), 1, "the same key");
    // What is done is done: the next one is another agent.
    assert_done(&run(home.path(), &connect));
    assert_eq!(service.agents(), 2);
}

#[test]
fn rotations_that_were_killed_leave_keys_that_work() {
    let (home, service) = (tempfile::tempdir().unwrap(), Service::start());
    assert_done(&run(home.path(), &["connect", &service.issuer]));
    let key = |data: &Path, file: &str| std::fs::read_to_string(data.join(file)).unwrap();
    for (path, words) in [
        ("/agent/rotate-key", vec!["rotate", "agt_0_"]),
        ("/host/rotate-key", vec!["rotate", "--host"]),
    ] {
        kill_unanswered(&service, path, home.path(), &words);
        assert_done(&run(
            home.path(),
            &["capabilities", "bank", "--agent", "agt_0_"],
        ));
        assert_done(&run(home.path(), &words));
        assert!(!key(home.path(), "host.json").contains("next"));
    }
}

#[test]
fn processes_at_the_same_time_disturb_nobody() {
    crowd(6, Duration::from_secs(3));
}

/// `cargo test -p procura --test crash -- --ignored`
#[test]
#[ignore = "runs for a minute"]
fn twenty_processes_for_a_minute_disturb_nobody() {
    crowd(20, Duration::from_mins(1));
}

/// Connects, looks and rotates in that many processes at a time, on one directory, for that long.
fn crowd(size: usize, time: Duration) {
    let (home, service) = (tempfile::tempdir().unwrap(), Service::start());
    let end = Instant::now() + time;
    let connected: usize = std::thread::scope(|scope| {
        let work = || {
            let mut connected = 0;
            while Instant::now() < end {
                assert_done(&run(home.path(), &["connect", &service.issuer]));
                connected += 1;
                assert_done(&run(home.path(), &["capabilities", &service.issuer]));
                assert_done(&run(home.path(), &["rotate", "--host"]));
                assert_done(&run(home.path(), &["connections"]));
            }
            connected
        };
        let workers: Vec<_> = (0..size).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|it| it.join().unwrap()).sum()
    });
    assert_eq!(service.agents(), connected, "each registered once");
    let listed = run(home.path(), &["connections"]).stdout;
    let listed = String::from_utf8(listed).unwrap();
    let ids: BTreeSet<_> = listed.match_indices(r#""agent_id":"#).collect();
    assert_eq!(ids.len(), connected, "none lost");
    let left = std::fs::read_dir(home.path().join("intents")).unwrap();
    assert_eq!(left.count(), 0, "nothing half done");
}

const PATIENCE: Duration = Duration::from_secs(30);
