//! Fills a store with many agents and a long audit log, and measures how long the lists take that people and
//! administrators see.
//!
//! ```sh
//! cargo run --release -p procura-server --example seed -- DIRECTORY-OR-POSTGRESQL-URL [AGENTS] [RECORDS]
//! ```
//!
//! Without numbers it makes 100,000 agents and 1,000,000 records. A store that is filled already is measured
//! only. Each list is asked for over HTTP, ten times, and the slowest time counts.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "an example that fails by panicking, takes arguments and prints what it measured"
)]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use procura_agent_auth::agent::{Agent, AgentState, Mode};
use procura_agent_auth::grant::{Actor, Grant, GrantState};
use procura_agent_auth::host::{Host, HostStatus};
use procura_agent_auth::id::{AgentId, GrantId, HostId, UserId};
use procura_fetch::{FetchError, NoKeySets};
use procura_keys::clock::{Clock as _, Timestamp};
use procura_keys::digest::sha256;
use procura_keys::key::{PublicKey, SigningKey};
use procura_people::person::{Person, PersonId};
use procura_people::presence::{Method, Proof};
use procura_people::session::{Session, SessionToken};
use procura_server::config::Config;
use procura_server::{App, router};
use procura_service::limits::Limits;
use procura_service::system::{SystemClock, SystemEntropy};
use procura_service::{Context, Parts};
use procura_store::audit::AuditEntry;
use procura_store::{Page, Store};
use procura_store_postgres::PostgresStore;
use procura_store_sqlite::SqliteStore;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let place = arguments
        .next()
        .unwrap_or_else(|| panic!("name a directory or the URL of a PostgreSQL database"));
    let mut number = |otherwise| {
        arguments
            .next()
            .map_or(otherwise, |text| text.parse().unwrap())
    };
    let (agents, records) = (number(100_000), number(1_000_000));
    let store = open(&place).await;
    let seed = Seed::new(agents, records);
    if !Seed::is_planted(store.as_ref()).await {
        seed.plant(store.as_ref()).await;
    }
    measure(store, &seed).await;
}

async fn open(place: &str) -> Arc<dyn Store> {
    if place.starts_with("postgres") {
        return Arc::new(PostgresStore::connect(place).await.unwrap());
    }
    std::fs::create_dir_all(place).unwrap();
    let store = SqliteStore::open(&Path::new(place).join("procura.db")).await;
    Arc::new(store.unwrap())
}

/// What to plant: everything follows from a number.
struct Seed {
    agents: u64,
    records: u64,
    /// When the youngest things were made.
    now: Timestamp,
}

impl Seed {
    fn new(agents: u64, records: u64) -> Self {
        let now = SystemClock.now();
        Self {
            agents,
            records,
            now,
        }
    }

    async fn is_planted(store: &dyn Store) -> bool {
        let page = Page {
            after: None,
            limit: 1,
        };
        let mut tx = store.read().await.unwrap();
        !tx.list_persons(page).await.unwrap().is_empty()
    }

    async fn plant(&self, store: &dyn Store) {
        let started = Instant::now();
        let mut tx = store.begin().await.unwrap();
        for number in 0..self.people() {
            tx.insert_person(&self.person(number)).await.unwrap();
        }
        tx.commit().await.unwrap();
        for from in (0..self.agents).step_by(BATCH) {
            let mut tx = store.begin().await.unwrap();
            for number in from..self.agents.min(from + BATCH as u64) {
                if number.is_multiple_of(AGENTS_PER_HOST) {
                    tx.insert_host(&self.host(number / AGENTS_PER_HOST))
                        .await
                        .unwrap();
                }
                let agent = self.agent(number);
                tx.insert_agent(&agent).await.unwrap();
                tx.insert_grant(&self.grant(number, &agent, "echo"))
                    .await
                    .unwrap();
            }
            tx.commit().await.unwrap();
        }
        for from in (0..self.records).step_by(BATCH) {
            let to = self.records.min(from + BATCH as u64);
            let entries = (from..to).map(|number| self.entry(number)).collect();
            let mut tx = store.begin().await.unwrap();
            tx.append_audit(entries).await.unwrap();
            tx.commit().await.unwrap();
        }
        println!("planted in {:?}", started.elapsed());
    }

