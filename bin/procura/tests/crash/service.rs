//! A service that believes nobody but the holders of the keys it knows, and holds an answer back if it is told to.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) issuer: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// The thumbprint of the host's key.
    host: Option<String>,
    /// Those of the agents' keys, in the order of registration.
    agents: Vec<String>,
    waits_for_approval: bool,
    gate: Option<Gate>,
}

/// Where a request is held, and whom to tell.
#[derive(Clone)]
struct Gate {
    path: &'static str,
    moment: Moment,
    heard: Sender<()>,
}

/// Before or after the service does what it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    Before,
    After,
}

struct Asked {
    path: String,
    header: Value,
    claims: Value,
    body: Value,
}

impl Service {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let service = Self {
            issuer: format!("http://{}", listener.local_addr().unwrap()),
            state: Arc::default(),
        };
        let served = service.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let service = served.clone();
                std::thread::spawn(move || service.serve(stream.unwrap()));
            }
        });
        service
    }

    /// Holds requests to `path` from now on, at this moment. The receiver hears of each.
    pub(crate) fn hold(&self, path: &'static str, moment: Moment) -> Receiver<()> {
        let (heard, receiver) = channel();
        self.state.lock().unwrap().gate = Some(Gate {
            path,
            moment,
            heard,
        });
        receiver
    }

    pub(crate) fn speak(&self) {
        self.state.lock().unwrap().gate = None;
    }

    /// Whether agents wait for somebody to decide, from now on.
    pub(crate) fn set_waiting(&self, waits: bool) {
        self.state.lock().unwrap().waits_for_approval = waits;
    }

    /// How many agents there are.
    pub(crate) fn agents(&self) -> usize {
        self.state.lock().unwrap().agents.len()
    }

    /// The thumbprint of the host's key.
    pub(crate) fn host(&self) -> Option<String> {
        self.state.lock().unwrap().host.clone()
    }

    /// One request for each connection.
    fn serve(&self, stream: TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream);
        let asked = read(&mut reader)?;
        let gate = self.state.lock().unwrap().gate.clone();
        let gate = gate.filter(|gate| gate.path == asked.path);
        let moment = gate.as_ref().map(|gate| gate.moment);
        let answer = match moment {
            Some(Moment::Before) => None,
            _ => Some(self.answer(&asked)),
        };
        if let Some(gate) = gate {
            gate.heard.send(()).ok()?;
            // Until the other side is gone.
            let _ = reader.read(&mut [0]);
            return None;
        }
        let (status, body) = answer.flatten().map_or_else(
            || {
                (
                    401,
                    json!({ "error": "invalid_jwt", "message": "Who are you?" }),
                )
            },
            |body| (200, body),
        );
        let body = body.to_string();
        let answer = format!(
            "HTTP/1.1 {status} So\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        reader.into_inner().write_all(answer.as_bytes()).ok()
    }

    /// Nothing for whoever signs with a key that is not known.
    fn answer(&self, asked: &Asked) -> Option<Value> {
        let mut state = self.state.lock().unwrap();
        let answer = match asked.path.as_str() {
            "/.well-known/agent-configuration" => json!({
                "version": "1.0-draft", "provider_name": "bank", "description": "d", "issuer": self.issuer,
                "algorithms": ["Ed25519"], "modes": ["delegated"], "endpoints": {},
                "approval_methods": ["device_authorization"],
            }),
            "/agent/register" => state.register(&self.issuer, asked),
            "/agent/status" => {
                state.require_host(asked)?;
                let number = number_of(asked.agent_asked_about().as_str());
                state.agents.get(number?)?;
                state.standing(&self.issuer, number?)
            }
            "/agent/rotate-key" => {
                state.require_host(asked)?;
                let id = asked.body["agent_id"].as_str()?;
                *state.agents.get_mut(number_of(id)?)? = kid(&asked.body["public_key"]);
                json!({ "agent_id": id, "status": "active" })
            }
            "/host/rotate-key" => {
                state.require_host(asked)?;
                state.host = Some(kid(&asked.body["public_key"]));
                json!({ "host_id": "hst_1", "status": "active" })
            }
            "/capability/list" => {
                state.require_host(asked)?;
                json!({ "capabilities": [] })
            }
            "/capability/describe" => json!({ "name": "echo", "description": "d" }),
            _ => {
                state.require_agent(asked)?;
                json!({ "data": 1 })
            }
        };
        Some(answer)
    }
}

