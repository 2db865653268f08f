//! Grants.

use std::slice::from_ref;
use std::sync::Arc;

use procura_agent_auth::agent::Agent;
use procura_agent_auth::approval::Approval;
use procura_agent_auth::capability::Form;
use procura_agent_auth::constraint::Constraints;
use procura_agent_auth::grant::{Actor, Grant, GrantState, GrantStatus, Uses};
use serde_json::{Value, json};

use super::samples::{agent, approval, at, grant, host, pending_grant, user};
use crate::agent_auth::GrantUpdate;
use crate::{Page, Store, StoreError, Transaction};

/// With limits that only an exact copy of their numbers keeps, and one that a later version may
/// know.
pub async fn a_grant_comes_back_as_it_was_in_every_state(store: &Arc<dyn Store>) {
    let (one, request) = (agent(1, &host(1)), approval(1, &agent(1, &host(1))));
    let limited = Grant {
        constraints: limits(&json!({
            "amount": {"min": 5e-324, "max": 0.1 + 0.2},
            "count": {"max": u64::MAX, "min": i64::MIN},
            "currency": {"in": ["EUR", "\"\u{0}\u{1f4b6}"]},
            "exact": 1.0,
        })),
        reason: Some("to pay the rent".to_owned()),
        expires_at: Some(at(900)),
        uses: Uses::from_parts(u32::MAX, 7),
        updated_at: at(3),
        ..grant(1, &one, "transfer")
    };
    let in_state = |number, state| Grant {
        state,
        ..grant(number, &one, "transfer")
    };
    let granted_by = |actor| GrantState::Active { granted_by: actor };
    let denied_by = |actor| GrantState::Denied { denied_by: actor };
    let later = Constraints::parse_stored(&json!({"url": {"prefix": "https://"}}));
    let limited_later = Grant {
        constraints: later.unwrap(),
        ..grant(8, &one, "fetch")
    };
    let grants = [
        limited,
        limited_later,
        in_state(2, granted_by(Actor::User(user(1)))),
        in_state(3, granted_by(Actor::Administrator("root:1".to_owned()))),
        in_state(4, denied_by(Actor::User(user(1)))),
        in_state(5, denied_by(Actor::Policy)),
        in_state(6, GrantState::Revoked),
        in_state(9, withdrawn()),
        pending_grant(7, &request, "transfer"),
    ];
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), from_ref(&one), &[request], &grants).await;
    tx.commit().await.unwrap();
    let mut tx = store.read().await.unwrap();
    assert_eq!(tx.list_grants_by_agent(&one.id).await.unwrap(), grants);
    for grant in grants {
        assert_eq!(tx.find_grant(&grant.id).await.unwrap(), Some(grant));
    }
}

/// And an agent without grants has none.
pub async fn an_unknown_grant_is_absent(store: &Arc<dyn Store>) {
    let one = agent(1, &host(1));
    let mut tx = store.read().await.unwrap();
    let found = tx.find_grant(&grant(1, &one, "echo").id).await;
    assert_eq!(found.unwrap(), None);
    assert_eq!(tx.list_grants_by_agent(&one.id).await.unwrap(), []);
}

/// Not that of their identifiers, and a change does not move a grant.
pub async fn grants_keep_the_order_they_were_added_in(store: &Arc<dyn Store>) {
    let (one, two) = (agent(1, &host(1)), agent(2, &host(1)));
    let grants = [5, 3, 9, 1].map(|number| grant(number, &one, "echo"));
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), &[one.clone(), two.clone()], &[], &grants).await;
    tx.insert_grant(&grant(2, &two, "echo")).await.unwrap();
    let revoke = update(&grants[1], GrantState::Revoked);
    tx.apply_grant(&revoke).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = store.read().await.unwrap();
    let listed = tx.list_grants_by_agent(&one.id).await.unwrap();
    let ids = |grants: &[Grant]| {
        grants
            .iter()
            .map(|grant| grant.id.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&listed), ids(&grants));
}

