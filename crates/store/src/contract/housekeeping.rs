//! Removing what time has made useless.

use std::sync::Arc;

use procura_agent_auth::agent::{Agent, AgentState, AgentStatus};
use procura_agent_auth::approval::{Approval, ApprovalState};
use procura_agent_auth::grant::{Actor, Grant, GrantState};
use procura_agent_auth::host::{Host, HostStatus};
use procura_people::session::Session;

use super::samples::{
    agent, approval, at, grant, host, page, pending_grant, person, seen, session, user,
};
use crate::replay::SeenToken;
use crate::{Store, Transaction};

/// AA-7.1-06: in bounded numbers, the oldest first, and nobody else.
pub async fn agents_that_nobody_approved_go_with_all_they_asked_for(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    tx.insert_host(&host(1)).await.unwrap();
    let states = [
        (
            1,
            AgentState::Pending {
                activated_at: None,
                until: None,
            },
        ),
        (
            2,
            AgentState::Pending {
                activated_at: None,
                until: None,
            },
        ),
        (
            3,
            AgentState::Pending {
                activated_at: None,
                until: None,
            },
        ),
        (4, active()),
        (5, AgentState::Rejected { activated_at: None }),
        (6, waiting_again()),
    ];
    for (number, state) in states {
        let one = Agent {
            state,
            ..agent(number, &host(1))
        };
        add_with_request(tx.as_mut(), number, &one).await;
    }
    let young = Agent {
        created_at: at(100),
        ..stranger(7)
    };
    add_with_request(tx.as_mut(), 7, &young).await;
    tx.commit().await.unwrap();

    let mut tx = store.begin().await.unwrap();
    let mut gone = tx.delete_stale_agents(at(100), at(700), 2).await.unwrap();
    assert_eq!(gone, [stranger(1).id, stranger(2).id]);
    gone.extend(tx.delete_stale_agents(at(100), at(700), 2).await.unwrap());
    assert_eq!(gone.last(), Some(&stranger(3).id));
    let none = tx.delete_stale_agents(at(100), at(700), 2).await.unwrap();
    assert_eq!((gone.len(), none.len()), (3, 0));
    tx.commit().await.unwrap();

    let mut tx = store.read().await.unwrap();
    for number in 1..=7 {
        let one = agent(number, &host(1));
        let stays = number > 3;
        assert_eq!(tx.find_agent(&one.id).await.unwrap().is_some(), stays);
        let request = tx.find_approval(&approval(number, &one).id).await.unwrap();
        assert_eq!(request.is_some(), stays);
        let grants = tx.list_grants_by_agent(&one.id).await.unwrap();
        assert_eq!(grants.len(), usize::from(stays));
    }
}

/// However long ago it was registered.
pub async fn a_request_that_can_be_answered_keeps_its_agent(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    tx.insert_host(&host(1)).await.unwrap();
    add_with_request(tx.as_mut(), 1, &stranger(1)).await;
    let kept = tx.delete_stale_agents(at(599), at(599), 9).await.unwrap();
    assert_eq!(kept, []);
    let gone = tx.delete_stale_agents(at(599), at(600), 9).await.unwrap();
    assert_eq!(gone, [stranger(1).id]);
}

/// AA-10.9-01
pub async fn hosts_that_nobody_approved_go_once_they_have_no_agents(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    let pending = |number| Host {
        status: HostStatus::Pending,
        ..host(number)
    };
    for host in [pending(1), pending(2), pending(3), host(4)] {
        tx.insert_host(&host).await.unwrap();
    }
    tx.insert_host(&Host {
        created_at: at(100),
        ..pending(5)
    })
    .await
    .unwrap();
    tx.insert_agent(&agent(1, &host(2))).await.unwrap();
    assert_eq!(tx.delete_stale_hosts(at(100), 1).await.unwrap(), 1);
    assert_eq!(tx.delete_stale_hosts(at(100), 9).await.unwrap(), 1);
    assert_eq!(tx.delete_stale_hosts(at(100), 9).await.unwrap(), 0);
    let left = tx.list_hosts(page(None, 9)).await.unwrap();
    let left: Vec<_> = left.into_iter().map(|host| host.id).collect();
    assert_eq!(left, [2, 4, 5].map(|number| host(number).id));
    tx.commit().await.unwrap();
}

