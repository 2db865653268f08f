//! What clients, people and administrators do at a bank, in one call each.

use std::time::Duration;

use procura_agent_auth::host::HostStatus;
use procura_agent_auth::id::ApprovalId;
use procura_people::consent::{Chosen, ConsentAnswer, ConsentView};
use procura_people::passkey::PasskeyId;
use procura_people::person::Email;
use procura_people::presence::{Confirmation, Method, Proof};
use procura_people::session::Session;
use procura_service::admin::{self, AdminCall, AdminReply, AdminRequest};
use procura_service::agent_auth::consent::{self, ConsentError};
use procura_service::housekeeping::{self, Removed};
use procura_service::people::{self, SignedIn};
use procura_store::Page;
use procura_store::agent_auth::HostChange;
use serde_json::{Value, json};

use super::Bank;
use super::http::Answer;
use super::signers::{TestAgent, TestHost};

/// Who approves unless a test says otherwise.
pub(crate) const ALICE: &str = "alice@example.com";
/// Somebody else.
pub(crate) const BOB: &str = "bob@example.com";

/// Nobody is asked in their inbox.
pub(crate) const CODES_ONLY: &str = "[approval]\nmethods = [\"device_authorization\"]";

/// Agents and their hosts.
impl Bank {
    /// Registers a new agent and returns it with the server's answer.
    pub(crate) async fn register(&self, host: &TestHost, body: &Value) -> (TestAgent, Answer) {
        let mut agent = host.new_agent();
        let answer = self.register_again(host, &agent, body).await;
        agent.id = answer.body["agent_id"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        (agent, answer)
    }

    /// Registers an agent's key, be it for the first time or not.
    pub(crate) async fn register_again(
        &self,
        host: &TestHost,
        agent: &TestAgent,
        body: &Value,
    ) -> Answer {
        let token = host.registration_token(self, agent);
        self.post("/agent/register", Some(&token), body).await
    }

    /// A delegated agent of a new host, approved by Alice for these capabilities.
    pub(crate) async fn approved_agent(&self, capabilities: Value) -> (TestHost, TestAgent) {
        let host = TestHost::new();
        let agent = self.approved_agent_of(&host, capabilities).await;
        (host, agent)
    }

    /// A delegated agent of this host, approved by Alice for these capabilities.
    pub(crate) async fn approved_agent_of(
        &self,
        host: &TestHost,
        capabilities: Value,
    ) -> TestAgent {
        let (agent, answer) = self.register(host, &wish(capabilities)).await;
        if answer.body["status"] == "pending" {
            self.approve_all(&answer, ALICE).await;
        }
        agent
    }

    /// An autonomous agent of this host with `echo`.
    pub(crate) async fn autonomous_agent_of(&self, host: &TestHost) -> TestAgent {
        let body = json!({ "name": "Worker", "mode": "autonomous", "capabilities": ["echo"] });
        let (agent, answer) = self.register(host, &body).await;
        assert_eq!(answer.body["status"], "active", "{answer:?}");
        agent
    }

    /// What the server says about an agent.
    pub(crate) async fn status(&self, host: &TestHost, agent: &TestAgent) -> Answer {
        let token = host.token(self);
        let path = format!("/agent/status?agent_id={}", agent.id);
        self.get(&path, Some(&token)).await
    }

    pub(crate) async fn execute(
        &self,
        agent: &TestAgent,
        capability: &str,
        arguments: Value,
    ) -> Answer {
        let token = agent.token(self, &self.execute_url());
        self.execute_by(&token, capability, arguments).await
    }

    pub(crate) async fn execute_by(
        &self,
        token: &str,
        capability: &str,
        arguments: Value,
    ) -> Answer {
        let body = json!({ "capability": capability, "arguments": arguments });
        self.post("/capability/execute", Some(token), &body).await
    }

    /// Asks for more, with a code to approve by.
    pub(crate) async fn request(&self, agent: &TestAgent, capabilities: Value) -> Answer {
        let body = json!({
            "capabilities": capabilities,
            "reason": "because",
            "preferred_method": "device_authorization",
        });
        self.request_by(&agent.token(self, &self.issuer), &body)
            .await
    }

    pub(crate) async fn request_by(&self, token: &str, body: &Value) -> Answer {
        self.post("/agent/request-capability", Some(token), body)
            .await
    }

    pub(crate) async fn revoke(&self, host: &TestHost, agent: &TestAgent) -> Answer {
        let token = host.token(self);
        let body = json!({ "agent_id": agent.id });
        self.post("/agent/revoke", Some(&token), &body).await
    }

    pub(crate) async fn introspect(&self, token: &str) -> Answer {
        let body = json!({ "token": token });
        self.post("/agent/introspect", None, &body).await
    }
}

/// A registration that asks for these capabilities, with a code to approve by if need be.
pub(crate) fn wish(capabilities: Value) -> Value {
    json!({
        "name": "Helper",
        "host_name": "Laptop",
        "capabilities": capabilities,
        "preferred_method": "device_authorization",
    })
}

/// People and administrators.
impl Bank {
    /// Says yes to everything in an answer's approval, with a passkey.
    pub(crate) async fn approve_all(&self, answer: &Answer, email: &str) {
        self.approve(answer, email, |_| true).await.unwrap();
    }

