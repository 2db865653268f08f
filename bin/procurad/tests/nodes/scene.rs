//! Processes of `procurad` that share a database, each with a data directory of its own.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::server::Server;

/// An installation of some nodes on a database of their own.
pub(crate) struct Installation {
    /// Where the first node is, as agents know it.
    pub(crate) issuer: String,
    pub(crate) nodes: Vec<Node>,
    first: String,
    database: String,
    folder: TempDir,
}

/// A place of a node, whether one runs there or not. A process dies with it.
pub(crate) struct Node {
    pub(crate) address: String,
    process: Option<Child>,
    number: usize,
}

impl Installation {
    /// So many nodes, all of which run.
    pub(crate) fn start(count: usize) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let database = format!("nodes_{}", NEXT.fetch_add(1, Ordering::SeqCst));
        Server::get().run("postgres", &format!("CREATE DATABASE {database}"));
        let first = free_address();
        let issuer = format!("http://{first}");
        let folder = TempDir::new().unwrap();
        let bank = std::fs::read_to_string(BANK).unwrap();
        let config = bank.replace("[provider]", &format!("[provider]\nissuer = {issuer:?}"));
        std::fs::write(folder.path().join("procura.toml"), config + SEVERAL).unwrap();
        let mut all = Self {
            issuer,
            nodes: Vec::new(),
            database,
            folder,
            first,
        };
        for _ in 0..count {
            all.add_node();
        }
        all
    }

    /// One more node, which runs. The first is where the issuer says.
    pub(crate) fn add_node(&mut self) {
        let number = self.nodes.len();
        let address = match number {
            0 => self.first.clone(),
            _ => free_address(),
        };
        self.nodes.push(Node {
            address,
            process: None,
            number,
        });
        self.run(number);
    }

    /// Starts a process at a place and waits until it takes connections.
    pub(crate) fn run(&mut self, number: usize) {
        let mut child = self
            .procurad(number, &["serve"])
            .args(["--no-rate-limits", "--listen", &self.nodes[number].address])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        assert_eq!(line.trim_end(), self.issuer, "node {number} did not start");
        self.nodes[number].process = Some(child);
    }

    /// What an administrator's command answers at a node.
    pub(crate) fn administer(&self, number: usize, command: &[&str]) -> Value {
        let output = self
            .procurad(number, &["admin"])
            .arg("--json")
            .args(command)
            .output();
        let output = output.unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {said}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Fails unless this holds in the database.
    pub(crate) fn assert_in_database(&self, condition: &str) {
        let check = format!("DO $$ BEGIN ASSERT ({condition}); END $$");
        Server::get().run(&self.database, &check);
    }

    pub(crate) fn data(&self, number: usize) -> std::path::PathBuf {
        self.folder.path().join(format!("data-{number}"))
    }

    fn procurad(&self, number: usize, subcommand: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_procurad"));
        command
            .args(subcommand)
            .arg("--config")
            .arg(self.folder.path().join("procura.toml"))
            .arg("--data")
            .arg(self.data(number))
            .env("PROCURA_STORE_URL", Server::get().url(&self.database));
        command
    }
}

impl Node {
    /// SIGKILL: no handler runs, nothing is flushed.
    pub(crate) fn kill(&mut self) {
        let mut process = self.process.take().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Asks it to stop.
    pub(crate) fn tell_to_stop(&self) {
        let id = self.process.as_ref().unwrap().id().to_string();
        let told = Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(told.success(), "node {} was gone before", self.number);
    }

    /// How it ended.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        self.process.take().unwrap().wait().unwrap()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Nothing but time shows what takes time. Asks again and again until the answer is yes.
pub(crate) async fn until(what: &str, within: Duration, mut holds: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < within, "not within {within:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

const BANK: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../examples/bank/procura.toml"
);

/// Beside the bank: what takes long, and how nodes work together.
const SEVERAL: &str = r#"
[server]
drain = "2s"

[store]
nodes = "several"

[notify.push]
contact = "mailto:admin@bank.example"

[[capability]]
name = "long_job"
description = "Takes an hour"
approval = "none"
default = true
respond = { job = { done = true }, delay = "1h" }

[[capability]]
name = "short_job"
description = "Takes a moment"
approval = "none"
default = true
respond = { job = { lines = 12 }, delay = "500ms" }

[[capability]]
name = "long_watch"
description = "Says something now and then"
approval = "none"
default = true
respond = { stream = [1, 2, 3], delay = "1h" }
"#;
