//! Seen tokens (AAP §4.6).

use std::collections::HashSet;
use std::sync::Arc;

use procura_keys::clock::Timestamp;

use super::samples::{at, seen};
use crate::Store;
use crate::replay::SeenToken;

/// A second sight of it, later or in the same call, changes nothing and does not count.
pub async fn a_token_stays_as_it_was_first_seen(store: &Arc<dyn Store>) {
    let longer = SeenToken {
        forget_at: at(90),
        ..seen("a")
    };
    assert_eq!(add(store, &[seen("a"), longer.clone()]).await, 1);
    assert_eq!(add(store, &[longer, seen("b")]).await, 1);
    assert_eq!(add(store, &[]).await, 0);
    let all = remembered(store, at(0)).await;
    assert_eq!(all, HashSet::from([seen("a"), seen("b")]));
}

/// From that moment on they are neither listed nor kept.
pub async fn tokens_are_remembered_until_their_time(store: &Arc<dyn Store>) {
    let short = SeenToken {
        forget_at: at(30),
        ..seen("short")
    };
    add(store, &[short.clone(), seen("long")]).await;
    let both = HashSet::from([short, seen("long")]);
    let one = HashSet::from([seen("long")]);
    assert_eq!(remembered(store, at(29)).await, both);
    assert_eq!(remembered(store, at(30)).await, one);

    forget(store, at(29)).await;
    assert_eq!(remembered(store, at(0)).await, both);
    forget(store, at(30)).await;
    assert_eq!(remembered(store, at(0)).await, one);
}

/// It may be used again, once: the later time counts from then on.
pub async fn a_token_that_may_be_forgotten_is_new_again(store: &Arc<dyn Store>) {
    let short = SeenToken {
        forget_at: at(30),
        ..seen("a")
    };
    assert_eq!(add(store, std::slice::from_ref(&short)).await, 1);
    let again = [seen("a"), seen("b")];
    assert_eq!(add_at(store, &again, at(29)).await, 1);
    assert_eq!(
        remembered(store, at(0)).await,
        HashSet::from([short, seen("b")])
    );
    assert_eq!(add_at(store, &again, at(30)).await, 1);
    assert_eq!(add_at(store, &again, at(31)).await, 0);
    assert_eq!(remembered(store, at(0)).await, again.into());
}

/// With the time that was first given, whatever the question says.
pub async fn those_of_some_tokens_that_were_seen_are_found(store: &Arc<dyn Store>) {
    let (short, other_signer) = (
        SeenToken {
            forget_at: at(30),
            ..seen("short")
        },
        SeenToken {
            signer: "agt_other".to_owned(),
            ..seen("a")
        },
    );
    add(store, &[seen("a"), seen("b"), short.clone()]).await;
    let asked = [
        SeenToken {
            forget_at: at(1),
            ..seen("a")
        },
        short.clone(),
        seen("c"),
        other_signer,
    ];
    assert_eq!(
        found(store, &asked, at(29)).await,
        HashSet::from([seen("a"), short])
    );
    assert_eq!(
        found(store, &asked, at(30)).await,
        HashSet::from([seen("a")])
    );
    assert_eq!(found(store, &[], at(0)).await, HashSet::new());
}

/// Names come from outside and may hold anything.
pub async fn names_are_kept_apart_to_the_last_character(store: &Arc<dyn Store>) {
    let names = [
        "", "1", "1.0", "A", "a", "a\u{0}", "a\u{0}b", "a\u{0}c", "\"", "\\u0000", "\u{e9}",
        "e\u{301}", "null",
    ];
    let mut tokens = HashSet::new();
    for jti in names {
        for signer in ["agt_1", "agt_2", "agt_1\u{0}"] {
            tokens.insert(SeenToken {
                signer: signer.to_owned(),
                ..seen(jti)
            });
        }
    }
    let all: Vec<_> = tokens.iter().cloned().collect();
    assert_eq!(add(store, &all).await, all.len() as u64);
    assert_eq!(remembered(store, at(0)).await, tokens);
    assert_eq!(found(store, &all, at(0)).await, tokens);
}

/// The size of a batch that many callers share.
pub async fn hundreds_of_tokens_are_added_at_once(store: &Arc<dyn Store>) {
    let tokens: Vec<_> = (0..600).map(|number| seen(&number.to_string())).collect();
    add(store, &tokens).await;
    let all = remembered(store, at(0)).await;
    assert_eq!(all, tokens.into_iter().collect());
}

async fn add(store: &Arc<dyn Store>, tokens: &[SeenToken]) -> u64 {
    add_at(store, tokens, at(0)).await
}

async fn add_at(store: &Arc<dyn Store>, tokens: &[SeenToken], now: Timestamp) -> u64 {
    let mut tx = store.begin().await.unwrap();
    let new = tx.insert_seen(tokens, now).await.unwrap();
    tx.commit().await.unwrap();
    new
}

async fn found(store: &Arc<dyn Store>, tokens: &[SeenToken], now: Timestamp) -> HashSet<SeenToken> {
    let mut tx = store.read().await.unwrap();
    let found = tx.find_seen(tokens, now).await.unwrap();
    found.into_iter().collect()
}

async fn forget(store: &Arc<dyn Store>, now: Timestamp) {
    let mut tx = store.begin().await.unwrap();
    tx.delete_forgotten(now, 9).await.unwrap();
    tx.commit().await.unwrap();
}

async fn remembered(store: &Arc<dyn Store>, now: Timestamp) -> HashSet<SeenToken> {
    let mut tx = store.read().await.unwrap();
    let tokens = tx.list_seen(now).await.unwrap();
    let (length, set) = (tokens.len(), tokens.into_iter().collect::<HashSet<_>>());
    assert_eq!(set.len(), length, "a token is listed twice");
    set
}
