//! Two processes on one PostgreSQL: the first loses its sessions, the second takes its place, and from then on the
//! first says yes to nothing.

use std::sync::Arc;

use procura_service::Context;
use procura_service::agent_auth::execute::{Execution, Piece};
use procura_store::Store;
use procura_store_postgres::PostgresStore;

use crate::history::START;
use crate::model::Outcome;
use crate::offers::WATCH;
use crate::step::{Answer, Approver, Claim, Configuration, Signer, Step, Who};
use crate::stores::PostgresDatabase;
use crate::world::{Call, Reply, World, execution};

const END_ALL_SESSIONS: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()";

pub(crate) const APPROVE: Step = Step::Answer {
    request: 0,
    by: Approver::Passkey(Who::Alice),
    answer: Answer::All,
};
const EXECUTE: Step = Step::Execute {
    agent: 0,
    call: 0,
    claim: Claim::Absent,
};
pub(crate) const REVOKE: Step = Step::Revoke {
    agent: 0,
    by: Signer::Own,
};

/// A process with an active agent of Alice's that has just called, so that it knows it by heart.
async fn first_process(database: &PostgresDatabase) -> World {
    let store: Arc<dyn Store> = Arc::new(database.open().await);
    let mut first = World::new(store, START, Configuration::default()).await;
    for step in [register_for(10, vec![ECHO, ASK_WATCH]), APPROVE, EXECUTE] {
        let outcome = first.play(&step, START).await;
        assert!(matches!(outcome, Outcome::Done(_)), "{step:?}: {outcome:?}");
    }
    first
}

pub(crate) fn register_for(key: u32, asks: Vec<u8>) -> Step {
    let (client, autonomous, inbox) = (0, false, false);
    Step::Register {
        client,
        key,
        autonomous,
        asks,
        inbox,
    }
}

/// Places in the list of what agents ask for: a default, something to decide, and a stream.
pub(crate) const ECHO: u8 = 0;
const STATEMENT: u8 = 8;
pub(crate) const ASK_WATCH: u8 = 3;

/// The process that takes over when the first loses its sessions. The first may be faster to come back, and then
/// loses them again.
async fn second_process(database: &PostgresDatabase) -> (PostgresStore, Context) {
    let store = loop {
        database.run(END_ALL_SESSIONS);
        match database.try_open().await {
            Ok(store) => break store,
            Err(error) => assert!(error.to_string().contains("another procurad"), "{error}"),
        }
    };
    let ctx = World::another(Arc::new(store.clone()), START).await;
    (store, ctx)
}

pub(crate) fn said_yes(reply: &Reply) -> bool {
    !matches!(reply, Reply::Refused(_) | Reply::Failed(_))
}

/// Neither what it remembers nor what it would write counts any more.
#[tokio::test]
async fn a_replaced_process_serves_no_call_of_an_agent_revoked_elsewhere() {
    let database = PostgresDatabase::new();
    let mut first = first_process(&database).await;
    let calls = [
        EXECUTE,
        EXECUTE,
        Step::Introspect {
            agent: 0,
            call: None,
        },
        register_for(11, vec![ECHO]),
        REVOKE,
    ];
    let mut stale = Vec::new();
    for step in &calls {
        stale.push(first.call(step).await.unwrap());
    }
    let revocation = first.call(&REVOKE).await.unwrap();
    let (_store, second) = second_process(&database).await;
    assert!(said_yes(&revocation.carry_out(&second).await));
    for (step, call) in calls.iter().zip(stale) {
        let reply = call.carry_out(&first.ctx).await;
        assert!(matches!(reply, Reply::Failed(_)), "{step:?} was answered");
    }
    let late = first.call(&EXECUTE).await.unwrap();
    let reply = late.carry_out(&second).await;
    assert!(matches!(reply, Reply::Refused("agent_revoked")));
}

/// The stream has no writes of its own that could fail.
#[tokio::test]
async fn a_stream_of_a_replaced_process_is_cut() {
    let database = PostgresDatabase::new();
    let mut first = first_process(&database).await;
    let watch = Step::Execute {
        agent: 0,
        call: WATCH,
        claim: Claim::Absent,
    };
    let Some(Call::Execute { token, call }) = first.call(&watch).await else {
        panic!("a call was sent in another form");
    };
    let Ok(Execution::Streaming(mut pieces)) = execution(&first.ctx, &token, call).await else {
        panic!("no stream was opened");
    };
    let (_store, _second) = second_process(&database).await;
    assert!(matches!(pieces.recv().await, Some(Piece::Cut(_))));
}

/// Also not when the second has gone again.
#[tokio::test]
async fn a_replaced_process_does_not_come_back() {
    let database = PostgresDatabase::new();
    let mut first = first_process(&database).await;
    let (store, second) = second_process(&database).await;
    let execute = first.call(&EXECUTE).await.unwrap();
    assert!(said_yes(&execute.carry_out(&second).await));
    drop(second);
    store.close().await;
    let execute = first.call(&EXECUTE).await.unwrap();
    assert!(matches!(
        execute.carry_out(&first.ctx).await,
        Reply::Failed(_)
    ));
}

/// While the second takes over, the same tokens and the same answers are sent to both.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_processes_never_say_yes_to_the_same_thing() {
    let mut served = [0, 0];
    for round in 0..5 {
        let database = PostgresDatabase::new();
        let mut first = first_process(&database).await;
        let mut shared = Vec::new();
        for number in 0..12 {
            let key = 20 + number;
            let (registration, then) = match number % 3 {
                0 => (register_for(key, vec![ECHO, STATEMENT]), APPROVE),
                1 => (register_for(key, vec![ECHO]), EXECUTE),
                _ => (register_for(key, vec![ECHO]), REVOKE),
            };
            let registered = first.play(&registration, START).await;
            assert!(matches!(registered, Outcome::Done(_)));
            shared.push(first.call(&then).await.unwrap());
        }
        let from_first = send_all(&first.ctx, shared.clone());
        // Somewhere in the middle of it.
        for _ in 0..round * 7 {
            tokio::task::yield_now().await;
        }
        let (_store, second) = second_process(&database).await;
        let from_second = send_all(&second, shared).await.unwrap();
        let from_first = from_first.await.unwrap();
        for (place, (one, other)) in from_first.iter().zip(&from_second).enumerate() {
            assert!(
                !(*one && *other),
                "round {round}: both said yes to request {place}"
            );
            served[0] += usize::from(*one);
            served[1] += usize::from(*other);
        }
    }
    assert!(
        served[0] > 0 && served[1] > 0,
        "each serves some: {served:?}"
    );
}

/// Sends requests one after another. Returns to which of them the answer was yes.
fn send_all(ctx: &Context, calls: Vec<Call>) -> tokio::task::JoinHandle<Vec<bool>> {
    let ctx = ctx.clone();
    tokio::spawn(async move {
        let mut answers = Vec::new();
        for call in calls {
            answers.push(said_yes(&call.carry_out(&ctx).await));
        }
        answers
    })
}
