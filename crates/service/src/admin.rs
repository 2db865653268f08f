//! What administrators do from the command line: one request, one answer, the same for a running server (over
//! its socket) and for a store that nobody has open.

use procura_agent_auth::agent::Agent;
use procura_agent_auth::id::{AgentId, ApprovalId, UserId};
use procura_agent_auth::lifetime;
use procura_keys::clock::Timestamp;
use procura_people::consent::ConsentAnswer;
use procura_people::person::{Email, Person};
use procura_store::Page;
use procura_store::agent_auth::AgentFilter;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::agent_auth::consent::{self, ConsentError, File};
use crate::agent_auth::revoke::revoke_agent;
use crate::audit;
use crate::context::Context;
use crate::error::{ServiceError, ServiceResult, decide_again};
use crate::people::{self, AccountError};

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdminCall {
    /// The name under which it is recorded: the operating system's user.
    pub administrator: String,
    /// What is asked.
    pub request: AdminRequest,
}

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "snake_case")]
pub enum AdminRequest {
    /// Make an account.
    AddPerson {
        /// The address to sign in with.
        email: String,
        /// How pages address them.
        name: String,
        /// Their password.
        password: Option<String>,
    },
    /// List everybody.
    ListPeople,
    /// Bar somebody from signing in.
    DisablePerson {
        /// Their address.
        email: String,
    },
    /// List agents, newest last.
    ListAgents,
    /// Show one agent with its grants.
    ShowAgent {
        /// The agent.
        agent_id: String,
    },
    /// Stop one agent for good.
    RevokeAgent {
        /// The agent.
        agent_id: String,
    },
    /// List requests that wait for an answer.
    ListApprovals,
    /// Say yes to a request.
    Approve {
        /// Its user code or identifier.
        reference: String,
        /// The address of the person to link the app to, if it is not linked yet.
        user: Option<String>,
    },
    /// Say no to a request.
    Deny {
        /// Its user code or identifier.
        reference: String,
        /// Shown to the agent.
        reason: Option<String>,
    },
    /// The last records of the audit log.
    AuditTail {
        /// How many.
        count: u32,
    },
    /// Check the whole audit log.
    AuditVerify,
}

/// The answer: a JSON value, or what went wrong in words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdminReply {
    /// Done.
    Done(Value),
    /// Not done.
    Refused(String),
}

/// Carries out a request.
pub async fn run(ctx: &Context, call: &AdminCall) -> AdminReply {
    match answer(ctx, call).await {
        Ok(value) => AdminReply::Done(value),
        Err(AdminError::Failed(error)) => {
            tracing::error!(%error, "an administrator's request failed");
            AdminReply::Refused(error.to_string())
        }
        Err(AdminError::Refused(why)) => AdminReply::Refused(why),
    }
}

enum AdminError {
    Refused(String),
    Failed(ServiceError),
}

impl<E: Into<ServiceError>> From<E> for AdminError {
    fn from(error: E) -> Self {
        match error.into() {
            ServiceError::Refused(refusal) => Self::Refused(refusal.to_string()),
            failed @ ServiceError::Failed(_) => Self::Failed(failed),
        }
    }
}

