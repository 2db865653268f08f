//! Hosts and agents that publish their keys (§4.2, §4.5 step 4, §8.7).

use std::sync::Arc;
use std::time::Duration;

use procura_agent_auth::host::Host;
use procura_fetch::{FetchPolicy, Fetcher, JwksCache, JwksPolicy};
use procura_keys::jwk::PublicJwk;
use procura_keys::key::SigningKey;
use procura_keys::thumbprint::Thumbprint;
use serde_json::{Value, json};

use crate::support::flows::{ALICE, wish};
use crate::support::http::Answer;
use crate::support::signers::{TestAgent, TestHost, compact, jti, jwk, new_key, sign};
use crate::support::steady::TestClock;
use crate::support::{Bank, Setup, changed, extended};

const URL: &str = "https://keys.example/host";
const AGENT_URL: &str = "https://keys.example/agent";

/// A host that publishes its keys.
struct PublishingHost {
    url: String,
    kid: String,
    key: SigningKey,
}

impl PublishingHost {
    /// One whose only key is published already.
    fn new(bank: &Bank) -> Self {
        let host = Self {
            url: URL.to_owned(),
            kid: "h1".to_owned(),
            key: new_key(),
        };
        bank.publisher.publish(URL, &[("h1", &host.key)]);
        host
    }

    /// The same host with another key, which nobody has published yet.
    fn next(&self, kid: &str) -> Self {
        Self {
            url: self.url.clone(),
            kid: kid.to_owned(),
            key: new_key(),
        }
    }

    fn thumbprint(&self) -> Thumbprint {
        Thumbprint::of(self.key.public())
    }

    fn claims(&self, bank: &Bank) -> Value {
        let now = bank.now().as_seconds();
        json!({
            "iss": self.thumbprint(),
            "aud": bank.issuer,
            "iat": now,
            "exp": now + 60,
            "jti": jti(),
            "host_jwks_url": self.url,
        })
    }

    fn sign(&self, claims: &Value) -> String {
        let header = json!({ "alg": "EdDSA", "typ": "host+jwt", "kid": self.kid });
        compact(&header, &claims.to_string(), &self.key)
    }

    fn token(&self, bank: &Bank) -> String {
        self.sign(&self.claims(bank))
    }

    fn token_with(&self, bank: &Bank, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = self.claims(bank);
        change(&mut claims);
        self.sign(&claims)
    }

    async fn register_with(&self, bank: &Bank, change: impl FnOnce(&mut Value)) -> Answer {
        let token = self.token_with(bank, change);
        bank.post("/agent/register", Some(&token), &wish(json!(["echo"])))
            .await
    }

    /// An agent of this host with an inline key, approved by Alice.
    async fn approved_agent(&self, bank: &Bank) -> TestAgent {
        let key = new_key();
        let inline = jwk(&key);
        let answer = self
            .register_with(bank, |claims| claims["agent_public_key"] = inline)
            .await;
        self.approved(bank, &answer, key).await
    }

    /// An agent of this host that publishes its key as `a1`, approved by Alice.
    async fn publishing_agent(&self, bank: &Bank) -> TestAgent {
        let key = new_key();
        bank.publisher.publish(AGENT_URL, &[("a1", &key)]);
        let answer = self.register_with(bank, publishes_its_key).await;
        self.approved(bank, &answer, key).await
    }

    async fn approved(&self, bank: &Bank, answer: &Answer, key: SigningKey) -> TestAgent {
        bank.approve_all(answer, ALICE).await;
        TestAgent {
            id: answer.text_of("agent_id").to_owned(),
            key,
            issuer: self.thumbprint().into(),
        }
    }

    async fn status(&self, bank: &Bank, agent: &TestAgent) -> Answer {
        status(bank, agent, &self.token(bank)).await
    }
}

fn publishes_its_key(claims: &mut Value) {
    claims["agent_jwks_url"] = json!(AGENT_URL);
    claims["agent_kid"] = json!("a1");
}

async fn status(bank: &Bank, agent: &TestAgent, token: &str) -> Answer {
    let path = format!("/agent/status?agent_id={}", agent.id);
    bank.get(&path, Some(token)).await
}

async fn echo(bank: &Bank, agent: &TestAgent) -> Answer {
    bank.execute(agent, "echo", json!({})).await
}

async fn echo_with_kid(bank: &Bank, agent: &TestAgent, kid: &str, key: &SigningKey) -> Answer {
    let header = json!({ "alg": "EdDSA", "typ": "agent+jwt", "kid": kid });
    let claims = agent.claims(bank, &bank.execute_url()).to_string();
    let token = compact(&header, &claims, key);
    bank.execute_by(&token, "echo", json!({})).await
}

