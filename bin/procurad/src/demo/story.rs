//! The story, step by step. Each step states what has to happen and fails if it does not.

use anyhow::{Context as _, bail, ensure};
use http::Method;
use http::header::{AUTHORIZATION, HeaderValue};
use procura_client::{
    CapabilityAsk, ClientError, Connect, Connected, Executed, Pending, Request, Response,
};
use procura_server::admin_socket;
use procura_service::admin::{AdminCall, AdminReply, AdminRequest};
use serde_json::{Map, Value, json};

use super::stage::Stage;
use super::{narrator, person};

/// Plays all steps.
pub(crate) async fn tell(stage: &Stage) -> anyhow::Result<()> {
    discovery(stage).await.context("discovery")?;
    let pending = registration(stage).await.context("registration")?;
    let agent = pending.agent_id.clone();
    too_early(stage, &agent)
        .await
        .context("execution before approval")?;
    approval(stage, &pending).await.context("approval")?;
    execution(stage, &agent).await.context("execution")?;
    replay(stage).await.context("replay")?;
    constraint(stage, &agent).await.context("constraint")?;
    escalation(stage, &agent).await.context("escalation")?;
    transfers(stage, &agent).await.context("transfers")?;
    revocation(stage, &agent).await.context("revocation")?;
    audit(stage).await.context("audit")
}

async fn discovery(stage: &Stage) -> anyhow::Result<()> {
    stage.narrator.step(
        "Discovery",
        "An agent knows a URL and nothing else. It asks what is there (§5.1).",
    )?;
    let provider = stage.client.discover(&stage.issuer).await?;
    ensure!(
        provider.name() == "bank",
        "the provider is called {}",
        provider.name()
    );
    Ok(())
}

async fn registration(stage: &Stage) -> anyhow::Result<Pending> {
    stage.narrator.step(
        "Registration",
        "It registers with a key of its own, under its host's key, and asks to read one balance: it proposes its \
         own limit (§5.3, §2.13).",
    )?;
    let limits = json!({ "account_id": { "in": ["acc_123"] } });
    let mut request = Connect::new("Balance helper").with_capability("check_balance", Some(limits));
    request.hints.reason = Some("Tell Alice when her balance runs low".to_owned());
    match stage.client.connect(&stage.issuer, request).await? {
        Connected::Pending(pending) => Ok(pending),
        Connected::Active(_) => bail!("an unknown app was trusted without anybody's approval"),
    }
}

async fn too_early(stage: &Stage, agent: &str) -> anyhow::Result<()> {
    stage.narrator.step(
        "Too early",
        "Nobody has approved yet, so the key opens nothing (§2.3).",
    )?;
    let refused = execute(
        stage,
        agent,
        "check_balance",
        json!({ "account_id": "acc_123" }),
    )
    .await;
    expect_refusal(refused, "agent_pending")
}

async fn approval(stage: &Stage, pending: &Pending) -> anyhow::Result<()> {
    stage.narrator.step(
        "Approval",
        "A person decides, at the bank's own page, freshly signed in (§7.1, §8.11).",
    )?;
    let page = pending.approval.verification_uri_complete.as_ref();
    let page = page.context("the bank names no page to approve at")?;
    if stage.yes {
        person::approve(stage, page).await?;
    } else {
        let link = invitation(stage).await?;
        narrator::say(&format!(
            "Open this link first, and make a passkey for Alice there: {link}"
        ))?;
        narrator::say(&format!(
            "Or do without, and sign in as {} with the password: {}",
            person::EMAIL,
            person::PASSWORD
        ))?;
        narrator::say(&format!("Then open {page}"))?;
        narrator::say("The agent waits for you, and asks now and then:")?;
    }
    let standing = stage.client.wait_for_approval(pending, &mut |_| {}).await?;
    ensure!(
        standing.status == "active",
        "the agent is {}",
        standing.status
    );
    Ok(())
}