    fn people(&self) -> u64 {
        (self.agents / 100).max(1)
    }

    fn person(&self, number: u64) -> Person {
        Person {
            id: person_id(number),
            email: format!("person{number}@example.com").parse().unwrap(),
            name: format!("Person {number}"),
            password: None,
            disabled: number % 50 == 49,
            administrator: number == 0,
            created_at: self.now,
            updated_at: self.now,
        }
    }

    fn host(&self, number: u64) -> Host {
        Host {
            id: host_id(number),
            name: Some(format!("{} {number}", NAMES[at(number)])),
            public_key: key("host", number),
            jwks: None,
            user_id: Some(self.owner(number)),
            default_capabilities: Vec::new(),
            status: HostStatus::Active,
            activated_at: Some(self.now),
            last_used_at: Some(self.now),
            created_at: self.now,
            updated_at: self.now,
        }
    }

    fn owner(&self, host: u64) -> UserId {
        UserId(person_id(host % self.people()).0)
    }

    fn agent(&self, number: u64) -> Agent {
        let host = number / AGENTS_PER_HOST;
        let activated_at = self.now;
        Agent {
            id: agent_id(number),
            host_id: host_id(host),
            user_id: Some(self.owner(host)),
            name: format!("{} {number}", NAMES[at(number)]),
            mode: Mode::Delegated,
            public_key: key("agent", number),
            jwks: None,
            state: match number % 10 {
                0 => AgentState::Revoked {
                    activated_at: Some(activated_at),
                },
                1 => AgentState::Expired { activated_at },
                _ => AgentState::Active { activated_at },
            },
            last_used_at: Some(self.now),
            created_at: self.now,
            updated_at: self.now,
        }
    }

    fn grant(&self, number: u64, agent: &Agent, capability: &str) -> Grant {
        Grant {
            id: GrantId::new(made(number), random("grant", number)),
            agent_id: agent.id.clone(),
            capability: capability.parse().unwrap(),
            constraints: None,
            state: GrantState::Active {
                granted_by: Actor::Policy,
            },
            reason: None,
            expires_at: None,
            uses: None,
            form: None,
            created_at: self.now,
            updated_at: self.now,
        }
    }

    /// Calls, two records each; one in a hundred is refused.
    fn entry(&self, number: u64) -> AuditEntry {
        let call = number / 2;
        let agent = call * 7919 % self.agents;
        let host = agent / AGENTS_PER_HOST;
        let (event, outcome) = match (number % 2, call % 100) {
            (0, 99) => ("capability.refused", "constraint_violated"),
            (0, _) => ("capability.started", "ok"),
            _ => ("capability.finished", "ok"),
        };
        AuditEntry {
            at: made(number),
            event: event.to_owned(),
            actor: format!("agent:{}", agent_id(agent)),
            user_id: Some(self.owner(host).0),
            host_id: Some(host_id(host).to_string()),
            agent_id: Some(agent_id(agent).to_string()),
            capability: Some("echo".to_owned()),
            outcome: outcome.to_owned(),
            jti: Some(format!("jti-{call}")),
            detail: json!({ "arguments": { "note": "hello", "number": call } }),
        }
    }
}

fn person_id(number: u64) -> PersonId {
    PersonId::new(EPOCH, random("person", number))
}

fn host_id(number: u64) -> HostId {
    HostId::new(made(number), random("host", number))
}

fn agent_id(number: u64) -> AgentId {
    AgentId::new(made(number), random("agent", number))
}

/// When the thing with this number was made; later ones are younger.
fn made(number: u64) -> Timestamp {
    EPOCH.plus(Duration::from_millis(number))
}

fn key(kind: &str, number: u64) -> PublicKey {
    let seed = sha256(format!("{kind} {number}").as_bytes());
    SigningKey::from_seed(&seed).unwrap().public().clone()
}

fn random(kind: &str, number: u64) -> [u8; 10] {
    let digest = sha256(format!("{kind} {number}").as_bytes());
    digest[..10].try_into().unwrap()
}

fn at(number: u64) -> usize {
    usize::try_from(number % NAMES.len() as u64).unwrap()
}