    /// Says yes to the named capabilities only.
    pub(crate) async fn approve_some(&self, answer: &Answer, email: &str, names: &[&str]) {
        self.approve(answer, email, |name| names.contains(&name))
            .await
            .unwrap();
    }

    async fn approve(
        &self,
        answer: &Answer,
        email: &str,
        chosen: impl Fn(&str) -> bool,
    ) -> Result<(), ConsentError> {
        let person = self.person(email, Method::Passkey).await;
        let (id, view) = self.read(&person, answer).await?;
        let items = view.items.iter().filter(|item| chosen(&item.name));
        let items = items
            .map(|item| Chosen::as_asked(item.id.clone()))
            .collect();
        self.decide(&person, &id, &view, &ConsentAnswer::Approve { items })
            .await
    }

    /// Tries to say yes to everything.
    pub(crate) async fn try_approve(
        &self,
        answer: &Answer,
        person: &SignedIn,
    ) -> Result<(), ConsentError> {
        let (id, view) = self.read(person, answer).await?;
        let items = view
            .items
            .iter()
            .map(|item| Chosen::as_asked(item.id.clone()))
            .collect();
        self.decide(person, &id, &view, &ConsentAnswer::Approve { items })
            .await
    }

    /// Says no.
    pub(crate) async fn deny(&self, answer: &Answer, email: &str, reason: &str) {
        let person = self.person(email, Method::Password).await;
        let (id, view) = self.read(&person, answer).await.unwrap();
        let no = ConsentAnswer::Deny {
            reason: Some(reason.to_owned()),
        };
        self.decide(&person, &id, &view, &no).await.unwrap();
    }

    /// The request behind an answer, as this person sees it.
    pub(crate) async fn read(
        &self,
        person: &SignedIn,
        answer: &Answer,
    ) -> Result<(ApprovalId, ConsentView), ConsentError> {
        let id = self.request_behind(answer).await?;
        let view = consent::view(&self.ctx, person, &id).await?;
        Ok((id, view))
    }

    /// By its code, or if it has none, by the agent it is for.
    pub(crate) async fn request_behind(&self, answer: &Answer) -> Result<ApprovalId, ConsentError> {
        if answer.body["approval"]["method"] == "device_authorization" {
            return consent::find_by_code(&self.ctx, &answer.user_code()).await;
        }
        let agent = answer.body["agent_id"].as_str().unwrap().parse().unwrap();
        let mut tx = self.store.read().await.unwrap();
        let mut open = tx.list_open_approvals_by_agent(&agent).await.unwrap();
        Ok(open.pop().unwrap().id)
    }

