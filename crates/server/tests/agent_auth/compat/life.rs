//! The life of an agent as clients of the better-auth implementation lead it, message by message (`life.json`), at a
//! lenient server and at a strict one. Written for this test: what was seen on the wire, in words of its own.

use procura_keys::thumbprint::Thumbprint;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::banks;
use crate::support::Bank;
use crate::support::flows::ALICE;
use crate::support::http::{Answer, Listening, listen};
use crate::support::signers::{TestAgent, TestHost, compact, jwk};

/// One message, or something that happens beside them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    what: String,
    /// Method and path, with `{agent}` and `{job}` for what was kept.
    send: Option<String>,
    token: Option<Token>,
    body: Option<Value>,
    lenient: Option<Expected>,
    strict: Option<Expected>,
    keep: Option<String>,
    #[serde(default)]
    approve: bool,
    /// The name of the next event, and the status in it.
    listen: Option<(String, String)>,
}

/// A token, or the last one once more.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Token {
    again: bool,
    of: String,
    aud: String,
    iss: Option<String>,
    registers: bool,
    reordered: bool,
    without: Vec<String>,
    capabilities: Option<Vec<String>>,
}

/// An answer with this HTTP status and these members, and perhaps others.
#[derive(Deserialize)]
struct Expected {
    http: u16,
    #[serde(flatten)]
    members: Map<String, Value>,
}

#[tokio::test]
async fn an_agent_made_for_better_auth_lives_as_recorded_and_strictly_does_not() {
    let steps: Vec<Step> = serde_json::from_str(include_str!("life.json")).unwrap();
    for (is_lenient, bank) in banks().await {
        let mut life = Life::new(&bank);
        for step in &steps {
            life.take(step, is_lenient).await;
        }
    }
}

struct Life<'a> {
    bank: &'a Bank,
    host: TestHost,
    agent: TestAgent,
    job: String,
    last_token: Option<String>,
    registered: Option<Answer>,
    events: Option<Listening>,
}

impl<'a> Life<'a> {
    fn new(bank: &'a Bank) -> Self {
        let host = TestHost::new();
        Self {
            bank,
            agent: host.new_agent(),
            host,
            job: String::new(),
            last_token: None,
            registered: None,
            events: None,
        }
    }

    async fn take(&mut self, step: &Step, is_lenient: bool) {
        if step.approve {
            let registered = self.registered.as_ref().unwrap();
            return self.bank.approve_all(registered, ALICE).await;
        }
        if let Some((name, status)) = &step.listen {
            return self.hear(name, status).await;
        }
        let answer = self.send(step).await;
        let expected = if is_lenient {
            &step.lenient
        } else {
            &step.strict
        };
        self.compare(step, expected.as_ref().unwrap(), &answer);
        match step.keep.as_deref() {
            Some("agent") => {
                self.agent.id = answer.text_of("agent_id").to_owned();
                self.registered = Some(answer);
            }
            Some("job") => {
                let url = answer.text_of("status_url");
                self.job = url.strip_prefix(&self.bank.issuer).unwrap().to_owned();
            }
            _ => {}
        }
    }

    async fn hear(&mut self, name: &str, status: &str) {
        if self.events.is_none() {
            let path = self.registered.as_ref().unwrap();
            let path = path.notification_path(self.bank);
            self.events = Some(listen(&self.bank.address, &path).await);
        }
        let event = self.events.as_mut().unwrap().event().await.unwrap();
        assert_eq!(
            (event.0.as_str(), &event.1["status"]),
            (name, &json!(status))
        );
        assert_eq!(event.1["agent_id"], json!(self.agent.id));
    }

    async fn send(&mut self, step: &Step) -> Answer {
        let (method, path) = step.send.as_deref().unwrap().split_once(' ').unwrap();
        let path = self.filled(path);
        let body = step
            .body
            .as_ref()
            .map(|body| self.filled(&body.to_string()));
        let token = step.token.as_ref().map(|token| self.token(token));
        if token.is_some() {
            self.last_token.clone_from(&token);
        }
        match (method, body) {
            ("GET", _) => self.bank.get(&path, token.as_deref()).await,
            (_, body) => {
                let body = serde_json::from_str(&body.unwrap()).unwrap();
                self.bank.post(&path, token.as_deref(), &body).await
            }
        }
    }

    fn token(&self, form: &Token) -> String {
        if form.again {
            return self.last_token.clone().unwrap();
        }
        let (typ, key) = match form.of.as_str() {
            "host" => ("host+jwt", &self.host.key),
            _ => ("agent+jwt", &self.agent.key),
        };
        let aud = match form.aud.as_str() {
            "execute" => self.bank.execute_url(),
            "issuer" => self.bank.issuer.clone(),
            other => other.to_owned(),
        };
        let mut claims = match form.of.as_str() {
            "host" => self.host.claims(self.bank),
            _ => self.agent.claims(self.bank, &aud),
        };
        let named = |key| {
            let mut jwk = jwk(key);
            jwk["kid"] = json!(Thumbprint::of(key.public()));
            jwk
        };
        if form.of == "host" {
            claims["host_public_key"] = named(&self.host.key);
        }
        if form.registers {
            claims["agent_public_key"] = named(&self.agent.key);
        }
        if let Some(names) = &form.capabilities {
            claims["capabilities"] = json!(names);
        }
        if let Some(iss) = &form.iss {
            claims["iss"] = json!(iss);
        }
        for name in &form.without {
            claims.as_object_mut().unwrap().remove(name);
        }
        let mut claims = claims.to_string();
        if form.reordered {
            let agent = &self.agent.key;
            let x = jwk(agent)["x"].clone();
            let reordered = format!(r#"{{"x":{x},"kty":"OKP","crv":"Ed25519"}}"#);
            let before = claims.clone();
            claims = claims.replace(&named(agent).to_string(), &reordered);
            assert_ne!(claims, before);
        }
        let header = json!({ "alg": "EdDSA", "typ": typ, "kid": Thumbprint::of(key.public()) });
        compact(&header, &claims, key)
    }

    fn compare(&self, step: &Step, expected: &Expected, answer: &Answer) {
        let what = &step.what;
        assert_eq!(answer.status, expected.http, "{what}: {answer:?}");
        for (name, value) in &expected.members {
            let value: Value = serde_json::from_str(&self.filled(&value.to_string())).unwrap();
            assert_eq!(answer.body[name], value, "{what}: {answer:?}");
        }
    }

    fn filled(&self, text: &str) -> String {
        let text = text.replace("{agent}", &self.agent.id);
        text.replace("{job}", &self.job)
    }
}
