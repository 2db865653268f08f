//! Hosts.

use std::sync::Arc;

use procura_agent_auth::host::{Host, HostJwks, HostStatus, PreviousKey};
use procura_agent_auth::id::UserId;

use super::samples::{at, host, jwks_url, key, page, publisher, user};
use crate::agent_auth::{HostChange, KeyAdoption};
use crate::{Store, StoreError};

/// By identifier and by key, with every member that may be absent once absent and once not.
pub async fn a_host_comes_back_as_it_was(store: &Arc<dyn Store>) {
    let full = Host {
        name: Some("Ada's laptop \u{1f4bb}".to_owned()),
        user_id: Some(user(1)),
        default_capabilities: vec!["echo".parse().unwrap(), "\"quoted\"".parse().unwrap()],
        status: HostStatus::Revoked,
        last_used_at: Some(at(5)),
        updated_at: at(6),
        ..host(1)
    };
    let bare = Host {
        status: HostStatus::Pending,
        activated_at: None,
        ..host(2)
    };
    let previous = PreviousKey {
        thumbprint: host(9).thumbprint(),
        until: at(300),
    };
    let rotated = Host {
        jwks: Some(HostJwks {
            url: jwks_url(4),
            previous: Some(previous),
        }),
        ..host(4)
    };
    let all = [full, bare, publisher(3), rotated];
    let mut tx = store.begin().await.unwrap();
    for host in &all {
        tx.insert_host(host).await.unwrap();
    }
    tx.commit().await.unwrap();

    let mut tx = store.read().await.unwrap();
    for host in all {
        assert_eq!(tx.load_host(&host.id).await.unwrap(), host);
        let found = tx.find_host_by_thumbprint(&host.thumbprint()).await;
        assert_eq!(found.unwrap(), Some(host));
    }
}

/// `load` says so, `find` returns nothing.
pub async fn an_unknown_host_is_not_found(store: &Arc<dyn Store>) {
    let mut tx = store.read().await.unwrap();
    let missing = tx.load_host(&host(1).id).await;
    assert!(matches!(missing, Err(StoreError::NotFound(_))));
    let found = tx.find_host_by_thumbprint(&host(1).thumbprint()).await;
    assert_eq!(found.unwrap(), None);
}

/// Whatever state the host is in.
pub async fn a_key_belongs_to_one_host(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    let revoked = Host {
        status: HostStatus::Revoked,
        ..host(1)
    };
    tx.insert_host(&revoked).await.unwrap();
    tx.commit().await.unwrap();
    let same_key = Host {
        public_key: key(1),
        ..host(2)
    };
    let same_id = Host {
        public_key: key(2),
        ..host(1)
    };
    for double in [same_key, same_id] {
        let mut tx = store.begin().await.unwrap();
        let refused = tx.insert_host(&double).await;
        assert!(matches!(refused, Err(StoreError::Conflict("host"))));
    }
}

/// It is found there, and a second host cannot be.
pub async fn a_url_belongs_to_one_host(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    for host in [publisher(1), publisher(2), host(3)] {
        tx.insert_host(&host).await.unwrap();
    }
    for (number, found) in [(1, Some(publisher(1))), (2, Some(publisher(2))), (3, None)] {
        let there = tx.find_host_by_jwks_url(&jwks_url(number)).await;
        assert_eq!(there.unwrap(), found);
    }
    tx.commit().await.unwrap();
    let mut tx = store.begin().await.unwrap();
    let same_url = Host {
        jwks: publisher(1).jwks,
        ..host(4)
    };
    let refused = tx.insert_host(&same_url).await;
    assert!(matches!(refused, Err(StoreError::Conflict("host"))));
}

