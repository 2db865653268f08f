//! Requests for approval as people see them, and what becomes of their answers (§7, §8.11).

use procura_agent_auth::agent::{Agent, AgentState, Mode};
use procura_agent_auth::approval::{
    self, Answer, Approval, ApprovalDecision, ApprovalError, ApprovalState, Approver, Case,
    Channel, Choice, Purpose,
};
use procura_agent_auth::capability::{ApprovalStrength, Form};
use procura_agent_auth::grant::{Grant, GrantStatus, Uses};
use procura_agent_auth::host::{Host, HostStatus};
use procura_agent_auth::id::{AgentId, ApprovalId, UserId};
use procura_agent_auth::lifetime;
use procura_agent_auth::user_code::UserCode;
use procura_keys::clock::Timestamp;
use procura_keys::digest::to_base64url;
use procura_people::consent::{ConsentAnswer, ConsentItem, ConsentKind, ConsentView, Limit};
use procura_people::limit::HeldTo;
use procura_people::person::{Person, PersonId};
use procura_people::presence::{Lacking, Method, Strength, judge_decision};
use procura_store::Transaction;
use procura_store::agent_auth::{AgentChange, GrantUpdate, HostChange};
use serde_json::{Value, json};

use super::bounds::{adjustable, constraints};
use super::held_to::held_to;
use super::link_host;
use crate::audit;
use crate::catalogue::Catalogue;
use crate::context::Context;
use crate::error::{ServiceError, ServiceResult, decide_again};
use crate::people::SignedIn;

/// Why an answer to a request does not count.
#[derive(Debug, thiserror::Error)]
pub enum ConsentError {
    /// No request has this code or identifier.
    #[error("No request has this code. Check it, or start again in the app.")]
    Unknown,
    /// Whoever answers has lost their account, or been barred, since they signed in.
    #[error("Your account is closed or barred, so nothing was decided.")]
    NoAccount,
    /// The rules say no.
    #[error(transparent)]
    Refused(#[from] ApprovalError),
    /// The person has not shown enough of themselves.
    #[error(transparent)]
    Lacking(#[from] Lacking),
    /// The request is not what the person was shown.
    #[error("The request changed while you were reading it. Read it again before you decide.")]
    Changed,
    /// Something broke.
    #[error(transparent)]
    Failed(ServiceError),
}

impl ConsentError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Failed(error) if error.is_conflict())
    }
}

