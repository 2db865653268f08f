//! A bank on a loopback port, with a clock the tests turn by hand, and hosts and agents that sign whatever
//! they are told to.
#![expect(dead_code, reason = "every test target uses its own part of this")]

pub mod http;
pub mod signers;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use procura_agent_auth::id::ApprovalId;
use procura_keys::clock::{Clock, Timestamp};
use procura_keys::entropy::Entropy;
use procura_people::consent::ConsentAnswer;
use procura_people::presence::{Method, Proof};
use procura_people::session::Session;
use procura_server::config::Config;
use procura_server::{App, router};
use procura_service::agent_auth::consent::{self, ConsentError};
use procura_service::limits::Limits;
use procura_service::people::{self, SignedIn};
use procura_service::{Context, Parts};
use procura_store::Store;
use procura_store::memory::MemoryStore;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use self::http::Answer;
use self::signers::{TestAgent, TestHost};

/// The example's configuration, which the tests hold to what it says.
pub const BANK: &str = include_str!("../../../../examples/bank/procura.toml");
/// A file name for error messages.
pub const BANK_FILE: &str = "examples/bank/procura.toml";
/// The password of everybody in the example.
pub const PASSWORD: &str = "correct horse battery staple";
/// 2026-02-25T10:00:00Z.
pub const START: i64 = 1_772_013_600_000;

/// A running server.
pub struct Bank {
    pub issuer: String,
    pub ctx: Context,
    pub clock: Arc<TestClock>,
    address: String,
}

impl Bank {
    /// The example's bank.
    pub async fn start() -> Self {
        Self::start_with(BANK).await
    }

    /// The example's bank with a piece of its configuration replaced.
    pub async fn start_changed(from: &str, to: &str) -> Self {
        assert!(BANK.contains(from), "{from:?} is not in {BANK_FILE}");
        Self::start_with(&BANK.replace(from, to)).await
    }

    pub async fn start_with(config: &str) -> Self {
        Self::start_on(config, Arc::new(MemoryStore::new()), false).await
    }

    /// A bank with its rate limits in force.
    pub async fn start_limited(config: &str) -> Self {
        Self::start_on(config, Arc::new(MemoryStore::new()), true).await
    }