/// Grants in other states, of other capabilities and of other agents do not count.
pub async fn one_grant_of_a_capability_waits_at_a_time(store: &Arc<dyn Store>) {
    let (one, two) = (agent(1, &host(1)), agent(2, &host(1)));
    let (request, other) = (approval(1, &one), approval(2, &two));
    let grants = [
        grant(1, &one, "echo"),
        pending_grant(2, &request, "echo"),
        pending_grant(3, &request, "pay"),
        pending_grant(4, &other, "echo"),
        grant(5, &one, "echo"),
    ];
    let mut tx = store.begin().await.unwrap();
    insert(
        tx.as_mut(),
        &[one.clone(), two],
        &[request.clone(), other],
        &grants,
    )
    .await;
    tx.commit().await.unwrap();

    let mut tx = store.begin().await.unwrap();
    let second = tx.insert_grant(&pending_grant(6, &request, "echo")).await;
    assert!(matches!(second, Err(StoreError::Conflict("grant"))));
    drop(tx);
    let mut tx = store.begin().await.unwrap();
    let again = update(&grants[0], grants[1].state.clone());
    let second = tx.apply_grant(&again).await;
    assert!(matches!(second, Err(StoreError::Conflict("grant"))));
    drop(tx);
    let mut tx = store.begin().await.unwrap();
    tx.apply_grant(&update(&grants[1], GrantState::Revoked))
        .await
        .unwrap();
    tx.insert_grant(&pending_grant(6, &request, "echo"))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let same_id = Grant {
        id: grants[0].id.clone(),
        ..grant(7, &one, "other")
    };
    let mut tx = store.begin().await.unwrap();
    let refused = tx.insert_grant(&same_id).await;
    assert!(matches!(refused, Err(StoreError::Conflict("grant"))));
}

/// In the order they were added; not those that wait for another, or wait no more.
pub async fn grants_that_wait_for_a_decision_are_listed(store: &Arc<dyn Store>) {
    let one = agent(1, &host(1));
    let (request, other) = (approval(1, &one), approval(2, &one));
    let grants = [
        pending_grant(4, &request, "echo"),
        pending_grant(2, &other, "pay"),
        pending_grant(3, &request, "list"),
        pending_grant(1, &request, "watch"),
    ];
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), &[one], &[request.clone(), other], &grants).await;
    tx.apply_grant(&update(&grants[2], GrantState::Revoked))
        .await
        .unwrap();
    let waiting = tx.list_grants_by_approval(&request.id).await.unwrap();
    assert_eq!(waiting, [grants[0].clone(), grants[3].clone()]);
    let unknown = tx
        .list_grants_by_approval(&approval(3, &agent(1, &host(1))).id)
        .await;
    assert_eq!(unknown.unwrap(), []);
}

/// A change replaces limits, reason, end, uses and form, also by nothing.
pub async fn a_grant_changes_from_the_expected_state_only(store: &Arc<dyn Store>) {
    let one = agent(1, &host(1));
    let request = approval(1, &one);
    let waiting = Grant {
        reason: Some("please".to_owned()),
        ..pending_grant(1, &request, "echo")
    };
    let approve = GrantUpdate {
        constraints: limits(&json!({"text": {"not_in": ["secret"]}})),
        expires_at: Some(at(900)),
        uses: Uses::from_parts(3, 3),
        form: Some(Form([3; 32])),
        ..update(
            &waiting,
            GrantState::Active {
                granted_by: Actor::User(user(1)),
            },
        )
    };
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), from_ref(&one), &[request], from_ref(&waiting)).await;
    tx.apply_grant(&approve).await.unwrap();
    let granted = Grant {
        constraints: approve.constraints.clone(),
        state: approve.to.clone(),
        reason: None,
        expires_at: Some(at(900)),
        uses: Uses::from_parts(3, 3),
        form: Some(Form([3; 32])),
        updated_at: at(10),
        ..waiting
    };
    assert_eq!(tx.list_grants_by_agent(&one.id).await.unwrap(), [granted]);
    tx.commit().await.unwrap();

    let of_nobody = GrantUpdate {
        from: GrantStatus::Active,
        id: grant(9, &one, "echo").id,
        ..approve.clone()
    };
    for impossible in [approve, of_nobody] {
        let mut tx = store.begin().await.unwrap();
        let refused = tx.apply_grant(&impossible).await;
        assert!(matches!(refused, Err(StoreError::Conflict("grant"))));
    }
}

