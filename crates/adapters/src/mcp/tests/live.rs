//! A server whose tools change, and whose calls take their time.

use std::fs;

use futures_util::StreamExt as _;

use super::*;
use crate::Told;

/// A server that does as the files of a folder say.
struct Live {
    server: Arc<McpServer>,
    folder: TempDir,
}

impl Live {
    fn new(change: impl FnOnce(&mut McpSettings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("tools"), "[]").unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/mcp/tests/live.sh");
        let args = vec![script.to_owned(), folder.path().display().to_string()];
        let mut settings = McpSettings::new("live".to_owned(), program("/bin/sh", args));
        change(&mut settings);
        Self {
            server: Arc::new(McpServer::new(settings)),
            folder,
        }
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.folder.path().join(file), text).unwrap();
    }

    async fn call(&self, tool: &str) -> Result<Reply, BackendError> {
        let tool = Tool {
            server: Arc::clone(&self.server),
            name: tool.to_owned(),
        };
        let call = Call {
            capability: "some_capability",
            arguments: &Map::new(),
            in_pieces: true,
            agent_id: "agt_secret",
            host_id: "hst_secret",
            user_id: None,
            call_id: "call_1",
            vault: &crate::EmptyVault,
        };
        tool.call(call).await
    }

    /// Waits until the server was told something; as long as the test may take.
    async fn hears(&self, words: &str) {
        let path = self.folder.path().join("heard");
        let heard = async {
            while !fs::read_to_string(&path)
                .unwrap_or_default()
                .contains(words)
            {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let patience = tokio::time::timeout(Duration::from_secs(20), heard);
        assert!(patience.await.is_ok(), "{words} was not heard");
    }
}

fn narrated(reply: Reply) -> futures_util::stream::BoxStream<'static, Result<Told, BackendError>> {
    match reply {
        Reply::Narrated(told) => told,
        Reply::Value(value) => panic!("answered at once: {value}"),
        _ => panic!("no narration"),
    }
}

#[tokio::test]
async fn a_server_that_says_so_has_other_tools() {
    let live = Live::new(|_| ());
    assert_eq!(live.server.tools().await, Ok(vec![]));
    let tool = json!({ "name": "say", "inputSchema": { "type": "object" } });
    live.write("tools", &json!([tool]).to_string());
    live.write("changed", "");
    live.server.changed().await;
    assert_eq!(live.server.tools().await, Ok(vec![tool]));
}

#[tokio::test]
async fn a_server_that_was_started_again_may_have_other_tools() {
    let live = Live::new(|_| ());
    live.server.tools().await.unwrap();
    let Err(BackendError::Failed(reason)) = live.call("die").await else {
        panic!("it goes on")
    };
    assert!(reason.contains("ended in the middle"), "{reason}");
    assert!(matches!(live.call("say").await, Ok(Reply::Value(_))));
    live.server.changed().await;
}

/// Its output stays open, since a child of it has it, too.
#[tokio::test]
async fn a_process_that_is_gone_is_started_again_although_its_output_is_open() {
    let live = Live::new(|settings| settings.timeout = Duration::from_secs(2));
    live.server.tools().await.unwrap();
    assert!(live.call("leave").await.is_err());
    assert!(matches!(live.call("say").await, Ok(Reply::Value(_))));
}

/// However close they come together, and on however many threads they are read.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_last_word_is_told_before_the_result() {
    let live = Live::new(|_| ());
    live.write("go", "");
    for round in 0..100 {
        let told: Vec<_> = narrated(live.call("narrate").await.unwrap())
            .collect()
            .await;
        let [
            Ok(Told::Progress(_)),
            Ok(Told::Progress(last)),
            Ok(Told::Result(_)),
        ] = &told[..]
        else {
            panic!("round {round}: {told:?}")
        };
        assert_eq!(last["progress"], 2.0, "round {round}");
    }
}

#[tokio::test]
async fn what_a_tool_says_on_its_way_is_told_before_its_result() {
    let live = Live::new(|_| ());
    let mut told = narrated(live.call("narrate").await.unwrap());
    let half = json!({ "progress": 1.0, "total": 2.0, "message": "half" });
    assert_eq!(told.next().await, Some(Ok(Told::Progress(half))));
    live.write("go", "");
    let rest: Vec<_> = told.collect().await;
    let whole = json!({ "progress": 2.0, "total": 2.0 });
    let expected = [Told::Progress(whole), Told::Result(json!("told"))];
    assert_eq!(rest, expected.map(Ok));
}

