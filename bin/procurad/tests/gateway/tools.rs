//! MCP servers behind: an agent with `procura mcp` in front, and tools that come, change and go meanwhile.

use std::fs;
use std::path::Path;

use procura_client::{Client, Executed};
use procura_service::admin::AdminRequest;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::agent::{Agent, approve, comes_true, events, offers, request};
use super::{Server, agent_side, ask, connected};

/// A folder that tells a server what to do; see `live.sh`.
struct Behind {
    folder: TempDir,
}

impl Behind {
    fn with(tools: &Value) -> Self {
        let behind = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        behind.write("tools", &tools.to_string());
        behind
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.folder.path().join(file), text).unwrap();
    }

    /// From now on, it has these tools.
    fn change(&self, tools: &Value) {
        self.write("tools", &tools.to_string());
        self.write("changed", "");
    }

    fn command(&self) -> String {
        format!("/bin/sh '{SCRIPT}' '{}'", self.folder.path().display())
    }

    fn heard(&self) -> String {
        fs::read_to_string(self.folder.path().join("heard")).unwrap_or_default()
    }

    /// Waits until it was told something; as long as the test may take.
    async fn hears(&self, words: &str) {
        let heard = || async { self.heard().contains(words) };
        assert!(
            comes_true(heard).await,
            "{words} is not in {}",
            self.heard()
        );
    }
}