/// In the order of their identifiers, a page at a time; not those that are not active, and not those of other
/// capabilities.
pub async fn grants_of_another_form_are_listed(store: &Arc<dyn Store>) {
    let one = agent(1, &host(1));
    let request = approval(1, &one);
    let of_form = |form: Option<u8>, grant| Grant {
        form: form.map(|byte| Form([byte; 32])),
        ..grant
    };
    let grants = [
        of_form(Some(1), grant(4, &one, "echo")),
        of_form(Some(2), grant(1, &one, "echo")),
        of_form(None, grant(3, &one, "echo")),
        of_form(Some(1), pending_grant(5, &request, "echo")),
        of_form(Some(1), grant(2, &one, "pay")),
    ];
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), &[one], &[request], &grants).await;
    let revoked = Grant {
        state: GrantState::Revoked,
        updated_at: at(10),
        reason: None,
        ..grants[2].clone()
    };
    let echo = "echo".parse().unwrap();
    let page = |after: Option<&Grant>, limit| Page {
        after: after.map(|grant| grant.id.clone()),
        limit,
    };
    let form = Form([2; 32]);
    let listed = tx.list_outdated_grants(&echo, form, page(None, 9)).await;
    assert_eq!(listed.unwrap(), [grants[2].clone(), grants[0].clone()]);
    let listed = tx.list_outdated_grants(&echo, form, page(None, 1)).await;
    assert_eq!(listed.unwrap(), [grants[2].clone()]);
    let next = page(Some(&grants[2]), 9);
    let listed = tx.list_outdated_grants(&echo, form, next).await;
    assert_eq!(listed.unwrap(), [grants[0].clone()]);
    let mut over = update(&grants[2], GrantState::Revoked);
    over.form = revoked.form;
    tx.apply_grant(&over).await.unwrap();
    let listed = tx.list_outdated_grants(&echo, form, page(None, 9)).await;
    assert_eq!(listed.unwrap(), [grants[0].clone()]);
    let found = tx.find_grant(&revoked.id).await.unwrap();
    assert_eq!(found, Some(revoked));
}

/// A grant whose uses are not counted has none to take, and neither has one that is not active or has ended.
pub async fn uses_of_a_grant_are_taken_one_by_one(store: &Arc<dyn Store>) {
    let one = agent(1, &host(1));
    let request = approval(1, &one);
    let twice = |grant| Grant {
        uses: Uses::from_parts(2, 2),
        expires_at: Some(at(50)),
        ..grant
    };
    let counted = twice(grant(1, &one, "pay"));
    let grants = [
        counted.clone(),
        grant(2, &one, "pay"),
        twice(pending_grant(3, &request, "pay")),
        Grant {
            state: withdrawn(),
            ..twice(grant(4, &one, "pay"))
        },
    ];
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), from_ref(&one), &[request], &grants).await;
    let ended = tx.take_use(&counted.id, at(50)).await;
    assert!(matches!(ended, Err(StoreError::Conflict("grant"))));
    for left in [1, 0] {
        assert_eq!(tx.take_use(&counted.id, at(49)).await.unwrap(), left);
    }
    for grant in &grants {
        let refused = tx.take_use(&grant.id, at(20)).await;
        assert!(matches!(refused, Err(StoreError::Conflict("grant"))));
    }
    tx.commit().await.unwrap();
    let used_up = Grant {
        uses: Uses::from_parts(2, 0),
        ..counted
    };
    let mut tx = store.read().await.unwrap();
    assert_eq!(tx.find_grant(&used_up.id).await.unwrap(), Some(used_up));
}

/// Each use goes to one of them, and none to two.
pub async fn of_parallel_takers_as_many_succeed_as_there_are_uses(store: &Arc<dyn Store>) {
    let one = agent(1, &host(1));
    let counted = Grant {
        uses: Uses::from_parts(5, 5),
        ..grant(1, &one, "pay")
    };
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), &[one], &[], from_ref(&counted)).await;
    tx.commit().await.unwrap();
    let takers: Vec<_> = (0..24)
        .map(|_| {
            let (store, id) = (Arc::clone(store), counted.id.clone());
            tokio::spawn(async move {
                let mut tx = store.begin().await?;
                let left = tx.take_use(&id, at(20)).await?;
                tx.commit().await.map(|()| left)
            })
        })
        .collect();
    let mut left = Vec::new();
    for taker in takers {
        match taker.await.unwrap() {
            Ok(number) => left.push(number),
            Err(error) => assert!(matches!(error, StoreError::Conflict("grant")), "{error}"),
        }
    }
    left.sort_unstable();
    assert_eq!(left, [0, 1, 2, 3, 4]);
}

/// Those that wait for the first request; no others.
pub async fn waiting_grants_move_to_another_request(store: &Arc<dyn Store>) {
    let one = agent(1, &host(1));
    let [from, to, third] = [1, 2, 3].map(|number| approval(number, &one));
    let grants = [
        pending_grant(1, &from, "echo"),
        pending_grant(2, &third, "pay"),
        grant(3, &one, "list"),
    ];
    let mut tx = store.begin().await.unwrap();
    insert(
        tx.as_mut(),
        from_ref(&one),
        &[from.clone(), to.clone(), third],
        &grants,
    )
    .await;
    tx.move_grants(&from.id, &to.id, at(10)).await.unwrap();
    let moved = Grant {
        updated_at: at(10),
        ..pending_grant(1, &to, "echo")
    };
    assert_eq!(tx.list_grants_by_approval(&from.id).await.unwrap(), []);
    assert_eq!(
        tx.list_grants_by_approval(&to.id).await.unwrap(),
        from_ref(&moved)
    );
    let [_, second, third] = grants;
    let listed = tx.list_grants_by_agent(&one.id).await.unwrap();
    assert_eq!(listed, [moved, second, third]);
}