async fn answer(ctx: &Context, call: &AdminCall) -> Result<Value, AdminError> {
    let actor = format!("administrator:{}", call.administrator);
    match &call.request {
        AdminRequest::AddPerson {
            email,
            name,
            password,
        } => {
            let email = parse_email(email)?;
            let added =
                people::add_person(ctx, &actor, email, name.clone(), password.clone()).await;
            shown(&PersonView::of(&added.map_err(account_error)?))
        }
        AdminRequest::ListPeople => {
            let page = Page {
                after: None,
                limit: MAX_LISTED,
            };
            let people = people::list_people(ctx, page).await?;
            shown(&people.iter().map(PersonView::of).collect::<Vec<_>>())
        }
        AdminRequest::DisablePerson { email } => {
            let disabled = people::disable_person(ctx, &actor, &parse_email(email)?).await;
            shown(&PersonView::of(&disabled.map_err(account_error)?))
        }
        AdminRequest::ListAgents => list_agents(ctx).await,
        AdminRequest::ShowAgent { agent_id } => show_agent(ctx, agent_id).await,
        AdminRequest::RevokeAgent { agent_id } => revoke(ctx, agent_id, &actor).await,
        AdminRequest::ListApprovals => list_approvals(ctx).await,
        AdminRequest::Approve { reference, user } => {
            approve(ctx, call, reference, user.as_deref()).await
        }
        AdminRequest::Deny { reference, reason } => {
            let id = find_approval(ctx, reference).await?;
            let no = ConsentAnswer::Deny {
                reason: reason.clone(),
            };
            decide(ctx, call, None, &id, &no).await
        }
        AdminRequest::AuditTail { count } => {
            let records = ctx
                .read()
                .await?
                .list_last_audit((*count).min(MAX_LISTED))
                .await?;
            Ok(records
                .iter()
                .map(procura_store::audit::AuditRecord::to_value)
                .collect())
        }
        AdminRequest::AuditVerify => shown(&audit::verify(ctx).await?),
    }
}

async fn list_agents(ctx: &Context) -> Result<Value, AdminError> {
    let page = Page {
        after: None,
        limit: MAX_LISTED,
    };
    let agents = ctx
        .read()
        .await?
        .list_agents(&AgentFilter::default(), page)
        .await?;
    shown(
        &agents
            .iter()
            .map(|agent| AgentView::of(ctx, agent))
            .collect::<Vec<_>>(),
    )
}

async fn show_agent(ctx: &Context, id: &str) -> Result<Value, AdminError> {
    let mut tx = ctx.read().await?;
    let agent = tx
        .find_agent(&parse_agent_id(id)?)
        .await?
        .ok_or_else(|| no_such_agent(id))?;
    let grants = tx.list_grants_by_agent(&agent.id).await?;
    let mut value = shown(&AgentView::of(ctx, &agent))?;
    value["grants"] = grants
        .iter()
        .map(|grant| {
            serde_json::json!({
                "grant_id": grant.id,
                "capability": grant.capability,
                "status": grant.state.status().as_str(),
                "constraints": grant.constraints,
                "reason": grant.reason,
                "expires_at": grant.expires_at,
            })
        })
        .collect();
    Ok(value)
}

async fn revoke(ctx: &Context, id: &str, actor: &str) -> Result<Value, AdminError> {
    let agent_id = parse_agent_id(id)?;
    decide_again!(revoke_once(ctx, &agent_id, actor))?;
    show_agent(ctx, id).await
}

async fn revoke_once(ctx: &Context, id: &AgentId, actor: &str) -> ServiceResult<()> {
    let mut tx = ctx.begin().await?;
    match tx.find_agent(id).await? {
        Some(agent) => revoke_agent(ctx, tx, &agent, actor.to_owned(), None, ctx.now()).await,
        None => Ok(()),
    }
}

async fn list_approvals(ctx: &Context) -> Result<Value, AdminError> {
    let page = Page {
        after: None,
        limit: MAX_LISTED,
    };
    let mut tx = ctx.read().await?;
    let mut listed = Vec::new();
    for approval in tx.list_open_approvals(ctx.now(), page).await? {
        let file = File::load(tx.as_mut(), &approval.id)
            .await
            .map_err(consent_error)?;
        let mut value = shown(&file.view(ctx))?;
        value["agent_id"] = file.agent.id.as_str().into();
        value["mode"] = file.agent.mode.as_str().into();
        value["approver"] = file.approval.approver.as_str().into();
        value["login_hint"] = file.approval.login_hint.into();
        listed.push(value);
    }
    Ok(listed.into())
}

