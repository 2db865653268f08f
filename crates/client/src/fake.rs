//! A scripted network, a clock that only waiting turns, and randomness that repeats, for tests.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use procura_agent_auth::token::FORM;
use procura_keys::clock::{Clock, Timestamp};
use procura_keys::digest::sha256;
use procura_keys::entropy::Entropy;
use procura_keys::jwt::Unverified;
use serde_json::{Value, json};
use url::Url;

use crate::client::{Client, Options, Parts};
use crate::pause::Pause;
use crate::profile::Profile;
use crate::transport::{FetchError, Request, Response, Transport};

/// Where the scripted bank lives.
pub(crate) const BANK: &str = "https://bank.example";

/// A client with its scripted world.
pub(crate) struct Stage {
    pub(crate) client: Client,
    pub(crate) net: Arc<FakeNet>,
    pub(crate) clock: Arc<FakeClock>,
}

impl Stage {
    /// A client that has met nobody yet, in a world with one bank.
    pub(crate) fn new() -> Self {
        Self::with_options(Options::default())
    }

    pub(crate) fn with_options(options: Options) -> Self {
        let clock = Arc::new(FakeClock(AtomicI64::new(1_770_000_000_000)));
        let net = Arc::new(FakeNet {
            clock: clock.clone(),
            script: Mutex::default(),
            seen: Mutex::default(),
        });
        let parts = Parts {
            transport: net.clone(),
            clock: clock.clone(),
            entropy: Arc::new(FakeEntropy(AtomicU64::new(1))),
            pause: clock.clone(),
        };
        let stage = Self {
            client: Client::new(Profile::in_memory(), options, parts),
            net,
            clock,
        };
        stage.on("GET /.well-known/agent-configuration", ok(&bank()));
        stage
    }

    /// The next answer for this method and path. The last one given is repeated.
    pub(crate) fn on(&self, call: &str, reply: Reply) -> &Self {
        let mut script = self.net.script.lock().unwrap();
        script.entry(call.to_owned()).or_default().push_back(reply);
        self
    }

    /// Drops what was scripted for this call, and scripts this instead.
    pub(crate) fn now_on(&self, call: &str, reply: Reply) -> &Self {
        self.net.script.lock().unwrap().remove(call);
        self.on(call, reply)
    }

    /// Connects an agent that is active at once and holds `check_balance`.
    pub(crate) async fn connected(&self) -> String {
        self.on("POST /agent/register", ok(&registered("active")));
        let request = crate::Connect::new("Helper").with_capability("check_balance", None);
        match self.client.connect(BANK, request).await.unwrap() {
            crate::Connected::Active(standing) => standing.agent_id,
            crate::Connected::Pending(_) => panic!("not active"),
        }
    }

    /// What was sent to paths that begin like this.
    pub(crate) fn sent(&self, call: &str) -> Vec<Seen> {
        let seen = self.net.seen.lock().unwrap();
        let matching = seen.iter().filter(|it| it.call == call);
        matching.cloned().collect()
    }
}

/// The discovery document of the bank.
pub(crate) fn bank() -> Value {
    json!({
        "version": "1.0-draft",
        "provider_name": "bank",
        "description": "Accounts and transfers",
        "issuer": BANK,
        "default_location": "https://bank.example/capability/execute",
        "algorithms": ["Ed25519"],
        "modes": ["delegated", "autonomous"],
        "approval_methods": ["device_authorization"],
        "endpoints": {},
    })
}

/// An answer to a registration.
pub(crate) fn registered(status: &str) -> Value {
    let mut answer = json!({
        "agent_id": "agt_1",
        "host_id": "hst_1",
        "name": "Helper",
        "mode": "delegated",
        "status": status,
        "agent_capability_grants": [{ "capability": "check_balance", "status": status }],
    });
    if status == "pending" {
        answer["approval"] = approval();
    }
    answer
}

/// An approval object.
pub(crate) fn approval() -> Value {
    json!({
        "method": "device_authorization",
        "verification_uri": "https://bank.example/device",
        "verification_uri_complete": "https://bank.example/device?code=ABCD-1234",
        "user_code": "ABCD-1234",
        "expires_in": 60,
        "interval": 5,
    })
}

/// An answer to a question for the status.
pub(crate) fn status(agent: &str, grants: &Value) -> Value {
    json!({
        "agent_id": "agt_1",
        "host_id": "hst_1",
        "name": "Helper",
        "mode": "delegated",
        "status": agent,
        "agent_capability_grants": grants,
        "created_at": "2026-02-25T10:00:00Z",
    })
}

