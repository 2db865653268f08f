//! The real program on a PostgreSQL database that the environment names.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot set up its scene has failed"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

#[path = "../../../crates/store-postgres/tests/postgres/server.rs"]
mod server;

use server::Server;

/// A `procurad serve` that dies with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Killed without warning, it leaves what it acknowledged and lets the next one in, which need not have
/// the same data directory.
#[test]
fn what_a_killed_server_acknowledged_is_there_for_the_next() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = serve(one.path());
    succeed(&add_carol(one.path()));
    drop(first);

    let _second = serve(other.path());
    let listed = admin(other.path(), &["people", "list"]).output().unwrap();
    assert!(succeed(&listed).contains("carol@example.com"));
    let verified = admin(other.path(), &["audit", "verify"]).output().unwrap();
    succeed(&verified);

    let third = procurad(one.path(), &["serve", "--listen", ANY_PORT]);
    refused_as_second(third);
    let administrator = admin(one.path(), &["people", "list"]);
    refused_as_second(administrator);
}

fn refused_as_second(mut command: Command) {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("another procurad is using this database"),
        "{said}"
    );
}

/// Its next write tells it, and there is nothing left for it to do.
#[test]
fn a_server_whose_database_was_taken_over_ends() {
    Server::get().run("postgres", "CREATE DATABASE contested");
    let contested = Server::get().url("contested");
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut first = serve_on(&contested, one.path());
    Server::get().run("contested", END_ALL_SESSIONS);
    let _second = serve_on(&contested, other.path());

    let refused = add_carol(one.path());
    assert_eq!(refused.status.code(), Some(1));
    let status = first.0.wait().unwrap();
    assert_eq!(status.code(), Some(1));
    let mut said = String::new();
    let mut log = first.0.stderr.take().unwrap();
    log.read_to_string(&mut said).unwrap();
    let reason = "another procurad has used this database meanwhile: start this one again";
    assert!(said.contains(reason), "{said}");
    succeed(&add_carol(other.path()));
}

fn serve(data: &Path) -> Running {
    serve_on(&Server::get().url("postgres"), data)
}

fn serve_on(database: &str, data: &Path) -> Running {
    let mut child = procurad(data, &["serve", "--listen", ANY_PORT])
        .env("PROCURA_STORE_URL", database)
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // The line with the issuer says that connections are taken from now on.
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert!(line.starts_with("http://"), "{line}");
    Running(child)
}

fn add_carol(data: &Path) -> Output {
    let mut child = admin(data, &["people", "add", "carol@example.com"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut password = child.stdin.take().unwrap();
    password.write_all(b"correct horse battery staple").unwrap();
    drop(password);
    child.wait_with_output().unwrap()
}

fn admin(data: &Path, rest: &[&str]) -> Command {
    let mut command = procurad(data, &["admin"]);
    command.args(rest);
    command
}

fn procurad(data: &Path, subcommand: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_procurad"));
    command
        .args(subcommand)
        .args(["--config", BANK, "--data"])
        .arg(data)
        .env("PROCURA_STORE_URL", Server::get().url("postgres"));
    command
}

fn succeed(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

const END_ALL_SESSIONS: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()";
const ANY_PORT: &str = "127.0.0.1:0";
const BANK: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../examples/bank/procura.toml"
);
