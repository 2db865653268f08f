//! Notices about what waits (§7.2): whom the server tells, of what, how often, and what a receiver can do to it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use procura_keys::digest::{hmac_sha256, to_base64};
use procura_server::notify;
use procura_service::admin::{AdminRequest, Listing};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Notify, watch};

use crate::support::flows::ALICE;
use crate::support::signers::TestHost;
use crate::support::{Bank, extended};

/// Something that takes notices, and says what it is told to.
struct Pager {
    status: Mutex<StatusCode>,
    taken: Mutex<Vec<(HeaderMap, String)>>,
    /// Told of each notice that arrives.
    arrived: Notify,
    /// Waited for before an answer, if it hangs.
    release: Option<Notify>,
    /// Where the secret lies, for as long as servers may start.
    _secret: TempDir,
}

impl Pager {
    /// Starts it, and a bank that notifies it.
    async fn with_bank(hangs: bool, more: &str) -> (Arc<Self>, Bank) {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("secret");
        std::fs::write(&file, format!("whsec_{}", to_base64(KEY))).unwrap();
        let pager = Arc::new(Self {
            status: Mutex::new(StatusCode::NO_CONTENT),
            taken: Mutex::default(),
            arrived: Notify::new(),
            release: hangs.then(Notify::new),
            _secret: directory,
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let routes = axum::Router::new().route("/hook", post(take));
        let routes = routes.with_state(Arc::clone(&pager));
        tokio::spawn(serve(listener, routes));
        let section = format!(
            "[notify]\n{more}\n[[notify.webhook]]\nname = 'pager'\nurl = {url:?}\nsecret_file = '{}'\n",
            file.display()
        );
        let bank = Bank::start_with(&extended(&section)).await;
        (pager, bank)
    }

    async fn taken(&self) -> Vec<Value> {
        let taken = self.taken.lock().await;
        let bodies = taken.iter().map(|(_, body)| body);
        bodies
            .map(|body| serde_json::from_str(body).unwrap())
            .collect()
    }
}

async fn serve(listener: TcpListener, routes: axum::Router) {
    procura_server::listen::serve(listener, routes, std::future::pending()).await;
}

async fn take(State(pager): State<Arc<Pager>>, headers: HeaderMap, body: String) -> StatusCode {
    pager.taken.lock().await.push((headers, body));
    pager.arrived.notify_one();
    if let Some(release) = &pager.release {
        release.notified().await;
    }
    *pager.status.lock().await
}

/// Sends everything that is due, and says how much that was.
async fn send_due(bank: &Bank) -> usize {
    let mut sent = 0;
    while notify::send_next(&bank.ctx, bank.senders[0].as_ref())
        .await
        .unwrap()
    {
        sent += 1;
    }
    sent
}

async fn ask(bank: &Bank, host: &TestHost) -> crate::support::http::Answer {
    let body =
        json!({ "name": "Helper", "capabilities": ["list_accounts"], "preferred_method": "ciba" });
    bank.register(host, &body).await.1
}

async fn log(bank: &Bank) -> Vec<Value> {
    let listed = bank
        .administer(AdminRequest::ListNotices(Listing::default()))
        .await;
    listed.as_array().unwrap().clone()
}

const KEY: &[u8] = b"0123456789012345678901234567890";

// AA-7.2-04
#[tokio::test]
async fn the_person_is_told_of_what_waits_in_their_inbox_by_a_signed_request() {
    let (pager, bank) = Pager::with_bank(false, "").await;
    let (host, _) = bank.approved_agent(json!([])).await;
    assert_eq!(
        send_due(&bank).await,
        0,
        "nobody is told of a request with a code"
    );
    let answer = ask(&bank, &host).await;
    assert_eq!(send_due(&bank).await, 1);

    let (headers, body) = pager.taken.lock().await[0].clone();
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let signed = format!(
        "{}.{}.{body}",
        header("webhook-id"),
        header("webhook-timestamp")
    );
    let expected = format!("v1,{}", to_base64(&hmac_sha256(KEY, signed.as_bytes())));
    assert_eq!(header("webhook-signature"), expected);
    assert_eq!(
        header("webhook-timestamp"),
        bank.now().as_seconds().to_string()
    );

    let notice: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(notice["id"], header("webhook-id"));
    assert_eq!(notice["event"], "inbox.waiting");
    assert_eq!(notice["url"], format!("{}/inbox", bank.issuer));
    assert_eq!(notice["requests"][0]["agent_id"], answer.body["agent_id"]);
    assert_eq!(notice["requests"][0]["host_id"], answer.body["host_id"]);
    let members: Vec<_> = notice.as_object().unwrap().keys().collect();
    let expected = [
        "event", "id", "issuer", "requests", "time", "url", "user_id",
    ];
    assert_eq!(members, expected);
    assert_eq!(log(&bank).await[0]["status"], "delivered");
}

// AA-7.2-06
#[tokio::test]
async fn an_app_that_asks_and_asks_is_told_of_once() {
    let (pager, bank) = Pager::with_bank(false, "quiet = '30s'\nquiet_per_app = '90s'").await;
    let (host, _) = bank.approved_agent(json!([])).await;
    for _ in 0..3 {
        assert_eq!(ask(&bank, &host).await.status, 200);
        send_due(&bank).await;
        bank.clock.advance(Duration::from_secs(40));
    }
    assert_eq!(pager.taken().await.len(), 1);
    bank.clock.advance(Duration::from_secs(121));
    assert_eq!(send_due(&bank).await, 1);
    assert_eq!(
        pager.taken().await[1]["requests"].as_array().unwrap().len(),
        2
    );
}

#[tokio::test]
async fn nobody_is_told_of_what_was_answered_before() {
    let (pager, bank) = Pager::with_bank(false, "").await;
    let (host, _) = bank.approved_agent(json!([])).await;
    let answer = ask(&bank, &host).await;
    bank.approve_all(&answer, ALICE).await;
    assert_eq!(send_due(&bank).await, 0);
    assert_eq!(pager.taken().await, [Value::Null; 0]);
    assert_eq!(log(&bank).await[0]["status"], "dropped");
}

#[tokio::test]
async fn a_dead_receiver_is_tried_again_later_and_given_up_at_last() {
    let (pager, bank) = Pager::with_bank(false, "tries = 2").await;
    *pager.status.lock().await = StatusCode::INTERNAL_SERVER_ERROR;
    let (host, _) = bank.approved_agent(json!([])).await;
    ask(&bank, &host).await;
    assert_eq!(send_due(&bank).await, 1);
    let first = log(&bank).await[0].clone();
    assert_eq!(first["status"], "waiting");
    assert_eq!(first["error"], "answered 500");
    // What is to be sent survives a restart.
    bank.clock.advance(Duration::from_secs(11));
    let again = bank.restarted().await;
    assert_eq!(send_due(&again).await, 1);
    assert_eq!(log(&again).await[0]["status"], "dead");
    bank.clock.advance(Duration::from_hours(2));
    assert_eq!(send_due(&again).await, 0);
    let taken = pager.taken().await;
    assert_eq!(taken.len(), 2);
    assert_eq!(taken[0]["id"], taken[1]["id"]);

    bank.clock.advance(Duration::from_hours(8 * 24));
    again.keep_house().await;
    assert_eq!(log(&again).await, [Value::Null; 0]);
}

#[tokio::test]
async fn a_receiver_that_hangs_holds_no_request_up_and_the_attempt_ends_before_the_server() {
    let (pager, mut bank) = Pager::with_bank(true, "").await;
    let (host, _) = bank.approved_agent(json!([])).await;
    let (stop, stopped) = watch::channel(());
    let senders = std::mem::take(&mut bank.senders);
    let sending = tokio::spawn(notify::run(bank.ctx.clone(), senders, stopped));
    ask(&bank, &host).await;
    pager.arrived.notified().await;
    // The receiver has the notice and says nothing.
    assert_eq!(ask(&bank, &host).await.status, 200);
    drop(stop);
    pager.release.as_ref().unwrap().notify_one();
    sending.await.unwrap();
    let log = log(&bank).await;
    let statuses = log.iter().map(|one| one["status"].as_str().unwrap());
    // Both were made in the same moment, so that their order is open.
    let statuses: BTreeSet<_> = statuses.collect();
    assert_eq!(statuses, BTreeSet::from(["delivered", "waiting"]));
}

#[tokio::test]
async fn a_queue_that_is_full_takes_no_more_and_requests_go_on() {
    let (_pager, bank) = Pager::with_bank(false, "max_waiting = 1").await;
    let (host, _) = bank.approved_agent(json!([])).await;
    ask(&bank, &host).await;
    bank.clock.advance(Duration::from_mins(11));
    assert_eq!(ask(&bank, &host).await.status, 200);
    assert_eq!(log(&bank).await.len(), 1);
}

// AA-7.2-01, AA-7.5-02
#[tokio::test]
async fn a_server_that_notifies_people_may_prefer_their_inbox_until_it_is_full() {
    let (_pager, bank) = Pager::with_bank(false, "prefer_inbox = true").await;
    let (host, _) = bank.approved_agent(json!([])).await;
    let mut methods = Vec::new();
    for _ in 0..6 {
        let body = json!({ "name": "Helper", "capabilities": ["list_accounts"] });
        let (_, answer) = bank.register(&host, &body).await;
        methods.push(answer.body["approval"]["method"].clone());
    }
    assert_eq!(methods[..5], ["ciba"; 5]);
    assert_eq!(methods[5], "device_authorization");
}