/// What the network answers.
#[derive(Clone)]
pub(crate) enum Reply {
    Answer(u16, HeaderMap, String),
    Fails(FetchError),
}

impl Reply {
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Self::Answer(_, headers, _) = &mut self {
            let value = HeaderValue::from_str(value).unwrap();
            headers.insert(HeaderName::from_static(name), value);
        }
        self
    }
}

pub(crate) fn ok(body: &Value) -> Reply {
    Reply::Answer(200, HeaderMap::new(), body.to_string())
}

pub(crate) fn refusal(status: u16, code: &str) -> Reply {
    let body = json!({ "error": code, "message": format!("Refused: {code}.") });
    Reply::Answer(status, HeaderMap::new(), body.to_string())
}

pub(crate) fn events(body: &str) -> Reply {
    Reply::Answer(200, HeaderMap::new(), body.to_owned())
        .header("content-type", "text/event-stream; charset=utf-8")
}

pub(crate) fn outage() -> Reply {
    let host = "bank.example".to_owned();
    Reply::Fails(FetchError::TimedOut { host })
}

/// One request that was sent.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) at: Timestamp,
    pub(crate) call: String,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) typ: Option<String>,
    /// The thumbprint of the key that signed the token.
    pub(crate) kid: Option<String>,
    pub(crate) claims: Value,
    pub(crate) body: Value,
}

pub(crate) struct FakeNet {
    clock: Arc<FakeClock>,
    script: Mutex<HashMap<String, VecDeque<Reply>>>,
    seen: Mutex<Vec<Seen>>,
}

#[async_trait]
impl Transport for FakeNet {
    async fn send(&self, request: Request) -> Result<Response, FetchError> {
        let call = format!("{} {}", request.method, request.url.path());
        self.seen
            .lock()
            .unwrap()
            .push(self.look_at(&call, &request));
        let mut script = self.script.lock().unwrap();
        let replies = script.get_mut(&call);
        let replies = replies.unwrap_or_else(|| panic!("nothing is scripted for {call}"));
        let reply = match replies.len() {
            1 => replies[0].clone(),
            _ => replies.pop_front().unwrap(),
        };
        match reply {
            Reply::Fails(error) => Err(error),
            Reply::Answer(status, headers, body) => Ok(Response {
                status: StatusCode::from_u16(status).unwrap(),
                headers,
                url: request.url,
                body: body.into(),
            }),
        }
    }
}

impl FakeNet {
    fn look_at(&self, call: &str, request: &Request) -> Seen {
        let sent = request.headers.get(AUTHORIZATION);
        let token = sent.map(|it| it.to_str().unwrap().split_once(' ').unwrap());
        let token = token.map(|(scheme, token)| {
            let bound = request.headers.contains_key("dpop");
            assert_eq!(scheme, if bound { "DPoP" } else { "Bearer" });
            token
        });
        let token = token.map(|it| Unverified::parse(it, FORM).unwrap());
        if request.body.is_some() {
            assert_eq!(request.headers[CONTENT_TYPE], "application/json");
        }
        let body = request.body.as_ref();
        Seen {
            at: self.clock.now(),
            call: call.to_owned(),
            url: request.url.clone(),
            headers: request.headers.clone(),
            typ: token.as_ref().and_then(|it| it.typ.clone()),
            kid: token.as_ref().and_then(|it| it.kid.clone()),
            claims: token.map_or(Value::Null, |it| Value::Object(it.claims)),
            body: body.map_or(Value::Null, |it| serde_json::from_slice(it).unwrap()),
        }
    }
}

/// Stands still, except while somebody waits.
pub(crate) struct FakeClock(AtomicI64);

impl FakeClock {
    pub(crate) fn turn(&self, duration: Duration) {
        let millis = i64::try_from(duration.as_millis()).unwrap();
        self.0.fetch_add(millis, Ordering::Relaxed);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

#[async_trait]
impl Pause for FakeClock {
    async fn pause(&self, duration: Duration) {
        self.turn(duration);
    }
}

struct FakeEntropy(AtomicU64);

impl Entropy for FakeEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let count = self.0.fetch_add(1, Ordering::Relaxed);
            chunk.copy_from_slice(&sha256(&count.to_le_bytes())[..chunk.len()]);
        }
    }
}
