//! Proof of possession (§4.4, §4.5 step 9, §8.14): DPoP over HTTP. Certificates are in `proxy`.

use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use procura_keys::digest::{sha256, to_base64url};
use procura_keys::key::SigningKey;
use procura_keys::thumbprint::Thumbprint;
use procura_keys::verifying_key::VerifyingKey;
use procura_service::admin::AdminRequest;
use procura_service::{housekeeping, secrets};
use serde_json::{Value, json};

use crate::support::http::Answer;
use crate::support::signers::{TestAgent, TestHost, compact, jti, jwk, new_key};
use crate::support::{Bank, changed, extended, with_issuer};

const EXECUTE: &str = "/capability/execute";

/// A bank that demands DPoP of every agent.
fn demanding() -> String {
    extended("[security]\nproof_of_possession = \"dpop\"")
}

/// A token for the execute endpoint, bound to a key.
fn bound_token(bank: &Bank, agent: &TestAgent, key: &SigningKey) -> String {
    bound_to(bank, agent, &Thumbprint::of(key.public()))
}

fn bound_to(bank: &Bank, agent: &TestAgent, key: &Thumbprint) -> String {
    agent.token_with(bank, &bank.execute_url(), |claims| {
        claims["cnf"] = json!({ "jkt": key });
    })
}

/// The claims of a proof that a request to execute goes with this token.
fn proof_claims(bank: &Bank, token: &str) -> Value {
    json!({
        "htm": "POST",
        "htu": bank.execute_url(),
        "iat": bank.now().as_seconds(),
        "jti": jti(),
        "ath": to_base64url(&sha256(token.as_bytes())),
    })
}

fn proof_of(claims: &Value, key: &SigningKey) -> String {
    let header = json!({ "alg": "EdDSA", "typ": "dpop+jwt", "jwk": jwk(key) });
    compact(&header, &claims.to_string(), key)
}

fn proof(bank: &Bank, token: &str, key: &SigningKey) -> String {
    proof_of(&proof_claims(bank, token), key)
}

/// Executes `echo` under this scheme with these proofs.
async fn echo(bank: &Bank, scheme: &str, token: &str, proofs: &[&str]) -> Answer {
    execute(bank, scheme, token, proofs, "echo").await
}

async fn execute(bank: &Bank, scheme: &str, token: &str, proofs: &[&str], name: &str) -> Answer {
    let mut headers = vec![
        ("authorization", format!("{scheme} {token}")),
        ("content-type", "application/json".to_owned()),
    ];
    headers.extend(proofs.iter().map(|proof| ("dpop", (*proof).to_owned())));
    let body = json!({ "capability": name }).to_string().into_bytes();
    bank.raw("POST", EXECUTE, &headers, Some(body)).await
}

const NO_PROOF: (u16, &str) = (401, "invalid_dpop_proof");

// AA-4.4-01, AA-4.4-02, AA-4.4-03, AA-4.5-10, AA-8.3-01, AA-8.14-01
#[tokio::test]
async fn where_dpop_is_demanded_only_a_proof_by_the_bound_key_is_enough() {
    let bank = Bank::start_with(&demanding()).await;
    let (_, agent) = bank.approved_agent(json!(["echo"])).await;
    let plain = bank.execute(&agent, "echo", json!({})).await;
    assert_eq!(plain.refusal(), NO_PROOF);
    let challenges: Vec<_> = plain.headers.get_all("www-authenticate").iter().collect();
    assert_eq!(
        challenges,
        [
            &*format!(
                "AgentAuth discovery=\"{}/.well-known/agent-configuration\"",
                bank.issuer
            ),
            "DPoP error=\"invalid_dpop_proof\", algs=\"EdDSA Ed25519 ES256\"",
        ]
    );
    // Not even a good proof is, beside a token that is bound to nothing.
    let key = new_key();
    let unbound = agent.token(&bank, &bank.execute_url());
    let by_key = proof(&bank, &unbound, &key);
    assert_eq!(
        echo(&bank, "DPoP", &unbound, &[&by_key]).await.refusal(),
        NO_PROOF
    );

    let token = bound_token(&bank, &agent, &key);
    let answer = echo(&bank, "DPoP", &token, &[&proof(&bank, &token, &key)]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    // Other requests of agents are held to it, too.
    let request = bank.request(&agent, json!(["check_balance"])).await;
    assert_eq!(request.refusal(), NO_PROOF);
}

// AA-4.4-02, AA-4.5-10
#[tokio::test]
async fn a_stolen_token_is_of_no_use_and_cannot_be_spent() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!(["echo"])).await;
    let (key, thief) = (new_key(), new_key());
    let token = bound_token(&bank, &agent, &key);
    let good = proof(&bank, &token, &key);
    let earlier = bound_token(&bank, &agent, &key);
    let of_another_token = proof(&bank, &earlier, &key);
    let with = |name: &str, value: Value| {
        let mut claims = proof_claims(&bank, &token);
        claims[name] = value;
        proof_of(&claims, &key)
    };
    let another_url = with("htu", json!(format!("{}/agent/register", bank.issuer)));
    let another_method = with("htm", json!("GET"));
    let ahead = with("iat", json!(bank.now().as_seconds() + 31));
    let by_thief = proof(&bank, &token, &thief);
    let garbled = format!("{}AAAA", &good[..good.len() - 4]);
    let attempts: [(&str, &[&str]); 12] = [
        ("Bearer", &[]),
        ("Bearer", &[&good]),
        ("DPoP", &[]),
        ("DPoP", &["x"]),
        ("DPoP", &[&good, &good]),
        ("DPoP", &[&by_thief]),
        ("DPoP", &[&of_another_token]),
        ("DPoP", &[&another_url]),
        ("DPoP", &[&another_method]),
        ("DPoP", &[&ahead]),
        ("DPoP", &[&garbled]),
        ("DPoP", &[&token]),
    ];
    for (scheme, proofs) in attempts {
        let answer = echo(&bank, scheme, &token, proofs).await;
        assert_eq!(answer.refusal(), NO_PROOF, "{scheme} {proofs:?}");
    }
    // Its owner can still use it: nothing was used up.
    assert_eq!(echo(&bank, "dpop", &token, &[&good]).await.status, 200);
    assert_eq!(bank.records_of("capability.started").await.len(), 1);
}

