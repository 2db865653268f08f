//! Two processes that share one PostgreSQL: a token counts once on both together, what is revoked on one is refused
//! by the other, and one that hears nothing trusts nothing it remembers.

use std::time::{Duration, Instant};

use procura_service::Context;
use procura_service::agent_auth::execute::{Execution, Piece};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::history::START;
use crate::model::Outcome;
use crate::offers::WATCH;
use crate::report::{self, number};
use crate::step::{Claim, Configuration, Step};
use crate::stores::PostgresDatabase;
use crate::takeover::{APPROVE, ASK_WATCH, ECHO, REVOKE, register_for, said_yes};
use crate::world::{Call, Reply, World, execution};

/// Two processes. The world is at the first; agents register there.
struct Nodes {
    database: PostgresDatabase,
    world: World,
    other: Context,
}

impl Nodes {
    async fn start() -> Self {
        let database = PostgresDatabase::new();
        let world = World::new(database.join().await, START, Configuration::default()).await;
        let other = World::another(database.join().await, START).await;
        Self {
            database,
            world,
            other,
        }
    }

    /// The first agent, and with it its host, is approved.
    async fn approve_first(&mut self, asks: Vec<u8>) {
        for step in [register_for(10, asks), APPROVE] {
            let outcome = self.world.play(&step, START).await;
            assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
        }
    }

    /// Another active agent of the same host.
    async fn register(&mut self, key: u32) {
        let registered = self.world.play(&register_for(key, vec![ECHO]), START).await;
        assert!(matches!(registered, Outcome::Done(_)), "{registered:?}");
    }

    async fn sign(&mut self, step: &Step) -> Call {
        self.world.call(step).await.unwrap()
    }

    /// Calls that this agent makes, each with a token of its own.
    async fn executions(&mut self, agent: u8, count: usize) -> Vec<Call> {
        let execute = Step::Execute {
            agent,
            call: 0,
            claim: Claim::Absent,
        };
        let mut calls = Vec::new();
        for _ in 0..count {
            calls.push(self.sign(&execute).await);
        }
        calls
    }
}

// AA-4.6-01, AA-8.4-01
/// `PROCURA_NODES_ROUNDS` and `PROCURA_NODES_REPLAYS` say how many rounds, and how many replays in each.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_replays_at_two_nodes_exactly_one_succeeds() {
    let rounds = number("PROCURA_NODES_ROUNDS", 10);
    let replays = number("PROCURA_NODES_REPLAYS", 100);
    let mut nodes = Nodes::start().await;
    nodes.approve_first(vec![ECHO]).await;
    for round in 0..rounds {
        let call = nodes.executions(0, 1).await.remove(0);
        let mut sent = JoinSet::new();
        for place in 0..replays {
            let ctx = [&nodes.world.ctx, &nodes.other][(place % 2) as usize].clone();
            let call = call.clone();
            sent.spawn(async move { call.carry_out(&ctx).await });
        }
        let mut successes = 0;
        for reply in sent.join_all().await {
            match reply {
                Reply::Refused("invalid_jwt") => {}
                reply if said_yes(&reply) => successes += 1,
                Reply::Refused(code) => panic!("round {round}: {code}"),
                Reply::Failed(why) => panic!("round {round}: {why}"),
                _ => panic!("round {round}: another answer"),
            }
        }
        assert_eq!(successes, 1, "round {round}");
    }
    report::line(&format!(
        "{rounds} rounds of {replays} replays at two nodes: exactly one success in each"
    ));
}

#[tokio::test]
async fn a_token_that_a_host_used_at_one_node_is_used_up_at_the_other() {
    let mut nodes = Nodes::start().await;
    let register = register_for(10, vec![ECHO]);
    let call = nodes.sign(&register).await;
    assert!(said_yes(&call.clone().carry_out(&nodes.world.ctx).await));
    let again = call.carry_out(&nodes.other).await;
    assert!(matches!(again, Reply::Refused("invalid_jwt")));
}

/// From the answer to the revocation until the other node refuses. `PROCURA_NODES_REVOCATIONS` says how many; meanwhile
/// another agent calls without a pause at both.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_revoked_at_one_node_is_refused_by_the_other_at_once() {
    let count = number("PROCURA_NODES_REVOCATIONS", 20);
    let mut took = Vec::new();
    while took.len() < usize::try_from(count).unwrap() {
        let left = usize::try_from(count).unwrap() - took.len();
        took.extend(revoke_some(left.min(IN_ONE_WORLD)).await);
    }
    took.sort();
    let p99 = took[(took.len() * 99).div_ceil(100) - 1];
    let most = took[took.len() - 1];
    report::line(&format!(
        "{count} revocations: refused by the other node after p99 {p99:?}, at most {most:?}"
    ));
    assert!(p99 < Duration::from_millis(250), "p99 {p99:?}");
    assert!(most < Duration::from_secs(1), "at most {most:?}");
}