/// A link with which whoever follows it makes a passkey for Alice.
async fn invitation(stage: &Stage) -> anyhow::Result<String> {
    let request = AdminRequest::InvitePerson {
        email: person::EMAIL.to_owned(),
        administrator: false,
    };
    let made = administer(stage, request).await?;
    let link = made["link"].as_str().context("the bank makes no link")?;
    Ok(link.to_owned())
}

async fn execution(stage: &Stage, agent: &str) -> anyhow::Result<()> {
    stage.narrator.step(
        "Execution",
        "Each call carries a token for this one request: for this place, for a minute, used once (§4.3, §5.11).",
    )?;
    let balance = result(
        execute(
            stage,
            agent,
            "check_balance",
            json!({ "account_id": "acc_123" }),
        )
        .await?,
    )?;
    ensure!(balance["balance"] == 4280.13, "the balance is {balance}");
    Ok(())
}

async fn replay(stage: &Stage) -> anyhow::Result<()> {
    stage.narrator.step(
        "Replay",
        "Somebody overheard that request and sends it again, byte for byte (§4.6).",
    )?;
    let overheard = stage.narrator.last_request().context("nothing was sent")?;
    let answer = send_unwatched(stage, overheard).await?;
    expect_code(&answer, 401, "invalid_jwt")
}

async fn constraint(stage: &Stage, agent: &str) -> anyhow::Result<()> {
    stage.narrator.step(
        "Limits",
        "The grant names one account. Another one is out of reach (§2.13).",
    )?;
    let refused = execute(
        stage,
        agent,
        "check_balance",
        json!({ "account_id": "acc_999" }),
    )
    .await;
    expect_refusal(refused, "constraint_violated")
}

async fn escalation(stage: &Stage, agent: &str) -> anyhow::Result<()> {
    stage.narrator.step(
        "Escalation",
        "The task grows: it asks to send money, up to 1,000 USD, to one account. That changes something, so a \
         password does not do: an agent in Alice's browser could fill it in (§5.4, §8.11).",
    )?;
    let limits = json!({
        "amount": { "max": 1000 },
        "currency": { "in": ["USD"] },
        "destination_account": "acc_456",
    });
    let mut ask = CapabilityAsk::default().with_capability("transfer_domestic", Some(limits));
    ask.hints.reason = Some("Top up the savings account".to_owned());
    // Alice's inbox would do, but an administrator may answer here, and goes by a code.
    ask.hints.preferred_method = Some("device_authorization".to_owned());
    let Connected::Pending(pending) = stage.client.request_capability(agent, ask).await? else {
        bail!("the bank gave away a transfer without anybody's approval");
    };
    let code = pending
        .approval
        .user_code
        .clone()
        .context("the bank gives no code")?;
    if stage.yes {
        narrator::say(&format!(
            "An administrator approves at the bank's own machine: procurad admin approvals approve {code}"
        ))?;
        let user = Some(person::EMAIL.to_owned());
        administer(
            stage,
            AdminRequest::Approve {
                reference: code,
                user,
            },
        )
        .await?;
    } else {
        let page = pending.approval.verification_uri_complete.as_ref();
        let page = page.context("the bank names no page to approve at")?;
        narrator::say(&format!("Approve it with Alice's passkey: {page}"))?;
        narrator::say("Without one, an administrator approves it in another terminal:")?;
        narrator::say(&format!(
            "  procurad admin --config examples/bank/procura.toml --data {} approvals approve {code}",
            stage.data().display()
        ))?;
    }
    stage
        .client
        .wait_for_approval(&pending, &mut |_| {})
        .await?;
    Ok(())
}

async fn transfers(stage: &Stage, agent: &str) -> anyhow::Result<()> {
    stage.narrator.step(
        "Within the limits, and beyond",
        "250 USD to the savings account, then 5,000 EUR elsewhere.",
    )?;
    let arguments = json!({ "amount": 250, "currency": "USD", "destination_account": "acc_456" });
    let sent = result(execute(stage, agent, "transfer_domestic", arguments).await?)?;
    ensure!(sent["status"] == "sent", "the transfer is {sent}");
    let arguments = json!({ "amount": 5000, "currency": "EUR", "destination_account": "acc_777" });
    let refused = execute(stage, agent, "transfer_domestic", arguments).await;
    expect_refusal(refused, "constraint_violated")
}

