//! The program as a process: what it returns, and where it writes.

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
