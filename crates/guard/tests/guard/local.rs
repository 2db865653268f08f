//! Judging by the records themselves.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::routing::post;
use procura_agent_auth::agent::{Agent as Record, AgentState, Mode};
use procura_agent_auth::constraint::Constraints;
use procura_agent_auth::grant::{Actor, Grant, GrantState, Uses};
use procura_agent_auth::host::{Host, HostStatus};
use procura_agent_auth::id::{AgentId, GrantId, HostId};
use procura_agent_auth::lifetime::LifetimePolicy;
use procura_agent_auth::token::FORM;
use procura_guard::{
    Agent, Authority as _, Denied, Directory, Guard, Known, Local, Protects, Question,
};
use procura_keys::clock::{Clock, Timestamp};
use procura_keys::jwt;
use procura_keys::key::SigningKey;
use procura_keys::thumbprint::Thumbprint;
use serde_json::{Value, json};

use super::support::{ISSUER, LOCATION, ask_with_proofs, proof};

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

#[derive(Debug)]
struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        NOW
    }
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32]).unwrap()
}

struct Records {
    known: Option<Known>,
    seen: Mutex<HashSet<String>>,
}

#[async_trait]
impl Directory for Records {
    async fn find(&self, agent: &AgentId) -> Result<Option<Known>, String> {
        Ok(self.known.clone().filter(|known| known.agent.id == *agent))
    }

    async fn claim(&self, _: &AgentId, jti: &str, _: Timestamp) -> Result<bool, String> {
        Ok(self.seen.lock().unwrap().insert(jti.to_owned()))
    }

    /// One use is left, whatever the record says.
    async fn take_use(&self, grant: &GrantId) -> Result<bool, String> {
        Ok(self.seen.lock().unwrap().insert(grant.to_string()))
    }
}

fn known() -> Known {
    let host = Host {
        id: HostId::new(NOW, [1; 10]),
        name: None,
        public_key: key(1).public().clone(),
        jwks: None,
        user_id: None,
        default_capabilities: Vec::new(),
        status: HostStatus::Active,
        activated_at: Some(NOW),
        last_used_at: None,
        created_at: NOW,
        updated_at: NOW,
    };
    let agent = Record {
        id: AgentId::new(NOW, [2; 10]),
        host_id: host.id.clone(),
        user_id: None,
        name: "Payer".into(),
        mode: Mode::Autonomous,
        public_key: key(2).public().clone(),
        jwks: None,
        state: AgentState::Active { activated_at: NOW },
        last_used_at: None,
        created_at: NOW,
        updated_at: NOW,
    };
    Known {
        key: key(2).public().clone(),
        issuer: Thumbprint::of(key(1).public()).as_str().to_owned(),
        host_keys: None,
        grants: vec![grant(&agent)],
        agent,
        host,
    }
}

fn grant(agent: &Record) -> Grant {
    let limits = json!({ "amount": { "max": 100 } });
    Grant {
        id: GrantId::new(NOW, [3; 10]),
        agent_id: agent.id.clone(),
        capability: "pay".parse().unwrap(),
        constraints: Constraints::parse(&limits).unwrap(),
        state: GrantState::Active {
            granted_by: Actor::Policy,
        },
        reason: None,
        expires_at: None,
        uses: None,
        form: None,
        created_at: NOW,
        updated_at: NOW,
    }
}

fn local(known: Option<Known>) -> Local<Records> {
    let records = Records {
        known,
        seen: Mutex::default(),
    };
    let lifetime = LifetimePolicy {
        session_ttl: Some(Duration::from_hours(1)),
        max_lifetime: None,
        absolute_lifetime: None,
    };
    Local::new(ISSUER, records, Arc::new(Fixed), lifetime)
}

fn token(signer: u8, claims: Value) -> String {
    let now = NOW.as_seconds();
    let mut all = json!({
        "iss": Thumbprint::of(key(1).public()).as_str(), "sub": known().agent.id, "aud": LOCATION,
        "iat": now, "exp": now + 60, "jti": "j",
    });
    let Value::Object(claims) = claims else {
        unreachable!("members")
    };
    all.as_object_mut().unwrap().extend(claims);
    let header = jwt::Header {
        algorithm: FORM.algorithm,
        typ: "agent+jwt",
        kid: None,
    };
    jwt::sign(header, &all, &key(signer)).unwrap()
}

