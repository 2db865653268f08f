//! What a hostile service names as its approval page: shown to the person and given to the browser as a URL, and as nothing
//! else.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    reason = "a program or server that does not start fails the test"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

#[test]
fn a_page_with_the_syntax_of_a_shell_is_one_word_to_the_browser() {
    for query in [
        "a=$(touch pwned)",
        "a=`touch pwned`",
        "a;touch pwned",
        "a|touch pwned&touch pwned",
        "a\"; touch pwned; \"",
        "a'; touch pwned; '",
        "a\n touch pwned\r\n",
        "a=\u{1b}]0;owned\u{7}\u{1b}[2J\u{202e}",
        "a=<touch>pwned>b",
        "a=${IFS}--help",
    ] {
        let world = World::new();
        let issuer = World::serve(|issuer| format!("{issuer}/device?{query}"));
        let output = world.connect(&issuer);
        assert!(output.status.success(), "{query:?}: {output:?}");
        let opened = world.opened();
        assert!(
            opened.starts_with(&format!("1 {issuer}/device?a")),
            "{opened}"
        );
        assert!(!world.home.path().join("pwned").exists(), "{query:?}");
        for text in [opened.as_bytes(), &output.stderr, &output.stdout] {
            assert!(harmless(text), "{query:?}: {output:?}");
        }
        let shown = String::from_utf8(output.stderr).unwrap();
        // A line of its own is the client's.
        assert!(
            !shown
                .lines()
                .any(|line| line.contains("touch pwned") && !line.contains(&issuer))
        );
    }
}

#[test]
fn what_is_no_page_is_neither_shown_nor_opened() {
    for page in [
        "javascript:alert(1)",
        "file:///etc/passwd",
        "--help",
        "-e touch pwned",
        "data:text/html,x",
        "http://192.0.2.1/device",
        "https://person:secret@bank.example/device",
        "\u{1b}[2J",
        "",
    ] {
        let world = World::new();
        let issuer = World::serve(|_| page.to_owned());
        let output = world.connect(&issuer);
        assert_eq!(output.status.code(), Some(5), "{page:?}: {output:?}");
        assert!(harmless(&output.stderr), "{output:?}");
        assert!(!world.record().exists(), "{page:?}");
    }
}

/// A page on another domain is shown with a warning, and left to the person.
#[test]
fn a_page_elsewhere_is_not_opened() {
    let world = World::new();
    let issuer = World::serve(|_| "https://bank.example.evil.example/device".to_owned());
    let output = world.connect(&issuer);
    assert!(output.status.success(), "{output:?}");
    let shown = String::from_utf8(output.stderr).unwrap();
    assert!(shown.contains("not on the service's own domain"), "{shown}");
    assert!(!world.record().exists());
}

fn harmless(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let is_bad = |it: char| (it.is_control() && it != '\n') || it == '\u{202e}';
    !text.contains(is_bad)
}

/// A directory to run in, with a browser that writes down what it is given.
struct World {
    home: TempDir,
}

impl World {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let record = home.path().join("opened");
        let browser = home.path().join("xdg-open");
        // Renamed, so that whoever sees the file sees all of it.
        let script = format!(
            "#!/bin/sh\nprintf '%s %s' \"$#\" \"$1\" >{record}.new\nmv {record}.new {record}\n",
            record = record.display()
        );
        std::fs::write(&browser, script).unwrap();
        std::fs::set_permissions(&browser, std::fs::Permissions::from_mode(0o700)).unwrap();
        Self { home }
    }

    fn record(&self) -> std::path::PathBuf {
        self.home.path().join("opened")
    }

    /// How many words the browser was given, and the first of them.
    fn opened(&self) -> String {
        let begun = std::time::Instant::now();
        while !self.record().exists() {
            assert!(begun.elapsed().as_secs() < 30, "no browser was started");
            std::thread::yield_now();
        }
        std::fs::read_to_string(self.record()).unwrap()
    }

    fn connect(&self, issuer: &str) -> Output {
        let path = format!("{}:/usr/bin:/bin", self.home.path().display());
        Command::new(env!("CARGO_BIN_EXE_procura"))
            .args(["--allow-loopback-http", "--no-keychain", "--data"])
            .arg(self.home.path().join("data"))
            .args(["connect", issuer, "--no-wait", "--open"])
            .current_dir(self.home.path())
            .env("PATH", path)
            .output()
            .unwrap()
    }

    /// A service whose approval page is this text.
    fn serve(page: impl FnOnce(&str) -> String) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let (served, page) = (issuer.clone(), page(&issuer));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap(), &served, &page);
            }
        });
        issuer
    }
}

fn answer(stream: TcpStream, issuer: &str, page: &str) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let lowered = head.to_ascii_lowercase();
    let length = lowered.split("content-length: ").nth(1);
    let length = length.map_or(0, |it| it.lines().next().unwrap().parse().unwrap());
    reader.read_exact(&mut vec![0; length]).ok()?;
    let body = if head.starts_with("GET /.well-known/") {
        document(issuer)
    } else {
        registered(page)
    };
    let body = body.to_string();
    let answer = format!(
        "HTTP/1.1 200 So\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    reader.into_inner().write_all(answer.as_bytes()).ok()
}

fn document(issuer: &str) -> Value {
    json!({
        "version": "1.0-draft", "provider_name": "bank", "description": "d", "issuer": issuer,
        "algorithms": ["Ed25519"], "modes": ["delegated"], "endpoints": {},
        "approval_methods": ["device_authorization"],
    })
}

fn registered(page: &str) -> Value {
    json!({
        "agent_id": "agt_1", "host_id": "hst_1", "mode": "delegated", "status": "pending",
        "agent_capability_grants": [],
        "approval": {
            "method": "device_authorization", "verification_uri": page, "user_code": "ABCD\u{1b}[2J-1234",
            "verification_uri_complete": page, "expires_in": 300, "interval": 5,
        },
    })
}
