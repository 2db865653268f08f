//! Bringing an expired agent back: `reactivate_agent` (§6.8).

use http::Method;
use procura_agent_auth::wire::lifecycle::AgentRequest;

use crate::answer::PENDING;
use crate::approval::{Awaited, Pending, require_known_method};
use crate::call::{Call, Signer};
use crate::client::Client;
use crate::connect::Connected;
use crate::error::ClientError;
use crate::provider::Endpoint;

impl Client {
    /// Reactivates an expired agent, which keeps its identifier and key and holds the host's defaults again:
    /// what it was granted beyond them is gone and has to be asked for anew.
    pub async fn reactivate(&self, agent: &str) -> Result<Connected, ClientError> {
        let connection = self.profile.connection(agent)?;
        let provider = self.provider_of(&connection).await?;
        let body = AgentRequest {
            agent_id: connection.agent_id.clone(),
        };
        let signer = Signer::Host(None);
        let call = Call::new(&provider, Method::POST, Endpoint::Reactivate, signer)?;
        let mut answer = self
            .call_about(&call.with_body(&body)?, &connection)
            .await?;
        let approval = answer.approval.take();
        let standing = self.keep_status(&connection, answer)?;
        if standing.status != PENDING {
            return Ok(Connected::Active(standing));
        }
        let Some(object) = approval else {
            let reason = "a pending agent without an approval object";
            return Err(ClientError::bad_answer(provider.issuer(), reason));
        };
        let approval = self.approval(&provider, object, Awaited::Agent)?;
        let entropy = &*self.parts.entropy;
        self.profile.update(&connection.agent_key, entropy, |it| {
            it.approval = Some(approval.clone());
        })?;
        require_known_method(&approval)?;
        Ok(Connected::Pending(Pending {
            agent_id: connection.agent_id,
            approval,
            awaited: Awaited::Agent,
        }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::error::Reaction;
    use crate::fake::{BANK, Stage, approval, ok, refusal, status};

    const REACTIVATE: &str = "POST /agent/reactivate";

    // AA-6.8-01, AA-6.8-02
    #[tokio::test]
    async fn an_agent_comes_back_with_its_key_and_the_grants_it_has_now() {
        let stage = Stage::new();
        stage.connected().await;
        let before = stage.client.profile().connection("agt_1").unwrap();
        let grants = json!([{ "capability": "echo", "status": "active" }]);
        stage.on(REACTIVATE, ok(&status("active", &grants)));
        let outcome = stage.client.reactivate("agt_1").await.unwrap();
        let Connected::Active(standing) = outcome else {
            panic!("not active");
        };
        assert_eq!(json!(standing.grants), grants);
        let after = stage.client.profile().connection("agt_1").unwrap();
        assert_eq!(json!(after.grants), grants);
        assert_eq!(
            (&after.agent_id, &after.agent_key),
            (&before.agent_id, &before.agent_key)
        );
        let sent = &stage.sent(REACTIVATE)[0];
        assert_eq!(sent.typ.as_deref(), Some("host+jwt"));
        assert_eq!(
            (&sent.claims["aud"], &sent.body),
            (&json!(BANK), &json!({ "agent_id": "agt_1" }))
        );
        assert_eq!(sent.claims.get("agent_public_key"), None);
    }

    // AA-6.8-02
    #[tokio::test]
    async fn an_agent_that_needs_approval_waits_for_it() {
        let stage = Stage::new();
        stage.connected().await;
        let grants = json!([{ "capability": "echo", "status": "pending" }]);
        let mut answer = status("pending", &grants);
        answer["approval"] = approval();
        stage.on(REACTIVATE, ok(&answer));
        let Connected::Pending(pending) = stage.client.reactivate("agt_1").await.unwrap() else {
            panic!("not pending");
        };
        assert_eq!(stage.client.pending("agt_1").unwrap(), pending);
        stage.on("GET /agent/status", ok(&status("active", &json!([]))));
        let waited = stage.client.wait_for_approval(&pending, &mut |_| {}).await;
        assert_eq!(waited.unwrap().status, "active");
    }

    #[tokio::test]
    async fn an_agent_that_has_ended_stays_ended() {
        let stage = Stage::new();
        stage.connected().await;
        stage.on(REACTIVATE, refusal(403, "absolute_lifetime_exceeded"));
        let error = stage.client.reactivate("agt_1").await.unwrap_err();
        assert_eq!(error.refused().unwrap().reaction(), Reaction::GiveUp);
    }
}