impl<E: Into<ServiceError>> From<E> for ConsentError {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// The request a person typed the code of.
pub async fn find_by_code(ctx: &Context, typed: &str) -> Result<ApprovalId, ConsentError> {
    let code = UserCode::parse(typed).ok_or(ConsentError::Unknown)?;
    let found = ctx
        .read()
        .await?
        .find_approval_by_code(&code.digest())
        .await?;
    found
        .map(|approval| approval.id)
        .ok_or(ConsentError::Unknown)
}

/// What a person is asked to decide. Only for a request that they may still answer.
pub async fn view(
    ctx: &Context,
    person: &SignedIn,
    id: &ApprovalId,
) -> Result<ConsentView, ConsentError> {
    let mut tx = ctx.read().await?;
    let file = File::load(tx.as_mut(), id).await?;
    file.require_shown_to(person)?;
    file.require_answerable(ctx, person)?;
    Ok(file.view(ctx))
}

/// Carries out a person's answer to what they were shown.
pub async fn answer(
    ctx: &Context,
    person: &SignedIn,
    id: &ApprovalId,
    shown: &str,
    answer: &ConsentAnswer,
) -> Result<(), ConsentError> {
    decide_again!(answer_once(ctx, person, id, shown, answer))
}

async fn answer_once(
    ctx: &Context,
    person: &SignedIn,
    id: &ApprovalId,
    shown: &str,
    answer: &ConsentAnswer,
) -> Result<(), ConsentError> {
    let now = ctx.now();
    let mut tx = ctx.begin().await?;
    let file = File::load(tx.as_mut(), id).await?;
    file.require_shown_to(person)?;
    require_account(tx.as_mut(), &person.person.id).await?;
    let view = file.view(ctx);
    let approver = approver(person);
    let decision = file.decide(ctx, &approver, &file.answer(answer)?, now)?;
    if shown != view.digest() {
        return Err(ConsentError::Changed);
    }
    judge_presence(ctx, person, &view, shown, answer)?;
    let confirmed = person.confirmation.as_ref().map(|_| Method::Passkey);
    let proof = confirmed.unwrap_or(person.session.proof.method).as_str();
    let touched = file
        .write(ctx, tx.as_mut(), &decision, &approver, proof, now)
        .await?;
    tx.commit().await?;
    ctx.snapshots().drop_agents(&touched);
    Ok(())
}

/// Whether a person has shown enough of themselves for an answer to what they were shown (§8.11).
pub fn judge_presence(
    ctx: &Context,
    person: &SignedIn,
    view: &ConsentView,
    shown: &str,
    answer: &ConsentAnswer,
) -> Result<(), Lacking> {
    let required = match answer {
        ConsentAnswer::Approve { items } => view.strength_of(items),
        ConsentAnswer::Deny { .. } => Strength::Session,
    };
    judge_decision(
        required,
        person.session.proof,
        person.confirmation.as_ref(),
        &answer.subject(shown),
        ctx.policy().session.fresh_for,
        ctx.now(),
    )
}

/// An administrator's answer to the whole request, given out of band.
pub async fn answer_as_administrator(
    ctx: &Context,
    name: &str,
    on_behalf_of: Option<Person>,
    id: &ApprovalId,
    answer: &ConsentAnswer,
) -> Result<(), ConsentError> {
    let now = ctx.now();
    let mut tx = ctx.begin().await?;
    let file = File::load(tx.as_mut(), id).await?;
    if let Some(person) = &on_behalf_of {
        require_account(tx.as_mut(), &person.id).await?;
    }
    let on_behalf_of = on_behalf_of.map(|person| UserId(person.id.to_string()));
    let approver = Approver::Administrator {
        name: name.to_owned(),
        on_behalf_of,
    };
    let decision = file.decide(ctx, &approver, &file.answer(answer)?, now)?;
    let touched = file
        .write(ctx, tx.as_mut(), &decision, &approver, "administrator", now)
        .await?;
    tx.commit().await?;
    ctx.snapshots().drop_agents(&touched);
    Ok(())
}

/// An account that was deleted between signing in and answering decides nothing: no host would end with it.
async fn require_account(tx: &mut dyn Transaction, id: &PersonId) -> Result<(), ConsentError> {
    let person = tx.find_person(id).await?;
    let exists = person.is_some_and(|person| !person.disabled);
    exists.then_some(()).ok_or(ConsentError::NoAccount)
}

/// A request with everything a decision on it depends on.
pub(crate) struct File {
    pub(crate) approval: Approval,
    pub(crate) agent: Agent,
    pub(crate) host: Host,
    pub(crate) grants: Vec<Grant>,
    /// Whether the host has been approved before.
    known_app: bool,
}

impl File {
    pub(crate) async fn load(
        tx: &mut dyn Transaction,
        id: &ApprovalId,
    ) -> Result<Self, ConsentError> {
        let approval = tx.find_approval(id).await?.ok_or(ConsentError::Unknown)?;
        let agent = tx
            .find_agent(&approval.agent_id)
            .await?
            .ok_or(ConsentError::Unknown)?;
        let host = tx.load_host(&approval.host_id).await?;
        let grants = tx.list_grants_by_approval(id).await?;
        let known_app = host.user_id.is_some();
        Ok(Self {
            approval,
            agent,
            host,
            grants,
            known_app,
        })
    }

    /// What waits in one person's inbox, or for whoever runs the server, does not exist for others, so that nobody
    /// can find out about it.
    fn require_shown_to(&self, person: &SignedIn) -> Result<(), ConsentError> {
        let is_theirs = match &self.approval.channel {
            Channel::Code { .. } => true,
            Channel::Inbox { user_id: user } => *user == user_id(person),
            Channel::Custom { .. } => false,
        };
        is_theirs.then_some(()).ok_or(ConsentError::Unknown)
    }

    /// A trial answer: whoever could not say no is not shown the request either.
    pub(super) fn require_answerable(
        &self,
        ctx: &Context,
        person: &SignedIn,
    ) -> Result<(), ApprovalError> {
        let refuse = Answer::Deny { reason: None };
        self.decide(ctx, &approver(person), &refuse, ctx.now())
            .map(drop)
    }

    fn decide(
        &self,
        ctx: &Context,
        approver: &Approver,
        answer: &Answer,
        now: Timestamp,
    ) -> Result<ApprovalDecision, ApprovalError> {
        let case = Case {
            approval: &self.approval,
            agent: &self.agent,
            host: &self.host,
            grants: &self.grants,
            lifetime: &ctx.policy().lifetime,
        };
        approval::decide(case, approver, answer, now)
    }