/// The one before is kept until its time; hosts that publish none adopt none.
pub async fn a_published_key_is_adopted_in_place_of_the_expected_one(store: &Arc<dyn Store>) {
    let adoption = |number: u32, from: u32, to: u32| KeyAdoption {
        id: host(number).id,
        from: host(from).thumbprint(),
        to: key(to),
        keep_until: at(310),
        at: at(10),
    };
    let mut tx = store.begin().await.unwrap();
    for host in [publisher(1), publisher(2), host(3)] {
        tx.insert_host(&host).await.unwrap();
    }
    tx.adopt_host_key(&adoption(1, 1, 4)).await.unwrap();
    let adopted = Host {
        public_key: key(4),
        jwks: Some(HostJwks {
            url: jwks_url(1),
            previous: Some(PreviousKey {
                thumbprint: host(1).thumbprint(),
                until: at(310),
            }),
        }),
        updated_at: at(10),
        ..host(1)
    };
    assert_eq!(tx.load_host(&adopted.id).await.unwrap(), adopted);
    let by_new = tx.find_host_by_thumbprint(&adopted.thumbprint()).await;
    assert_eq!(by_new.unwrap(), Some(adopted));
    let by_old = tx.find_host_by_thumbprint(&host(1).thumbprint()).await;
    assert_eq!(by_old.unwrap(), None);
    assert_eq!(tx.load_host(&host(2).id).await.unwrap(), publisher(2));
    tx.commit().await.unwrap();

    for (number, from, to) in [(1, 1, 5), (1, 4, 2), (3, 3, 5), (9, 9, 5)] {
        let mut tx = store.begin().await.unwrap();
        let refused = tx.adopt_host_key(&adoption(number, from, to)).await;
        assert!(
            matches!(refused, Err(StoreError::Conflict("host"))),
            "{number} {from} {to}: {refused:?}"
        );
    }
}

/// A page starts after the last key of the one before.
pub async fn hosts_are_listed_oldest_first_page_by_page(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    for number in [3, 1, 2] {
        tx.insert_host(&host(number)).await.unwrap();
    }
    let first = tx.list_hosts(page(None, 2)).await.unwrap();
    assert_eq!(first, [host(1), host(2)]);
    let second = tx.list_hosts(page(Some(host(2).id), 2)).await.unwrap();
    assert_eq!(second, [host(3)]);
    let third = tx.list_hosts(page(Some(host(3).id), 2)).await.unwrap();
    assert_eq!(third, []);
}

/// And nobody else's.
pub async fn hosts_of_a_person_are_listed(store: &Arc<dyn Store>) {
    let owned = |number, owner| Host {
        user_id: Some(owner),
        ..host(number)
    };
    let mut tx = store.begin().await.unwrap();
    for host in [
        owned(4, user(1)),
        owned(1, user(1)),
        owned(2, user(2)),
        host(3),
    ] {
        tx.insert_host(&host).await.unwrap();
    }
    let hosts = tx.list_hosts_by_user(&user(1)).await.unwrap();
    assert_eq!(hosts, [owned(1, user(1)), owned(4, user(1))]);
    assert_eq!(tx.list_hosts_by_user(&user(3)).await.unwrap(), []);
}

/// The second of two equal changes finds another state, and so does one of a host that is not
/// there.
pub async fn a_host_changes_from_the_expected_state_only(store: &Arc<dyn Store>) {
    let pending = Host {
        status: HostStatus::Pending,
        activated_at: None,
        ..host(1)
    };
    let approve = change(&pending, HostStatus::Active, None);
    let mut tx = store.begin().await.unwrap();
    tx.insert_host(&pending).await.unwrap();
    tx.insert_host(&host(2)).await.unwrap();
    tx.apply_host(&approve).await.unwrap();
    let active = Host {
        status: HostStatus::Active,
        activated_at: Some(at(10)),
        updated_at: at(10),
        ..pending
    };
    assert_eq!(tx.load_host(&active.id).await.unwrap(), active);
    assert_eq!(tx.load_host(&host(2).id).await.unwrap(), host(2));
    tx.commit().await.unwrap();

    for impossible in [approve, change(&host(3), HostStatus::Revoked, None)] {
        let mut tx = store.begin().await.unwrap();
        let refused = tx.apply_host(&impossible).await;
        assert!(matches!(refused, Err(StoreError::Conflict("host"))));
    }
}

/// A second link to the same person is none; one to another person finds the host taken.
pub async fn a_host_is_linked_to_one_person(store: &Arc<dyn Store>) {
    let link = |person| change(&host(1), HostStatus::Active, Some(person));
    let mut tx = store.begin().await.unwrap();
    tx.insert_host(&host(1)).await.unwrap();
    tx.apply_host(&link(user(1))).await.unwrap();
    tx.apply_host(&link(user(1))).await.unwrap();
    let revoke = change(&host(1), HostStatus::Revoked, None);
    tx.apply_host(&revoke).await.unwrap();
    let linked = tx.load_host(&host(1).id).await.unwrap();
    assert_eq!(linked.user_id, Some(user(1)));
    assert_eq!(linked.status, HostStatus::Revoked);

    drop(tx);
    let mut tx = store.begin().await.unwrap();
    tx.insert_host(&host(1)).await.unwrap();
    tx.apply_host(&link(user(1))).await.unwrap();
    let refused = tx.apply_host(&link(user(2))).await;
    assert!(matches!(refused, Err(StoreError::Conflict("host"))));
}

