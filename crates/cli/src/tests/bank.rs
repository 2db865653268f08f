//! A bank that answers every request from a table.

use std::collections::HashMap;

use http::HeaderMap;

use super::*;

/// Answers by method and path; the last answer given for one is repeated.
#[derive(Default)]
pub(crate) struct Bank(Mutex<HashMap<String, Vec<(u16, Value)>>>);

impl Bank {
    /// A bank with two capabilities, which registers agents as active.
    pub(crate) fn open() -> Self {
        Self::default()
            .on("GET /.well-known/agent-configuration", 200, &document())
            .on("GET /capability/list", 200, &listed())
            .on("GET /capability/describe", 200, &described())
            .on("POST /agent/register", 200, &agent("active"))
            .on("GET /agent/status", 200, &agent("active"))
            .on(
                "POST /capability/execute",
                200,
                &json!({ "data": { "balance": 7 } }),
            )
            .on(
                "POST /agent/revoke",
                200,
                &json!({ "agent_id": "agt_1", "status": "revoked" }),
            )
    }

    /// Adds an answer.
    pub(crate) fn on(self, call: &str, status: u16, body: &Value) -> Self {
        let mut answers = self.0.lock().unwrap();
        let answers_of_call = answers.entry(call.to_owned()).or_default();
        answers_of_call.push((status, body.clone()));
        drop(answers);
        self
    }

    /// Drops the answers there are, and adds this one.
    pub(crate) fn but(self, call: &str, status: u16, body: &Value) -> Self {
        self.0.lock().unwrap().remove(call);
        self.on(call, status, body)
    }
}

#[async_trait]
impl Transport for Bank {
    async fn send(&self, request: Request) -> Result<Response, FetchError> {
        let call = format!("{} {}", request.method, request.url.path());
        let mut answers = self.0.lock().unwrap();
        let Some(queue) = answers.get_mut(&call) else {
            let host = "bank.example".to_owned();
            return Err(FetchError::TimedOut { host });
        };
        let (status, body) = match queue.len() {
            1 => queue[0].clone(),
            _ => queue.remove(0),
        };
        Ok(Response {
            status: status.try_into().unwrap(),
            headers: HeaderMap::new(),
            url: request.url,
            body: body.to_string().into(),
        })
    }
}

pub(crate) fn document() -> Value {
    json!({
        "version": "1.0-draft",
        "provider_name": "bank",
        "description": "Accounts and transfers",
        "issuer": "https://bank.example",
        "algorithms": ["Ed25519"],
        "modes": ["delegated", "autonomous"],
        "approval_methods": ["device_authorization"],
        "endpoints": {},
    })
}

pub(crate) fn agent(status: &str) -> Value {
    let mut agent = json!({
        "agent_id": "agt_1",
        "host_id": "hst_1",
        "name": "Helper",
        "mode": "delegated",
        "status": status,
        "agent_capability_grants": [
            { "capability": "check_balance", "status": status },
            { "capability": "transfer", "status": status, "constraints": { "amount": { "max": 100 } } },
        ],
    });
    if status == "pending" {
        agent["approval"] = approval();
    }
    agent
}

pub(crate) fn approval() -> Value {
    json!({
        "method": "device_authorization",
        "verification_uri": "https://bank.example/device",
        "verification_uri_complete": "https://bank.example/device?code=ABCD-1234",
        "user_code": "ABCD-1234",
        "expires_in": 300,
        "interval": 5,
    })
}

pub(crate) fn refusal(code: &str) -> Value {
    json!({ "error": code, "message": format!("Refused: {code}.") })
}

fn listed() -> Value {
    json!({ "capabilities": [
        { "name": "check_balance", "description": "Check a balance" },
        { "name": "transfer", "description": "Move money" },
    ]})
}

fn described() -> Value {
    json!({
        "name": "transfer",
        "description": "Move money",
        "input": { "type": "object", "required": ["amount"] },
    })
}