async fn stored(bank: &Bank, url: &str) -> Option<Host> {
    let mut tx = bank.store.read().await.unwrap();
    let url = url.parse().unwrap();
    tx.find_host_by_jwks_url(&url).await.unwrap()
}

// AA-4.1-05, AA-4.2-07, AA-4.2-11, AA-4.5.1-04, AA-2.8-03
#[tokio::test]
async fn a_host_registers_with_the_url_of_its_keys() {
    let bank = Bank::start().await;
    let host = PublishingHost::new(&bank);
    let others = [("other", &new_key()), ("h1", &host.key)];
    bank.publisher.publish(URL, &others);
    let agent = host.approved_agent(&bank).await;
    assert_eq!(host.status(&bank, &agent).await.status, 200);
    assert_eq!(echo(&bank, &agent).await.status, 200);
    let record = stored(&bank, URL).await.unwrap();
    assert_eq!(record.thumbprint(), host.thumbprint());
    // A second registration finds the same host, which is trusted by now.
    let again = host
        .register_with(&bank, |claims| claims["agent_public_key"] = jwk(&new_key()))
        .await;
    assert_eq!(again.body["host_id"], json!(record.id));
    assert_eq!(again.body["status"], "active");
}

// AA-4.2-12, AA-4.2-15, AA-4.5.1-04, AA-8.12-10
#[tokio::test]
async fn a_new_host_has_to_sign_with_the_key_that_kid_and_iss_name() {
    let bank = Bank::start().await;
    let host = PublishingHost::new(&bank);
    let other = host.next("h2");
    bank.publisher
        .publish(URL, &[("h1", &host.key), ("h2", &other.key)]);
    let foreign_iss = json!(other.thumbprint());
    let unpublished = PublishingHost {
        kid: "h3".to_owned(),
        ..host.next("h3")
    };
    let claims = host.claims(&bank);
    let without_kid = sign("host+jwt", &claims, &host.key);
    let forged = PublishingHost {
        key: new_key(),
        ..host.next("h1")
    };
    let plain_http = "http://keys.example/host";
    for token in [
        host.token_with(&bank, |claims| claims["iss"] = foreign_iss),
        unpublished.token(&bank),
        without_kid,
        forged.token_with(&bank, |claims| claims["iss"] = json!(host.thumbprint())),
        host.token_with(&bank, |claims| claims["host_jwks_url"] = json!(plain_http)),
        host.token_with(&bank, |claims| claims["host_public_key"] = jwk(&host.key)),
    ] {
        let answer = bank
            .post("/agent/register", Some(&token), &wish(json!([])))
            .await;
        assert_eq!(answer.refusal(), (401, "invalid_jwt"));
    }
    assert_eq!(stored(&bank, URL).await, None);
}

// AA-4.2-11, AA-4.5.1-03, AA-8.7-02
#[tokio::test]
async fn a_host_changes_its_key_by_publishing_another() {
    let bank = Bank::start().await;
    let host = PublishingHost::new(&bank);
    let agent = host.approved_agent(&bank).await;
    let before = host.status(&bank, &agent).await.body;
    let next = host.next("h2");
    assert_eq!(
        next.status(&bank, &agent).await.refusal(),
        (401, "invalid_jwt")
    );
    bank.publisher
        .publish(URL, &[("h1", &host.key), ("h2", &next.key)]);
    assert_eq!(next.status(&bank, &agent).await.body, before);
    let record = stored(&bank, URL).await.unwrap();
    assert_eq!(record.thumbprint(), next.thumbprint());
    let rotated = &bank.records_of("host.key_rotated").await[0];
    let names = json!({ "from": host.thumbprint(), "to": next.thumbprint() });
    assert_eq!(rotated["detail"], names);
    // A request under the old key that was still under way changes nothing back.
    assert_eq!(host.status(&bank, &agent).await.status, 200);
    assert_eq!(stored(&bank, URL).await.unwrap(), record);
    // A key that is not published any more is worth nothing.
    bank.publisher.publish(URL, &[("h2", &next.key)]);
    assert_eq!(
        host.status(&bank, &agent).await.refusal(),
        (401, "invalid_jwt")
    );
    assert_eq!(bank.records_of("host.key_rotated").await.len(), 1);
}

// AA-4.5.1-03
#[tokio::test]
async fn a_kid_may_come_to_name_another_key() {
    let bank = Bank::start().await;
    let host = PublishingHost::new(&bank);
    let agent = host.approved_agent(&bank).await;
    let next = host.next("h1");
    bank.publisher.publish(URL, &[("h1", &next.key)]);
    assert_eq!(next.status(&bank, &agent).await.status, 200);
    assert_eq!(
        host.status(&bank, &agent).await.refusal(),
        (401, "invalid_jwt")
    );
}

