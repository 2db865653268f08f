//! Every endpoint against every bad caller. The endpoints come from the server's own table, so one that is
//! added without saying here how it is called, or for a new kind of caller, fails to build or to pass.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "tests fail by panicking, and hand over json!(…) as it stands"
)]

#[expect(dead_code, reason = "this target needs only a part of it")]
mod support;
#[path = "access/world.rs"]
mod world;

use procura_keys::key::SigningKey;
use procura_server::{CallerKind, ENDPOINTS, Endpoint};
use serde_json::{Value, json};

use self::support::Bank;
use self::support::http::Answer;
use self::support::signers::{TestHost, compact, jwk, new_key, sign, tampered};
use self::world::World;

/// Status and error code.
type Refusal = (u16, &'static str);

const INVALID_JWT: Refusal = (401, "invalid_jwt");

/// A caller as it presents itself, and what it gets.
struct Case {
    who: &'static str,
    authorization: Vec<String>,
    expected: Refusal,
}

/// Who calls.
impl World {
    /// The token of a caller that an endpoint of this kind is for.
    fn good_token(&self, kind: CallerKind) -> Option<String> {
        match kind {
            CallerKind::Anyone => None,
            CallerKind::Viewer | CallerKind::Agent => {
                Some(self.agent.token(&self.bank, &self.bank.issuer))
            }
            CallerKind::ExecutingAgent => {
                Some(self.agent.token(&self.bank, &self.bank.execute_url()))
            }
            CallerKind::Host
            | CallerKind::ActiveHost
            | CallerKind::EndingHost
            | CallerKind::RegisteringHost => Some(self.host_token(&self.host)),
        }
    }

    /// The callers that an endpoint refuses.
    fn bad_callers(&self, endpoint: &Endpoint) -> Vec<Case> {
        let kind = endpoint.caller;
        match kind {
            CallerKind::Anyone => Vec::new(),
            CallerKind::Viewer => {
                let mut cases = self.malformed();
                cases.extend(self.bad_agents(kind));
                cases.extend(self.bad_hosts(kind));
                cases
            }
            CallerKind::Agent | CallerKind::ExecutingAgent => {
                let mut cases = self.malformed();
                cases.push(nobody());
                cases.push(bearer("a host", self.host_token(&self.host), INVALID_JWT));
                cases.extend(self.bad_agents(kind));
                if endpoint.path.contains("{job}") {
                    let token = self.other_agent.token(&self.bank, &self.bank.issuer);
                    cases.push(bearer("another agent", token, (403, "unauthorized")));
                }
                cases
            }
            CallerKind::Host
            | CallerKind::ActiveHost
            | CallerKind::EndingHost
            | CallerKind::RegisteringHost => {
                let mut cases = self.malformed();
                cases.push(nobody());
                let agent = self.agent.token(&self.bank, &self.bank.issuer);
                cases.push(bearer("an agent", agent, INVALID_JWT));
                cases.extend(self.bad_hosts(kind));
                cases.extend(self.hosts_without_rights(endpoint));
                cases
            }
        }
    }

    /// What is no token, whoever may call.
    fn malformed(&self) -> Vec<Case> {
        let host = || self.host_token(&self.host);
        let unsigned = {
            let header = json!({ "alg": "none", "typ": "host+jwt" });
            let claims = self.host_claims(&self.host).to_string();
            let token = compact(&header, &claims, &self.host.key);
            format!("{}.", token.rsplit_once('.').unwrap().0)
        };
        let raw = |who, values: Vec<String>| Case {
            who,
            authorization: values,
            expected: INVALID_JWT,
        };
        vec![
            raw("an empty header", vec![String::new()]),
            raw("basic credentials", vec!["Basic YTpi".to_owned()]),
            raw("a token without a scheme", vec![host()]),
            raw(
                "two headers",
                vec![format!("Bearer {}", host()), format!("Bearer {}", host())],
            ),
            bearer("no token", String::new(), INVALID_JWT),
            bearer("garbage", "a.b.c".to_owned(), INVALID_JWT),
            bearer("an oversized token", "a".repeat(9_000), INVALID_JWT),
            bearer("an unsigned token", unsigned, INVALID_JWT),
            bearer(
                "a token of no kind",
                self.host_signed("JWT", |_| ()),
                INVALID_JWT,
            ),
        ]
    }

    fn bad_agents(&self, kind: CallerKind) -> Vec<Case> {
        let here = match kind {
            CallerKind::ExecutingAgent => self.bank.execute_url(),
            _ => self.bank.issuer.clone(),
        };
        let now = self.bank.now().as_seconds();
        let bad = |who, change: &dyn Fn(&mut Value)| {
            let token = self.agent.token_with(&self.bank, &here, change);
            bearer(who, token, INVALID_JWT)
        };
        let signed_by =
            |key: &SigningKey| sign("agent+jwt", &self.agent.claims(&self.bank, &here), key);
        let mut cases = vec![
            bad("for another server", &|claims| {
                claims["aud"] = json!("https://elsewhere.example");
            }),
            bad("for almost this server", &|claims| {
                claims["aud"] = json!(format!("{}/", self.bank.issuer));
            }),
            bad("expired", &|claims| claims["exp"] = json!(now - 31)),
            bad("issued in the future", &|claims| {
                claims["iat"] = json!(now + 31);
            }),
            bad("issued too long ago", &|claims| {
                claims["iat"] = json!(now - 91);
            }),
            bad("of another host", &|claims| {
                claims["iss"] = json!(self.other_host.thumbprint());
            }),
            bad("of an unknown host", &|claims| {
                claims["iss"] = json!(TestHost::new().thumbprint());
            }),
            bad("as another agent", &|claims| {
                claims["sub"] = json!(self.other_agent.id);
            }),
            bad("as a sibling", &|claims| {
                claims["sub"] = json!(self.spare.id);
            }),
            bad("as an unknown agent", &|claims| {
                claims["sub"] = json!(unknown(&self.agent.id));
            }),
            bad("as no agent", &|claims| claims["sub"] = json!("nobody")),
            bearer(
                "tampered",
                tampered(&signed_by(&self.agent.key)),
                INVALID_JWT,
            ),
            bearer("signed by a stranger", signed_by(&new_key()), INVALID_JWT),
            bearer("signed by its host", signed_by(&self.host.key), INVALID_JWT),
        ];
        if kind != CallerKind::ExecutingAgent {
            let token = self.agent.token(&self.bank, &self.bank.execute_url());
            cases.push(bearer("for execution", token, INVALID_JWT));
        }
        for (agent, code) in &self.idle_agents {
            let token = agent.token(&self.bank, &here);
            cases.push(bearer(code, token, (403, code)));
            // Whoever cannot sign for them does not learn how they stand.
            let forged = sign("agent+jwt", &agent.claims(&self.bank, &here), &new_key());
            cases.push(bearer(
                "pretending to be one that may not act",
                forged,
                INVALID_JWT,
            ));
        }
        cases
    }

    fn bad_hosts(&self, kind: CallerKind) -> Vec<Case> {
        let now = self.bank.now().as_seconds();
        let bad = |who, change: &dyn Fn(&mut Value)| {
            bearer(who, self.host_signed("host+jwt", change), INVALID_JWT)
        };
        let signed_by =
            |host: &TestHost, key: &SigningKey| sign("host+jwt", &self.host_claims(host), key);
        let mut cases = vec![
            bad("a host for another server", &|claims| {
                claims["aud"] = json!("https://elsewhere.example");
            }),
            bad("a host for almost this server", &|claims| {
                claims["aud"] = json!(format!("{}/", self.bank.issuer));
            }),
            bad("a host for execution", &|claims| {
                claims["aud"] = json!(self.bank.execute_url());
            }),
            bad("a host, expired", &|claims| claims["exp"] = json!(now - 31)),
            bad("a host, issued in the future", &|claims| {
                claims["iat"] = json!(now + 31);
            }),
            bad("a host, issued too long ago", &|claims| {
                claims["iat"] = json!(now - 91);
            }),
            bad("a host as another", &|claims| {
                claims["iss"] = json!(self.other_host.thumbprint());
            }),
            bad("a host with another's key", &|claims| {
                claims["host_public_key"] = jwk(&self.other_host.key);
            }),
            bad("a host with another's name and key", &|claims| {
                claims["iss"] = json!(self.other_host.thumbprint());
                claims["host_public_key"] = jwk(&self.other_host.key);
            }),
            bad("a host without its key", &|claims| {
                claims.as_object_mut().unwrap().remove("host_public_key");
            }),
            bearer(
                "a host, tampered",
                tampered(&self.host_token(&self.host)),
                INVALID_JWT,
            ),
            bearer(
                "a host, signed by a stranger",
                signed_by(&self.host, &new_key()),
                INVALID_JWT,
            ),
        ];
        for (host, code) in &self.ended_hosts {
            cases.push(bearer(code, self.host_token(host), (403, code)));
            let forged = signed_by(host, &new_key());
            cases.push(bearer(
                "pretending to be an ended host",
                forged,
                INVALID_JWT,
            ));
        }
        let unknown = match kind {
            CallerKind::Host | CallerKind::ActiveHost => Some(INVALID_JWT),
            CallerKind::EndingHost => Some((404, "host_not_found")),
            // These are open to hosts that nobody knows yet.
            CallerKind::RegisteringHost | CallerKind::Viewer => None,
            CallerKind::Anyone | CallerKind::Agent | CallerKind::ExecutingAgent => {
                unreachable!("{kind:?} is not for hosts")
            }
        };
        if let Some(expected) = unknown {
            let token = self.host_token(&TestHost::new());
            cases.push(bearer("an unknown host", token, expected));
        }
        cases
    }

    /// Hosts that prove who they are, and may not do this.
    fn hosts_without_rights(&self, endpoint: &Endpoint) -> Vec<Case> {
        let (_, body) = self.request(endpoint);
        let names_an_agent = endpoint.path == "/agent/status"
            || body.is_some_and(|body| body["agent_id"].is_string());
        let mut cases = Vec::new();
        if names_an_agent {
            let token = self.host_token(&self.other_host);
            cases.push(bearer("another host", token, (403, "unauthorized")));
        }
        let pending = match endpoint.caller {
            CallerKind::Host => Some((403, "unauthorized")),
            CallerKind::ActiveHost | CallerKind::EndingHost => Some((403, "host_pending")),
            _ => None,
        };
        if let Some(expected) = pending {
            let token = self.host_token(&self.pending_host);
            cases.push(bearer("a pending host", token, expected));
        }
        cases
    }
}

fn nobody() -> Case {
    Case {
        who: "nobody",
        authorization: Vec::new(),
        expected: INVALID_JWT,
    }
}

fn bearer(who: &'static str, token: String, expected: Refusal) -> Case {
    Case {
        who,
        authorization: vec![format!("Bearer {token}")],
        expected,
    }
}

/// An identifier of the same form that nobody has.
fn unknown(id: &str) -> String {
    id.replace(|c: char| c.is_ascii_digit(), "0")
}

/// What is wrong with the answer to a bad caller, if anything.
fn judge(bank: &Bank, answer: &Answer, expected: Refusal) -> Option<String> {
    if answer.refusal() != expected {
        return Some(format!("{:?} instead of {expected:?}", answer.refusal()));
    }
    if !answer.body["message"].is_string() {
        return Some("no message".to_owned());
    }
    let challenge = format!(
        r#"AgentAuth discovery="{}/.well-known/agent-configuration""#,
        bank.issuer
    );
    let challenged = answer.header("www-authenticate") == Some(challenge.as_str());
    (challenged != (expected.0 == 401)).then(|| "a challenge too many or too few".to_owned())
}

// AA-2.3-02, AA-2.3-03, AA-2.3-05, AA-2.11-03, AA-4.2-03, AA-4.2-04, AA-4.2-05, AA-4.2-06, AA-4.2-07
// AA-4.2-10, AA-4.2-13, AA-4.3-01, AA-4.3-03, AA-4.3-04, AA-4.3-07, AA-4.5-01, AA-4.5-02, AA-4.5-03
// AA-4.5-06, AA-4.5-07, AA-4.5-08, AA-4.5-09, AA-4.5.1-01, AA-4.5.1-02, AA-4.5.1-04, AA-4.5.1-05
// AA-4.5.1-07, AA-5.5-01, AA-5.7-02, AA-5.8-04, AA-5.11-12, AA-5.11-16, AA-5.11-32, AA-5.13-06
// AA-5.13-07, AA-5.13-08, AA-5.13-09, AA-8.2-02, AA-8.18-01
#[tokio::test]
async fn every_endpoint_refuses_every_bad_caller() {
    let mut wrong = Vec::new();
    for endpoint in ENDPOINTS {
        let world = World::new().await;
        for case in world.bad_callers(endpoint) {
            let answer = world.send(endpoint, &case.authorization).await;
            if let Some(what) = judge(&world.bank, &answer, case.expected) {
                let Endpoint { method, path, .. } = endpoint;
                wrong.push(format!("{method} {path} by {}: {what}", case.who));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
        // None of that has changed anything for the one who may.
        let good: Vec<_> = bearers(world.good_token(endpoint.caller));
        let answer = world.send(endpoint, &good).await;
        assert_eq!(answer.status, 200, "{}: {answer:?}", endpoint.path);
    }
}

// AA-4.6-01, AA-4.5-09, AA-4.5.1-06, AA-8.4-01
#[tokio::test]
async fn every_endpoint_takes_a_good_token_once() {
    for endpoint in ENDPOINTS {
        let world = World::new().await;
        let Some(token) = world.good_token(endpoint.caller) else {
            continue;
        };
        let good = bearers(Some(token));
        let answer = world.send(endpoint, &good).await;
        assert_eq!(answer.status, 200, "{}: {answer:?}", endpoint.path);
        let replayed = match endpoint.caller {
            // The host has ended itself, which comes before what its token was used for.
            CallerKind::EndingHost => (403, "host_revoked"),
            _ => INVALID_JWT,
        };
        let answer = world.send(endpoint, &good).await;
        assert_eq!(
            judge(&world.bank, &answer, replayed),
            None,
            "{}",
            endpoint.path
        );
    }
}

// AA-5.1-02, AA-5.2-02, AA-5.2-13
#[tokio::test]
async fn what_is_open_to_all_needs_no_credentials() {
    for endpoint in ENDPOINTS {
        if !matches!(endpoint.caller, CallerKind::Anyone | CallerKind::Viewer) {
            continue;
        }
        let world = World::new().await;
        let open = world.send(endpoint, &[]).await;
        assert_eq!(open.status, 200, "{}", endpoint.path);
        if endpoint.caller == CallerKind::Anyone {
            // And looks at none.
            for case in world
                .malformed()
                .into_iter()
                .chain(world.bad_hosts(CallerKind::Host))
            {
                let answer = world.send(endpoint, &case.authorization).await;
                assert_eq!(answer.body, open.body, "{} by {}", endpoint.path, case.who);
            }
        }
    }
}

#[test]
fn no_two_endpoints_share_a_path() {
    for (at, endpoint) in ENDPOINTS.iter().enumerate() {
        let later = &ENDPOINTS[at + 1..];
        assert!(
            later.iter().all(|other| other.path != endpoint.path),
            "{}",
            endpoint.path
        );
    }
}

fn bearers(token: Option<String>) -> Vec<String> {
    token
        .into_iter()
        .map(|token| format!("Bearer {token}"))
        .collect()
}
