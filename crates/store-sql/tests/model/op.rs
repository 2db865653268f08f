use procura_agent_auth::agent::{Agent, Mode};
use procura_agent_auth::approval::{Approval, ApprovalState};
use procura_agent_auth::grant::Grant;
use procura_agent_auth::host::Host;
use procura_agent_auth::id::{AgentId, ApprovalId, GrantId, HostId, UserId};
use procura_keys::clock::Timestamp;
use procura_keys::key::PublicKey;
use procura_keys::thumbprint::Thumbprint;
use procura_people::person::{Person, PersonId};
use procura_people::presence::Proof;
use procura_people::session::Session;
use procura_store::agent_auth::{AgentChange, AgentFilter, GrantUpdate, HostChange, KeyAdoption};
use procura_store::audit::AuditEntry;
use procura_store::contract::samples::{
    agent, approval, at, code_digest, host, jwks_url, page, session, user,
};
use procura_store::replay::SeenToken;
use procura_store::{StoreResult, Transaction};

use super::strategy::NUMBERS;

/// One call that writes.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    InsertHost(Host),
    ApplyHost(HostChange),
    RotateHostKey(HostId, Thumbprint, PublicKey, Timestamp),
    AdoptHostKey(KeyAdoption),
    UnlinkHost(HostId, UserId, Timestamp),
    TouchHost(HostId, Timestamp, Option<String>),
    InsertAgent(Agent),
    ApplyAgent(AgentChange),
    RotateAgentKey(AgentId, Thumbprint, PublicKey, Timestamp),
    TouchAgents(Vec<(AgentId, Timestamp)>),
    ClaimAgents(HostId, UserId, Timestamp),
    RevokeOldAgents(HostId, Timestamp, Timestamp),
    RevokeAgents(HostId, Option<Mode>, Timestamp),
    InsertGrant(Grant),
    ApplyGrant(GrantUpdate),
    TakeUse(GrantId, Timestamp),
    MoveGrants(ApprovalId, ApprovalId, Timestamp),
    RevokeGrants(Vec<AgentId>, Timestamp),
    InsertApproval(Approval),
    CloseApproval(ApprovalId, ApprovalState),
    CancelApprovals(Vec<AgentId>),
    InsertPerson(Person),
    DeletePerson(PersonId),
    DisablePerson(PersonId, bool, Timestamp),
    InsertSession(Session),
    ProveSession([u8; 32], Proof),
    DeleteSession([u8; 32]),
    DeleteSessionsOf(PersonId),
    DeleteExpiredSessions(Timestamp),
    AppendAudit(Vec<AuditEntry>),
    InsertSeen(Vec<SeenToken>, Timestamp),
    DeleteForgotten(Timestamp),
    DeleteStaleAgents(Timestamp, Timestamp),
    ExpireStaleReactivations(Timestamp, Timestamp),
    DeleteStaleHosts(Timestamp),
    DeleteOldApprovals(Timestamp),
    DeleteUnansweredGrants(Timestamp),
    DeleteEndedGrants(Timestamp),
    DeleteRequestsAndGrantsOf(UserId),
    EraseActivityBefore(Timestamp),
}