    pub async fn start_on(config: &str, store: Arc<dyn Store>, limited: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let config = Config::parse(config, Some(&address)).unwrap();
        let clock = Arc::new(TestClock(AtomicI64::new(START)));
        let issuer = config.provider.issuer.clone();
        let parts = Parts {
            store,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            entropy: Arc::new(TestEntropy::default()),
            provider: config.provider,
            policy: config.policy,
            catalogue: config.catalogue,
            limits: if limited { Limits::new(&config.rates) } else { Limits::off() },
        };
        let (ctx, _journal) = Context::start(parts).await.unwrap();
        let app = App { ctx: ctx.clone() };
        tokio::spawn(procura_server::listen::serve(listener, router(app), std::future::pending()));
        Self { issuer, ctx, clock, address }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn execute_url(&self) -> String {
        format!("{}/capability/execute", self.issuer)
    }

    pub async fn get(&self, path: &str, token: Option<&str>) -> Answer {
        http::send(&self.address, "GET", path, &bearer(token), None).await
    }

    pub async fn post(&self, path: &str, token: Option<&str>, body: &Value) -> Answer {
        let mut headers = bearer(token);
        headers.push(("content-type", "application/json".to_owned()));
        http::send(&self.address, "POST", path, &headers, Some(body.to_string().into_bytes())).await
    }

    /// A request with exactly these headers and this body.
    pub async fn raw(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<Vec<u8>>) -> Answer {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        http::send(&self.address, method, path, &headers, body).await
    }

    /// Registers an agent and returns it with the server's answer.
    pub async fn register(&self, host: &TestHost, body: &Value) -> (TestAgent, Answer) {
        let mut agent = host.new_agent();
        let token = host.registration_token(self, &agent);
        let answer = self.post("/agent/register", Some(&token), body).await;
        agent.id = answer.body["agent_id"].as_str().unwrap_or_default().to_owned();
        (agent, answer)
    }

    /// A delegated agent of a new host, approved by Alice for these capabilities.
    pub async fn approved_agent(&self, capabilities: &Value) -> (TestHost, TestAgent) {
        let host = TestHost::new();
        let body = json!({ "name": "Helper", "host_name": "Laptop", "capabilities": capabilities });
        let (agent, answer) = self.register(&host, &body).await;
        self.approve_all(&answer, "alice@example.com").await;
        (host, agent)
    }

    /// Says yes to everything in an answer's approval, with a passkey.
    pub async fn approve_all(&self, answer: &Answer, email: &str) {
        let code = answer.user_code();
        let person = self.person(email, Method::Passkey).await;
        let id = consent::find_by_code(&self.ctx, &code).await.unwrap();
        let view = consent::view(&self.ctx, &person, &id).await.unwrap();
        let items = view.items.iter().map(|item| item.id.clone()).collect();
        self.decide(&person, &id, &ConsentAnswer::Approve { items }).await.unwrap();
    }

    /// Says yes to the named capabilities only.
    pub async fn approve_some(&self, answer: &Answer, email: &str, names: &[&str]) {
        let person = self.person(email, Method::Passkey).await;
        let id = consent::find_by_code(&self.ctx, &answer.user_code()).await.unwrap();
        let view = consent::view(&self.ctx, &person, &id).await.unwrap();
        let chosen = view.items.iter().filter(|item| names.contains(&item.name.as_str()));
        let items = chosen.map(|item| item.id.clone()).collect();
        self.decide(&person, &id, &ConsentAnswer::Approve { items }).await.unwrap();
    }

    /// Says no.
    pub async fn deny(&self, answer: &Answer, email: &str, reason: &str) {
        let person = self.person(email, Method::Password).await;
        let id = consent::find_by_code(&self.ctx, &answer.user_code()).await.unwrap();
        self.decide(&person, &id, &ConsentAnswer::Deny { reason: Some(reason.to_owned()) }).await.unwrap();
    }

    pub async fn decide(&self, person: &SignedIn, id: &ApprovalId, answer: &ConsentAnswer) -> Result<(), ConsentError> {
        let shown = consent::view(&self.ctx, person, id).await?.digest();
        consent::answer(&self.ctx, person, id, &shown, answer).await
    }

    /// Somebody who has just signed in, by this method. Made on first use, without a password: hashing one
    /// for every test would only cost time.
    pub async fn person(&self, email: &str, method: Method) -> SignedIn {
        let email: procura_people::person::Email = email.parse().unwrap();
        let page = procura_store::Page { after: None, limit: 100 };
        let known = people::list_people(&self.ctx, page).await.unwrap();
        let person = match known.into_iter().find(|person| person.email == email) {
            Some(person) => person,
            None => people::add_person(&self.ctx, "test", email.clone(), email.to_string(), None).await.unwrap(),
        };
        let now = self.now();
        let session = Session {
            token_digest: [0; 32],
            person_id: person.id.clone(),
            created_at: now,
            proof: Proof { method, at: now },
            expires_at: now.plus(Duration::from_hours(12)),
        };
        SignedIn { person, session }
    }

    /// What the server says about an agent.
    pub async fn status(&self, host: &TestHost, agent: &TestAgent) -> Answer {
        let token = host.token(self);
        self.get(&format!("/agent/status?agent_id={}", agent.id), Some(&token)).await
    }

    pub async fn execute(&self, agent: &TestAgent, capability: &str, arguments: Value) -> Answer {
        let token = agent.token(self, &self.execute_url());
        let body = json!({ "capability": capability, "arguments": arguments });
        self.post("/capability/execute", Some(&token), &body).await
    }

    pub async fn request(&self, agent: &TestAgent, capabilities: Value) -> Answer {
        let token = agent.token(self, &self.issuer);
        let body = json!({ "capabilities": capabilities, "reason": "because" });
        self.post("/agent/request-capability", Some(&token), &body).await
    }

    /// Events in the audit log with their outcomes, oldest first.
    pub async fn audit(&self) -> Vec<(String, String)> {
        let call = procura_service::admin::AdminCall {
            administrator: "test".to_owned(),
            request: procura_service::admin::AdminRequest::AuditTail { count: 1000 },
        };
        let procura_service::admin::AdminReply::Done(Value::Array(records)) =
            procura_service::admin::run(&self.ctx, &call).await
        else {
            panic!("no audit log")
        };
        let text = |record: &Value, name: &str| record[name].as_str().unwrap().to_owned();
        records.iter().map(|record| (text(record, "event"), text(record, "outcome"))).collect()
    }
}

fn bearer(token: Option<&str>) -> Vec<(&'static str, String)> {
    token.iter().map(|token| ("authorization", format!("Bearer {token}"))).collect()
}

/// A clock that stands still until it is turned.
pub struct TestClock(AtomicI64);

impl TestClock {
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// Bytes that never repeat and are the same in every run.
#[derive(Default)]
pub struct TestEntropy(AtomicU64);

impl Entropy for TestEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        let n = self.0.fetch_add(1, Ordering::SeqCst);
        for (at, chunk) in bytes.chunks_mut(32).enumerate() {
            let block = procura_keys::digest::sha256(format!("{n}/{at}").as_bytes());
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }
}
