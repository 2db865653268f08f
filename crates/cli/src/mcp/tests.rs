//! Whole sessions, line by line as an MCP client would write them, against the scripted bank.

use std::sync::Arc;

use procura_client::{Client, Options, Parts, Profile, SystemEntropy};
use serde_json::{Value, json};
use tokio::io::{
    AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf,
    duplex, split,
};

use super::{Access, Server};
use crate::tests::StillClock;
use crate::tests::bank::{Bank, agent, approval, refusal};

mod asking;
mod capabilities;
mod http;
mod session;

/// An MCP client that has said hello.
struct Mcp {
    lines: Lines<BufReader<ReadHalf<DuplexStream>>>,
    to: WriteHalf<DuplexStream>,
    next: u64,
    /// What the server sent beside answers.
    heard: Vec<Value>,
    /// How the person answers what the server asks.
    person: Value,
}

fn client_of(bank: Bank) -> Client {
    let clock = Arc::new(StillClock);
    let parts = Parts {
        transport: Arc::new(bank),
        clock: clock.clone(),
        entropy: Arc::new(SystemEntropy),
        pause: clock,
    };
    let options = Options {
        directory: Some("https://directory.example".to_owned()),
        ..Options::default()
    };
    Client::new(Profile::in_memory(), options, parts)
}

impl Mcp {
    async fn with(bank: Bank, capabilities: Value) -> Self {
        Self::start(bank, capabilities, Access::Anywhere, false).await
    }

    async fn start(bank: Bank, capabilities: Value, access: Access, tools: bool) -> Self {
        let client = client_of(bank);
        let (here, there) = duplex(1 << 16);
        let (input, output) = split(there);
        tokio::spawn(Server::new(client, access, tools).serve(input, output));
        let (from, to) = split(here);
        let mut mcp = Self {
            lines: BufReader::new(from).lines(),
            to,
            next: 0,
            heard: Vec::new(),
            person: json!({ "action": "decline" }),
        };
        let hello = json!({
            "protocolVersion": "2025-11-25",
            "capabilities": capabilities,
            "clientInfo": { "name": "test-client", "version": "1" },
        });
        mcp.ask("initialize", hello).await;
        mcp.send(json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))
            .await;
        mcp
    }

    async fn send(&mut self, message: Value) {
        let line = format!("{message}\n");
        self.to.write_all(line.as_bytes()).await.unwrap();
    }

    /// Sends a request and waits for its answer, answering the server's own questions meanwhile.
    async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let id = self.next;
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        self.send(request).await;
        loop {
            let line = self.lines.next_line().await.unwrap().unwrap();
            let message: Value = serde_json::from_str(&line).unwrap();
            if message.get("method").is_none() && message["id"] == id {
                return message;
            }
            if let Some(question) = message.get("id").cloned() {
                let answer = self.person.clone();
                self.send(json!({ "jsonrpc": "2.0", "id": question, "result": answer }))
                    .await;
            }
            self.heard.push(message);
        }
    }

    /// The structured result of a tool, and whether it is an error.
    async fn call(&mut self, tool: &str, arguments: Value) -> (bool, Value) {
        let params = json!({
            "name": tool, "arguments": arguments, "_meta": { "progressToken": "p" },
        });
        let answer = self.ask("tools/call", params).await;
        let result = &answer["result"];
        assert_eq!(
            serde_json::from_str::<Value>(result["content"][0]["text"].as_str().unwrap()).unwrap(),
            result["structuredContent"],
            "clients without structured content see the same",
        );
        (
            result["isError"] == true,
            result["structuredContent"].clone(),
        )
    }

    async fn done(&mut self, tool: &str, arguments: Value) -> Value {
        let (is_error, value) = self.call(tool, arguments).await;
        assert!(!is_error, "{value}");
        value
    }

    async fn failed(&mut self, tool: &str, arguments: Value) -> Value {
        let (is_error, value) = self.call(tool, arguments).await;
        assert!(is_error, "{value}");
        value
    }

    fn heard(&self, method: &str) -> Vec<&Value> {
        self.heard
            .iter()
            .filter(|it| it["method"] == method)
            .collect()
    }
}

const BANK: &str = "https://bank.example";

fn connect() -> Value {
    json!({
        "provider": BANK, "name": "Helper", "reason": "To look after the balance",
        "capabilities": ["check_balance", { "name": "transfer", "constraints": { "amount": { "max": 100 } } }],
    })
}