fn tool(name: &str) -> Value {
    json!({
        "name": name,
        "description": format!("Does {name}"),
        "annotations": { "readOnlyHint": true },
        "inputSchema": {
            "type": "object",
            "properties": { "amount": { "type": "integer" } },
            "required": ["amount"],
        },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_finds_a_tool_is_approved_limited_streamed_recorded_and_revoked() {
    let behind = Behind::with(&json!([tool("narrate"), tool("say")]));
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let server = Server::start(&data, &["--mcp", &behind.command()]);
    let mut agent = Agent::start(&directory.path().join("agent"), &server.issuer);

    let listed = agent.done("list_capabilities", &json!({ "provider": server.issuer }));
    assert!(listed.to_string().contains("Does narrate"), "{listed}");

    let wanted = json!({
        "provider": server.issuer, "name": "Helper", "reason": "To narrate",
        "capabilities": [{ "name": "narrate", "constraints": { "amount": { "max": 5 } } }],
    });
    let pending = agent.done("connect_agent", &wanted);
    let id = pending["agent_id"].as_str().unwrap().to_owned();
    let code = pending["approval"]["user_code"]
        .as_str()
        .unwrap()
        .to_owned();
    let execute = |amount: u32| json!({ "agent_id": id, "capability": "narrate", "arguments": { "amount": amount } });
    agent.refused("execute_capability", &execute(1));
    approve(&data, code).await;
    let standing = agent.done("agent_status", &json!({ "agent_id": id }));
    assert_eq!(standing["status"], "active", "{standing}");

    let refused = agent.refused("execute_capability", &execute(6));
    assert!(refused.contains("constraint_violated"), "{refused}");
    let call = agent.begin("execute_capability", &execute(5));
    assert_eq!(
        agent.progress(),
        json!({ "progress": 1.0, "total": 2.0, "message": "half" })
    );
    behind.write("go", "");
    assert_eq!(agent.progress(), json!({ "progress": 2.0, "total": 2.0 }));
    let result = agent.answer(call)["structuredContent"].clone();
    assert!(result.to_string().contains("told"), "{result}");
    assert_eq!(behind.heard().matches("tools/call").count(), 1);
    assert!(
        !behind.heard().contains(&id),
        "the server behind knows no agents"
    );

    fs::remove_file(behind.folder.path().join("go")).unwrap();
    agent.begin("execute_capability", &execute(5));
    agent.progress();
    let agent_id = id.clone();
    ask(&data, AdminRequest::RevokeAgent { agent_id }).await;
    behind.hears("notifications/cancelled").await;
    let refused = agent.refused("execute_capability", &execute(5));
    assert!(refused.contains("agent_revoked"), "{refused}");

    let recorded = events(&data, &id).await;
    let expected = [
        "agent.registered pending",
        "approval.granted approved",
        "capability.refused constraint_violated",
        "capability.started ok",
        "capability.finished ok",
        "capability.started ok",
        "agent.revoked ok",
        "capability.finished agent_revoked",
    ];
    let mut rest = recorded.iter();
    for event in expected {
        assert!(
            rest.any(|one| one == event),
            "{event} is not in {recorded:?}"
        );
    }
    let checked = ask(&data, AdminRequest::AuditVerify).await;
    assert_eq!(checked["broken"], Value::Null, "{checked}");
    assert!(checked["records"].as_i64().unwrap() > 8, "{checked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_the_agents_program_calls_off_is_called_off_behind() {
    let behind = Behind::with(&json!([tool("hang")]));
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let server = Server::start(&data, &["--mcp", &behind.command()]);
    let profile = directory.path().join("client");
    let client = agent_side(directory.path());
    let id = connected(&client, &server.issuer, &data, "hang").await;
    let mut agent = Agent::start(&profile, &server.issuer);
    let arguments = json!({ "amount": 1 });
    let execute = json!({ "agent_id": id, "capability": "hang", "arguments": arguments });
    let call = agent.begin("execute_capability", &execute);
    behind.hears("tools/call").await;
    agent.tell("notifications/cancelled", &json!({ "requestId": call }));
    behind.hears("notifications/cancelled").await;
    let aborted = || async {
        let events = events(&data, &id).await;
        events.contains(&"capability.finished aborted".to_owned())
    };
    assert!(comes_true(aborted).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_waits_is_called_off_when_its_grant_is_taken_back() {
    let behind = Behind::with(&json!([tool("hang")]));
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let server = Server::start(&data, &["--mcp", &behind.command()]);
    let client = agent_side(directory.path());
    let id = connected(&client, &server.issuer, &data, "hang").await;
    let waiting = client.execute(&id, "hang", json!({ "amount": 1 }).as_object().cloned());
    let revoking = async {
        behind.hears("tools/call").await;
        let agent_id = id.clone();
        let grants = ask(&data, AdminRequest::ListGrants { agent_id }).await;
        let grant_id = grants[0]["grant_id"].as_str().unwrap().to_owned();
        ask(&data, AdminRequest::RevokeGrant { grant_id }).await;
    };
    let (refused, ()) = tokio::join!(waiting, revoking);
    let refused = refused.unwrap_err();
    assert!(
        refused.refused().unwrap().is("capability_not_granted"),
        "{refused}"
    );
    behind.hears("notifications/cancelled").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_that_come_change_and_go_are_followed_and_a_changed_one_is_approved_anew() {
    let behind = Behind::with(&json!([tool("say")]));
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let mut server = Server::start(&data, &["--mcp", &behind.command()]);
    let client = agent_side(directory.path());
    let id = connected(&client, &server.issuer, &data, "say").await;
    let said = |client: Client, id: String| async move {
        let arguments = json!({ "amount": 1 }).as_object().cloned();
        match client.execute(&id, "say", arguments).await {
            Ok(Executed::Result(value)) => value.as_str().unwrap().to_owned(),
            Ok(_) => "streamed".to_owned(),
            Err(error) => error.refused().map_or_else(
                || error.to_string(),
                |it| it.code.clone().unwrap_or_default(),
            ),
        }
    };
    let becomes = |expected: &'static str| {
        let (client, id) = (client.clone(), id.clone());
        comes_true(move || {
            let said = said(client.clone(), id.clone());
            async move { said.await == expected }
        })
    };
    assert!(becomes("said").await);

    // Other words, and another tool: the grant stays.
    let mut described = tool("say");
    described["description"] = json!("Says it");
    behind.change(&json!([described, tool("say_more")]));
    assert!(comes_true(|| offers(&server.issuer, "say_more", "Does say_more")).await);
    assert!(comes_true(|| offers(&server.issuer, "say", "Says it")).await);
    assert!(becomes("said").await);

    // Gone, and back as it was: the grant is good again.
    behind.change(&json!([]));
    assert!(becomes("capability_not_granted").await);
    behind.change(&json!([tool("say")]));
    assert!(becomes("said").await);

    // Wider than what was approved: the grant is over, on record, and does not come back with what it was for.
    let mut wider = tool("say");
    wider["inputSchema"]["properties"]["to"] = json!({ "type": "string" });
    behind.change(&json!([wider]));
    assert!(becomes("capability_not_granted").await);
    let calls = behind.heard().matches("tools/call").count();
    let revoked = "grant.revoked ok".to_owned();
    assert!(comes_true(|| async { events(&data, &id).await.contains(&revoked) }).await);
    behind.change(&json!([tool("say")]));
    assert!(comes_true(|| offers(&server.issuer, "say", "Does say")).await);
    assert_eq!(
        said(client.clone(), id.clone()).await,
        "capability_not_granted"
    );
    assert_eq!(behind.heard().matches("tools/call").count(), calls);

    // Approved anew, and changed while nothing runs.
    request(&client, &id, &data, "say").await;
    assert!(becomes("said").await);
    server.end();
    let mut changing = tool("say");
    changing["annotations"] = json!({ "readOnlyHint": false });
    behind.write("tools", &json!([changing]).to_string());
    let address = server.issuer.trim_start_matches("http://").to_owned();
    let server = Server::start_at(&address, &data, &["--mcp", &behind.command()]);
    assert_eq!(
        said(client.clone(), id.clone()).await,
        "capability_not_granted"
    );
    let count = |events: Vec<String>| events.iter().filter(|it| **it == revoked).count();
    assert_eq!(count(events(&data, &id).await), 2);
    drop(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_are_late_or_dead_join_when_they_can_and_hold_up_nobody() {
    let (there, late) = (
        Behind::with(&json!([tool("say")])),
        Behind::with(&json!([tool("say_late")])),
    );
    let directory = tempfile::tempdir().unwrap();
    let script = late.folder.path().join("late.sh");
    let config = directory.path().join("procura.toml");
    let server = |name: &str, command: &str, argument: &Path| {
        let section = json!({ "name": name, "command": command, "args": [argument] });
        let members = section.as_object().unwrap().iter();
        let lines = members.map(|(key, value)| format!("{key} = {value}\n"));
        format!("[[mcp]]\n{}", lines.collect::<String>())
    };
    let text = [
        "[provider]\nname = \"shop\"\ndescription = \"Sells\"\n".to_owned(),
        server("late", "/bin/sh", &script),
        server("silent", "/bin/sleep", Path::new("600")),
        server("there", "/bin/sh", &there.folder.path().join("there.sh")),
    ];
    fs::write(&config, text.concat()).unwrap();
    let run = |folder: &Path| format!("exec /bin/sh '{SCRIPT}' '{}'", folder.display());
    there.write("there.sh", &run(there.folder.path()));

    let data = directory.path().join("data");
    let server = Server::start(&data, &["--config", config.to_str().unwrap()]);
    let client = agent_side(directory.path());
    assert!(offers(&server.issuer, "say", "Does say").await);
    assert!(!offers(&server.issuer, "say_late", "").await);
    late.write("late.sh", &run(late.folder.path()));
    assert!(comes_true(|| offers(&server.issuer, "say_late", "Does say_late")).await);
    let id = connected(&client, &server.issuer, &data, "say_late").await;
    let arguments = json!({ "amount": 1 }).as_object().cloned();
    let done = client.execute(&id, "say_late", arguments).await.unwrap();
    assert_eq!(done, Executed::Result(json!("said")));
}

const SCRIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../crates/adapters/src/mcp/tests/live.sh"
);