/// It was active once, so it is not deleted.
pub async fn a_reactivation_that_nobody_approved_falls_back(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    tx.insert_host(&host(1)).await.unwrap();
    let again = Agent {
        state: waiting_again(),
        ..agent(1, &host(1))
    };
    add_with_request(tx.as_mut(), 1, &again).await;
    add_with_request(tx.as_mut(), 2, &stranger(2)).await;
    for (before, now) in [(at(50), at(599)), (at(0), at(700))] {
        let none = tx.expire_stale_reactivations(before, now, 9).await.unwrap();
        assert_eq!(none, []);
    }
    let expired = tx.expire_stale_reactivations(at(50), at(700), 9).await;
    assert_eq!(expired.unwrap(), std::slice::from_ref(&again.id));
    let agent = tx.find_agent(&again.id).await.unwrap().unwrap();
    let expected = AgentState::Expired {
        activated_at: at(0),
    };
    assert_eq!((agent.state, agent.updated_at), (expected, at(700)));
}

/// Answered or not.
pub async fn old_requests_go_unless_a_grant_waits_for_them(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    let one = agent(1, &host(1));
    tx.insert_host(&host(1)).await.unwrap();
    tx.insert_agent(&one).await.unwrap();
    let cancelled = Approval {
        state: ApprovalState::Cancelled,
        ..approval(2, &one)
    };
    let young = Approval {
        expires_at: at(601),
        ..approval(4, &one)
    };
    for request in [approval(1, &one), cancelled, approval(3, &one), young] {
        tx.insert_approval(&request).await.unwrap();
    }
    let waiting = pending_grant(1, &approval(3, &one), "echo");
    tx.insert_grant(&waiting).await.unwrap();
    assert_eq!(tx.delete_old_approvals(at(600), 9).await.unwrap(), 0);
    assert_eq!(tx.delete_old_approvals(at(601), 1).await.unwrap(), 1);
    assert_eq!(tx.delete_old_approvals(at(601), 9).await.unwrap(), 1);
    for (number, stays) in [(1, false), (2, false), (3, true), (4, true)] {
        let found = tx.find_approval(&approval(number, &one).id).await.unwrap();
        assert_eq!(found.is_some(), stays, "{number}");
    }
}

/// Unless the agent itself waits: then it may ask again for all of it.
pub async fn grants_that_nobody_decided_about_go(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    tx.insert_host(&host(1)).await.unwrap();
    add_with_request(tx.as_mut(), 1, &agent(1, &host(1))).await;
    add_with_request(tx.as_mut(), 2, &stranger(2)).await;
    let decided = grant(3, &agent(1, &host(1)), "pay");
    tx.insert_grant(&decided).await.unwrap();
    assert_eq!(tx.delete_unanswered_grants(at(600), 9).await.unwrap(), 0);
    assert_eq!(tx.delete_unanswered_grants(at(601), 9).await.unwrap(), 1);
    let left = tx.list_grants_by_agent(&agent(1, &host(1)).id).await;
    assert_eq!(left.unwrap(), [decided]);
    let left = tx.list_grants_by_agent(&stranger(2).id).await.unwrap();
    assert_eq!(left.len(), 1);
}

/// A default that somebody denied must not come back because the denial is old.
pub async fn decisions_are_kept_until_their_agent_has_ended(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    tx.insert_host(&host(1)).await.unwrap();
    let ended = AgentState::Revoked {
        activated_at: Some(at(0)),
    };
    for (number, state) in [(1, active()), (2, ended)] {
        let one = Agent {
            state,
            ..agent(number, &host(1))
        };
        tx.insert_agent(&one).await.unwrap();
        for (at_number, state) in settled().into_iter().enumerate() {
            let number = number * 10 + u32::try_from(at_number).unwrap();
            let grant = Grant {
                state,
                ..grant(number, &one, "echo")
            };
            tx.insert_grant(&grant).await.unwrap();
        }
    }
    assert_eq!(tx.delete_ended_grants(at(0), 9).await.unwrap(), 0);
    assert_eq!(tx.delete_ended_grants(at(1), 2).await.unwrap(), 2);
    assert_eq!(tx.delete_ended_grants(at(1), 9).await.unwrap(), 1);
    for (number, left) in [(1, 4), (2, 1)] {
        let grants = tx.list_grants_by_agent(&agent(number, &host(1)).id).await;
        assert_eq!(grants.unwrap().len(), left);
    }
}