/// Denied and withdrawn grants stay as they are, and so do other agents'.
pub async fn revoking_reaches_active_and_waiting_grants_of_many_agents(store: &Arc<dyn Store>) {
    let agents: Vec<_> = (0..300).map(|number| agent(number, &host(1))).collect();
    let requests: Vec<_> = (0u32..)
        .zip(&agents)
        .map(|(n, agent)| approval(n, agent))
        .collect();
    let mut grants = Vec::new();
    for (agent, request) in agents.iter().zip(&requests) {
        let number = u32::try_from(grants.len()).unwrap();
        let denied = GrantState::Denied {
            denied_by: Actor::Policy,
        };
        let over = if number % 2 == 0 { denied } else { withdrawn() };
        grants.push(grant(number, agent, "echo"));
        grants.push(pending_grant(number + 1, request, "pay"));
        grants.push(Grant {
            state: over,
            ..grant(number + 2, agent, "list")
        });
    }
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), &agents, &requests, &grants).await;
    let ids: Vec<_> = agents[1..].iter().map(|agent| agent.id.clone()).collect();
    tx.revoke_grants_of_agents(&ids, at(10)).await.unwrap();
    tx.revoke_grants_of_agents(&[], at(11)).await.unwrap();

    assert_eq!(
        tx.list_grants_by_agent(&agents[0].id).await.unwrap(),
        grants[..3]
    );
    for (agent, before) in agents[1..].iter().zip(grants[3..].chunks(3)) {
        let revoked = |grant: &Grant| Grant {
            state: GrantState::Revoked,
            updated_at: at(10),
            ..grant.clone()
        };
        let expected = [revoked(&before[0]), revoked(&before[1]), before[2].clone()];
        assert_eq!(tx.list_grants_by_agent(&agent.id).await.unwrap(), expected);
    }
}

/// At the latest when it is committed, however it came to point at the request.
pub async fn a_grant_needs_its_agent_and_its_request(store: &Arc<dyn Store>) {
    let one = agent(1, &host(1));
    let mut tx = store.begin().await.unwrap();
    tx.insert_grant(&grant(1, &one, "echo")).await.unwrap();
    assert!(matches!(tx.commit().await, Err(StoreError::NotFound(_))));

    let (request, unknown) = (approval(1, &one), approval(2, &one));
    let added = pending_grant(1, &unknown, "echo");
    let moved = pending_grant(2, &request, "pay");
    let changed = grant(3, &one, "list");
    let wait = update(&changed, added.state.clone());
    for case in ["added", "moved", "changed"] {
        let mut tx = store.begin().await.unwrap();
        let grants = [moved.clone(), changed.clone()];
        insert(tx.as_mut(), from_ref(&one), from_ref(&request), &grants).await;
        match case {
            "added" => tx.insert_grant(&added).await,
            "moved" => tx.move_grants(&request.id, &unknown.id, at(1)).await,
            _ => tx.apply_grant(&wait).await,
        }
        .unwrap();
        let refused = tx.commit().await;
        assert!(matches!(refused, Err(StoreError::NotFound(_))), "{case}");
    }
}

fn withdrawn() -> GrantState {
    GrantState::Withdrawn {
        withdrawn_by: Actor::User(user(2)),
    }
}

fn limits(value: &Value) -> Option<Constraints> {
    Constraints::parse(value).unwrap()
}

/// From the state the grant is in, without limits, reason, end, uses and form.
fn update(grant: &Grant, to: GrantState) -> GrantUpdate {
    GrantUpdate {
        id: grant.id.clone(),
        from: grant.state.status(),
        to,
        constraints: None,
        reason: None,
        expires_at: None,
        uses: None,
        form: None,
        at: at(10),
    }
}

/// Grants come first, since the order within a transaction is free.
async fn insert(
    tx: &mut dyn Transaction,
    agents: &[Agent],
    requests: &[Approval],
    grants: &[Grant],
) {
    for grant in grants {
        tx.insert_grant(grant).await.unwrap();
    }
    for request in requests {
        tx.insert_approval(request).await.unwrap();
    }
    for agent in agents {
        tx.insert_agent(agent).await.unwrap();
    }
    tx.insert_host(&host(1)).await.unwrap();
}