    /// The request as a person sees it.
    pub(crate) fn view(&self, ctx: &Context) -> ConsentView {
        ConsentView {
            reference: self.approval.id.to_string(),
            app: self.host.name.clone(),
            agent: self.agent.name.clone(),
            known_app: self.known_app,
            kind: match self.approval.purpose {
                Purpose::Registration => ConsentKind::Connect,
                Purpose::Reactivation => ConsentKind::Resume,
                Purpose::Capabilities => ConsentKind::Extend,
            },
            reason: self.approval.reason.clone(),
            message: self.approval.binding_message.clone(),
            items: self.grants.iter().map(|grant| item(ctx, grant)).collect(),
            expires_at: self.approval.expires_at,
            ends_by: lifetime::ends_by(&self.agent, &ctx.policy().lifetime),
        }
    }

    /// A person's answer in the protocol's terms. Items that are not of this request are ignored here and
    /// refused by the rules if they name a grant.
    fn answer(&self, answer: &ConsentAnswer) -> Result<Answer, ApprovalError> {
        let items = match answer {
            ConsentAnswer::Deny { reason } => {
                let reason = reason.clone();
                return Ok(Answer::Deny { reason });
            }
            ConsentAnswer::Approve { items } => items,
        };
        let mut choices = Vec::with_capacity(items.len());
        for grant in &self.grants {
            if let Some(chosen) = items.iter().find(|item| item.id == grant.id.as_str()) {
                choices.push(Choice {
                    grant_id: grant.id.clone(),
                    limits: constraints(&chosen.limits)?,
                    expires_at: chosen.expires_at,
                    uses: chosen.uses,
                });
            }
        }
        let reason = Some(NOT_CHOSEN.to_owned());
        Ok(Answer::Approve { choices, reason })
    }

    /// Writes a decision. Returns the agents it touches.
    async fn write(
        &self,
        ctx: &Context,
        tx: &mut dyn Transaction,
        decision: &ApprovalDecision,
        approver: &Approver,
        proof: &str,
        now: Timestamp,
    ) -> ServiceResult<Vec<AgentId>> {
        tx.close_approval(&self.approval.id, &decision.approval)
            .await?;
        let catalogue = ctx.catalogue();
        for change in &decision.grants {
            let of_change = |grant: &&Grant| grant.id == change.grant_id;
            let grant = self.grants.iter().find(of_change);
            tx.apply_grant(&GrantUpdate {
                id: change.grant_id.clone(),
                from: GrantStatus::Pending,
                to: change.state.clone(),
                constraints: change.constraints.clone(),
                reason: change.reason.clone(),
                expires_at: change.expires_at,
                uses: change.uses,
                form: grant.and_then(|grant| form_now(&catalogue, grant)),
                at: now,
            })
            .await?;
        }
        let actor = audit::actor(&approver.actor());
        let mut touched = self.write_host(ctx, tx, decision, &actor, now).await?;
        self.write_agent(tx, decision, now).await?;
        touched.push(self.agent.id.clone());
        let mut entry = audit::entry(now, event(decision), actor);
        entry = audit::about_agent(entry, &self.agent);
        entry.user_id = decision
            .link
            .as_ref()
            .or(self.host.user_id.as_ref())
            .map(ToString::to_string);
        entry.outcome = decision.approval.as_str().to_owned();
        entry.detail = json!({
            "approval_id": self.approval.id,
            "proof": proof,
            "granted": self.names(decision, GrantStatus::Active),
            "denied": self.names(decision, GrantStatus::Denied),
            "terms": self.terms(decision),
        });
        tx.append_audit(vec![entry]).await?;
        Ok(touched)
    }

    async fn write_agent(
        &self,
        tx: &mut dyn Transaction,
        decision: &ApprovalDecision,
        now: Timestamp,
    ) -> ServiceResult<()> {
        let newly_linked = decision.link.clone();
        let user_id = newly_linked.or_else(|| self.host.user_id.clone());
        let is_approved = matches!(decision.approval, ApprovalState::Approved { .. });
        // An agent that was turned down acts for nobody.
        let user_id = user_id.filter(|_| is_approved && self.agent.mode == Mode::Delegated);
        let to = decision.agent.unwrap_or(self.agent.state);
        if decision.agent.is_none() && self.agent.user_id == user_id {
            return Ok(());
        }
        let from = self.agent.state.status();
        tx.apply_agent(&AgentChange {
            id: self.agent.id.clone(),
            from,
            to,
            user_id,
            at: now,
        })
        .await?;
        if matches!(to, AgentState::Rejected { .. }) {
            tx.revoke_grants_of_agents(std::slice::from_ref(&self.agent.id), now)
                .await?;
        }
        Ok(())
    }

