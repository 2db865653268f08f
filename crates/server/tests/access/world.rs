//! A bank with somebody in every state, and how each endpoint is called.

use std::time::Duration;

use procura_agent_auth::host::HostStatus;
use procura_server::Endpoint;
use serde_json::{Value, json};

use crate::support::Bank;
use crate::support::flows::{ALICE, wish};
use crate::support::http::Answer;
use crate::support::signers::{TestAgent, TestHost, jwk, new_key, sign};

/// A bank with somebody in every state, and a good host with a good agent.
pub(crate) struct World {
    pub(crate) bank: Bank,
    pub(crate) host: TestHost,
    pub(crate) agent: TestAgent,
    /// Another agent of the good host, for what ends or changes an agent.
    pub(crate) spare: TestAgent,
    /// A job that the good agent started.
    pub(crate) job: String,
    /// Where to listen for what became of a request that was denied.
    pub(crate) events: String,
    pub(crate) other_host: TestHost,
    pub(crate) other_agent: TestAgent,
    pub(crate) pending_host: TestHost,
    pub(crate) ended_hosts: [(TestHost, &'static str); 2],
    /// Agents that may not act, and the code each of them gets.
    pub(crate) idle_agents: Vec<(TestAgent, &'static str)>,
}

impl World {
    pub(crate) async fn new() -> Self {
        let bank = Bank::start().await;
        let everything = json!(["echo", "list_accounts", "export_statement"]);
        let (host, outlived) = bank.approved_agent(json!(["echo"])).await;
        bank.clock.advance(Duration::from_hours(24 * 30));
        let expired = bank.approved_agent_of(&host, json!(["echo"])).await;
        bank.clock.advance(Duration::from_hours(2));
        let agent = bank.approved_agent_of(&host, everything.clone()).await;
        let spare = bank.approved_agent_of(&host, json!([])).await;
        let revoked = bank.approved_agent_of(&host, json!(["echo"])).await;
        assert_eq!(bank.revoke(&host, &revoked).await.status, 200);
        let (rejected, asked) = bank.register(&host, &wish(json!(["list_accounts"]))).await;
        bank.deny(&asked, ALICE, "no").await;
        let (pending, _) = bank.register(&host, &wish(json!(["list_accounts"]))).await;
        let (other_host, other_agent) = bank.approved_agent(json!(["echo"])).await;

        let pending_host = TestHost::new();
        let (newcomer, _) = bank.register(&pending_host, &wish(json!(["echo"]))).await;
        let claiming_host = TestHost::new();
        let claimed = bank.autonomous_agent_of(&claiming_host).await;
        bank.approved_agent_of(&claiming_host, json!([])).await;
        let (revoked_host, cut_off) = bank.approved_agent(json!(["echo"])).await;
        bank.set_host(&revoked_host, HostStatus::Revoked).await;
        let rejected_host = TestHost::new();
        let (refused, _) = bank.register(&rejected_host, &wish(json!(["echo"]))).await;
        bank.set_host(&rejected_host, HostStatus::Rejected).await;

        let arguments = json!({ "account_id": "acc_1" });
        let started = bank.execute(&agent, "export_statement", arguments).await;
        let job = started.text_of("status_url").to_owned();
        Self {
            job: job[bank.issuer.len()..].to_owned(),
            events: asked.notification_path(&bank),
            bank,
            host,
            agent,
            spare,
            other_host,
            other_agent,
            pending_host,
            ended_hosts: [
                (revoked_host, "host_revoked"),
                (rejected_host, "host_rejected"),
            ],
            idle_agents: vec![
                (outlived, "absolute_lifetime_exceeded"),
                (expired, "agent_expired"),
                (revoked, "agent_revoked"),
                (rejected, "agent_rejected"),
                (claimed, "agent_claimed"),
                (pending, "agent_pending"),
                (newcomer, "agent_pending"),
                (cut_off, "host_revoked"),
                (refused, "host_rejected"),
            ],
        }
    }

    /// How an endpoint is called.
    pub(crate) fn request(&self, endpoint: &Endpoint) -> (String, Option<Value>) {
        let about = |agent: &TestAgent| json!({ "agent_id": agent.id });
        let new_key = jwk(&new_key());
        let body = match endpoint.path {
            "/.well-known/agent-configuration" | "/capability/list" | "/host/revoke" => None,
            "/capability/describe" => return ("/capability/describe?name=echo".to_owned(), None),
            "/agent/status" => {
                return (format!("/agent/status?agent_id={}", self.agent.id), None);
            }
            "/agent/events/{token}" => return (self.events.clone(), None),
            "/capability/status/{job}" => return (self.job.clone(), None),
            "/agent/register" => Some(wish(json!([]))),
            "/agent/request-capability" => Some(json!({ "capabilities": ["check_balance"] })),
            "/agent/reactivate" => Some(about(&self.agent)),
            "/agent/revoke" => Some(about(&self.spare)),
            "/agent/rotate-key" => {
                Some(json!({ "agent_id": self.spare.id, "public_key": new_key }))
            }
            "/host/rotate-key" => Some(json!({ "public_key": new_key })),
            "/capability/execute" => Some(json!({ "capability": "echo" })),
            "/capability/batch-execute" => Some(json!({ "requests": [{ "capability": "echo" }] })),
            "/agent/introspect" => Some(json!({ "token": "x" })),
            unknown => panic!("say here how {unknown} is called"),
        };
        (endpoint.path.to_owned(), body)
    }

    pub(crate) async fn send(&self, endpoint: &Endpoint, authorization: &[String]) -> Answer {
        let (path, body) = self.request(endpoint);
        let header = |value: &String| ("authorization", value.clone());
        let mut headers: Vec<_> = authorization.iter().map(header).collect();
        if body.is_some() {
            headers.push(("content-type", "application/json".to_owned()));
        }
        let body = body.map(|body| body.to_string().into_bytes());
        self.bank.raw(endpoint.method, &path, &headers, body).await
    }

    pub(crate) fn host_token(&self, host: &TestHost) -> String {
        sign("host+jwt", &self.host_claims(host), &host.key)
    }

    pub(crate) fn host_signed(&self, typ: &str, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = self.host_claims(&self.host);
        change(&mut claims);
        sign(typ, &claims, &self.host.key)
    }

    /// Claims that fit every host endpoint.
    pub(crate) fn host_claims(&self, host: &TestHost) -> Value {
        let mut claims = host.claims(&self.bank);
        claims["agent_public_key"] = jwk(&new_key());
        claims
    }
}
