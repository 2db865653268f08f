//! What opens an encrypted profile: a passphrase from a file or a terminal, and the keychain of the system.
#![expect(
    clippy::expect_used,
    reason = "a program that does not start fails the test"
)]

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_procura");

fn procura(data: &Path, words: &[&str]) -> Output {
    command(data, words).output().expect("the program starts")
}

fn command(data: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    // The keychain of whoever runs the tests is not theirs.
    command.env("PROCURA_NO_KEYCHAIN", "1");
    command.stdin(Stdio::null()).arg("--data").arg(data);
    command.args(words);
    command
}

fn said(output: &Output) -> String {
    let text = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8_lossy(&text).into_owned()
}

fn thumbprint(output: &Output) -> String {
    let text = said(output);
    assert!(output.status.success(), "{text}");
    let line = text.lines().find(|line| line.starts_with("Thumbprint"));
    line.expect("a thumbprint").to_owned()
}

/// Types the same line at a terminal whenever the program says nothing, until it ends.
fn at_a_terminal(line: &str, words: &str) -> String {
    let mut child = Command::new("script")
        .args(["-qec", words, "/dev/null"])
        .env("PROCURA_NO_KEYCHAIN", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script of util-linux is there");
    let mut screen = child.stdout.take().expect("a pipe");
    let (send, heard) = channel();
    std::thread::spawn(move || {
        let mut piece = [0; 1024];
        while let Ok(length @ 1..) = screen.read(&mut piece) {
            let _ = send.send(piece[..length].to_vec());
        }
    });
    let mut keyboard = child.stdin.take().expect("a pipe");
    let (mut shown, end) = (Vec::new(), Instant::now() + Duration::from_mins(1));
    while Instant::now() < end {
        match heard.recv_timeout(Duration::from_millis(200)) {
            Ok(piece) => shown.extend(piece),
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {
                // It may have ended just now.
                let _ = writeln!(keyboard, "{line}");
            }
        }
    }
    let ended = child.wait().expect("it ends");
    let shown = String::from_utf8_lossy(&shown).into_owned();
    assert!(ended.success(), "{shown}");
    shown
}

#[cfg(target_os = "linux")]
#[test]
fn a_passphrase_is_asked_for_at_a_terminal_and_nowhere_else() {
    let home = tempfile::tempdir().expect("a directory");
    let data = home.path().join("data");
    let before = procura(&data, &["host", "new", "--yes"]);
    assert!(said(&before).contains("unencrypted"), "{}", said(&before));
    let key = thumbprint(&procura(&data, &["host", "show"]));
    let piped = procura(&data, &["config", "passphrase"]);
    assert_eq!(piped.status.code(), Some(2), "{}", said(&piped));
    let words = |rest: &str| format!("{PROGRAM} --data {} {rest}", data.display());
    let asked = at_a_terminal("correct horse", &words("config passphrase"));
    assert!(
        asked.contains("New passphrase") && asked.contains("Once more"),
        "{asked}"
    );
    let shown = at_a_terminal("correct horse", &words("host show"));
    assert!(
        shown.contains("Passphrase") && shown.contains(&key),
        "{shown}"
    );
    let piped = procura(&data, &["host", "show"]);
    assert_eq!(piped.status.code(), Some(6), "{}", said(&piped));
    assert!(said(&piped).contains("--passphrase-file"));
}

/// A file may be a descriptor that another program opened, so that nothing is written to a disk.
#[cfg(target_os = "linux")]
#[test]
fn a_passphrase_may_come_through_a_descriptor() {
    let home = tempfile::tempdir().expect("a directory");
    let script = format!(
        "printf 'correct horse' | PROCURA_PASSPHRASE_FILE=/dev/fd/0 {PROGRAM} --data {} --json config",
        home.path().display()
    );
    let output = Command::new("sh")
        .args(["-c", &script])
        .output()
        .expect("a shell");
    assert!(
        said(&output).contains(r#""protection":"passphrase""#),
        "{}",
        said(&output)
    );
}

/// Killed at any moment of a change, a profile opens with the old passphrase or the new one, with the same keys in it.
#[test]
fn a_change_of_passphrase_that_is_killed_loses_nothing() {
    let home = tempfile::tempdir().expect("a directory");
    let data = home.path().join("data");
    let file = |name: &str| home.path().join(name).display().to_string();
    for name in ["a", "b"] {
        std::fs::write(file(name), name).expect("a file");
    }
    let open = |by: &str, words: &[&str]| {
        procura(&data, &[&["--passphrase-file", &file(by)], words].concat())
    };
    assert!(open("a", &["host", "new", "--yes"]).status.success());
    let key = thumbprint(&open("a", &["host", "show"]));
    let (mut now, mut next) = ("a", "b");
    let started = Instant::now();
    let change = ["config", "passphrase", "--new-file"];
    assert!(
        open(now, &[&change[..], &[&file(next)]].concat())
            .status
            .success()
    );
    std::mem::swap(&mut now, &mut next);
    let whole = started.elapsed();
    for step in 0..8 {
        let (from, to) = (file(now), file(next));
        let words = [&["--passphrase-file", &from], &change[..], &[&to]].concat();
        let mut child = command(&data, &words)
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("the program starts");
        let end = Instant::now() + whole * step / 7;
        while Instant::now() < end && child.try_wait().expect("a child").is_none() {
            std::thread::yield_now();
        }
        let _ = child.kill();
        child.wait().expect("it ends");
        if !open(now, &["host", "show"]).status.success() {
            std::mem::swap(&mut now, &mut next);
        }
        assert_eq!(thumbprint(&open(now, &["host", "show"])), key);
        assert!(!open(next, &["host", "show"]).status.success());
    }
}

/// The real thing: a session bus with the Secret Service of GNOME on it, both of this test alone.
#[cfg(all(target_os = "linux", feature = "keychain"))]
#[test]
fn the_secret_service_keeps_the_key_where_there_is_one() {
    let missing: Vec<_> = ["dbus-run-session", "gnome-keyring-daemon"]
        .into_iter()
        .filter(|program| Command::new(program).arg("--version").output().is_err())
        .collect();
    assert!(
        missing.is_empty(),
        "{missing:?} are missing; on Debian: apt-get install gnome-keyring dbus"
    );
    let home = tempfile::tempdir().expect("a directory");
    let output = Command::new("dbus-run-session")
        .args(["--", "sh", "-euc", IN_SESSION])
        .env("HOME", home.path())
        .env("XDG_RUNTIME_DIR", home.path())
        .env("PROCURA", PROGRAM)
        .env_remove("XDG_DATA_HOME")
        .env_remove("PROCURA_DATA")
        .env_remove("PROCURA_NO_KEYCHAIN")
        .stdin(Stdio::null())
        .output()
        .expect("a session");
    let text = said(&output);
    assert!(output.status.success(), "{text}");
    let data = home.path().join(".local/share/procura");
    let key = std::fs::read_to_string(data.join("host.json")).expect("a key");
    assert!(key.starts_with("{\"sealed\":"), "{key}");
    let prints: Vec<_> = text
        .lines()
        .filter(|it| it.starts_with("Thumbprint"))
        .collect();
    assert_eq!(prints.len(), 4, "{text}");
    assert!(prints.windows(2).all(|pair| pair[0] == pair[1]), "{text}");
    assert!(
        text.contains("encrypted under a key in the Secret Service"),
        "{text}"
    );
    // Outside of the session nobody has the key.
    let mut outside = Command::new(PROGRAM);
    outside.args(["host", "show"]).env("HOME", home.path());
    outside
        .env_remove("DBUS_SESSION_BUS_ADDRESS")
        .env("XDG_RUNTIME_DIR", "/nonexistent");
    outside
        .env_remove("XDG_DATA_HOME")
        .env_remove("PROCURA_DATA");
    let outside = outside.output().expect("the program starts");
    assert_eq!(outside.status.code(), Some(6), "{}", said(&outside));
    assert!(said(&outside).contains("keychain of this system does not answer"));
}

#[cfg(all(target_os = "linux", feature = "keychain"))]
const IN_SESSION: &str = r#"
printf secret | gnome-keyring-daemon --foreground --unlock --components=secrets &
keyring=$!
trap 'kill $keyring' EXIT
# The first line of the daemon is not waited for: it is on the bus when its name has an owner.
until dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.GetNameOwner     string:org.freedesktop.secrets >/dev/null 2>&1; do kill -0 $keyring; done
"$PROCURA" host new --yes
"$PROCURA" config
"$PROCURA" host show
"$PROCURA" config keychain
"$PROCURA" host show
printf 'correct horse' > "$HOME/passphrase"
"$PROCURA" config passphrase --new-file "$HOME/passphrase"
export PROCURA_PASSPHRASE_FILE="$HOME/passphrase"
"$PROCURA" host show
"$PROCURA" config keychain
unset PROCURA_PASSPHRASE_FILE
"$PROCURA" host show
"#;
