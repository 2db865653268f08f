//! Real processes, most of which misbehave.

mod http;
mod live;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tempfile::TempDir;

use super::{McpServer, McpSettings, Program, Tool, Way};
use crate::{Backend as _, BackendError, Call, Reply};

/// A server and what it was told.
struct Scene {
    server: Arc<McpServer>,
    heard: PathBuf,
    _folder: TempDir,
}

impl Scene {
    fn new(change: impl FnOnce(&mut McpSettings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let heard = folder.path().join("heard");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/mcp/tests/server.sh");
        let args = vec![script.to_owned(), heard.display().to_string()];
        let mut settings = McpSettings::new("shop".to_owned(), program("/bin/sh", args));
        change(&mut settings);
        Self {
            server: Arc::new(McpServer::new(settings)),
            heard,
            _folder: folder,
        }
    }

    async fn call(&self, tool: &str, arguments: Value) -> Result<Value, BackendError> {
        let tool = Tool {
            server: Arc::clone(&self.server),
            name: tool.to_owned(),
        };
        let arguments = arguments.as_object().cloned().unwrap_or_else(Map::new);
        let call = Call {
            capability: "some_capability",
            arguments: &arguments,
            in_pieces: false,
            agent_id: "agt_secret",
            host_id: "hst_secret",
            user_id: Some("usr_secret"),
            call_id: "call_1",
            vault: &crate::EmptyVault,
        };
        match tool.call(call).await? {
            Reply::Value(value) => Ok(value),
            _ => panic!("no value"),
        }
    }

    fn heard(&self) -> String {
        std::fs::read_to_string(&self.heard).unwrap_or_default()
    }

    /// Waits until the server was told something; as long as the test may take.
    async fn hears(&self, words: &str) {
        let heard = async {
            while !self.heard().contains(words) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let patience = tokio::time::timeout(Duration::from_secs(20), heard);
        assert!(patience.await.is_ok(), "{words} is not in {}", self.heard());
    }
}

fn reason(result: Result<Value, BackendError>) -> String {
    match result {
        Err(BackendError::Failed(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

fn program(command: &str, args: Vec<String>) -> Way {
    Way::Program(Program {
        command: command.to_owned(),
        args,
        env: [("PATH".to_owned(), "/usr/bin:/bin".to_owned())].into(),
    })
}

const SOON: Duration = Duration::from_millis(300);

#[tokio::test]
async fn tools_are_listed_to_the_last_page_and_called() {
    let scene = Scene::new(|_| ());
    let tools = scene.server.tools().await.unwrap();
    let names: Vec<_> = tools.iter().map(|tool| &tool["name"]).collect();
    assert_eq!(names, ["countStock", "broken", "die"]);
    let counted = scene.call("countStock", json!({ "item": "nail" })).await;
    assert_eq!(counted, Ok(json!({ "count": 3 })));
}

#[tokio::test]
async fn the_process_sees_arguments_and_neither_callers_nor_the_environment() {
    let scene = Scene::new(|_| ());
    let seen = scene.call("environment", json!({})).await.unwrap();
    let seen: Vec<_> = seen.as_str().unwrap().split(' ').collect();
    assert!(seen.contains(&"PATH"), "{seen:?}");
    assert!(
        !seen.iter().any(|name| name.starts_with("CARGO")),
        "{seen:?}"
    );
    scene
        .call("countStock", json!({ "item": "nail" }))
        .await
        .unwrap();
    let heard = scene.heard();
    assert!(heard.contains("nail"), "{heard}");
    assert!(!heard.contains("secret"), "{heard}");
}

#[tokio::test]
async fn garbage_between_the_messages_does_no_harm() {
    let scene = Scene::new(|_| ());
    assert_eq!(scene.call("garbage", json!({})).await, Ok(json!("fine")));
    let odd = reason(scene.call("odd", json!({})).await);
    assert!(odd.contains("shop"), "{odd}");
    assert!(scene.call("countStock", json!({})).await.is_ok());
}

#[tokio::test]
async fn a_tool_that_fails_is_a_refusal_that_shows_nothing_unasked() {
    for (show, detail) in [(false, None), (true, Some(json!("no such row in db7")))] {
        let scene = Scene::new(|settings| settings.show_refusals = show);
        for tool in ["fail", "refuse"] {
            let detail = detail.clone();
            let refused = BackendError::Refused {
                status: None,
                detail,
            };
            assert_eq!(scene.call(tool, json!({})).await, Err(refused));
        }
    }
}

#[tokio::test]
async fn a_process_that_dies_in_the_middle_of_a_call_is_started_again_by_the_next() {
    let scene = Scene::new(|_| ());
    assert!(scene.call("countStock", json!({})).await.is_ok());
    let died = reason(scene.call("die", json!({})).await);
    assert!(died.contains("ended in the middle"), "{died}");
    assert!(scene.call("countStock", json!({})).await.is_ok());
    assert_eq!(scene.heard().matches("\"initialize\"").count(), 2);
    assert_eq!(scene.heard().matches("\"die\"").count(), 1);
}

#[tokio::test]
async fn a_process_that_dies_again_and_again_is_left_alone_for_a_while() {
    let scene = Scene::new(|_| ());
    reason(scene.call("die", json!({})).await);
    let refused = scene.call("die", json!({})).await;
    assert!(
        matches!(refused, Err(BackendError::Unavailable { .. })),
        "{refused:?}"
    );
    assert_eq!(scene.heard().matches("\"initialize\"").count(), 1);
}

#[tokio::test]
async fn a_call_that_hangs_ends_in_time_is_called_off_and_holds_nobody_up() {
    let scene = Scene::new(|settings| settings.timeout = Duration::from_secs(3));
    assert!(scene.call("countStock", json!({})).await.is_ok());
    let (hanging, meanwhile) = tokio::join!(
        scene.call("hang", json!({})),
        scene.call("countStock", json!({}))
    );
    assert!(reason(hanging).contains("in time"));
    assert!(meanwhile.is_ok());
    scene.hears("notifications/cancelled").await;
}

#[tokio::test]
async fn a_caller_that_goes_away_calls_its_call_off() {
    let scene = Scene::new(|_| ());
    assert!(scene.call("countStock", json!({})).await.is_ok());
    tokio::select! {
        _ = scene.call("hang", json!({})) => panic!("it does not answer"),
        () = scene.hears("\"hang\"") => {}
    }
    scene.hears("notifications/cancelled").await;
    assert!(scene.call("countStock", json!({})).await.is_ok());
}

#[tokio::test]
async fn a_process_that_stays_silent_is_replaced() {
    let scene = Scene::new(|_| ());
    assert!(scene.call("countStock", json!({})).await.is_ok());
    for _ in 0..3 {
        let call = scene.server.within(SOON, async {
            std::future::pending::<Result<(), BackendError>>().await
        });
        assert!(call.await.is_err());
    }
    assert!(scene.call("countStock", json!({})).await.is_ok());
    assert_eq!(scene.heard().matches("\"initialize\"").count(), 2);
}

#[tokio::test]
async fn a_message_that_is_too_large_is_dropped_and_the_next_call_goes_on() {
    let scene = Scene::new(|settings| {
        settings.timeout = Duration::from_secs(5);
        settings.max_answer = 64 * 1024;
    });
    assert!(reason(scene.call("huge", json!({})).await).contains("in time"));
    // What ends the line that was too long is the next answer, which is lost with it.
    assert!(scene.call("countStock", json!({})).await.is_err());
    assert!(scene.call("countStock", json!({})).await.is_ok());
}

#[tokio::test]
async fn a_program_that_is_no_server_is_told_with_the_reason() {
    for (command, args, words) in [
        ("/no/such/program", vec![], "cannot be started"),
        ("/bin/sh", vec!["-c", "exit 0"], "did not introduce itself"),
        (
            "/bin/sh",
            vec!["-c", "yes"],
            "did not introduce itself in time",
        ),
        ("/bin/sleep", vec!["60"], "did not introduce itself in time"),
    ] {
        let args = args.into_iter().map(str::to_owned).collect();
        let mut settings = McpSettings::new("shop".to_owned(), program(command, args));
        settings.start_timeout = SOON;
        settings.timeout = Duration::from_secs(20);
        let server = Arc::new(McpServer::new(settings));
        let Err(BackendError::Failed(reason)) = server.call("x", &Map::new()).await else {
            panic!("{command} is a server")
        };
        assert!(reason.contains(words), "{reason}");
    }
}
