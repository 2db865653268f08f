//! Requests for approval.

use std::sync::Arc;

use procura_agent_auth::approval::{Approval, ApprovalState, Channel, Purpose};
use procura_agent_auth::grant::Actor;
use procura_agent_auth::request::ApproverKind;

use super::samples::{agent, approval, at, code_digest, host, inbox_approval, page, user};
use crate::{Store, StoreError, Transaction};

/// By identifier, by code and by notification URL.
pub async fn a_request_comes_back_as_it_was_in_every_state(store: &Arc<dyn Store>) {
    let one = agent(1, &host(1));
    let in_state = |number, state| Approval {
        state,
        ..approval(number, &one)
    };
    let full = Approval {
        purpose: Purpose::Registration,
        approver: ApproverKind::Person,
        reason: Some("to pay the rent".to_owned()),
        binding_message: Some("R-17".to_owned()),
        login_hint: Some("alice@example.com".to_owned()),
        notification: Some(code_digest(71)),
        ..approval(1, &one)
    };
    let reactivation = Approval {
        purpose: Purpose::Reactivation,
        ..approval(5, &one)
    };
    let requests = [
        full,
        reactivation,
        in_state(2, approved()),
        in_state(3, denied()),
        in_state(4, ApprovalState::Cancelled),
        inbox_approval(6, &one, user(1)),
        inbox_approval(7, &one, user(1)),
        Approval {
            channel: Channel::Custom {
                method: "desk".to_owned(),
            },
            ..approval(8, &one)
        },
    ];
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), &requests).await;
    tx.commit().await.unwrap();

    let mut tx = store.read().await.unwrap();
    for request in requests {
        let found = tx.find_approval(&request.id).await.unwrap();
        assert_eq!(found.as_ref(), Some(&request));
        if let Some(digest) = &request.notification {
            let found = tx.find_approval_by_notification(digest).await.unwrap();
            assert_eq!(found.as_ref(), Some(&request));
        }
        if let Some(digest) = request.channel.code_digest() {
            let found = tx.find_approval_by_code(digest).await.unwrap();
            assert_eq!(found, Some(request));
        }
    }
}

/// However it is looked for.
pub async fn an_unknown_request_is_absent(store: &Arc<dyn Store>) {
    let request = approval(1, &agent(1, &host(1)));
    let mut tx = store.read().await.unwrap();
    assert_eq!(tx.find_approval(&request.id).await.unwrap(), None);
    let found = tx.find_approval_by_code(&code_digest(1)).await;
    assert_eq!(found.unwrap(), None);
    let found = tx.find_approval_by_notification(&code_digest(1)).await;
    assert_eq!(found.unwrap(), None);
}

/// And a request without one is in nobody's way.
pub async fn a_notification_url_belongs_to_one_request(store: &Arc<dyn Store>) {
    let one = agent(1, &host(1));
    let notified = |number| Approval {
        notification: Some(code_digest(71)),
        ..approval(number, &one)
    };
    let mut tx = store.begin().await.unwrap();
    insert(
        tx.as_mut(),
        &[notified(1), approval(2, &one), approval(3, &one)],
    )
    .await;
    let refused = tx.insert_approval(&notified(4)).await;
    assert!(matches!(
        refused,
        Err(StoreError::Conflict("approval request"))
    ));
}

/// Whatever state the request is in.
pub async fn a_code_belongs_to_one_request(store: &Arc<dyn Store>) {
    let one = agent(1, &host(1));
    let cancelled = Approval {
        state: ApprovalState::Cancelled,
        ..approval(1, &one)
    };
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), std::slice::from_ref(&cancelled)).await;
    tx.commit().await.unwrap();

    let same_code = Approval {
        channel: cancelled.channel.clone(),
        ..approval(2, &one)
    };
    let same_id = Approval {
        id: cancelled.id,
        ..approval(2, &one)
    };
    for double in [same_code, same_id] {
        let mut tx = store.begin().await.unwrap();
        let refused = tx.insert_approval(&double).await;
        assert!(matches!(
            refused,
            Err(StoreError::Conflict("approval request"))
        ));
    }
}

/// Oldest first, whether or not they can still be answered.
pub async fn open_requests_of_an_agent_are_listed(store: &Arc<dyn Store>) {
    let (one, two) = (agent(1, &host(1)), agent(2, &host(1)));
    let requests = [
        approval(3, &one),
        approval(1, &two),
        Approval {
            expires_at: at(0),
            ..approval(2, &one)
        },
        Approval {
            state: denied(),
            ..approval(4, &one)
        },
    ];
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), &requests).await;
    let open = tx.list_open_approvals_by_agent(&one.id).await.unwrap();
    assert_eq!(open, [requests[2].clone(), requests[0].clone()]);
}

