//! The program at a service made with the server package that others published: needs Node, npm and, the first time,
//! the package registry. What was run against what stands in docs/interop.md.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what does not start or answer fails the test"
)]

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};

use serde_json::{Value, json};

#[test]
fn an_agent_lives_its_life_at_a_service_made_with_the_published_package() {
    let Some(mut peer) = Peer::start() else {
        return;
    };
    let procura = Procura::new();
    let agent = connect(&procura, &mut peer);
    let echoed = procura.done(&["execute", "echo", r#"{"word":"hello"}"#]);
    assert_eq!(
        echoed,
        json!({ "capability": "echo", "given": { "word": "hello" } })
    );
    escalate(&procura, &mut peer, &agent);
    rotate(&procura, &agent);

    let gone = procura.done(&["disconnect", &agent]);
    assert_eq!(gone["status"], "revoked");
    assert_eq!(
        peer.asked(&format!("standing {agent}"))["status"],
        "revoked"
    );
    assert_eq!(procura.done(&["connections"]), json!([]));
}

/// The package refuses agents' tokens as the specification wants them. Told to be strict, the client sends no others.
#[test]
fn what_is_said_of_the_service_decides_what_tokens_it_gets() {
    let Some(mut peer) = Peer::start() else {
        return;
    };
    let procura = Procura::new();
    let origin = peer.origin.clone();
    procura.done(&["discover", &origin, "--compat", "strict"]);
    connect(&procura, &mut peer);
    let refused = procura.refused(&["execute", "echo", "{}"]);
    assert_eq!(refused["error"], "invalid_jwt");
    procura.done(&["discover", &origin, "--compat", "better-auth"]);
    procura.done(&["execute", "echo", "{}"]);
    procura.done(&["discover", &origin, "--refresh"]);
    procura.done(&["execute", "echo", "{}"]);
    procura.done(&["discover", &origin, "--compat", "strict"]);
    procura.refused(&["execute", "echo", "{}"]);
    procura.done(&["discover", &origin, "--compat", "auto"]);
    procura.done(&["execute", "echo", "{}"]);
}

/// Registers an agent for `echo` and has it approved. Until then it can do nothing.
fn connect(procura: &Procura, peer: &mut Peer) -> String {
    let origin = peer.origin.clone();
    let asked = procura.done(&["connect", &origin, "-c", "echo", "--no-wait"]);
    assert_eq!(asked["status"], "pending");
    let agent = text(&asked["agent_id"]);
    procura.refused(&["execute", "echo", "{}"]);
    peer.approve(&asked);
    let standing = procura.done(&["status", "--wait"]);
    assert_eq!(standing["status"], "active");
    assert_eq!(holds(&standing), ["echo"]);
    agent
}

/// Asks for `transfer` within limits, which hold once it is approved.
fn escalate(procura: &Procura, peer: &mut Peer, agent: &str) {
    procura.refused(&["execute", "transfer", r#"{"amount":5}"#]);
    let limits = r#"{"transfer":{"amount":{"max":100}}}"#;
    let asked = procura.done(&[
        "request",
        agent,
        "-c",
        "transfer",
        "--constraints",
        limits,
        "--no-wait",
    ]);
    peer.approve(&asked);
    let standing = procura.done(&["status", "--wait"]);
    assert_eq!(holds(&standing), ["echo", "transfer"]);
    let moved = procura.done(&["execute", "transfer", r#"{"amount":100}"#]);
    assert_eq!(moved["given"]["amount"], 100);
    let refused = procura.refused(&["execute", "transfer", r#"{"amount":101}"#]);
    assert_eq!(refused["error"], "constraint_violated");
    assert_eq!(refused["violations"][0]["field"], "amount");
}

fn rotate(procura: &Procura, agent: &str) {
    let first = procura.done(&["rotate", agent]);
    let second = procura.done(&["rotate", agent]);
    assert_ne!(first["thumbprint"], second["thumbprint"]);
    procura.done(&["execute", "echo", "{}"]);
}

/// The capabilities of active grants, by name.
fn holds(standing: &Value) -> Vec<String> {
    let grants = standing["agent_capability_grants"].as_array().unwrap();
    let active = grants.iter().filter(|grant| grant["status"] == "active");
    let mut names: Vec<_> = active.map(|grant| text(&grant["capability"])).collect();
    names.sort();
    names
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The program with a profile of its own.
struct Procura {
    data: tempfile::TempDir,
}

impl Procura {
    fn new() -> Self {
        Self {
            data: tempfile::tempdir().unwrap(),
        }
    }

    fn run(&self, words: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_procura"));
        command.args(["--json", "--allow-loopback-http", "--no-keychain", "--data"]);
        command.arg(self.data.path()).args(words);
        command.output().unwrap()
    }

    fn done(&self, words: &[&str]) -> Value {
        let output = self.run(words);
        assert!(output.status.success(), "{words:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// What is said of a refusal by the service.
    fn refused(&self, words: &[&str]) -> Value {
        let output = self.run(words);
        assert_eq!(output.status.code(), Some(3), "{words:?}: {output:?}");
        serde_json::from_slice(&output.stderr).unwrap()
    }
}

/// The service, with the person who is signed in to it.
struct Peer {
    process: Child,
    input: Option<ChildStdin>,
    answers: Lines<BufReader<ChildStdout>>,
    origin: String,
}

impl Peer {
    /// Starts it, unless tests with it are not wanted.
    #[expect(
        clippy::disallowed_methods,
        reason = "whoever runs the tests says what they want"
    )]
    fn start() -> Option<Self> {
        if std::env::var_os(UNWANTED).is_some() {
            return None;
        }
        let mut process = Command::new("node")
            .arg("server.mjs")
            .current_dir(installed())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("node: {error}; {NEEDED}"));
        let input = process.stdin.take();
        let mut answers = BufReader::new(process.stdout.take().unwrap()).lines();
        let origin = answers.next().expect("the service starts").unwrap();
        Some(Self {
            process,
            input,
            answers,
            origin,
        })
    }

    /// Has the person do something, and returns what the package answered.
    fn asked(&mut self, line: &str) -> Value {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
        serde_json::from_str(&self.answers.next().unwrap().unwrap()).unwrap()
    }

    fn approve(&mut self, asked: &Value) {
        let (agent, code) = (
            text(&asked["agent_id"]),
            text(&asked["approval"]["user_code"]),
        );
        let answer = self.asked(&format!("approve {agent} {code}"));
        assert_eq!(answer["status"], "approved", "{answer}");
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.process.wait();
    }
}

/// A folder with the service and the packages of the lock file. They are installed once.
fn installed() -> PathBuf {
    static FOLDER: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    FOLDER.get_or_init(install).clone()
}

fn install() -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("interop");
    std::fs::create_dir_all(&folder).unwrap();
    for name in ["package.json", "package-lock.json", "server.mjs"] {
        std::fs::copy(source.join(name), folder.join(name)).unwrap();
    }
    let lock = std::fs::read(source.join("package-lock.json")).unwrap();
    let installed = folder.join("installed-lock.json");
    if std::fs::read(&installed).is_ok_and(|it| it == lock) {
        return folder;
    }
    let output = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(&folder)
        .output()
        .unwrap_or_else(|error| panic!("npm: {error}; {NEEDED}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "npm ci: {said}\n{NEEDED}");
    std::fs::write(installed, lock).unwrap();
    folder
}

const UNWANTED: &str = "PROCURA_TEST_NO_PEERS";
const NEEDED: &str = "the tests with other implementations need Node 20 or newer, npm (Debian: apt-get install nodejs npm) \
    and a package registry that npm can reach; PROCURA_TEST_NO_PEERS=1 leaves them out";