async fn approve(
    ctx: &Context,
    call: &AdminCall,
    reference: &str,
    user: Option<&str>,
) -> Result<Value, AdminError> {
    let id = find_approval(ctx, reference).await?;
    let mut tx = ctx.read().await?;
    let file = File::load(tx.as_mut(), &id).await.map_err(consent_error)?;
    let on_behalf_of = match user {
        None => None,
        Some(email) => {
            let email = parse_email(email)?;
            let person = tx.find_person_by_email(&email).await?;
            let person = person
                .ok_or_else(|| AdminError::Refused(format!("nobody has the address {email}")))?;
            Some(UserId(person.id.to_string()))
        }
    };
    drop(tx);
    let items = file
        .grants
        .iter()
        .map(|grant| grant.id.to_string())
        .collect();
    decide(
        ctx,
        call,
        on_behalf_of,
        &id,
        &ConsentAnswer::Approve { items },
    )
    .await
}

async fn decide(
    ctx: &Context,
    call: &AdminCall,
    on_behalf_of: Option<UserId>,
    id: &ApprovalId,
    answer: &ConsentAnswer,
) -> Result<Value, AdminError> {
    consent::answer_as_administrator(ctx, &call.administrator, on_behalf_of, id, answer)
        .await
        .map_err(consent_error)?;
    let approval = ctx.read().await?.find_approval(id).await?;
    let approval = approval.ok_or_else(|| AdminError::Refused("the request is gone".to_owned()))?;
    Ok(serde_json::json!({
        "approval_id": approval.id,
        "agent_id": approval.agent_id,
        "status": approval.state.as_str(),
    }))
}

/// A request by its user code or its identifier.
async fn find_approval(ctx: &Context, reference: &str) -> Result<ApprovalId, AdminError> {
    if let Ok(id) = reference.parse::<ApprovalId>() {
        return Ok(id);
    }
    consent::find_by_code(ctx, reference)
        .await
        .map_err(consent_error)
}

/// A person as shown to administrators.
#[derive(Serialize)]
struct PersonView<'a> {
    person_id: &'a str,
    email: &'a str,
    name: &'a str,
    disabled: bool,
    created_at: Timestamp,
}

impl<'a> PersonView<'a> {
    fn of(person: &'a Person) -> Self {
        Self {
            person_id: &person.id.0,
            email: person.email.as_str(),
            name: &person.name,
            disabled: person.disabled,
            created_at: person.created_at,
        }
    }
}

/// An agent as shown to administrators.
#[derive(Serialize)]
struct AgentView<'a> {
    agent_id: &'a str,
    host_id: &'a str,
    user_id: Option<&'a UserId>,
    name: &'a str,
    mode: &'a str,
    status: &'a str,
    created_at: Timestamp,
    last_used_at: Option<Timestamp>,
}

impl<'a> AgentView<'a> {
    fn of(ctx: &Context, agent: &'a Agent) -> Self {
        Self {
            agent_id: agent.id.as_str(),
            host_id: agent.host_id.as_str(),
            user_id: agent.user_id.as_ref(),
            name: &agent.name,
            mode: agent.mode.as_str(),
            status: lifetime::state_at(agent, &ctx.policy().lifetime, ctx.now())
                .status()
                .as_str(),
            created_at: agent.created_at,
            last_used_at: agent.last_used_at,
        }
    }
}

fn shown(value: &impl Serialize) -> Result<Value, AdminError> {
    serde_json::to_value(value).map_err(|error| AdminError::Refused(error.to_string()))
}

fn parse_email(text: &str) -> Result<Email, AdminError> {
    text.parse()
        .map_err(|error| AdminError::Refused(format!("{text:?}: {error}")))
}

fn parse_agent_id(text: &str) -> Result<AgentId, AdminError> {
    text.parse().map_err(|_| no_such_agent(text))
}

fn no_such_agent(id: &str) -> AdminError {
    AdminError::Refused(format!("no agent has the identifier {id:?}"))
}

fn account_error(error: AccountError) -> AdminError {
    match error {
        AccountError::Failed(error) => error.into(),
        refused => AdminError::Refused(refused.to_string()),
    }
}

fn consent_error(error: ConsentError) -> AdminError {
    match error {
        ConsentError::Failed(error) => error.into(),
        refused => AdminError::Refused(refused.to_string()),
    }
}

const MAX_LISTED: u32 = 1000;
