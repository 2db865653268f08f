//! Several processes on one database.

use std::time::{Duration, Instant};

use procura_store::Store;
use procura_store::agent_auth::AgentChange;
use procura_store::contract::samples::{agent, at, entry, grant, host, seen};
use procura_store::nodes::{Feed, News};
use procura_store_postgres::{OpenError, PostgresStore};
use tokio::time::timeout;

use crate::filled::{assert_filled, fill};
use crate::support::{Database, reason};

#[tokio::test]
async fn several_share_a_database_and_keep_out_whoever_wants_to_be_alone() {
    let database = Database::new().await;
    let one = database.join().await.unwrap();
    let other = database.join().await.unwrap();
    fill(&one).await;
    assert_filled(&other).await;
    let refused = database.open_error().await;
    assert!(matches!(refused, OpenError::InUse), "{refused}");
    one.close().await;
    other.close().await;
    let alone = database.open().await;
    assert_filled(&alone).await;
    let refused = reason(database.join().await.unwrap_err());
    assert!(matches!(refused, OpenError::InUseByOne), "{refused}");
}

/// Also when none of them has ever been there before.
#[tokio::test]
async fn several_that_start_at_once_make_the_tables_once() {
    let database = Database::bare();
    let (one, two, three) = tokio::join!(database.join(), database.join(), database.join());
    fill(&one.unwrap()).await;
    for store in [two, three] {
        assert_filled(&store.unwrap()).await;
    }
}