    /// Activates and links the host. Linking it claims its autonomous agents (§2.10).
    async fn write_host(
        &self,
        ctx: &Context,
        tx: &mut dyn Transaction,
        decision: &ApprovalDecision,
        actor: &str,
        now: Timestamp,
    ) -> ServiceResult<Vec<AgentId>> {
        if !decision.activate_host && decision.link.is_none() {
            return Ok(Vec::new());
        }
        let to = if decision.activate_host {
            HostStatus::Active
        } else {
            self.host.status
        };
        let link = decision.link.clone();
        let change = HostChange {
            id: self.host.id.clone(),
            from: self.host.status,
            to,
            link,
            at: now,
        };
        tx.apply_host(&change).await?;
        let Some(user) = &decision.link else {
            return Ok(Vec::new());
        };
        link_host::claim(ctx, tx, &self.host, user, actor, now).await
    }

    /// The bounds of what was granted, for the audit log. What has none is left out.
    fn terms(&self, decision: &ApprovalDecision) -> Vec<Value> {
        let bounded = decision.grants.iter().filter(|change| {
            let has_bounds = change.constraints.is_some()
                || change.expires_at.is_some()
                || change.uses.is_some();
            change.state.status() == GrantStatus::Active && has_bounds
        });
        let terms = bounded.filter_map(|change| {
            let grant = self
                .grants
                .iter()
                .find(|grant| grant.id == change.grant_id)?;
            Some(json!({
                "capability": grant.capability,
                "constraints": change.constraints,
                "expires_at": change.expires_at,
                "uses": change.uses.map(Uses::allowed),
            }))
        });
        terms.collect()
    }

    fn names(&self, decision: &ApprovalDecision, status: GrantStatus) -> Vec<&str> {
        let changed = |grant: &&Grant| {
            decision
                .grants
                .iter()
                .any(|change| change.grant_id == grant.id && change.state.status() == status)
        };
        self.grants
            .iter()
            .filter(changed)
            .map(|grant| grant.capability.as_str())
            .collect()
    }
}

/// What a limit of a person's own holds its argument to.
pub fn own_limit(limit: &Limit) -> Vec<HeldTo> {
    let limits = constraints(std::slice::from_ref(limit)).ok().flatten();
    limits.as_ref().map(held_to).unwrap_or_default()
}

fn event(decision: &ApprovalDecision) -> &'static str {
    match decision.approval {
        ApprovalState::Approved { .. } => "approval.granted",
        _ => "approval.denied",
    }
}

fn approver(person: &SignedIn) -> Approver {
    Approver::Person(user_id(person))
}

/// A signed-in person as the protocol knows them.
pub(super) fn user_id(person: &SignedIn) -> UserId {
    UserId(person.person.id.to_string())
}

/// What a grant is for that is decided about now: what its capability is, or what it was while it is out of reach.
fn form_now(catalogue: &Catalogue, grant: &Grant) -> Option<Form> {
    match catalogue.find(&grant.capability) {
        Some(offered) => offered.form,
        None => grant.form,
    }
}

fn item(ctx: &Context, grant: &Grant) -> ConsentItem {
    let catalogue = ctx.catalogue();
    let offered = catalogue.find(&grant.capability);
    let strength = match offered.map(|offered| offered.approval) {
        Some(ApprovalStrength::None | ApprovalStrength::Session) => Strength::FreshSignIn,
        // What is not offered any more has nothing to go by, so it takes the most.
        Some(ApprovalStrength::Presence) | None => Strength::Verified,
    };
    ConsentItem {
        id: grant.id.to_string(),
        name: grant.capability.to_string(),
        description: offered
            .map(|offered| offered.shown.description.clone())
            .unwrap_or_default(),
        limits: grant.constraints.as_ref().map(held_to).unwrap_or_default(),
        adjustable: adjustable(
            grant.constraints.as_ref(),
            offered.and_then(|offered| offered.shown.input.as_ref()),
        ),
        strength,
        form: offered
            .and_then(|offered| offered.form)
            .map(|form| to_base64url(&form.0)),
    }
}

/// Why a grant is denied that the approver left out.
const NOT_CHOSEN: &str = "Not among what was approved.";