/// For each revocation, after what time the other node refused.
async fn revoke_some(count: usize) -> Vec<Duration> {
    let mut nodes = Nodes::start().await;
    nodes.approve_first(vec![ECHO]).await;
    let busy = nodes.executions(0, count * LOAD).await;
    let both = [nodes.world.ctx.clone(), nodes.other.clone()];
    let load = tokio::spawn(send_in_turn(both, busy));
    let mut took = Vec::new();
    for key in 11..11 + u32::try_from(count).unwrap() {
        nodes.register(key).await;
        let mut calls = nodes.executions(NEWEST, MOST_CALLS).await.into_iter();
        succeed(calls.next().unwrap(), &nodes.other).await;
        let revoke = nodes.sign(&REVOKE).await;
        assert!(said_yes(&revoke.carry_out(&nodes.world.ctx).await));
        let revoked = Instant::now();
        loop {
            match calls.next().unwrap().carry_out(&nodes.other).await {
                Reply::Refused("agent_revoked") => break,
                reply => assert!(said_yes(&reply)),
            }
        }
        took.push(revoked.elapsed());
    }
    load.abort();
    took
}

async fn send_in_turn(nodes: [Context; 2], calls: Vec<Call>) {
    for (place, call) in calls.into_iter().enumerate() {
        succeed(call, &nodes[place % 2]).await;
    }
}

#[tokio::test]
async fn a_stream_at_one_node_is_cut_by_a_revocation_at_the_other() {
    let mut nodes = Nodes::start().await;
    nodes.approve_first(vec![ECHO, ASK_WATCH]).await;
    let watch = Step::Execute {
        agent: 0,
        call: WATCH,
        claim: Claim::Absent,
    };
    let Call::Execute { token, call } = nodes.sign(&watch).await else {
        panic!("a call was sent in another form");
    };
    let Ok(Execution::Streaming(mut pieces)) = execution(&nodes.other, &token, call).await else {
        panic!("no stream was opened");
    };
    let revoke = nodes.sign(&REVOKE).await;
    assert!(said_yes(&revoke.carry_out(&nodes.world.ctx).await));
    let cut = timeout(Duration::from_secs(1), async {
        while let Some(Piece::Data(_)) = pieces.recv().await {}
    });
    cut.await.unwrap();
}

/// The session that listens is stopped, so that it neither tells of anything nor ends.
#[tokio::test]
async fn a_node_that_hears_nothing_serves_no_agent_that_was_revoked() {
    let mut nodes = Nodes::start().await;
    nodes.approve_first(vec![ECHO]).await;
    let calls = nodes.executions(0, 2).await;
    let [known, late] = calls.try_into().ok().unwrap();
    assert!(said_yes(&known.carry_out(&nodes.other).await));
    signal_listeners(&nodes, "STOP");
    // Longer than memory is trusted without news, which nothing but time can show.
    let begun = Instant::now();
    while nodes.other.check_ready().await.is_ok() {
        assert!(
            begun.elapsed() < Duration::from_secs(2),
            "it still trusts its memory"
        );
        tokio::task::yield_now().await;
    }
    nodes
        .database
        .run("UPDATE aap_agents SET status = 'revoked'");
    let reply = late.carry_out(&nodes.other).await;
    signal_listeners(&nodes, "CONT");
    assert!(matches!(reply, Reply::Refused("agent_revoked")));
}

#[tokio::test]
async fn a_node_that_was_cut_off_listens_again_and_knows_what_it_missed() {
    let mut nodes = Nodes::start().await;
    nodes.approve_first(vec![ECHO]).await;
    let mut late = nodes.executions(0, MOST_CALLS).await;
    let known = late.remove(0);
    assert!(said_yes(&known.carry_out(&nodes.other).await));
    nodes.database.run(CUT_OFF_AND_REVOKE);
    let begun = Instant::now();
    let mut late = late.into_iter();
    loop {
        match late.next().unwrap().carry_out(&nodes.other).await {
            Reply::Refused("agent_revoked") => break,
            // The session that writes was cut, too.
            Reply::Failed(_) => {}
            reply => assert!(said_yes(&reply)),
        }
        assert!(
            begun.elapsed() < Duration::from_secs(1),
            "it serves what it remembers"
        );
    }
    while nodes.other.check_ready().await.is_err() {
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "it does not come back"
        );
        tokio::task::yield_now().await;
    }
}

async fn succeed(call: Call, node: &Context) {
    match call.carry_out(node).await {
        Reply::Refused(code) => panic!("{code}"),
        Reply::Failed(why) => panic!("{why}"),
        _ => {}
    }
}

/// Stops the sessions that listen, or lets them go on.
fn signal_listeners(nodes: &Nodes, signal: &str) {
    let sql = format!(
        "COPY (SELECT pid FROM pg_stat_activity
            WHERE datname = current_database() AND query LIKE '%pg_notify%' AND pid <> pg_backend_pid())
        TO PROGRAM 'xargs kill -{signal}'"
    );
    nodes.database.run(&sql);
}

const CUT_OFF_AND_REVOKE: &str = "BEGIN; UPDATE aap_agents SET status = 'revoked';
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid();
    COMMIT";

/// Revocations before everything begins anew.
const IN_ONE_WORLD: usize = 200;
/// Agents are numbered from the latest on.
const NEWEST: u8 = 0;
/// Calls of the busy agent for each revocation.
const LOAD: usize = 20;
/// Calls with which a revoked agent tries.
const MOST_CALLS: usize = 60;