/// Newest first, and neither other people's nor what cannot be answered any more.
pub async fn an_inbox_lists_what_waits_for_its_person(store: &Arc<dyn Store>) {
    let (one, two) = (agent(1, &host(1)), agent(2, &host(1)));
    let requests = [
        inbox_approval(1, &one, user(1)),
        inbox_approval(3, &two, user(1)),
        inbox_approval(2, &one, user(1)),
        inbox_approval(4, &one, user(2)),
        approval(5, &one),
        Approval {
            state: denied(),
            ..inbox_approval(6, &one, user(1))
        },
        Approval {
            expires_at: at(60),
            ..inbox_approval(7, &one, user(1))
        },
    ];
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), &requests).await;
    let [first, third, second, _, _, _, ending] = requests;
    let waiting = tx.list_inbox(&user(1), at(60)).await.unwrap();
    let expected = [third, second, first];
    assert_eq!(waiting, expected);
    let waiting = tx.list_inbox(&user(1), at(59)).await.unwrap();
    assert_eq!(waiting.first(), Some(&ending));
    assert_eq!(waiting[1..], expected);
    assert_eq!(tx.list_inbox(&user(3), at(0)).await.unwrap(), []);
}

/// At its end a request can be answered no more. Those that end first do not come first.
pub async fn requests_that_can_be_answered_are_listed_page_by_page(store: &Arc<dyn Store>) {
    let one = agent(1, &host(1));
    let ending = |number, end| Approval {
        expires_at: at(end),
        ..approval(number, &one)
    };
    let requests = [
        ending(1, 60),
        ending(2, 500),
        ending(3, 400),
        ending(4, 61),
        Approval {
            state: approved(),
            ..approval(5, &one)
        },
    ];
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), &requests).await;
    let [over, second, third, fourth, _] = requests;
    let open = tx.list_open_approvals(at(60), page(None, 2)).await.unwrap();
    assert_eq!(open, [second, third.clone()]);
    let open = tx
        .list_open_approvals(at(60), page(Some(third.id), 2))
        .await;
    assert_eq!(open.unwrap(), [fourth]);
    let open = tx.list_open_approvals(at(59), page(None, 1)).await.unwrap();
    assert_eq!(open, [over]);
}

/// The second answer finds it closed, and so does one to a request that is not there.
pub async fn a_request_is_answered_once(store: &Arc<dyn Store>) {
    let one = agent(1, &host(1));
    let requests = [1, 2, 3].map(|number| approval(number, &one));
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), &requests).await;
    let answers = [approved(), denied(), ApprovalState::Cancelled];
    for (request, answer) in requests.iter().zip(&answers) {
        tx.close_approval(&request.id, answer).await.unwrap();
        let closed = Approval {
            state: answer.clone(),
            ..request.clone()
        };
        assert_eq!(tx.find_approval(&request.id).await.unwrap(), Some(closed));
    }
    tx.commit().await.unwrap();

    let unknown = approval(4, &one);
    for closed in requests.iter().chain([&unknown]) {
        let mut tx = store.begin().await.unwrap();
        let refused = tx.close_approval(&closed.id, &approved()).await;
        assert!(matches!(
            refused,
            Err(StoreError::Conflict("approval request"))
        ));
    }
}

/// Answered ones stay as they are, and so do other agents'.
pub async fn cancelling_reaches_open_requests_of_many_agents(store: &Arc<dyn Store>) {
    let [one, two, three] = [1, 2, 3].map(|number| agent(number, &host(1)));
    let answered = Approval {
        state: approved(),
        ..approval(3, &one)
    };
    let requests = [
        approval(1, &one),
        approval(2, &two),
        answered,
        approval(4, &three),
    ];
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), &requests).await;
    tx.cancel_approvals_of_agents(&[one.id, two.id])
        .await
        .unwrap();
    tx.cancel_approvals_of_agents(&[]).await.unwrap();
    let states = [
        ApprovalState::Cancelled,
        ApprovalState::Cancelled,
        approved(),
        ApprovalState::Open,
    ];
    for (request, state) in requests.into_iter().zip(states) {
        let expected = Approval { state, ..request };
        assert_eq!(
            tx.find_approval(&expected.id).await.unwrap(),
            Some(expected)
        );
    }
}

/// At the latest when it is committed.
pub async fn a_request_needs_its_agent_and_its_host(store: &Arc<dyn Store>) {
    let of_nobody = approval(1, &agent(1, &host(1)));
    let mut tx = store.begin().await.unwrap();
    tx.insert_host(&host(1)).await.unwrap();
    tx.insert_approval(&of_nobody).await.unwrap();
    assert!(matches!(tx.commit().await, Err(StoreError::NotFound(_))));

    let elsewhere = Approval {
        host_id: host(2).id,
        ..of_nobody
    };
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), &[elsewhere]).await;
    assert!(matches!(tx.commit().await, Err(StoreError::NotFound(_))));
}

fn approved() -> ApprovalState {
    ApprovalState::Approved {
        by: Actor::User(user(1)),
        at: at(5),
    }
}

fn denied() -> ApprovalState {
    ApprovalState::Denied {
        by: Actor::Administrator("root".to_owned()),
        at: at(6),
    }
}

/// With the host and the agents they may belong to.
async fn insert(tx: &mut dyn Transaction, requests: &[Approval]) {
    tx.insert_host(&host(1)).await.unwrap();
    for number in 1..=3 {
        tx.insert_agent(&agent(number, &host(1))).await.unwrap();
    }
    for request in requests {
        tx.insert_approval(request).await.unwrap();
    }
}