/// Carries out a call and gives its answer in words.
pub(crate) async fn apply(tx: &mut dyn Transaction, op: Op) -> StoreResult<String> {
    match op {
        Op::InsertHost(host) => tx.insert_host(&host).await?,
        Op::ApplyHost(change) => tx.apply_host(&change).await?,
        Op::RotateHostKey(id, from, to, at) => tx.rotate_host_key(&id, &from, &to, at).await?,
        Op::AdoptHostKey(adoption) => tx.adopt_host_key(&adoption).await?,
        Op::UnlinkHost(id, from, at) => tx.unlink_host(&id, &from, at).await?,
        Op::TouchHost(id, at, name) => tx.touch_host(&id, at, name.as_deref()).await?,
        Op::InsertAgent(agent) => tx.insert_agent(&agent).await?,
        Op::ApplyAgent(change) => tx.apply_agent(&change).await?,
        Op::RotateAgentKey(id, from, to, at) => tx.rotate_agent_key(&id, &from, &to, at).await?,
        Op::TouchAgents(uses) => tx.touch_agents(&uses).await?,
        Op::ClaimAgents(host, user, at) => {
            let claimed = tx.claim_agents_of_host(&host, &user, at).await?;
            return Ok(format!("{claimed:?}"));
        }
        Op::RevokeOldAgents(host, made, at) => {
            let revoked = tx.revoke_agents_made_by(&host, made, at).await?;
            return Ok(format!("{revoked:?}"));
        }
        Op::RevokeAgents(host, mode, at) => {
            let revoked = tx.revoke_agents_of_host(&host, mode, at).await?;
            return Ok(format!("{revoked:?}"));
        }
        Op::InsertGrant(grant) => tx.insert_grant(&grant).await?,
        Op::ApplyGrant(change) => tx.apply_grant(&change).await?,
        Op::TakeUse(id, now) => return Ok(tx.take_use(&id, now).await?.to_string()),
        Op::MoveGrants(from, to, at) => tx.move_grants(&from, &to, at).await?,
        Op::RevokeGrants(agents, at) => tx.revoke_grants_of_agents(&agents, at).await?,
        Op::InsertApproval(approval) => tx.insert_approval(&approval).await?,
        Op::CloseApproval(id, state) => tx.close_approval(&id, &state).await?,
        Op::CancelApprovals(agents) => tx.cancel_approvals_of_agents(&agents).await?,
        Op::InsertPerson(person) => tx.insert_person(&person).await?,
        Op::DeletePerson(id) => tx.delete_person(&id).await?,
        Op::DisablePerson(id, disabled, at) => tx.disable_person(&id, disabled, at).await?,
        Op::InsertSession(session) => tx.insert_session(&session).await?,
        Op::ProveSession(digest, proof) => tx.prove_session(&digest, proof).await?,
        Op::DeleteSession(digest) => tx.delete_session(&digest).await?,
        Op::DeleteSessionsOf(person) => tx.delete_sessions_of_person(&person).await?,
        Op::DeleteExpiredSessions(now) => {
            return Ok(tx.delete_expired_sessions(now, 99).await?.to_string());
        }
        Op::AppendAudit(entries) => tx.append_audit(entries).await?,
        Op::InsertSeen(tokens, now) => {
            return Ok(tx.insert_seen(&tokens, now).await?.to_string());
        }
        Op::DeleteForgotten(now) => return Ok(tx.delete_forgotten(now, 99).await?.to_string()),
        Op::DeleteStaleAgents(before, now) => {
            let gone = tx.delete_stale_agents(before, now, 99).await?;
            return Ok(format!("{gone:?}"));
        }
        Op::ExpireStaleReactivations(before, now) => {
            let expired = tx.expire_stale_reactivations(before, now, 99).await?;
            return Ok(format!("{expired:?}"));
        }
        Op::DeleteStaleHosts(before) => {
            return Ok(tx.delete_stale_hosts(before, 99).await?.to_string());
        }
        Op::DeleteOldApprovals(before) => {
            return Ok(tx.delete_old_approvals(before, 99).await?.to_string());
        }
        Op::DeleteUnansweredGrants(before) => {
            return Ok(tx.delete_unanswered_grants(before, 99).await?.to_string());
        }
        Op::DeleteEndedGrants(before) => {
            return Ok(tx.delete_ended_grants(before, 99).await?.to_string());
        }
        Op::DeleteRequestsAndGrantsOf(user) => tx.delete_requests_and_grants_of(&user).await?,
        Op::EraseActivityBefore(before) => {
            let erased = tx.erase_activity_before(before, 99).await?;
            return Ok(format!("{erased:?}"));
        }
    }
    Ok(String::new())
}

/// All that the store holds, in words, by every list it has.
pub(crate) async fn everything(tx: &mut dyn Transaction) -> StoreResult<String> {
    let mut answers = vec![
        format!("{:?}", tx.list_hosts(page(None, 99)).await?),
        format!("{:?}", tx.list_persons(page(None, 99)).await?),
        format!("{:?}", tx.list_audit(0, 999).await?),
        format!("{:?}", tx.list_last_audit(3).await?),
        format!("{:?}", tx.list_open_approvals(at(3), page(None, 99)).await?),
    ];
    let mut seen = tx.list_seen(at(3)).await?;
    seen.sort_by(|a, b| (&a.signer, &a.jti).cmp(&(&b.signer, &b.jti)));
    answers.push(format!("{seen:?}"));
    let everybody = AgentFilter::default();
    for agent in tx.list_agents(&everybody, page(None, 99)).await? {
        answers.push(format!("{agent:?}"));
        answers.push(format!("{:?}", tx.list_grants_by_agent(&agent.id).await?));
        answers.push(format!(
            "{:?}",
            tx.list_open_approvals_by_agent(&agent.id).await?
        ));
    }
    for number in NUMBERS {
        answers.push(by_number(tx, number).await?);
    }
    Ok(answers.join("\n"))
}

async fn by_number(tx: &mut dyn Transaction, number: u32) -> StoreResult<String> {
    let (host, person) = (host(number), user(number));
    let request = approval(number, &agent(0, &host));
    let session = session(number, &procura_store::contract::samples::person(0));
    Ok(format!(
        "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        tx.find_host_by_thumbprint(&host.thumbprint()).await?,
        tx.find_host_by_jwks_url(&jwks_url(number)).await?,
        tx.list_hosts_by_user(&person).await?,
        tx.find_approval(&request.id).await?,
        tx.find_approval_by_code(&code_digest(number)).await?,
        tx.list_inbox(&person, at(3)).await?,
        tx.list_grants_by_approval(&request.id).await?,
        tx.find_session(&session.token_digest).await?,
    ))
}