// AA-4.5-04, AA-4.5-05
#[tokio::test]
async fn an_agent_may_use_its_hosts_new_name_before_the_host_does() {
    let bank = Bank::start().await;
    let host = PublishingHost::new(&bank);
    let mut agent = host.approved_agent(&bank).await;
    assert_eq!(echo(&bank, &agent).await.status, 200);
    let next = host.next("h2");
    agent.issuer = next.thumbprint().into();
    assert_eq!(echo(&bank, &agent).await.refusal(), (401, "invalid_jwt"));
    bank.publisher
        .publish(URL, &[("h1", &host.key), ("h2", &next.key)]);
    assert_eq!(echo(&bank, &agent).await.status, 200);
    // Only the host itself changes its record.
    let record = stored(&bank, URL).await.unwrap();
    assert_eq!(record.thumbprint(), host.thumbprint());
    for iss in ["nobody", &TestHost::new().thumbprint()] {
        agent.issuer = iss.to_owned();
        assert_eq!(echo(&bank, &agent).await.refusal(), (401, "invalid_jwt"));
    }
    // Whoever cannot sign for the agent does not get its host's keys looked at.
    let asked = bank.publisher.asked().len();
    agent.issuer = TestHost::new().thumbprint();
    agent.key = new_key();
    assert_eq!(echo(&bank, &agent).await.refusal(), (401, "invalid_jwt"));
    assert_eq!(bank.publisher.asked().len(), asked);
}

// AA-4.5-06
#[tokio::test]
async fn a_published_key_that_is_another_hosts_name_is_that_hosts() {
    let bank = Bank::start().await;
    let host = PublishingHost::new(&bank);
    let mut agent = host.approved_agent(&bank).await;
    let other = TestHost::new();
    bank.approved_agent_of(&other, json!([])).await;
    let keys = [("h1", &host.key), ("h2", &other.key)];
    bank.publisher.publish(URL, &keys);
    agent.issuer = other.thumbprint();
    assert_eq!(echo(&bank, &agent).await.refusal(), (401, "invalid_jwt"));
}

// AA-4.5-05
#[tokio::test]
async fn inline_hosts_have_one_name_and_nothing_is_fetched_for_them() {
    let bank = Bank::start().await;
    let (_, mut agent) = bank.approved_agent(json!(["echo"])).await;
    agent.issuer = TestHost::new().thumbprint();
    assert_eq!(echo(&bank, &agent).await.refusal(), (401, "invalid_jwt"));
    assert_eq!(bank.publisher.asked(), [] as [String; 0]);
}

// AA-8.7-04
#[tokio::test]
async fn the_old_name_of_a_host_is_good_for_five_more_minutes() {
    let bank = Bank::start().await;
    let host = PublishingHost::new(&bank);
    let mut agent = host.approved_agent(&bank).await;
    assert_eq!(echo(&bank, &agent).await.status, 200);
    let next = host.next("h2");
    bank.publisher.publish(URL, &[("h2", &next.key)]);
    assert_eq!(next.status(&bank, &agent).await.status, 200);
    bank.clock.advance(Duration::from_secs(299));
    assert_eq!(echo(&bank, &agent).await.status, 200);
    bank.clock.advance(Duration::from_secs(1));
    assert_eq!(echo(&bank, &agent).await.refusal(), (401, "invalid_jwt"));
    agent.issuer = next.thumbprint().into();
    assert_eq!(echo(&bank, &agent).await.status, 200);
}

// AA-8.7-06
#[tokio::test]
async fn a_host_keeps_to_its_way_of_delivering_keys() {
    let bank = Bank::start().await;
    let host = PublishingHost::new(&bank);
    let agent = host.approved_agent(&bank).await;
    let inline = TestHost::new();
    let inline_agent = bank.approved_agent_of(&inline, json!([])).await;
    bank.publisher.publish(AGENT_URL, &[("h1", &inline.key)]);
    let before = stored(&bank, URL).await;
    let asked = bank.publisher.asked().len();

    let publishes_now = PublishingHost {
        url: AGENT_URL.to_owned(),
        kid: "h1".to_owned(),
        key: SigningKey::from_seed(inline.key.expose_seed()).unwrap(),
    };
    let answer = publishes_now.status(&bank, &inline_agent).await;
    assert_eq!(answer.refusal(), (401, "invalid_jwt"));
    let inline_now = TestHost {
        key: SigningKey::from_seed(host.key.expose_seed()).unwrap(),
    };
    let answer = bank.status(&inline_now, &agent).await;
    assert_eq!(answer.refusal(), (401, "invalid_jwt"));
    assert!(answer.text_of("message").contains("host_jwks_url"));

    assert_eq!(bank.publisher.asked().len(), asked);
    assert_eq!(stored(&bank, URL).await, before);
    assert_eq!(bank.status(&inline, &inline_agent).await.status, 200);
    assert_eq!(host.status(&bank, &agent).await.status, 200);
}