/// AA-2.6-04
pub async fn requests_and_grants_of_a_person_go_with_them(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    tx.insert_host(&host(1)).await.unwrap();
    let revoked = AgentState::Revoked {
        activated_at: Some(at(0)),
    };
    for (number, owner, state) in [(1, 1, revoked), (2, 2, revoked), (3, 1, active())] {
        let one = Agent {
            user_id: Some(user(owner)),
            state,
            ..agent(number, &host(1))
        };
        add_with_request(tx.as_mut(), number, &one).await;
    }
    tx.delete_requests_and_grants_of(&user(1)).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = store.read().await.unwrap();
    for (number, stays) in [(1, false), (2, true), (3, true)] {
        let one = agent(number, &host(1));
        let grants = tx.list_grants_by_agent(&one.id).await.unwrap();
        let request = tx.find_approval(&approval(number, &one).id).await.unwrap();
        assert_eq!((grants.len() == 1, request.is_some()), (stays, stays));
        assert!(tx.find_agent(&one.id).await.unwrap().is_some());
    }
}

/// So that nobody has to wait long.
pub async fn tokens_and_sessions_go_in_bounded_numbers(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    tx.insert_person(&person(1)).await.unwrap();
    let tokens: Vec<SeenToken> = (0..5).map(|number| seen(&number.to_string())).collect();
    tx.insert_seen(&tokens, at(0)).await.unwrap();
    for number in 0..5 {
        let session = Session {
            expires_at: at(60),
            ..session(number, &person(1))
        };
        tx.insert_session(&session).await.unwrap();
    }
    for expected in [3, 2, 0] {
        assert_eq!(tx.delete_forgotten(at(60), 3).await.unwrap(), expected);
        let sessions = tx.delete_expired_sessions(at(60), 3).await.unwrap();
        assert_eq!(sessions, expected);
    }
}

/// Across restarts.
pub async fn erasures_are_due_until_they_are_done(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    for number in [2, 1, 2] {
        tx.insert_due_erasure(&user(number)).await.unwrap();
    }
    tx.commit().await.unwrap();
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.list_due_erasures(9).await.unwrap(), [user(1), user(2)]);
    assert_eq!(tx.list_due_erasures(1).await.unwrap(), [user(1)]);
    tx.delete_due_erasure(&user(1)).await.unwrap();
    assert_eq!(tx.list_due_erasures(9).await.unwrap(), [user(2)]);
}

/// With an open request for ten minutes and a grant that waits for it.
async fn add_with_request(tx: &mut dyn Transaction, number: u32, agent: &Agent) {
    let request = approval(number, agent);
    tx.insert_agent(agent).await.unwrap();
    tx.insert_approval(&request).await.unwrap();
    let state = match agent.state.status() {
        AgentStatus::Revoked | AgentStatus::Rejected => GrantState::Revoked,
        _ => pending_grant(number, &request, "echo").state,
    };
    let grant = Grant {
        state,
        ..pending_grant(number, &request, "echo")
    };
    tx.insert_grant(&grant).await.unwrap();
}

/// One that was never approved.
fn stranger(number: u32) -> Agent {
    Agent {
        state: AgentState::Pending {
            activated_at: None,
            until: None,
        },
        ..agent(number, &host(1))
    }
}

fn active() -> AgentState {
    AgentState::Active {
        activated_at: at(0),
    }
}

fn waiting_again() -> AgentState {
    AgentState::Pending {
        activated_at: Some(at(0)),
        until: Some(at(5)),
    }
}

/// One grant that counts, and three that do not any more.
fn settled() -> [GrantState; 4] {
    let (denied_by, withdrawn_by) = (Actor::Policy, Actor::Policy);
    [
        GrantState::Active {
            granted_by: Actor::Policy,
        },
        GrantState::Denied { denied_by },
        GrantState::Withdrawn { withdrawn_by },
        GrantState::Revoked,
    ]
}
