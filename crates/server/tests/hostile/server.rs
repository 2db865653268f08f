//! A server with the records that the files speak of.

use std::sync::Arc;

use procura_agent_auth::agent::{Agent, AgentState, Mode};
use procura_agent_auth::grant::{Actor, Grant, GrantState};
use procura_agent_auth::host::{Host, HostStatus};
use procura_agent_auth::id::GrantId;
use procura_fetch::KeySets;
use procura_keys::clock::{Clock as _, Timestamp};
use procura_keys::key::SigningKey;
use procura_keys::thumbprint::Thumbprint;

use crate::support::http::Answer;
use crate::support::signers::{TestAgent, TestHost, jti, jwk};
use crate::support::{Bank, Setup, with_issuer};

/// What the files call the server.
pub(crate) const ISSUER: &str = "https://bank.example";
/// The server's clock, in seconds since 1970.
const NOW: i64 = 1_800_000_000;

/// The bank, and who is on its records.
pub(crate) struct Target {
    pub(crate) bank: Bank,
    pub(crate) host: TestHost,
    pub(crate) agent: TestAgent,
}

impl Target {
    pub(crate) async fn start() -> Self {
        Self::start_with(None).await
    }

    /// With this in place of the published key sets of the tests.
    pub(crate) async fn start_with(key_sets: Option<Arc<dyn KeySets>>) -> Self {
        let setup = Setup {
            config: with_issuer(ISSUER),
            key_sets,
            ..Setup::default()
        };
        let now = Timestamp::from_seconds(NOW);
        setup.clock.advance(now.since(setup.clock.now()));
        let host = TestHost { key: seeded(1) };
        let agent = TestAgent {
            id: "agt_019b8a3c40007000800000000000000b".to_owned(),
            key: seeded(2),
            issuer: host.thumbprint(),
        };
        let bank = setup.start().await;
        let target = Self { bank, host, agent };
        target.put_records(now).await;
        target
    }

    async fn put_records(&self, now: Timestamp) {
        let host = Host {
            id: "hst_019b8a3c40007000800000000000000a".parse().unwrap(),
            name: None,
            public_key: self.host.key.public().clone(),
            jwks: None,
            user_id: None,
            default_capabilities: Vec::new(),
            status: HostStatus::Active,
            activated_at: Some(now),
            last_used_at: None,
            created_at: now,
            updated_at: now,
        };
        let agent = Agent {
            id: self.agent.id.parse().unwrap(),
            host_id: host.id.clone(),
            user_id: None,
            name: "Worker".to_owned(),
            mode: Mode::Autonomous,
            public_key: self.agent.key.public().clone(),
            jwks: None,
            state: AgentState::Active { activated_at: now },
            last_used_at: None,
            created_at: now,
            updated_at: now,
        };
        let grant = Grant {
            id: GrantId::new(now, [1; 10]),
            agent_id: agent.id.clone(),
            capability: "echo".parse().unwrap(),
            constraints: None,
            state: GrantState::Active {
                granted_by: Actor::Policy,
            },
            reason: None,
            uses: None,
            form: None,
            expires_at: None,
            created_at: now,
            updated_at: now,
        };
        let mut tx = self.bank.store.begin().await.unwrap();
        tx.insert_host(&host).await.unwrap();
        tx.insert_agent(&agent).await.unwrap();
        tx.insert_grant(&grant).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// A registration by a new host that publishes its keys at `url`, signed by `key` under the name "a".
    pub(crate) async fn register_published(&self, url: &str, key: &SigningKey) -> Answer {
        let now = self.bank.now().as_seconds();
        let claims = serde_json::json!({
            "iss": Thumbprint::of(key.public()),
            "aud": ISSUER,
            "iat": now,
            "exp": now + 60,
            "jti": jti(),
            "host_jwks_url": url,
            "agent_public_key": jwk(&crate::support::signers::new_key()),
        });
        let header = procura_keys::jwt::Header {
            algorithm: "EdDSA",
            typ: "host+jwt",
            kid: Some("a"),
        };
        let token = procura_keys::jwt::sign(header, &claims, key).unwrap();
        let body = serde_json::json!({ "name": "Agent" });
        self.bank.post("/agent/register", Some(&token), &body).await
    }
}

/// The key whose seed is this byte 32 times.
pub(crate) fn seeded(byte: u8) -> SigningKey {
    SigningKey::from_seed(&[byte; 32]).unwrap()
}

/// Holds an answer against a verdict: accepted, or refused with this error in the protocol's form.
pub(crate) fn hold(answer: &Answer, verdict: &str, name: &str) {
    if verdict == "accepted" {
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
        return;
    }
    assert!((400..500).contains(&answer.status), "{name}: {answer:?}");
    assert_eq!(answer.refusal().1, verdict, "{name}: {answer:?}");
    assert_form(answer, name);
}

/// The form of every error (§5.13).
pub(crate) fn assert_form(answer: &Answer, name: &str) {
    let content_type = answer.header("content-type");
    assert_eq!(content_type, Some("application/json"), "{name}: {answer:?}");
    assert!(answer.body["error"].is_string(), "{name}: {answer:?}");
    assert!(!answer.text_of("message").is_empty(), "{name}: {answer:?}");
    // What was sent may be quoted in part, and never makes the answer grow with it.
    assert!(answer.text.len() < 32 * 1024, "{name}");
}
