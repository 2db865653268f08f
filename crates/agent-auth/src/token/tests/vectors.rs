//! The signed tokens of `vectors/agent-auth/tokens.json` and `hostile/tokens.json`, which other implementations
//! check theirs with: each can be made again from its seed, and gets the verdict that stands beside it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::*;
use crate::agent::{AgentState, AgentStatus};
use crate::host::HostStatus;
use crate::id::{AgentId, HostId};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    #[serde(rename = "about")]
    _about: Vec<String>,
    keys: BTreeMap<String, Key>,
    server: Settings,
    records: Records,
    #[serde(default)]
    controls: Vec<Case>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    seed: String,
    public_jwk: Value,
    thumbprint: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    issuer: String,
    execute_url: String,
    skew_seconds: u64,
    max_age_seconds: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Records {
    host_id: HostId,
    host_key: String,
    agent_id: AgentId,
    agent_key: String,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    #[serde(flatten)]
    call: Call,
    host_status: KnownAs,
    now: i64,
    header: Option<String>,
    payload: Option<String>,
    signed_by: Option<String>,
    signed_payload: Option<String>,
    token: String,
    verdict: String,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Call {
    Agent { agent_status: AgentStatus },
    Host { operation: Operation },
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Operation {
    Register,
    Status,
    Reactivate,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KnownAs {
    Unknown,
    #[serde(untagged)]
    Known(HostStatus),
}

fn vectors() -> Vectors {
    let text = include_str!("../../../../../vectors/agent-auth/tokens.json");
    serde_json::from_str(text).unwrap()
}

/// Tokens that nobody may accept.
fn hostile() -> Vectors {
    let text = include_str!("../../../../../vectors/agent-auth/hostile/tokens.json");
    serde_json::from_str(text).unwrap()
}

impl Key {
    fn pair(&self) -> SigningKey {
        let digits = |at| u8::from_str_radix(&self.seed[at..at + 2], 16).unwrap();
        let seed: Vec<_> = (0..self.seed.len()).step_by(2).map(digits).collect();
        SigningKey::from_seed(&seed).unwrap()
    }
}

impl Case {
    /// The token that header, payload and key give; `None` for a text to be taken as it is.
    fn made_again(&self, keys: &BTreeMap<String, Key>) -> Option<String> {
        let key = keys[self.signed_by.as_ref()?].pair();
        let part = |text: &str| to_base64url(text.as_bytes());
        let header = part(self.header.as_ref()?);
        let payload = self.payload.as_ref()?;
        let signed = self.signed_payload.as_ref().unwrap_or(payload);
        let signature = key.sign(format!("{header}.{}", part(signed)).as_bytes());
        let signature = to_base64url(&signature);
        Some(format!("{header}.{}.{signature}", part(payload)))
    }
}

impl Vectors {
    fn cases(&self) -> impl Iterator<Item = &Case> {
        self.controls.iter().chain(&self.cases)
    }

    fn server(&self, case: &Case) -> Server {
        let key = |name: &str| self.keys[name].pair().public().clone();
        let mut server = Server::new();
        server.window = Window {
            skew: fixtures::seconds(self.server.skew_seconds),
            max_age: fixtures::seconds(self.server.max_age_seconds),
        };
        server.now = Timestamp::from_seconds(case.now);
        server.host.id = self.records.host_id.clone();
        server.host.public_key = key(&self.records.host_key);
        server.agent.id = self.records.agent_id.clone();
        server.agent.host_id = self.records.host_id.clone();
        server.agent.public_key = key(&self.records.agent_key);
        if let KnownAs::Known(status) = case.host_status {
            server.host.status = status;
        }
        if let Call::Agent { agent_status } = case.call {
            server.agent.state = AgentState::from_parts(agent_status, Some(NOW)).unwrap();
        }
        server
    }

    fn verify(&self, case: &Case) -> Result<(), Refusal> {
        let server = self.server(case);
        let Call::Host { operation } = case.call else {
            return server.verify_agent(&case.token).map(|_| ());
        };
        let host = match case.host_status {
            KnownAs::Unknown => None,
            KnownAs::Known(_) => Some(&server.host),
        };
        let standing = match operation {
            Operation::Register | Operation::Status => Standing::NotEnded,
            Operation::Reactivate => Standing::Active,
        };
        let verified = server.verify_host(&case.token, host, standing)?;
        if operation == Operation::Register {
            verified.agent_key()?;
        }
        Ok(())
    }
}

#[test]
fn the_vectors_are_for_the_addresses_of_these_tests() {
    for Vectors { server, .. } in [vectors(), hostile()] {
        assert_eq!(
            (server.issuer.as_str(), server.execute_url.as_str()),
            (ISSUER, EXECUTE)
        );
    }
}

// AA-4.1-01, AA-4.2-04
#[test]
fn each_key_is_what_its_seed_gives() {
    for (name, key) in vectors().keys.into_iter().chain(hostile().keys) {
        let pair = key.pair();
        assert_eq!(jwk(&pair), key.public_jwk, "{name}");
        assert_eq!(
            Thumbprint::of(pair.public()).as_str(),
            key.thumbprint,
            "{name}"
        );
    }
}

// AA-4.1-02
#[test]
fn each_token_can_be_made_again() {
    for vectors in [vectors(), hostile()] {
        for case in vectors.cases() {
            if let Some(token) = case.made_again(&vectors.keys) {
                assert_eq!(token, case.token, "{}", case.name);
            }
        }
    }
}

// AA-4.5-01, AA-4.5-02, AA-4.5-07, AA-4.5-08, AA-4.5.1-02, AA-4.5.1-04, AA-4.5.1-05, AA-8.18-01
#[test]
fn each_token_gets_its_verdict() {
    let mut wrong = Vec::new();
    for vectors in [vectors(), hostile()] {
        for case in vectors.cases() {
            let verdict = match vectors.verify(case) {
                Ok(()) => "accepted",
                Err(refusal) => refusal.code_and_status().0,
            };
            if verdict != case.verdict {
                wrong.push((case.name.clone(), verdict));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_verdict_that_a_token_alone_can_get_is_there() {
    let vectors = vectors();
    let verdicts = vectors.cases.iter().map(|case| case.verdict.as_str());
    let expected = [
        "accepted",
        "invalid_jwt",
        "invalid_request",
        "unsupported_algorithm",
        "agent_pending",
        "agent_expired",
        "agent_revoked",
        "agent_rejected",
        "agent_claimed",
        "host_pending",
        "host_revoked",
        "host_rejected",
    ];
    assert_eq!(verdicts.collect::<BTreeSet<_>>(), expected.into());
}