#[tokio::test]
async fn a_tool_that_says_nothing_on_its_way_answers_at_once() {
    let live = Live::new(|_| ());
    let Ok(Reply::Value(value)) = live.call("say").await else {
        panic!("no value")
    };
    assert_eq!(value, "said");
}

#[tokio::test]
async fn a_narration_that_nobody_hears_any_more_is_called_off() {
    let live = Live::new(|_| ());
    let mut told = narrated(live.call("narrate").await.unwrap());
    assert!(told.next().await.is_some());
    drop(told);
    live.hears("notifications/cancelled").await;
    assert!(live.server.board().is_empty());
}

#[tokio::test]
async fn a_tool_that_falls_silent_halfway_ends_in_time() {
    let live = Live::new(|settings| settings.timeout = Duration::from_secs(2));
    let mut told = narrated(live.call("narrate").await.unwrap());
    assert!(told.next().await.is_some());
    let Some(Err(BackendError::Failed(reason))) = told.next().await else {
        panic!("it goes on")
    };
    assert!(reason.contains("in time"), "{reason}");
    assert_eq!(told.next().await, None);
    live.hears("notifications/cancelled").await;
}

/// What waits for a slow reader is bounded, however much the server says.
#[tokio::test]
async fn a_flood_of_words_is_heard_in_part_and_fills_no_memory() {
    let live = Live::new(|_| ());
    let before = resident();
    let mut told = narrated(live.call("flood").await.unwrap());
    live.server.tools().await.unwrap();
    for _ in 0..2000 {
        assert!(matches!(told.next().await, Some(Ok(Told::Progress(_)))));
    }
    assert!(resident() < before + 64 * MIB, "{} MiB", resident() / MIB);
    drop(told);
    live.hears("notifications/cancelled").await;
}

#[tokio::test]
async fn a_line_of_fifty_megabytes_is_dropped_without_being_kept() {
    let live = Live::new(|settings| settings.max_answer = 1024 * 1024);
    let before = resident();
    let Ok(Reply::Value(value)) = live.call("long").await else {
        panic!("no value")
    };
    assert_eq!(value, "after a long line");
    assert!(resident() < before + 32 * MIB, "{} MiB", resident() / MIB);
}

#[tokio::test]
async fn endless_garbage_fills_no_memory_and_ends_with_the_time_to_wait() {
    let live = Live::new(|settings| settings.timeout = Duration::from_secs(2));
    assert!(matches!(live.call("say").await, Ok(Reply::Value(_))));
    let before = resident();
    let failed = live.call("garbage").await;
    assert!(matches!(failed, Err(BackendError::Failed(_))));
    assert!(resident() < before + 64 * MIB, "{} MiB", resident() / MIB);
}

/// One server that never answers and one that does not exist, beside one that works.
#[tokio::test]
async fn a_slow_and_a_dead_server_hold_up_no_other() {
    let settings = |command: &str, args: &[&str]| {
        let args = args.iter().map(|&arg| arg.to_owned()).collect();
        let mut settings = McpSettings::new("other".to_owned(), program(command, args));
        settings.timeout = Duration::from_secs(20);
        settings
    };
    let slow = Arc::new(McpServer::new(settings("/bin/sleep", &["60"])));
    let dead = Arc::new(McpServer::new(settings("/no/such/program", &[])));
    let live = Live::new(|_| ());
    let nothing = Map::new();
    let waiting = (slow.call("x", &nothing), dead.call("x", &nothing));
    tokio::select! {
        _ = waiting.0 => panic!("the slow one answers"),
        () = async { waiting.1.await.unwrap_err(); std::future::pending().await } => {}
        done = live.call("say") => assert!(matches!(done, Ok(Reply::Value(_)))),
    }
}

/// What this process holds in memory, in bytes.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib: u64 = line
        .and_then(|line| line.split_whitespace().nth(1))
        .and_then(|kib| kib.parse().ok())
        .unwrap();
    kib * 1024
}

const MIB: u64 = 1024 * 1024;