// AA-4.4-02, AA-4.6-01
#[tokio::test]
async fn token_and_proof_are_good_once() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!(["echo"])).await;
    let key = new_key();
    let token = bound_token(&bank, &agent, &key);
    let good = proof(&bank, &token, &key);
    assert_eq!(echo(&bank, "DPoP", &token, &[&good]).await.status, 200);
    // The token was used, whatever proof comes with it now.
    for proof in [good, proof(&bank, &token, &key)] {
        let again = echo(&bank, "DPoP", &token, &[&proof]).await;
        assert_eq!(again.refusal(), (401, "invalid_jwt"));
    }
    // A proof's name counts once for its key, whatever else it says.
    let mut names = Vec::new();
    for _ in 0..2 {
        let token = bound_token(&bank, &agent, &key);
        let mut claims = proof_claims(&bank, &token);
        claims["jti"] = json!("the same name");
        let answer = echo(&bank, "DPoP", &token, &[&proof_of(&claims, &key)]).await;
        names.push(answer.status);
        if answer.status == 401 {
            assert_eq!(answer.refusal(), NO_PROOF);
            assert!(answer.text_of("message").contains("used before"));
        }
    }
    assert_eq!(names, [200, 401]);
}

// AA-4.4-02
#[tokio::test]
async fn es256_keys_prove_as_well_and_their_garbage_does_not() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!(["echo"])).await;
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let point = pair.public_key().as_ref();
    let (x, y) = (to_base64url(&point[1..33]), to_base64url(&point[33..]));
    let jwk = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y });
    let key = VerifyingKey::parse(&jwk).unwrap().thumbprint();
    let token = bound_to(&bank, &agent, &key);
    let part = |value: Value| to_base64url(value.to_string().as_bytes());
    let header = json!({ "alg": "ES256", "typ": "dpop+jwt", "jwk": jwk });
    let signed = format!("{}.{}", part(header), part(proof_claims(&bank, &token)));
    let signature = pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
    for garbage in [vec![0; 64], vec![0xff; 64], vec![0x30; 70], Vec::new()] {
        let proof = format!("{signed}.{}", to_base64url(&garbage));
        assert_eq!(
            echo(&bank, "DPoP", &token, &[&proof]).await.refusal(),
            NO_PROOF
        );
    }
    let proof = format!("{signed}.{}", to_base64url(signature.as_ref()));
    assert_eq!(echo(&bank, "DPoP", &token, &[&proof]).await.status, 200);
}

// AA-4.4-01, AA-8.14-01
#[tokio::test]
async fn a_single_capability_may_demand_it() {
    let config = changed(
        "name = \"echo\"\n",
        "name = \"echo\"\nproof_of_possession = \"any\"\n",
    );
    let bank = Bank::start_with(&config).await;
    let (_, agent) = bank.approved_agent(json!(["echo", "list_accounts"])).await;
    let plain = bank.execute(&agent, "list_accounts", json!({})).await;
    assert_eq!(plain.status, 200);
    assert_eq!(
        bank.execute(&agent, "echo", json!({})).await.refusal(),
        NO_PROOF
    );
    let refused = bank.records_of("capability.refused").await;
    assert_eq!(refused[0]["outcome"], "invalid_dpop_proof");
    let key = new_key();
    let token = bound_token(&bank, &agent, &key);
    let answer = echo(&bank, "DPoP", &token, &[&proof(&bank, &token, &key)]).await;
    assert_eq!(answer.status, 200);
    // A batch is no way around it.
    let batch = json!({ "requests": [{ "capability": "echo" }] });
    let token = agent.token(&bank, &bank.execute_url());
    let answer = bank
        .post("/capability/batch-execute", Some(&token), &batch)
        .await;
    assert_eq!(
        answer.body["responses"][0]["error"]["error"],
        "invalid_dpop_proof"
    );
}