/// From nobody else, and not twice.
pub async fn a_host_is_taken_from_its_person_only(store: &Arc<dyn Store>) {
    let owned = Host {
        user_id: Some(user(1)),
        ..host(1)
    };
    let mut tx = store.begin().await.unwrap();
    tx.insert_host(&owned).await.unwrap();
    tx.insert_host(&host(2)).await.unwrap();
    tx.commit().await.unwrap();
    for (number, person) in [(1, user(2)), (2, user(1)), (3, user(1))] {
        let mut tx = store.begin().await.unwrap();
        let refused = tx.unlink_host(&host(number).id, &person, at(10)).await;
        assert!(matches!(refused, Err(StoreError::Conflict("host"))));
    }
    let mut tx = store.begin().await.unwrap();
    tx.unlink_host(&owned.id, &user(1), at(10)).await.unwrap();
    let free = Host {
        updated_at: at(10),
        ..host(1)
    };
    assert_eq!(tx.load_host(&owned.id).await.unwrap(), free);
    let again = tx.unlink_host(&owned.id, &user(1), at(11)).await;
    assert!(matches!(again, Err(StoreError::Conflict("host"))));
}

/// The old key then finds nothing and is free, another host's key is not, and whoever comes second
/// finds that the key has changed.
pub async fn a_new_key_of_a_host_replaces_the_expected_one(store: &Arc<dyn Store>) {
    let (one, old) = (host(1).id, host(1).thumbprint());
    let mut tx = store.begin().await.unwrap();
    tx.insert_host(&host(1)).await.unwrap();
    tx.insert_host(&host(2)).await.unwrap();
    let same = tx.rotate_host_key(&one, &old, &key(1), at(9)).await;
    same.unwrap();
    let new = tx.rotate_host_key(&one, &old, &key(3), at(10)).await;
    new.unwrap();
    let rotated = Host {
        public_key: key(3),
        updated_at: at(10),
        ..host(1)
    };
    assert_eq!(tx.find_host_by_thumbprint(&old).await.unwrap(), None);
    let found = tx.find_host_by_thumbprint(&rotated.thumbprint()).await;
    assert_eq!(found.unwrap(), Some(rotated.clone()));
    assert_eq!(tx.load_host(&host(2).id).await.unwrap(), host(2));
    tx.commit().await.unwrap();

    let cases = [
        (&one, old, key(4)),
        (&one, rotated.thumbprint(), key(2)),
        (&host(9).id, host(9).thumbprint(), key(4)),
    ];
    for (id, from, to) in cases {
        let mut tx = store.begin().await.unwrap();
        let refused = tx.rotate_host_key(id, &from, &to, at(11)).await;
        assert!(matches!(refused, Err(StoreError::Conflict("host"))));
    }
    let mut tx = store.begin().await.unwrap();
    let heir = Host {
        public_key: key(1),
        ..host(4)
    };
    tx.insert_host(&heir).await.unwrap();
}

/// A change from active to active only links.
pub async fn a_host_that_stays_active_keeps_its_start(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    tx.insert_host(&host(1)).await.unwrap();
    let link = change(&host(1), HostStatus::Active, Some(user(1)));
    tx.apply_host(&link).await.unwrap();
    let linked = Host {
        user_id: Some(user(1)),
        updated_at: at(10),
        ..host(1)
    };
    assert_eq!(tx.load_host(&host(1).id).await.unwrap(), linked);
}

/// And without a name the old one stays.
pub async fn uses_of_a_host_never_move_back(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    tx.insert_host(&host(1)).await.unwrap();
    let id = host(1).id;
    tx.touch_host(&id, at(5), Some("Laptop")).await.unwrap();
    tx.touch_host(&id, at(4), None).await.unwrap();
    tx.touch_host(&host(2).id, at(9), Some("Nobody's"))
        .await
        .unwrap();
    let used = Host {
        name: Some("Laptop".to_owned()),
        last_used_at: Some(at(5)),
        ..host(1)
    };
    assert_eq!(tx.load_host(&id).await.unwrap(), used);
    tx.touch_host(&id, at(6), None).await.unwrap();
    assert_eq!(tx.load_host(&id).await.unwrap().last_used_at, Some(at(6)));
    assert_eq!(tx.list_hosts(page(None, 9)).await.unwrap().len(), 1);
}

fn change(host: &Host, to: HostStatus, link: Option<UserId>) -> HostChange {
    HostChange {
        id: host.id.clone(),
        from: host.status,
        to,
        link,
        at: at(10),
    }
}