    pub(crate) async fn decide(
        &self,
        person: &SignedIn,
        id: &ApprovalId,
        shown: &ConsentView,
        answer: &ConsentAnswer,
    ) -> Result<(), ConsentError> {
        let shown = shown.digest();
        let mut person = person.clone();
        if person.has_passkey {
            person.confirmation = Some(Confirmation {
                passkey_id: PasskeyId("pky_1".to_owned()),
                subject: answer.subject(&shown),
                at: self.now(),
            });
        }
        consent::answer(&self.ctx, &person, id, &shown, answer).await
    }

    /// Somebody who has just signed in, by this method. Made on first use, without a password:
    /// hashing one for every test would only cost time.
    pub(crate) async fn person(&self, email: &str, method: Method) -> SignedIn {
        let email: Email = email.parse().unwrap();
        let page = Page {
            after: None,
            limit: 100,
        };
        let known = people::list_people(&self.ctx, page).await.unwrap();
        let person = match known.into_iter().find(|person| person.email == email) {
            Some(person) => person,
            None => people::add_person(&self.ctx, "test", email.clone(), "P".to_owned(), None)
                .await
                .unwrap(),
        };
        let now = self.now();
        let session = Session {
            token_digest: [0; 32],
            person_id: person.id.clone(),
            created_at: now,
            proof: Proof { method, at: now },
            expires_at: now.plus(Duration::from_hours(12)),
        };
        SignedIn {
            person,
            session,
            has_passkey: method == Method::Passkey,
            confirmation: None,
        }
    }

    /// What an administrator gets for a request that works.
    pub(crate) async fn administer(&self, request: AdminRequest) -> Value {
        match self.try_administer(request).await {
            AdminReply::Done(value) => value,
            AdminReply::Refused(why) => panic!("refused: {why}"),
        }
    }

    pub(crate) async fn try_administer(&self, request: AdminRequest) -> AdminReply {
        let administrator = "root".to_owned();
        admin::run(
            &self.ctx,
            &AdminCall {
                administrator,
                request,
            },
        )
        .await
    }

    /// An administrator's yes to everything in an answer's approval.
    pub(crate) async fn administrator_approves(&self, answer: &Answer) {
        let reference = self.request_behind(answer).await.unwrap().to_string();
        self.administer(AdminRequest::Approve {
            reference,
            user: None,
        })
        .await;
    }

    /// Puts a host into a state, as an operation that ends hosts would.
    pub(crate) async fn set_host(&self, host: &TestHost, to: HostStatus) {
        let thumbprint = host.thumbprint().try_into().unwrap();
        let mut tx = self.store.begin().await.unwrap();
        let known = tx
            .find_host_by_thumbprint(&thumbprint)
            .await
            .unwrap()
            .unwrap();
        let change = HostChange {
            id: known.id,
            from: known.status,
            to,
            link: None,
            at: self.now(),
        };
        tx.apply_host(&change).await.unwrap();
        tx.commit().await.unwrap();
    }
}

/// The audit log.
impl Bank {
    /// All its records, oldest first.
    pub(crate) async fn records(&self) -> Vec<Value> {
        let log = self
            .administer(AdminRequest::AuditTail { count: 1000 })
            .await;
        serde_json::from_value(log).unwrap()
    }

    /// The records of one kind, oldest first.
    pub(crate) async fn records_of(&self, event: &str) -> Vec<Value> {
        let mut records = self.records().await;
        records.retain(|record| record["event"] == event);
        records
    }

    /// All its events with their outcomes, oldest first.
    pub(crate) async fn audit(&self) -> Vec<(String, String)> {
        let text = |record: &Value, name: &str| record[name].as_str().unwrap().to_owned();
        let records = self.records().await;
        records
            .iter()
            .map(|record| (text(record, "event"), text(record, "outcome")))
            .collect()
    }

    /// What a running server does now and again.
    pub(crate) async fn keep_house(&self) -> Removed {
        self.ctx.tidy();
        housekeeping::run(&self.ctx, "policy", self.now())
            .await
            .unwrap()
    }
}