// AA-5.9-04
#[tokio::test]
async fn published_keys_are_not_rotated_by_request() {
    let bank = Bank::start().await;
    let host = PublishingHost::new(&bank);
    let agent = host.publishing_agent(&bank).await;
    let new_key = jwk(&new_key());
    let body = json!({ "public_key": new_key });
    let token = host.token(&bank);
    let answer = bank.post("/host/rotate-key", Some(&token), &body).await;
    assert_eq!(answer.refusal(), (400, "invalid_request"));
    let body = json!({ "agent_id": agent.id, "public_key": new_key });
    let token = host.token(&bank);
    let answer = bank.post("/agent/rotate-key", Some(&token), &body).await;
    assert_eq!(answer.refusal(), (400, "invalid_request"));
    assert_eq!(echo(&bank, &agent).await.status, 200);
}

// AA-4.1-05, AA-4.2-08, AA-4.5-08, AA-4.5.1-08
#[tokio::test]
async fn an_agent_signs_with_what_it_publishes_now() {
    let bank = Bank::start().await;
    let host = PublishingHost::new(&bank);
    let agent = host.publishing_agent(&bank).await;
    assert_eq!(echo(&bank, &agent).await.status, 200);
    for kid in ["a1", "unpublished"] {
        let answer = echo_with_kid(&bank, &agent, kid, &agent.key).await;
        assert_eq!(answer.status, 200, "{kid}");
    }
    let next = new_key();
    let refused = echo_with_kid(&bank, &agent, "a2", &next).await;
    assert_eq!(refused.refusal(), (401, "invalid_jwt"));
    let both = [("a1", &agent.key), ("a2", &next)];
    bank.publisher.publish(AGENT_URL, &both);
    let answer = echo_with_kid(&bank, &agent, "a2", &next).await;
    assert_eq!(answer.status, 200);
    // Each key has its name.
    let crossed = echo_with_kid(&bank, &agent, "a1", &next).await;
    assert_eq!(crossed.refusal(), (401, "invalid_jwt"));
    // The key of the registration ends with its publication.
    bank.publisher.publish(AGENT_URL, &[("a2", &next)]);
    assert_eq!(echo(&bank, &agent).await.refusal(), (401, "invalid_jwt"));
    let answer = echo_with_kid(&bank, &agent, "a2", &next).await;
    assert_eq!(answer.status, 200);
}

// AA-4.2-09, AA-4.2-14, AA-8.12-10
#[tokio::test]
async fn an_agents_published_key_has_to_be_there_and_its_own() {
    let bank = Bank::start().await;
    let host = PublishingHost::new(&bank);
    bank.publisher.publish(AGENT_URL, &[("a1", &new_key())]);
    let cases = [
        json!({ "agent_jwks_url": AGENT_URL }),
        json!({ "agent_jwks_url": AGENT_URL, "agent_kid": "a2" }),
        json!({ "agent_jwks_url": "https://keys.example/none", "agent_kid": "a1" }),
        json!({ "agent_jwks_url": "http://keys.example/agent", "agent_kid": "a1" }),
        json!({ "agent_jwks_url": URL, "agent_kid": "h1" }),
        json!({}),
    ];
    for extra in cases {
        let answer = host
            .register_with(&bank, |claims| {
                for (name, value) in extra.as_object().unwrap() {
                    claims[name] = value.clone();
                }
            })
            .await;
        assert_eq!(answer.refusal(), (400, "invalid_request"), "{extra}");
    }
    assert_eq!(stored(&bank, URL).await, None);
}

#[tokio::test]
async fn the_same_published_key_again_is_the_same_agent() {
    let bank = Bank::start().await;
    let host = PublishingHost::new(&bank);
    let key = new_key();
    bank.publisher.publish(AGENT_URL, &[("a1", &key)]);
    let first = host.register_with(&bank, publishes_its_key).await;
    let again = host.register_with(&bank, publishes_its_key).await;
    assert_eq!(again.status, 200);
    assert_eq!(again.body["agent_id"], first.body["agent_id"]);
    let inline = host
        .register_with(&bank, |claims| claims["agent_public_key"] = jwk(&key))
        .await;
    assert_eq!(inline.refusal(), (409, "agent_exists"));
}