async fn judge(local: &Local<Records>, token: &str, amount: i64) -> Result<Agent, String> {
    let arguments = json!({ "amount": amount });
    let question = Question {
        token,
        location: LOCATION,
        capability: &"pay".parse().unwrap(),
        arguments: arguments.as_object().unwrap(),
    };
    let judged = local.judge(question).await;
    judged.map_err(|denied| match denied {
        Denied::Refused(refusal) => refusal.code_and_status().0.to_owned(),
        other => other.to_string(),
    })
}

/// AA-2.15-05, AA-4.5-12
#[tokio::test]
async fn a_token_of_a_known_agent_is_good_within_its_grant() {
    let agent = judge(&local(Some(known())), &token(2, json!({})), 100)
        .await
        .unwrap();
    assert_eq!(agent.id, known().agent.id);
    assert_eq!(agent.capabilities.len(), 1);
    let beyond = judge(&local(Some(known())), &token(2, json!({})), 101).await;
    assert_eq!(beyond.unwrap_err(), "constraint_violated");
    let unclaimed = judge(
        &local(Some(known())),
        &token(2, json!({ "capabilities": [] })),
        1,
    )
    .await;
    assert_eq!(unclaimed.unwrap_err(), "capability_not_granted");
}

/// AA-2.15-05, AA-4.5-02
#[tokio::test]
async fn everything_else_is_refused_as_the_server_would() {
    let mut revoked = known();
    revoked.agent.state = AgentState::Revoked {
        activated_at: Some(NOW),
    };
    let mut host_gone = known();
    host_gone.host.status = HostStatus::Revoked;
    let other_issuer = json!({ "iss": "x" });
    let cases = [
        (None, token(2, json!({})), "invalid_jwt"),
        (Some(known()), token(1, json!({})), "invalid_jwt"),
        (Some(known()), token(2, other_issuer), "invalid_jwt"),
        (
            Some(known()),
            token(2, json!({ "aud": ISSUER })),
            "invalid_jwt",
        ),
        (
            Some(known()),
            token(2, json!({ "exp": 1, "iat": 0 })),
            "invalid_jwt",
        ),
        (Some(revoked), token(2, json!({})), "agent_revoked"),
        (Some(host_gone), token(2, json!({})), "host_revoked"),
    ];
    for (known, token, code) in cases {
        assert_eq!(judge(&local(known), &token, 1).await.unwrap_err(), code);
    }
}

/// AA-4.4-02, AA-4.6-01
#[tokio::test]
async fn a_bound_token_is_good_once_and_its_proof_for_no_other() {
    let guard = Guard::new(LOCATION, local(Some(known()))).unwrap();
    let guard = guard.checking_proofs(Arc::new(Fixed));
    let pay = "pay".parse().unwrap();
    let service = Router::new()
        .route("/execute", post(async || "done"))
        .layer(guard.layer(Protects::execution([pay])));
    let bound = json!({ "jkt": Thumbprint::of(key(3).public()) });
    let used = token(2, json!({ "cnf": bound, "jti": "used" }));
    let fresh = token(2, json!({ "cnf": bound, "jti": "fresh" }));
    let proof = proof(3, &used, "POST", LOCATION);
    for (token, status, error) in [
        (&used, 200, None),
        (&used, 401, Some("invalid_jwt")),
        (&fresh, 401, Some("invalid_dpop_proof")),
    ] {
        let (service, sent) = (service.clone(), ("DPoP", token.as_str()));
        let answer = ask_with_proofs(service, "/execute", sent, &[&proof]).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        if let Some(error) = error {
            assert_eq!(answer.json()["error"], error);
        }
    }
}

/// AA-4.6-01
#[tokio::test]
async fn a_token_is_good_once() {
    let local = local(Some(known()));
    let token = token(2, json!({}));
    assert!(judge(&local, &token, 1).await.is_ok());
    assert_eq!(judge(&local, &token, 1).await.unwrap_err(), "invalid_jwt");
}

/// AA-5.13-12
#[tokio::test]
async fn a_use_that_somebody_else_took_is_gone() {
    let mut known = known();
    known.grants[0].uses = Uses::from_parts(5, 1);
    let local = local(Some(known));
    let first = token(2, json!({ "jti": "first" }));
    assert!(judge(&local, &first, 1).await.is_ok());
    let second = token(2, json!({ "jti": "second" }));
    assert_eq!(
        judge(&local, &second, 1).await.unwrap_err(),
        "limit_exceeded"
    );
}