impl State {
    fn register(&mut self, issuer: &str, asked: &Asked) -> Value {
        self.host.get_or_insert_with(|| asked.signer());
        let key = kid(&asked.claims["agent_public_key"]);
        let known = self.agents.iter().position(|it| *it == key);
        let number = known.unwrap_or_else(|| {
            self.agents.push(key);
            self.agents.len() - 1
        });
        self.standing(issuer, number)
    }

    fn standing(&self, issuer: &str, number: usize) -> Value {
        let (_, port) = issuer.rsplit_once(':').unwrap();
        let status = if self.waits_for_approval {
            "pending"
        } else {
            "active"
        };
        let mut standing = json!({
            "agent_id": format!("agt_{number}_{port}"), "host_id": "hst_1", "mode": "delegated", "status": status,
            "agent_capability_grants": [{ "capability": "echo", "status": status }],
        });
        if self.waits_for_approval {
            standing["approval"] = json!({
                "method": "device_authorization", "verification_uri": format!("{issuer}/device"),
                "user_code": "ABCD-1234", "expires_in": 300, "interval": 1,
            });
        }
        standing
    }

    fn require_host(&self, asked: &Asked) -> Option<()> {
        (self.host.as_ref() == Some(&asked.signer())).then_some(())
    }

    fn require_agent(&self, asked: &Asked) -> Option<()> {
        let number = number_of(asked.claims["sub"].as_str()?)?;
        let is_its_key = self.agents.get(number) == Some(&asked.signer());
        let names_host = asked.claims["iss"].as_str() == self.host.as_deref();
        (is_its_key && names_host).then_some(())
    }
}

impl Asked {
    fn signer(&self) -> String {
        self.header["kid"].as_str().unwrap_or_default().to_owned()
    }

    /// The agent that a question is about.
    fn agent_asked_about(&self) -> String {
        self.body["agent_id"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

fn kid(jwk: &Value) -> String {
    jwk["kid"].as_str().unwrap().to_owned()
}

fn number_of(agent: &str) -> Option<usize> {
    let (number, _) = agent.strip_prefix("agt_")?.split_once('_')?;
    number.parse().ok()
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let target = head.split(' ').nth(1)?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let field = |name: &str| {
        let lines = head.lines().filter_map(|line| line.split_once(": "));
        let mut found = lines.filter(|(field, _)| field.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.to_owned())
    };
    let length = field("content-length").map_or(0, |it| it.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let mut body = serde_json::from_slice(&body).unwrap_or_else(|_| json!({}));
    if let Some(agent) = query.strip_prefix("agent_id=") {
        body = json!({ "agent_id": agent });
    }
    let token = field("authorization").unwrap_or_default();
    let mut parts = token.split([' ', '.']).skip(1).map(decoded);
    Some(Asked {
        path: path.to_owned(),
        header: parts.next().unwrap_or_default(),
        claims: parts.next().unwrap_or_default(),
        body,
    })
}

/// A part of a token as JSON.
fn decoded(text: &str) -> Value {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut bits, mut held, mut bytes) = (0_u32, 0, Vec::new());
    for byte in text.bytes() {
        let value = ALPHABET.iter().position(|it| *it == byte).unwrap();
        bits = (bits << 6) | u32::try_from(value).unwrap();
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from((bits >> held) & 0xff).unwrap());
        }
    }
    serde_json::from_slice(&bytes).unwrap_or_default()
}
