//! An agent with `procura mcp` in front, and what is said of it on the other side.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use procura_client::{CapabilityAsk, Client, Connected};
use procura_service::admin::AdminRequest;
use serde_json::{Value, json};

use super::{agent_side, ask};

/// `procura mcp`, as a program that runs agents starts it.
pub(crate) struct Agent {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    next: u32,
    /// What it said that nobody has waited for yet.
    heard: Vec<Value>,
}

impl Agent {
    pub(crate) fn start(data: &Path, service: &str) -> Self {
        let program = PathBuf::from(env!("CARGO_BIN_EXE_procurad")).with_file_name("procura");
        assert!(
            program.exists(),
            "build the package procura first, or run the tests of the workspace"
        );
        let mut child = Command::new(program)
            .args([
                "--no-keychain",
                "--allow-loopback-http",
                "mcp",
                "--allow",
                service,
                "--data",
            ])
            .arg(data)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut agent = Self {
            input: child.stdin.take().unwrap(),
            output: BufReader::new(child.stdout.take().unwrap()),
            child,
            next: 0,
            heard: Vec::new(),
        };
        let hello = json!({
            "protocolVersion": "2025-06-18", "capabilities": {},
            "clientInfo": { "name": "test", "version": "1" },
        });
        let id = agent.send("initialize", &hello);
        agent.answer(id);
        agent.tell("notifications/initialized", &json!({}));
        agent
    }

    pub(crate) fn tell(&mut self, method: &str, params: &Value) {
        let message = json!({ "jsonrpc": "2.0", "method": method, "params": params });
        writeln!(self.input, "{message}").unwrap();
    }

    fn send(&mut self, method: &str, params: &Value) -> u32 {
        self.next += 1;
        let message =
            json!({ "jsonrpc": "2.0", "id": self.next, "method": method, "params": params });
        writeln!(self.input, "{message}").unwrap();
        self.next
    }

    pub(crate) fn begin(&mut self, tool: &str, arguments: &Value) -> u32 {
        let meta = json!({ "progressToken": "p" });
        let params = json!({ "name": tool, "arguments": arguments, "_meta": meta });
        self.send("tools/call", &params)
    }

    fn message(&mut self) -> Value {
        let mut line = String::new();
        assert!(self.output.read_line(&mut line).unwrap() > 0, "it has gone");
        serde_json::from_str(&line).unwrap()
    }

    pub(crate) fn answer(&mut self, id: u32) -> Value {
        if let Some(at) = self.heard.iter().position(|heard| heard["id"] == id) {
            return self.heard.remove(at)["result"].take();
        }
        loop {
            let mut message = self.message();
            if message["id"] == id {
                return message["result"].take();
            }
            self.heard.push(message);
        }
    }

    /// Waits for the next word about a call.
    pub(crate) fn progress(&mut self) -> Value {
        loop {
            let message = self.message();
            if message["method"] == "notifications/progress" {
                let text = message["params"]["message"].as_str().unwrap();
                return serde_json::from_str(text).unwrap();
            }
            assert!(message.get("id").is_none(), "no word before {message}");
        }
    }

    /// The structured result of a tool, and whether it is an error.
    fn call(&mut self, tool: &str, arguments: &Value) -> (bool, Value) {
        let id = self.begin(tool, arguments);
        let result = self.answer(id);
        (
            result["isError"] == true,
            result["structuredContent"].clone(),
        )
    }

    pub(crate) fn done(&mut self, tool: &str, arguments: &Value) -> Value {
        let (is_error, value) = self.call(tool, arguments);
        assert!(!is_error, "{value}");
        value
    }

    /// Registers for these capabilities, each with its limits or none, and has somebody approve that. The agent's name.
    pub(crate) async fn connect(
        &mut self,
        issuer: &str,
        data: &Path,
        capabilities: &Value,
    ) -> String {
        let wanted = json!({
            "provider": issuer, "name": "Helper", "reason": "To help", "capabilities": capabilities,
        });
        let pending = self.done("connect_agent", &wanted);
        let code = pending["approval"]["user_code"].as_str().unwrap();
        approve(data, code.to_owned()).await;
        let id = pending["agent_id"].as_str().unwrap().to_owned();
        let standing = self.done("agent_status", &json!({ "agent_id": id }));
        assert_eq!(standing["status"], "active", "{standing}");
        id
    }

    /// What a capability says at last, once it was carried out.
    pub(crate) fn executed(&mut self, id: &str, capability: &str, arguments: &Value) -> Value {
        self.done("execute_capability", &execution(id, capability, arguments))
    }

    /// The refusal of a capability.
    pub(crate) fn not_executed(&mut self, id: &str, capability: &str, arguments: &Value) -> String {
        self.refused("execute_capability", &execution(id, capability, arguments))
    }

    /// Sends a call of a capability. The number it goes by.
    pub(crate) fn executing(&mut self, id: &str, capability: &str, arguments: &Value) -> u32 {
        self.begin("execute_capability", &execution(id, capability, arguments))
    }

    pub(crate) fn refused(&mut self, tool: &str, arguments: &Value) -> String {
        let (is_error, value) = self.call(tool, arguments);
        assert!(is_error, "{value}");
        value.to_string()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn execution(id: &str, capability: &str, arguments: &Value) -> Value {
    json!({ "agent_id": id, "capability": capability, "arguments": arguments })
}

/// Whether a capability is offered, with these words, to somebody who has never looked before.
pub(crate) async fn offers(issuer: &str, name: &str, words: &str) -> bool {
    let directory = tempfile::tempdir().unwrap();
    let client = agent_side(directory.path());
    let offered = client.capabilities(issuer, None, None).await.unwrap();
    let mut found = offered.iter();
    found.any(|one| one.name.as_str() == name && one.description.contains(words))
}

/// Asks for a capability, and has an administrator say yes.
pub(crate) async fn request(client: &Client, agent: &str, data: &Path, capability: &str) {
    let wanted = CapabilityAsk::default().with_capability(capability, None);
    let Connected::Pending(pending) = client.request_capability(agent, wanted).await.unwrap()
    else {
        panic!("approved without anybody")
    };
    approve(data, pending.approval.user_code.clone().unwrap()).await;
}

pub(crate) async fn approve(data: &Path, reference: String) {
    let email = "bob@example.com".to_owned();
    let add = AdminRequest::AddPerson {
        email: email.clone(),
        name: "Bob".to_owned(),
        password: Some("correct horse battery staple".to_owned()),
    };
    ask(data, add).await;
    let user = Some(email);
    ask(data, AdminRequest::Approve { reference, user }).await;
}

/// Events and outcomes of an agent, oldest first.
pub(crate) async fn events(data: &Path, agent: &str) -> Vec<String> {
    let log = ask(data, AdminRequest::AuditTail { count: 1000 }).await;
    let records = log.as_array().unwrap().iter();
    let of_agent = records.filter(|record| record["agent_id"] == agent);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    of_agent
        .map(|record| format!("{} {}", text(&record["event"]), text(&record["outcome"])))
        .collect()
}

/// Looks again and again, as long as the test may take.
pub(crate) async fn comes_true<F: Future<Output = bool>>(mut is_true: impl FnMut() -> F) -> bool {
    let looking = async {
        while !is_true().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), looking)
        .await
        .is_ok()
}