/// A process that was alone knows things by heart that may be wrong now.
#[tokio::test]
async fn whoever_was_alone_does_not_go_on_when_several_have_come() {
    let database = Database::new().await;
    let alone = database.open().await;
    fill(&alone).await;
    database.execute(END_ALL_SESSIONS).await.unwrap();
    let one = database.join().await.unwrap();
    one.close().await;
    let Err(refused) = alone.begin().await else {
        panic!("a process that was replaced has begun to write");
    };
    assert!(matches!(reason(refused), OpenError::Replaced));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn their_writers_take_turns_and_keep_one_chain_of_records() {
    let database = Database::new().await;
    let mut writers = Vec::new();
    for _ in 0..3 {
        let store = database.join().await.unwrap();
        writers.push(tokio::spawn(async move {
            for _ in 0..40 {
                let mut tx = store.begin().await.unwrap();
                tx.append_audit(vec![entry(1), entry(2)]).await.unwrap();
                tx.commit().await.unwrap();
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let store = database.join().await.unwrap();
    let mut tx = store.read().await.unwrap();
    let records = tx.list_audit(0, 999).await.unwrap();
    assert_eq!(records.len(), 240);
    for (before, after) in records.iter().zip(&records[1..]) {
        assert_eq!(after.previous, before.hash);
        assert_eq!(after.sequence, before.sequence + 1);
    }
}

/// So that nobody has to wait for a process that was stopped in the middle.
#[tokio::test]
async fn whoever_keeps_its_turn_and_does_nothing_loses_it() {
    let database = Database::new().await;
    let (asleep, awake) = (
        database.join().await.unwrap(),
        database.join().await.unwrap(),
    );
    let mut tx = asleep.begin().await.unwrap();
    tx.insert_host(&host(1)).await.unwrap();
    let next = timeout(Duration::from_secs(15), awake.begin()).await;
    let mut next = next.unwrap().unwrap();
    next.insert_host(&host(1)).await.unwrap();
    next.commit().await.unwrap();
    tx.commit().await.unwrap_err();
    asleep.begin().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_several_that_use_a_token_exactly_one_is_first() {
    let database = Database::new().await;
    let mut stores = Vec::new();
    for _ in 0..3 {
        stores.push(database.join().await.unwrap());
    }
    for round in 0..30 {
        let token = seen(&round.to_string());
        let tries = stores.iter().map(|store| use_token(store, &token));
        let [a, b, c] = tries.collect::<Vec<_>>().try_into().ok().unwrap();
        let (a, b, c) = tokio::join!(a, b, c);
        assert_eq!(a + b + c, 1, "round {round}");
    }
}

async fn use_token(store: &PostgresStore, token: &procura_store::replay::SeenToken) -> u64 {
    let mut tx = store.begin().await.unwrap();
    let new = tx.insert_seen(std::slice::from_ref(token), at(0)).await;
    tx.commit().await.unwrap();
    new.unwrap()
}

#[tokio::test]
async fn each_change_is_told_to_all_and_that_something_was_used_is_not() {
    let database = Database::new().await;
    let (one, other) = (
        database.join().await.unwrap(),
        database.join().await.unwrap(),
    );
    let agent = agent(1, &host(1));
    let mut tx = one.begin().await.unwrap();
    tx.insert_host(&host(1)).await.unwrap();
    tx.insert_agent(&agent).await.unwrap();
    tx.commit().await.unwrap();
    let mut feed = other.listen().await.unwrap().unwrap();

    let mut tx = one.begin().await.unwrap();
    tx.insert_grant(&grant(1, &agent, "echo")).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(next_change(&mut *feed).await, News::Agent(agent.id.clone()));

    let mut tx = one.begin().await.unwrap();
    tx.touch_agents(&[(agent.id.clone(), at(5))]).await.unwrap();
    tx.touch_host(&agent.host_id, at(5), Some("x"))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let undone = AgentChange {
        id: agent.id.clone(),
        from: agent.state.status(),
        to: agent.state,
        user_id: None,
        at: at(6),
    };
    let mut tx = one.begin().await.unwrap();
    tx.apply_agent(&undone).await.unwrap();
    drop(tx);
    database
        .execute("UPDATE aap_hosts SET status = 'revoked'")
        .await
        .unwrap();
    assert_eq!(
        next_change(&mut *feed).await,
        News::Host(agent.host_id.clone())
    );
}

/// What was committed before that moment has been told before.
#[tokio::test]
async fn a_session_that_listens_says_up_to_when_it_has_told_everything() {
    let database = Database::new().await;
    let store = database.join().await.unwrap();
    let mut feed = store.listen().await.unwrap().unwrap();
    let mut last = None;
    for _ in 0..3 {
        let News::Current(current) = feed.next().await.unwrap() else {
            panic!("nobody changes anything");
        };
        assert!(last.is_none_or(|last| current > last));
        assert!(current.elapsed() < Duration::from_secs(2));
        last = Some(current);
    }
    database.execute(END_ALL_SESSIONS).await.unwrap();
    let begun = Instant::now();
    while feed.next().await.is_ok() {
        assert!(
            begun.elapsed() < Duration::from_secs(2),
            "it is not noticed"
        );
    }
    assert!(store.listen().await.unwrap().is_some());
}

/// During an upgrade. What is two versions ahead is not known to be compatible.
#[tokio::test]
async fn several_go_on_with_a_schema_that_is_one_version_ahead() {
    let database = Database::new().await;
    let before = database.join().await.unwrap();
    database.execute(&applied(2)).await.unwrap();
    fill(&before).await;
    let again = database.join().await.unwrap();
    assert_filled(&again).await;
    let refused = {
        database.execute(&applied(3)).await.unwrap();
        reason(database.join().await.unwrap_err())
    };
    assert!(matches!(refused, OpenError::UnknownSchema(3)), "{refused}");
}

fn applied(version: u32) -> String {
    format!(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
        VALUES ({version}, 'from the future', true, '\\x00', 0)"
    )
}

async fn next_change(feed: &mut dyn Feed) -> News {
    loop {
        match timeout(Duration::from_secs(5), feed.next()).await.unwrap() {
            Ok(News::Current(_)) => {}
            news => return news.unwrap(),
        }
    }
}

const END_ALL_SESSIONS: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()";