// AA-10.4-02, AA-8.12-07
#[tokio::test]
async fn a_set_that_cannot_be_had_is_named_in_the_refusal() {
    let bank = Bank::start().await;
    let host = PublishingHost::new(&bank);
    let agent = host.publishing_agent(&bank).await;
    bank.publisher.withdraw(URL);
    bank.publisher.publish_text(AGENT_URL, r#"{"keys":[]}"#);
    let lost = host.status(&bank, &agent).await;
    assert_eq!(lost.refusal(), (401, "invalid_jwt"));
    let message = lost.text_of("message");
    assert!(
        message.contains("host_jwks_url cannot be fetched"),
        "{message}"
    );
    let bad = echo(&bank, &agent).await;
    assert_eq!(bad.refusal(), (401, "invalid_jwt"));
    let message = bad.text_of("message");
    assert!(message.contains("agent_jwks_url is refused"), "{message}");
}

/// Strangers make the server fetch something only where they register.
#[tokio::test]
async fn keys_of_unknown_hosts_are_fetched_for_registration_only() {
    let bank = Bank::start().await;
    let host = PublishingHost::new(&bank);
    let agent = TestHost::new().new_agent();
    let refused = host.status(&bank, &agent).await;
    assert_eq!(refused.refusal(), (401, "invalid_jwt"));
    let token = host.token(&bank);
    let refused = bank.post("/host/revoke", Some(&token), &json!({})).await;
    assert_eq!(refused.refusal(), (401, "invalid_jwt"));
    let listed = bank.get("/capability/list", Some(&host.token(&bank))).await;
    assert_eq!(listed.status, 200);
    assert_eq!(bank.publisher.asked(), [] as [String; 0]);
    host.approved_agent(&bank).await;
    assert_eq!(bank.publisher.asked(), [URL]);
}

// AA-8.13-07
#[tokio::test]
async fn what_strangers_make_the_server_fetch_is_counted_before_it_is_fetched() {
    let bank = Bank::start_limited(&extended("[limits]\nunknown_host = \"2/1h\"")).await;
    let host = PublishingHost::new(&bank);
    for status in [401, 401, 429] {
        let answer = host
            .next("h9")
            .register_with(&bank, |claims| claims["agent_public_key"] = jwk(&new_key()))
            .await;
        assert_eq!(answer.status, status);
    }
    assert_eq!(bank.publisher.asked().len(), 2);
}

#[tokio::test]
async fn a_server_for_known_hosts_fetches_nothing_for_others() {
    let config = changed(r#"unknown = "register""#, r#"unknown = "refuse""#);
    let bank = Bank::start_with(&config).await;
    let host = PublishingHost::new(&bank);
    let answer = host.register_with(&bank, publishes_its_key).await;
    assert_eq!(
        answer.refusal(),
        (403, "dynamic_host_registration_disabled")
    );
    assert_eq!(bank.publisher.asked(), [] as [String; 0]);
}

// AA-4.2-15, AA-8.12-01
#[tokio::test]
async fn keys_on_the_servers_own_machine_are_not_fetched() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let clock: Arc<TestClock> = Arc::default();
    let cache = JwksCache::new(
        Fetcher::new(FetchPolicy::server()).unwrap(),
        Arc::clone(&clock) as _,
        JwksPolicy::default(),
    );
    let setup = Setup {
        clock,
        key_sets: Some(Arc::new(cache)),
        ..Setup::default()
    };
    let bank = setup.start().await;
    let host = PublishingHost {
        url: format!("https://{}/keys", listener.local_addr().unwrap()),
        ..PublishingHost::new(&bank)
    };
    let answer = host.register_with(&bank, publishes_its_key).await;
    assert_eq!(answer.refusal(), (401, "invalid_jwt"));
    assert!(listener.accept().is_err(), "somebody connected");
}

#[tokio::test]
async fn a_restarted_server_knows_who_publishes_where() {
    let bank = Bank::start_with(&crate::support::with_issuer("https://bank.example")).await;
    let host = PublishingHost::new(&bank);
    let agent = host.publishing_agent(&bank).await;
    let bank = bank.restarted().await;
    assert_eq!(host.status(&bank, &agent).await.status, 200);
    let named = PublicJwk::named_by_thumbprint(agent.key.public());
    let kid = named.kid.unwrap();
    let answer = echo_with_kid(&bank, &agent, &kid, &agent.key).await;
    assert_eq!(answer.status, 200);
}
