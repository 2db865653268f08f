//! The program as a process: what it returns, and where it writes.

use std::io::BufRead as _;
use std::process::{Command, Output, Stdio};

#[expect(
    clippy::expect_used,
    reason = "a program that does not start fails the test"
)]
fn procura(words: &[&str]) -> Output {
    command(words).output().expect("the program starts")
}

fn command(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_procura"));
    command.args(words).env_remove("PROCURA_DATA");
    // The keychain of whoever runs the tests is not theirs.
    command.env("PROCURA_NO_KEYCHAIN", "1");
    command
}

#[test]
fn exit_codes_tell_failures_apart() {
    let home = tempfile::tempdir().expect("a directory");
    let data = home.path().join("data");
    let data = data.to_str().expect("a plain path");
    let file = home.path().join("file");
    std::fs::write(&file, "").expect("a file");
    let file = file.to_str().expect("a plain path");
    let nobody = "http://127.0.0.1:1";
    let cases = [
        (0, vec!["--data", data, "providers"]),
        (0, vec!["--help"]),
        (2, vec!["fly"]),
        (2, vec!["--data", data, "status"]),
        (5, vec!["--data", data, "discover", nobody]),
        (
            5,
            vec!["--data", data, "--allow-loopback-http", "discover", nobody],
        ),
        (6, vec!["--data", file, "providers"]),
    ];
    for (code, words) in cases {
        let output = procura(&words);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {output:?}");
        assert_eq!(output.stdout.is_empty(), code != 0, "{words:?}");
    }
}

#[test]
fn what_is_asked_of_whom_is_told_if_that_is_wanted() {
    let home = tempfile::tempdir().expect("a directory");
    let data = home.path().to_str().expect("a plain path");
    let base = "http://127.0.0.1:1";
    let words = ["discover", base, "--data", data, "--allow-loopback-http"];
    let told = procura(&[&words[..], &["--verbose"]].concat());
    let told = String::from_utf8(told.stderr).expect("text");
    let line = format!("GET {base}/.well-known/agent-configuration: cannot connect");
    assert!(told.starts_with(&line), "{told}");
    let silent = procura(&words);
    let silent = String::from_utf8(silent.stderr).expect("text");
    assert!(!silent.contains("GET"), "{silent}");
}

#[test]
fn without_a_home_it_says_how_to_name_a_directory() {
    let mut command = command(&["providers"]);
    let output = command
        .env_remove("HOME")
        .env_remove("XDG_DATA_HOME")
        .output();
    let output = output.expect("the program starts");
    assert_eq!(output.status.code(), Some(6));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--data DIR"));
}

#[test]
fn a_pipe_that_is_closed_is_success() {
    let home = tempfile::tempdir().expect("a directory");
    let data = home.path().to_str().expect("a plain path");
    let mut child = command(&["--data", data, "providers"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    assert!(child.wait().expect("the program ends").success());
}

/// The MCP server is one process on two pipes: it answers line by line and ends with its input.
#[cfg(feature = "mcp")]
#[test]
fn mcp_answers_on_standard_output_alone_and_ends_with_its_input() {
    use std::io::Write as _;

    let data = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_procura"))
        .args(["--no-keychain", "mcp", "--data"])
        .arg(data.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let hello = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}"#;
    let rest = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}
{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"list_providers","arguments":{}}}"#;
    let mut input = child.stdin.take().unwrap();
    writeln!(input, "{hello}\n{rest}").unwrap();
    // Two answers, then the end of input.
    let mut answers = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || answers.next().unwrap().unwrap();
    assert!(next().contains(r#""name":"procura""#));
    assert!(next().contains(r#""providers":[]"#));
    drop(input);
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(String::from_utf8(ended.stderr).unwrap(), "");
}

#[test]
fn keys_are_encrypted_under_the_passphrase_in_a_file() {
    let home = tempfile::tempdir().expect("a directory");
    let data = home.path().join("data");
    let data = data.to_str().expect("a plain path");
    let file = home.path().join("passphrase");
    std::fs::write(&file, "correct horse\n").expect("a file");
    let file = file.to_str().expect("a plain path");
    let new = ["--data", data, "host", "new", "--yes"];
    let with = |words: &[&str]| procura(&[&["--passphrase-file", file], words].concat());
    assert!(with(&new).status.success());
    let key = std::fs::read_to_string(home.path().join("data/host.json")).expect("a key");
    assert!(key.starts_with("{\"sealed\":"), "{key}");
    assert!(with(&["--data", data, "host", "show"]).status.success());
    let without = procura(&["--data", data, "host", "show"]);
    assert_eq!(without.status.code(), Some(6));
    let said = String::from_utf8_lossy(&without.stderr);
    assert!(said.contains("--passphrase-file"), "{said}");
    std::fs::write(file, "wrong").expect("a file");
    assert_eq!(
        with(&["--data", data, "host", "show"]).status.code(),
        Some(6)
    );
}

/// Over HTTP it says where it is once it is there, keeps its token, and ends when it is told to.
#[cfg(all(unix, feature = "mcp"))]
#[test]
fn mcp_over_http_is_open_to_whoever_has_the_token_of_the_profile() {
    use std::io::{Read as _, Write as _};

    let home = tempfile::tempdir().expect("a directory");
    let data = home.path().to_str().expect("a plain path");
    let token = || {
        let printed = procura(&["--data", data, "mcp", "token"]).stdout;
        String::from_utf8(printed)
            .expect("a token")
            .trim()
            .to_owned()
    };
    let first = token();
    assert_eq!(first.len(), 43);
    assert_eq!(token(), first);
    let mut server = command(&["--data", data, "mcp", "--http", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut lines = std::io::BufReader::new(server.stdout.take().expect("a pipe")).lines();
    let url = lines.next().expect("a line").expect("a line");
    let address = url
        .strip_prefix("http://")
        .and_then(|it| it.strip_suffix("/mcp"));
    let address = address.expect("an address");
    let status = |token: &str| {
        let mut stream = std::net::TcpStream::connect(address).expect("a connection");
        write!(
            stream,
            "GET /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
        )
        .expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer.split(' ').nth(1).expect("a status").to_owned()
    };
    // A stream without a session is nothing, but who asks was let in.
    assert_ne!(status(&first), "401");
    assert_eq!(status("nobody"), "401");
    let ended = Command::new("kill").arg(server.id().to_string()).status();
    assert!(ended.expect("kill is there").success());
    let output = server.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{output:?}");
    assert!(!String::from_utf8_lossy(&output.stderr).contains(&first));
    let renewed = procura(&["--data", data, "mcp", "token", "--new"]).stdout;
    assert_ne!(String::from_utf8_lossy(&renewed).trim(), first);
    let everywhere = procura(&["--data", data, "mcp", "--http", "0.0.0.0:0"]);
    assert_eq!(everywhere.status.code(), Some(2), "{everywhere:?}");
}
