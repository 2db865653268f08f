//! What one process does, the other knows; and one of them may go.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;

use crate::agents::Agent;
use crate::scene::{Installation, until};
use crate::wire::{Connection, request, send};

// AA-4.6-01, AA-8.4-01
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_serve_one_installation() {
    let all = Installation::start(2);
    let [one, two] = [&all.nodes[0].address, &all.nodes[1].address];
    let asked = json!(["check_balance", "short_job"]);
    let registered = Agent::register(&all.issuer, one, "delegated", asked).await;
    let (agent, answer) = registered.unwrap();
    assert_eq!(answer.body["status"], "pending", "{answer:?}");
    let code = answer.body["approval"]["user_code"].as_str().unwrap();
    let approve = ["approvals", "approve", code, "--user", "alice@example.com"];
    all.administer(1, &approve);

    let balance = || agent.execution("check_balance", &json!({ "account_id": "acc_123" }));
    for turn in 0..10 {
        let (here, there) = if turn % 2 == 0 {
            (one, two)
        } else {
            (two, one)
        };
        let call = balance();
        assert_eq!(send(here, &call).await.unwrap().status, 200);
        let again = send(there, &call).await.unwrap();
        assert_eq!(again.refusal(), (401, "invalid_jwt"));
    }

    let started = send(one, &agent.execution("short_job", &json!({})))
        .await
        .unwrap();
    assert_eq!(started.status, 202, "{started:?}");
    let url = started.body["status_url"].as_str().unwrap();
    let at_other = send(two, &agent.question(url)).await.unwrap();
    assert_eq!(at_other.body["status"], "pending", "{at_other:?}");
    until("the job is done", Duration::from_secs(10), async || {
        let answer = send(two, &agent.question(url)).await.unwrap();
        answer.body["result"] == json!({ "lines": 12 })
    })
    .await;

    assert_eq!(send(one, &agent.revocation()).await.unwrap().status, 200);
    until("the other refuses", Duration::from_secs(1), async || {
        send(two, &balance()).await.unwrap().refusal() == (403, "agent_revoked")
    })
    .await;
    assert_eq!(
        all.administer(1, &["audit", "verify"])["broken"],
        json!(null)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_node_leaves_nothing_undone_but_its_jobs_and_the_other_says_so() {
    let mut all = Installation::start(2);
    let [one, two] = [all.nodes[0].address.clone(), all.nodes[1].address.clone()];
    let agent = Agent::autonomous(&all.issuer, &one).await;
    let call = agent.echo();
    assert_eq!(send(&two, &call).await.unwrap().status, 200);
    let mut jobs = Vec::new();
    for node in [&one, &two] {
        let started = send(node, &agent.execution("long_job", &json!({})))
            .await
            .unwrap();
        jobs.push(started.body["status_url"].as_str().unwrap().to_owned());
    }
    all.nodes[1].kill();
    let again = send(&one, &call).await.unwrap();
    assert_eq!(again.refusal(), (401, "invalid_jwt"));
    until("its job ends", Duration::from_secs(30), async || {
        assert_eq!(send(&one, &agent.echo()).await.unwrap().status, 200);
        let answer = send(&one, &agent.question(&jobs[1])).await.unwrap();
        answer.body["error"]["error"] == "job_interrupted"
    })
    .await;
    all.run(1);
    for node in [&one, &two] {
        let own = send(node, &agent.question(&jobs[0])).await.unwrap();
        assert_eq!(
            own.body["status"], "pending",
            "of the node that lives: {own:?}"
        );
        let gone = send(node, &agent.question(&jobs[1])).await.unwrap();
        assert_eq!(gone.body["status"], "failed");
    }
    assert_eq!(
        all.administer(0, &["audit", "verify"])["broken"],
        json!(null)
    );
}

/// Clients keep their connections, ask whether a node is ready as load balancers do, and take the other when it is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_told_to_stop_fails_no_request() {
    let mut all = Installation::start(2);
    let addresses = [all.nodes[0].address.clone(), all.nodes[1].address.clone()];
    let agent = Arc::new(Agent::autonomous(&all.issuer, &addresses[0]).await);
    let job = send(&addresses[1], &agent.execution("long_job", &json!({})))
        .await
        .unwrap();
    let job = job.body["status_url"].as_str().unwrap().to_owned();
    let watch = agent.execution("long_watch", &json!({}));
    let stream_at = addresses[1].clone();
    let stream = tokio::spawn(async move { send(&stream_at, &watch).await });

    let ready = Arc::new([AtomicBool::new(true), AtomicBool::new(true)]);
    let done = Arc::new(AtomicBool::new(false));
    let served = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
    let mut work = Vec::new();
    for place in 0..2 {
        let (ready, done) = (Arc::clone(&ready), Arc::clone(&done));
        let address = addresses[place].clone();
        work.push(tokio::spawn(async move {
            while !done.load(Ordering::SeqCst) {
                let answer = send(&address, &request("GET", "/readyz", None, None)).await;
                let is_ready = answer.is_ok_and(|answer| answer.status == 200);
                ready[place].store(is_ready, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }));
    }
    for client in 0..8 {
        let (ready, done) = (Arc::clone(&ready), Arc::clone(&done));
        let (agent, served) = (Arc::clone(&agent), Arc::clone(&served));
        let addresses = addresses.clone();
        work.push(tokio::spawn(async move {
            let mut kept = [None, None];
            let mut place = client % 2;
            while !done.load(Ordering::SeqCst) {
                place = if ready[1 - place].load(Ordering::SeqCst) {
                    1 - place
                } else {
                    place
                };
                let mut connection = match kept[place].take() {
                    Some(connection) => connection,
                    None => Connection::open(&addresses[place]).await.unwrap(),
                };
                let answer = connection.send(&agent.echo()).await.unwrap();
                assert_eq!(answer.status, 200, "{answer:?}");
                served[place].fetch_add(1, Ordering::SeqCst);
                if !answer.closes {
                    kept[place] = Some(connection);
                }
            }
        }));
    }
    let counted = |place: usize| served[place].load(Ordering::SeqCst);
    let both = async || counted(0) > 50 && counted(1) > 50;
    until("both serve", Duration::from_secs(30), both).await;
    all.nodes[1].tell_to_stop();
    let not_ready = async || !ready[1].load(Ordering::SeqCst);
    until("it says that it stops", Duration::from_secs(2), not_ready).await;
    let status = all.nodes[1].ended();
    assert_eq!(status.code(), Some(0), "{status}");
    let before = counted(0);
    let more = async || counted(0) > before + 50;
    until("the other goes on", Duration::from_secs(30), more).await;
    done.store(true, Ordering::SeqCst);
    for task in work {
        task.await.unwrap();
    }
    let last = stream.await.unwrap().unwrap().text;
    assert!(
        last.contains("event: error") && last.contains("server_stopping"),
        "{last}"
    );
    let interrupted = send(&addresses[0], &agent.question(&job)).await.unwrap();
    assert_eq!(interrupted.body["error"]["error"], "job_interrupted");
}

/// Browsers take messages that are signed with one key only, so the first that an installation had stays.
#[test]
fn the_key_of_a_file_is_taken_into_the_database_once() {
    let mut all = Installation::start(0);
    for (number, byte) in [(0, 7), (1, 8)] {
        std::fs::create_dir(all.data(number)).unwrap();
        std::fs::write(all.data(number).join("push.key"), [byte; 32]).unwrap();
    }
    all.add_node();
    all.assert_in_database(PUSH_KEY_IS_THE_FIRST);
    all.add_node();
    all.assert_in_database(PUSH_KEY_IS_THE_FIRST);
}

const PUSH_KEY_IS_THE_FIRST: &str = "SELECT array_agg(value) = ARRAY[decode(repeat('07', 32), 'hex')] FROM secrets WHERE purpose = 'web-push'";
