//! Notices: what is to be sent, and what became of it.

use std::sync::Arc;

use procura_agent_auth::id::UserId;
use procura_agent_auth::notice::{Audience, Notice, NoticeState};
use procura_people::mail::MailChoice;
use procura_people::person::PersonId;
use procura_people::push::PushDevice;

use super::samples::{at, notice, page, user};
use crate::{Store, StoreError, Transaction};

async fn insert(store: &Arc<dyn Store>, notices: &[Notice]) {
    let mut tx = store.begin().await.unwrap();
    for notice in notices {
        tx.insert_notice(notice).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// In every state, newest first and page by page.
pub async fn a_notice_comes_back_as_it_was(store: &Arc<dyn Store>) {
    let mut notices = Vec::new();
    for (number, state) in (1..).zip(NoticeState::ALL) {
        let mut notice = notice(number);
        notice.state = state;
        notice.attempts = number;
        notice.error = (number % 2 == 0).then(|| "answered 500".to_owned());
        notice.due_at = at(7);
        if number == 3 {
            notice.audience = Audience::Administrators;
        }
        notices.push(notice);
    }
    insert(store, &notices).await;
    let again = store
        .begin()
        .await
        .unwrap()
        .insert_notice(&notices[0])
        .await;
    assert!(matches!(again, Err(StoreError::Conflict(_))));
    notices.reverse();
    let mut tx = store.read().await.unwrap();
    assert_eq!(tx.list_notices(page(None, 9)).await.unwrap(), notices);
    let after = Some(notices[1].id.clone());
    let rest = tx.list_notices(page(after, 1)).await.unwrap();
    assert_eq!(rest, notices[2..3]);
}

/// Of two senders that begin the same attempt, one finds it begun.
pub async fn an_attempt_is_begun_once(store: &Arc<dyn Store>) {
    let before = notice(1);
    insert(store, std::slice::from_ref(&before)).await;
    let mut begun = before.clone();
    begun.attempts = 1;
    begun.requests.clear();
    begun.due_at = at(60);
    begun.planned_at = at(2);
    begun.updated_at = at(3);
    let mut tx = store.begin().await.unwrap();
    tx.apply_notice(&begun, 0).await.unwrap();
    let second = tx.apply_notice(&begun, 0).await;
    assert!(matches!(second, Err(StoreError::Conflict(_))));
    let mut done = begun.clone();
    done.state = NoticeState::Delivered;
    tx.apply_notice(&done, 1).await.unwrap();
    let settled = tx.apply_notice(&done, 1).await;
    assert!(matches!(settled, Err(StoreError::Conflict(_))));
    assert_eq!(tx.list_notices(page(None, 9)).await.unwrap(), [done]);
    let unknown = tx.apply_notice(&notice(2), 0).await;
    assert!(matches!(unknown, Err(StoreError::Conflict(_))));
}

/// Whoever has waited longest comes first, and only for its receiver.
pub async fn due_notices_are_found_in_turn(store: &Arc<dyn Store>) {
    let mut late = notice(1);
    late.due_at = at(20);
    let mut early = notice(2);
    early.due_at = at(10);
    let mut sent = notice(3);
    sent.state = NoticeState::Dead;
    let mut other = notice(4);
    other.receiver = "mail".to_owned();
    insert(store, &[late, early.clone(), sent, other]).await;
    let mut tx = store.read().await.unwrap();
    assert_eq!(tx.find_due_notice("pager", at(9)).await.unwrap(), None);
    for seconds in [10, 30] {
        let due = tx.find_due_notice("pager", at(seconds)).await.unwrap();
        assert_eq!(due.as_ref(), Some(&early));
    }
    assert_eq!(tx.count_waiting_notices("pager", 9).await.unwrap(), 2);
    assert_eq!(tx.count_waiting_notices("pager", 1).await.unwrap(), 1);
    assert_eq!(tx.count_waiting_notices("nobody", 9).await.unwrap(), 0);
}

/// For the quiet periods: one receiver, one audience, since a moment.
pub async fn recent_notices_of_an_audience_are_listed(store: &Arc<dyn Store>) {
    let mut old = notice(1);
    old.planned_at = at(1);
    let mut recent = notice(2);
    recent.planned_at = at(5);
    let mut others = notice(3);
    others.audience = Audience::Person(user(2));
    let mut desk = notice(4);
    desk.audience = Audience::Administrators;
    let mut elsewhere = notice(5);
    elsewhere.receiver = "mail".to_owned();
    for notice in [&mut others, &mut desk, &mut elsewhere] {
        notice.planned_at = at(5);
    }
    insert(
        store,
        &[old, recent.clone(), others, desk.clone(), elsewhere],
    )
    .await;
    let mut tx = store.read().await.unwrap();
    let listed = tx.list_notices_to("pager", &recent.audience, at(5)).await;
    assert_eq!(listed.unwrap(), [recent]);
    let listed = tx.list_notices_to("pager", &desk.audience, at(0)).await;
    assert_eq!(listed.unwrap(), [desk]);
}

/// Those that wait stay.
pub async fn old_notices_go(store: &Arc<dyn Store>) {
    let mut notices: Vec<_> = (1..=4).map(notice).collect();
    for notice in &mut notices[..3] {
        notice.state = NoticeState::Delivered;
    }
    notices[2].updated_at = at(50);
    insert(store, &notices).await;
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.delete_old_notices(at(50), 1).await.unwrap(), 1);
    assert_eq!(tx.delete_old_notices(at(50), 9).await.unwrap(), 1);
    assert_eq!(tx.delete_old_notices(at(50), 9).await.unwrap(), 0);
    let left = tx.list_notices(page(None, 9)).await.unwrap();
    assert_eq!(left, [notices[3].clone(), notices[2].clone()]);
}

/// And nobody else has it.
pub async fn a_choice_about_mail_is_kept_until_the_next(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    let first = tx.find_mail_choice(&user(1)).await.unwrap();
    assert_eq!(first, MailChoice::On);
    for choice in MailChoice::ALL.into_iter().rev() {
        tx.put_mail_choice(&user(1), choice).await.unwrap();
        assert_eq!(tx.find_mail_choice(&user(1)).await.unwrap(), choice);
    }
    tx.put_mail_choice(&user(1), MailChoice::Off).await.unwrap();
    let others = tx.find_mail_choice(&user(2)).await.unwrap();
    assert_eq!(others, MailChoice::On);
    tx.put_mail_choice(&user(2), MailChoice::Off).await.unwrap();
    tx.delete_notices_of_user(&user(1)).await.unwrap();
    assert_eq!(choice_of(tx.as_mut(), user(1)).await, MailChoice::On);
    assert_eq!(choice_of(tx.as_mut(), user(2)).await, MailChoice::Off);
}

async fn choice_of(tx: &mut dyn Transaction, user: UserId) -> MailChoice {
    tx.find_mail_choice(&user).await.unwrap()
}

/// And is gone when it is removed, or with them.
pub async fn a_device_belongs_to_who_added_it_last(store: &Arc<dyn Store>) {
    let device = |number: u64, owner: u32| PushDevice {
        person_id: PersonId(user(owner).0),
        endpoint: format!("https://push.example/{number}"),
        public_key: "key".to_owned(),
        auth: "secret".to_owned(),
        name: "Phone".to_owned(),
        created_at: at(10 - number),
    };
    let mut tx = store.begin().await.unwrap();
    for number in 1..=3 {
        tx.put_push_device(&device(number, 1)).await.unwrap();
    }
    let moved = PushDevice {
        name: "Laptop".to_owned(),
        ..device(2, 2)
    };
    tx.put_push_device(&moved).await.unwrap();
    let listed = tx.list_push_devices(&user(1)).await.unwrap();
    assert_eq!(listed, [device(3, 1), device(1, 1)]);
    for _ in 0..2 {
        tx.delete_push_device(&device(3, 1).endpoint).await.unwrap();
    }
    let listed = tx.list_push_devices(&user(1)).await.unwrap();
    assert_eq!(listed, [device(1, 1)]);
    tx.delete_notices_of_user(&user(1)).await.unwrap();
    assert_eq!(tx.list_push_devices(&user(1)).await.unwrap(), []);
    assert_eq!(tx.list_push_devices(&user(2)).await.unwrap(), [moved]);
}

/// And nobody else's.
pub async fn all_notices_of_a_person_go(store: &Arc<dyn Store>) {
    let mut desk = notice(2);
    desk.audience = Audience::Administrators;
    insert(store, &[notice(1), desk.clone()]).await;
    let mut tx = store.begin().await.unwrap();
    tx.delete_notices_of_user(&user(1)).await.unwrap();
    assert_eq!(tx.list_notices(page(None, 9)).await.unwrap(), [desk]);
}