async fn revocation(stage: &Stage, agent: &str) -> anyhow::Result<()> {
    stage.narrator.step(
        "Revocation",
        "The task is done. The agent is stopped, alone and at once: a token signed just before is refused (§5.7).",
    )?;
    let location = format!("{}/capability/execute", stage.issuer);
    let token = stage.client.sign_jwt(agent, Some(&location), None)?.token;
    stage.client.disconnect(agent).await?;
    let mut request = Request::get(location.parse()?);
    request.method = Method::POST;
    let mut bearer = HeaderValue::from_str(&format!("Bearer {token}"))?;
    bearer.set_sensitive(true);
    request.headers.insert(AUTHORIZATION, bearer);
    request
        .headers
        .insert("content-type", HeaderValue::from_static("application/json"));
    request.body = Some(json!({ "capability": "check_balance" }).to_string().into());
    let answer = send_unwatched(stage, request).await?;
    expect_code(&answer, 403, "agent_revoked")
}

async fn audit(stage: &Stage) -> anyhow::Result<()> {
    stage.narrator.step(
        "Audit",
        "Who did what, for whom, allowed by whom: each record carries the hash of the one before.",
    )?;
    let records = administer(stage, AdminRequest::AuditTail { count: 50 }).await?;
    for record in records.as_array().into_iter().flatten() {
        let text = |name: &str| record[name].as_str().unwrap_or("").to_owned();
        let line = format!(
            "{:<22} {:<20} {}",
            text("event"),
            text("outcome"),
            text("capability")
        );
        narrator::say(line.trim_end())?;
    }
    let verified = administer(stage, AdminRequest::AuditVerify).await?;
    ensure!(
        verified["broken"].is_null(),
        "the audit log is broken: {verified}"
    );
    narrator::say(&format!(
        "All {} records are in place.",
        verified["records"]
    ))?;
    narrator::say(
        "That was one agent's life. `procura --help` plays an agent, `procurad serve --help` a service.",
    )
}

async fn execute(
    stage: &Stage,
    agent: &str,
    capability: &str,
    arguments: Value,
) -> Result<Executed, ClientError> {
    stage
        .client
        .execute(agent, capability, arguments.as_object().cloned())
        .await
}

fn result(executed: Executed) -> anyhow::Result<Value> {
    match executed {
        Executed::Result(value) => Ok(value),
        Executed::Stream { .. } => bail!("a stream came instead of a result"),
    }
}

/// Sends a request the client did not make, and shows it.
async fn send_unwatched(stage: &Stage, request: Request) -> anyhow::Result<Response> {
    let response = stage.wire.send(request.clone()).await?;
    narrator::show(&request, &response)?;
    Ok(response)
}

fn expect_refusal<T>(result: Result<T, ClientError>, code: &str) -> anyhow::Result<()> {
    match result {
        Ok(_) => bail!("it was allowed, and {code} was expected"),
        Err(error) => match error.refused() {
            Some(refused) if refused.code.as_deref() == Some(code) => Ok(()),
            _ => Err(error).with_context(|| format!("{code} was expected")),
        },
    }
}

fn expect_code(response: &Response, status: u16, code: &str) -> anyhow::Result<()> {
    let body: Map<String, Value> = serde_json::from_slice(&response.body)?;
    ensure!(
        response.status == status && body["error"] == code,
        "{} {} came, and {status} {code} was expected",
        response.status,
        body["error"]
    );
    Ok(())
}

async fn administer(stage: &Stage, request: AdminRequest) -> anyhow::Result<Value> {
    let call = AdminCall {
        administrator: "demo".to_owned(),
        request,
    };
    match admin_socket::ask(&stage.data(), &call)
        .await?
        .context("the bank does not answer")?
    {
        AdminReply::Done(value) => Ok(value),
        AdminReply::Refused(why) => bail!(why),
    }
}