#[tokio::test]
async fn proofs_name_the_issuer_and_never_the_host_that_a_request_claims() {
    let bank = Bank::start_with(&with_issuer("https://bank.example/agents")).await;
    let (_, agent) = approved_under_path(&bank).await;
    let key = new_key();
    for (htu, expected) in [
        ("https://evil.example/agents/capability/execute", 401),
        ("https://bank.example/capability/execute", 401),
        ("https://bank.example/agents/capability/execute", 200),
    ] {
        let token = bound_token(&bank, &agent, &key);
        let mut claims = proof_claims(&bank, &token);
        claims["htu"] = json!(htu);
        let headers = [
            ("authorization", format!("DPoP {token}")),
            ("content-type", "application/json".to_owned()),
            ("dpop", proof_of(&claims, &key)),
            ("x-forwarded-host", "evil.example".to_owned()),
            ("x-forwarded-proto", "https".to_owned()),
            ("forwarded", "host=evil.example;proto=https".to_owned()),
        ];
        let body = json!({ "capability": "echo" }).to_string().into_bytes();
        let answer = bank
            .raw("POST", "/agents/capability/execute", &headers, Some(body))
            .await;
        assert_eq!(answer.status, expected, "{htu} {answer:?}");
    }
}

/// An autonomous agent of a bank whose issuer has a path.
async fn approved_under_path(bank: &Bank) -> (TestHost, TestAgent) {
    let host = TestHost::new();
    let mut agent = host.new_agent();
    let token = host.registration_token(bank, &agent);
    let body = json!({ "name": "Worker", "mode": "autonomous", "capabilities": ["echo"] });
    let answer = bank
        .post("/agents/agent/register", Some(&token), &body)
        .await;
    assert_eq!(answer.body["status"], "active", "{answer:?}");
    agent.id = answer.text_of("agent_id").to_owned();
    (host, agent)
}

