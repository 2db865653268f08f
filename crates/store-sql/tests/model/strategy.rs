use std::ops::Range;

use procura_agent_auth::agent::{Agent, AgentState, AgentStatus, Mode};
use procura_agent_auth::approval::{Approval, ApprovalState};
use procura_agent_auth::grant::{Actor, Grant, GrantState, GrantStatus, Uses};
use procura_agent_auth::host::{Host, HostStatus};
use procura_agent_auth::id::{AgentId, ApprovalId, HostId};
use procura_keys::clock::Timestamp;
use procura_keys::thumbprint::Thumbprint;
use procura_people::person::{Person, PersonId};
use procura_people::presence::{Method, Proof};
use procura_people::session::Session;
use procura_store::agent_auth::{AgentChange, GrantUpdate, HostChange, KeyAdoption};
use procura_store::contract::samples::{
    agent, approval, at, entry, grant, host, inbox_approval, key, pending_grant, person, publisher,
    seen, session, user,
};
use procura_store::replay::SeenToken;
use proptest::bool::ANY as yes_or_no;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::op::Op;

/// Records are named by few numbers, so that calls meet.
pub(crate) const NUMBERS: Range<u32> = 0..6;

/// What is there at the start: half of what numbers can name.
pub(crate) fn beginning() -> Vec<Op> {
    let mut ops = Vec::new();
    for number in 0..NUMBERS.end / 2 {
        let agent = agent(number, &host(number % 2));
        let request = approval(number, &agent);
        ops.extend([
            Op::InsertPerson(person(number)),
            Op::InsertSession(session(number, &person(number))),
            Op::InsertHost(host(number)),
            Op::InsertGrant(grant(number, &agent, "echo")),
            Op::InsertGrant(pending_grant(number + NUMBERS.end, &request, "pay")),
            Op::InsertAgent(agent),
            Op::InsertApproval(request),
        ]);
    }
    ops
}

/// Any call.
pub(crate) fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => adding(),
        6 => changing_protocol(),
        1 => changing_people(),
        2 => sweeping(),
    ]
}

fn adding() -> impl Strategy<Value = Op> {
    prop_oneof![
        2 => (n(), n(), option::of(n()), select(&HostStatus::ALL)).prop_map(
            |(number, key_number, published, status)| {
                let public_key = key(key_number);
                let jwks = published.and_then(|number| publisher(number).jwks);
                Op::InsertHost(Host { public_key, jwks, status, ..host(number) })
            }
        ),
        3 => (n(), n(), n(), any_mode(), agent_state()).prop_map(
            |(number, host_number, key_number, mode, state)| {
                let public_key = key(key_number);
                let agent = agent(number, &host(host_number));
                Op::InsertAgent(Agent { public_key, mode, state, ..agent })
            }
        ),
        3 => (n(), n(), capability(), grant_state()).prop_map(|(number, of, capability, state)| {
            let uses = Uses::from_parts(2, number % 3);
            Op::InsertGrant(Grant { state, uses, ..grant(number, &agent(of, &host(0)), capability) })
        }),
        3 => (n(), n(), n(), time()).prop_map(|(number, of, code, expires_at)| {
            let channel = approval(code, &agent(0, &host(0))).channel;
            let request = approval(number, &agent(of, &host(0)));
            Op::InsertApproval(Approval { channel, expires_at, ..request })
        }),
        2 => (n(), n(), n(), time()).prop_map(|(number, of, whose, expires_at)| {
            let request = inbox_approval(number, &agent(of, &host(0)), user(whose));
            Op::InsertApproval(Approval { expires_at, ..request })
        }),
        1 => (n(), n()).prop_map(|(number, other)| {
            Op::InsertPerson(Person { email: person(other).email, ..person(number) })
        }),
        1 => (n(), n(), time()).prop_map(|(number, of, expires_at)| {
            Op::InsertSession(Session { expires_at, ..session(number, &person(of)) })
        }),
        1 => vec(n().prop_map(entry), 0..3).prop_map(Op::AppendAudit),
        1 => (vec((n(), time()), 0..4), time()).prop_map(|(tokens, now)| {
            let token = |(name, forget_at): (u32, _)| SeenToken {
                forget_at,
                ..seen(&name.to_string())
            };
            Op::InsertSeen(tokens.into_iter().map(token).collect(), now)
        }),
    ]
}