/// Serves the store to an administrator, and asks for each list.
async fn measure(store: Arc<dyn Store>, seed: &Seed) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let cookie = signed_in(store.as_ref(), seed).await;
    let config = Config::parse(BANK, Some(&address)).unwrap();
    let parts = Parts {
        store,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        provider: config.provider,
        policy: config.policy,
        catalogue: config.catalogue,
        limits: Limits::off(),
        key_sets: Arc::new(NoKeySets(FetchError::NotHttps {
            host: "nothing".to_owned(),
        })),
        vault: config.vault,
        actor_keys: config.actor_keys,
    };
    let (ctx, _journal) = Context::start(parts).await.unwrap();
    let routes = router(App::new(ctx));
    tokio::spawn(procura_server::listen::serve(
        listener,
        routes,
        std::future::pending(),
    ));
    for path in lists(seed) {
        let mut slowest = Duration::ZERO;
        let mut bytes = 0;
        for _ in 0..10 {
            let started = Instant::now();
            bytes = get(&address, &path, &cookie).await;
            slowest = slowest.max(started.elapsed());
        }
        println!(
            "{:>7.1} ms {:>7} bytes  {path}",
            slowest.as_secs_f64() * 1000.0,
            bytes
        );
    }
}

fn lists(seed: &Seed) -> Vec<String> {
    let middle = seed.agents / 2;
    let (agent, host) = (agent_id(middle), host_id(middle / AGENTS_PER_HOST));
    let half = seed.records / 2;
    let mut paths: Vec<_> = [
        "/",
        "/activity",
        "/admin/people",
        "/admin/people?email=person5",
        "/admin/apps",
        "/admin/apps?name=laptop",
        "/admin/apps?person=person7@example.com",
        "/admin/apps?status=pending",
        "/admin/agents",
        "/admin/agents?name=laptop",
        "/admin/agents?name=laptop&status=revoked",
        "/admin/agents?name=nothing",
        "/admin/agents?status=revoked",
        "/admin/agents?mode=autonomous",
        "/admin/agents?status=active&mode=autonomous",
        "/admin/agents?person=person7@example.com",
        "/admin/capabilities/echo",
        "/admin/log",
        "/admin/log?outcome=constraint_violated",
        "/admin/log?event=no.such",
    ]
    .map(str::to_owned)
    .into();
    paths.extend([
        format!("/admin/agents?after={agent}"),
        format!("/admin/agents?name=laptop&after={agent}"),
        format!("/admin/agents?app={host}"),
        format!("/admin/agents/{agent}"),
        format!("/admin/log?agent={agent}"),
        format!("/admin/log?agent={agent}&outcome=none"),
        format!("/admin/log?person={}", person_id(7)),
        format!("/admin/log?before={half}"),
    ]);
    paths
}

/// A session of the administrator.
async fn signed_in(store: &dyn Store, seed: &Seed) -> String {
    let token = SessionToken::new(sha256(seed.now.to_string().as_bytes()));
    let session = Session {
        token_digest: token.digest(),
        person_id: person_id(0),
        created_at: seed.now,
        proof: Proof {
            method: Method::Password,
            at: seed.now,
        },
        expires_at: seed.now.plus(Duration::from_hours(1)),
    };
    let mut tx = store.begin().await.unwrap();
    tx.insert_session(&session).await.unwrap();
    tx.commit().await.unwrap();
    format!("procura_session={}", token.expose())
}

/// How many bytes came back.
async fn get(address: &str, path: &str, cookie: &str) -> usize {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = hyper::Request::get(path)
        .header("host", address)
        .header("cookie", cookie)
        .body(Empty::<Bytes>::new());
    let response = sender.send_request(request.unwrap()).await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    response.collect().await.unwrap().to_bytes().len()
}

const BANK: &str = include_str!("../../../examples/bank/procura.toml");
const EPOCH: Timestamp = Timestamp::from_millis(1_772_013_600_000);
const BATCH: usize = 1000;
const AGENTS_PER_HOST: u64 = 10;
const NAMES: [&str; 5] = [
    "Laptop",
    "Phone",
    "Build server",
    "Travel planner",
    "Bookkeeper",
];