// AA-4.4-02
#[tokio::test]
async fn a_nonce_is_told_and_good_for_the_same_token() {
    let bank = Bank::start_with(&extended("[security]\ndpop_nonce = true")).await;
    let (_, agent) = bank.approved_agent(json!(["echo"])).await;
    let key = new_key();
    let token = bound_token(&bank, &agent, &key);
    let refused = echo(&bank, "DPoP", &token, &[&proof(&bank, &token, &key)]).await;
    assert_eq!(refused.refusal(), (401, "use_dpop_nonce"));
    let challenge = refused
        .headers
        .get_all("www-authenticate")
        .iter()
        .next_back();
    let challenge = challenge.unwrap().to_str().unwrap();
    assert!(
        challenge.starts_with("DPoP error=\"use_dpop_nonce\""),
        "{challenge}"
    );
    let nonce = refused.header("dpop-nonce").unwrap().to_owned();
    let with_nonce = |token: &str| {
        let mut claims = proof_claims(&bank, token);
        claims["nonce"] = json!(nonce);
        proof_of(&claims, &key)
    };
    let answer = echo(&bank, "DPoP", &token, &[&with_nonce(&token)]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    // It goes on being good for a while, and then a new one is told.
    bank.clock.advance(Duration::from_mins(4));
    let token = bound_token(&bank, &agent, &key);
    let answer = echo(&bank, "DPoP", &token, &[&with_nonce(&token)]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    bank.clock.advance(Duration::from_mins(1));
    let token = bound_token(&bank, &agent, &key);
    let stale = echo(&bank, "DPoP", &token, &[&with_nonce(&token)]).await;
    assert_eq!(stale.refusal(), (401, "use_dpop_nonce"));
    assert_ne!(stale.header("dpop-nonce").unwrap(), nonce);
}

#[tokio::test]
async fn a_nonce_is_good_at_every_node_and_across_a_new_key() {
    let config = with_issuer("https://bank.example") + "\n[security]\ndpop_nonce = true\n";
    let bank = Bank::start_with(&config).await;
    let (_, agent) = bank.approved_agent(json!(["echo"])).await;
    let key = new_key();
    let send = async |at: &Bank, nonce: Option<&str>| {
        let token = bound_token(at, &agent, &key);
        let mut claims = proof_claims(at, &token);
        if let Some(nonce) = nonce {
            claims["nonce"] = json!(nonce);
        }
        echo(at, "DPoP", &token, &[&proof_of(&claims, &key)]).await
    };
    let told = async |at: &Bank| {
        let refused = send(at, None).await;
        refused.header("dpop-nonce").unwrap().to_owned()
    };
    let nonce = told(&bank).await;
    let other = bank.restarted().await;
    assert_eq!(send(&other, Some(&nonce)).await.status, 200);

    let rotated = bank.administer(AdminRequest::RotateNonces).await;
    assert_eq!(rotated, json!({ "rotated": true }));
    assert_eq!(bank.records_of("nonces.rotated").await.len(), 1);
    bank.clock.advance(Duration::from_mins(2));
    // One node knows the new key, and the other has not looked yet.
    let of_new_key = told(&bank).await;
    assert_eq!(send(&other, Some(&of_new_key)).await.status, 401);
    secrets::reload(&other.ctx).await.unwrap();
    for (nonce, at) in [(&nonce, &bank), (&nonce, &other), (&of_new_key, &other)] {
        assert_eq!(send(at, Some(nonce)).await.status, 200);
    }
    assert_eq!(told(&other).await, of_new_key);

    bank.clock.advance(Duration::from_mins(6));
    housekeeping::run(&other.ctx, "policy", other.now())
        .await
        .unwrap();
    let kept = bank
        .store
        .read()
        .await
        .unwrap()
        .list_secrets("dpop-nonces")
        .await;
    assert_eq!(kept.unwrap().len(), 1);
    let later = told(&bank).await;
    assert_eq!(send(&other, Some(&later)).await.status, 200);
    // After a day a new key is made by itself.
    bank.clock.advance(Duration::from_hours(24));
    housekeeping::run(&other.ctx, "policy", other.now())
        .await
        .unwrap();
    assert_eq!(bank.records_of("nonces.rotated").await.len(), 2);
}

#[tokio::test]
async fn a_host_token_that_is_bound_is_held_to_it() {
    let bank = Bank::start_with(&demanding()).await;
    let (host, agent) = bank.approved_agent(json!(["echo"])).await;
    let key = new_key();
    let path = format!("/agent/status?agent_id={}", agent.id);
    // The demand is made of agents; a host may bind its tokens.
    assert_eq!(bank.status(&host, &agent).await.status, 200);
    let token = host.token_with(&bank, |claims| {
        claims["cnf"] = json!({ "jkt": Thumbprint::of(key.public()) });
    });
    assert_eq!(bank.get(&path, Some(&token)).await.refusal(), NO_PROOF);
    let mut claims = proof_claims(&bank, &token);
    claims["htm"] = json!("GET");
    claims["htu"] = json!(format!("{}/agent/status", bank.issuer));
    let headers = [
        ("authorization", format!("DPoP {token}")),
        ("dpop", proof_of(&claims, &key)),
    ];
    let answer = bank.raw("GET", &path, &headers, None).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn a_binding_that_nobody_can_check_is_refused() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!(["echo"])).await;
    for cnf in [json!({ "jwk": jwk(&new_key()) }), json!({}), json!(null)] {
        let token = agent.token_with(&bank, &bank.execute_url(), |claims| {
            claims["cnf"] = cnf.clone();
        });
        let answer = bank.execute_by(&token, "echo", json!({})).await;
        assert_eq!(answer.refusal(), (401, "invalid_jwt"), "{cnf}");
    }
}

// AA-4.5-10
#[tokio::test]
async fn introspection_tells_what_the_service_has_to_check() {
    let bank = Bank::start_with(&demanding()).await;
    let (_, agent) = bank.approved_agent(json!(["echo"])).await;
    let key = new_key();
    let answer = bank.introspect(&bound_token(&bank, &agent, &key)).await;
    assert_eq!(answer.body["active"], true);
    assert_eq!(
        answer.body["cnf"],
        json!({ "jkt": Thumbprint::of(key.public()) })
    );
    // A token that could not be used here is not good elsewhere.
    let unbound = agent.token(&bank, &bank.execute_url());
    assert_eq!(
        bank.introspect(&unbound).await.body,
        json!({ "active": false })
    );
}

#[tokio::test]
async fn discovery_says_what_is_supported_and_what_is_demanded() {
    let bank = Bank::start_with(&demanding()).await;
    let document = bank
        .get("/.well-known/agent-configuration", None)
        .await
        .body;
    assert_eq!(
        document["dpop_signing_alg_values_supported"],
        json!(["EdDSA", "Ed25519", "ES256"])
    );
    assert_eq!(document["dpop_bound_access_tokens_required"], true);
    assert_eq!(
        document["tls_client_certificate_bound_access_tokens"],
        false
    );
}