fn changing_protocol() -> impl Strategy<Value = Op> {
    let host_status = || select(&HostStatus::ALL);
    prop_oneof![
        (
            host_id(),
            host_status(),
            host_status(),
            option::of(n()),
            time()
        )
            .prop_map(|(id, from, to, link, at)| {
                let link = link.map(user);
                Op::ApplyHost(HostChange {
                    id,
                    from,
                    to,
                    link,
                    at,
                })
            }),
        (host_id(), n(), n(), time()).prop_map(|(id, from, to, at)| {
            let from = Thumbprint::of(&key(from));
            Op::RotateHostKey(id, from, key(to), at)
        }),
        (host_id(), n(), n(), time(), time()).prop_map(|(id, from, to, keep_until, at)| {
            Op::AdoptHostKey(KeyAdoption {
                id,
                from: Thumbprint::of(&key(from)),
                to: key(to),
                keep_until,
                at,
            })
        }),
        (agent_id(), n(), n(), time()).prop_map(|(id, from, to, at)| {
            let from = Thumbprint::of(&key(from));
            Op::RotateAgentKey(id, from, key(to), at)
        }),
        (host_id(), n(), time()).prop_map(|(id, from, at)| Op::UnlinkHost(id, user(from), at)),
        (host_id(), time(), option::of("[a-c]"))
            .prop_map(|(id, at, name)| Op::TouchHost(id, at, name)),
        (
            agent_id(),
            select(&AgentStatus::ALL),
            agent_state(),
            option::of(n()),
            time()
        )
            .prop_map(|(id, from, to, user_id, at)| {
                let user_id = user_id.map(user);
                Op::ApplyAgent(AgentChange {
                    id,
                    from,
                    to,
                    user_id,
                    at,
                })
            }),
        vec((agent_id(), time()), 0..4).prop_map(Op::TouchAgents),
        (
            n(),
            select(&GrantStatus::ALL),
            grant_state(),
            option::of(time()),
            time()
        )
            .prop_map(|(number, from, to, expires_at, at)| {
                let id = grant(number * 2, &agent(0, &host(0)), "echo").id;
                let (constraints, reason) = (None, Some("changed".to_owned()));
                Op::ApplyGrant(GrantUpdate {
                    id,
                    from,
                    to,
                    constraints,
                    reason,
                    expires_at,
                    uses: None,
                    form: None,
                    at,
                })
            }),
        (n(), time()).prop_map(|(number, now)| {
            Op::TakeUse(grant(number * 2, &agent(0, &host(0)), "echo").id, now)
        }),
        (approval_id(), approval_id(), time())
            .prop_map(|(from, to, at)| Op::MoveGrants(from, to, at)),
        (approval_id(), approval_state()).prop_map(|(id, to)| Op::CloseApproval(id, to)),
    ]
}

fn changing_people() -> impl Strategy<Value = Op> {
    prop_oneof![
        (person_id(), yes_or_no, time()).prop_map(|(id, yes, at)| Op::DisablePerson(id, yes, at)),
        (digest(), time()).prop_map(|(digest, at)| {
            let method = Method::Passkey;
            Op::ProveSession(digest, Proof { method, at })
        }),
        digest().prop_map(Op::DeleteSession),
        person_id().prop_map(Op::DeletePerson),
    ]
}

fn sweeping() -> impl Strategy<Value = Op> {
    prop_oneof![
        (host_id(), n(), time()).prop_map(|(host, of, at)| Op::ClaimAgents(host, user(of), at)),
        (host_id(), time(), time())
            .prop_map(|(host, made, at)| Op::RevokeOldAgents(host, made, at)),
        (host_id(), option::of(any_mode()), time())
            .prop_map(|(host, mode, at)| Op::RevokeAgents(host, mode, at)),
        (vec(agent_id(), 0..3), time()).prop_map(|(agents, at)| Op::RevokeGrants(agents, at)),
        vec(agent_id(), 0..3).prop_map(Op::CancelApprovals),
        person_id().prop_map(Op::DeleteSessionsOf),
        time().prop_map(Op::DeleteExpiredSessions),
        time().prop_map(Op::DeleteForgotten),
        (time(), time()).prop_map(|(before, now)| Op::DeleteStaleAgents(before, now)),
        (time(), time()).prop_map(|(before, now)| Op::ExpireStaleReactivations(before, now)),
        time().prop_map(Op::DeleteStaleHosts),
        time().prop_map(Op::DeleteOldApprovals),
        time().prop_map(Op::DeleteUnansweredGrants),
        time().prop_map(Op::DeleteEndedGrants),
        n().prop_map(|number| Op::DeleteRequestsAndGrantsOf(user(number))),
        time().prop_map(Op::EraseActivityBefore),
    ]
}

fn agent_state() -> impl Strategy<Value = AgentState> {
    let possible = (select(&AgentStatus::ALL), option::of(time()));
    possible.prop_filter_map("needs a start", |(status, at)| {
        AgentState::from_parts(status, at).map(|state| state.waiting_until(at))
    })
}

fn grant_state() -> impl Strategy<Value = GrantState> {
    prop_oneof![
        2 => approval_id().prop_map(|approval_id| GrantState::Pending { approval_id }),
        1 => n().prop_map(|by| GrantState::Active { granted_by: Actor::User(user(by)) }),
        1 => Just(GrantState::Denied { denied_by: Actor::Policy }),
        1 => Just(GrantState::Withdrawn { withdrawn_by: Actor::Policy }),
        1 => Just(GrantState::Revoked),
    ]
}

fn approval_state() -> impl Strategy<Value = ApprovalState> {
    let by = |number| Actor::Administrator(format!("root{number}"));
    prop_oneof![
        (n(), time()).prop_map(move |(number, at)| ApprovalState::Approved { by: by(number), at }),
        (n(), time()).prop_map(move |(number, at)| ApprovalState::Denied { by: by(number), at }),
        Just(ApprovalState::Cancelled),
    ]
}

fn n() -> Range<u32> {
    NUMBERS
}

fn time() -> impl Strategy<Value = Timestamp> {
    (0..9u64).prop_map(at)
}

fn capability() -> impl Strategy<Value = &'static str> {
    select(&["echo", "pay"])
}

fn any_mode() -> impl Strategy<Value = Mode> {
    select(&[Mode::Delegated, Mode::Autonomous])
}

fn host_id() -> impl Strategy<Value = HostId> {
    n().prop_map(|number| host(number).id)
}

fn agent_id() -> impl Strategy<Value = AgentId> {
    n().prop_map(|number| agent(number, &host(0)).id)
}

fn approval_id() -> impl Strategy<Value = ApprovalId> {
    n().prop_map(|number| approval(number, &agent(0, &host(0))).id)
}

fn person_id() -> impl Strategy<Value = PersonId> {
    n().prop_map(|number| person(number).id)
}

fn digest() -> impl Strategy<Value = [u8; 32]> {
    n().prop_map(|number| session(number, &person(0)).token_digest)
}
