//! The service against a model of it: random histories on every store, and races.
//!
//! `CONTRIBUTING.md` says how to play more of them, and how to repeat one.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the tests share functions that fail by panicking"
)]

mod compare;
mod history;
mod late;
mod model;
mod narrowing;
mod nodes;
mod offers;
mod race;
mod random;
mod report;
mod step;
mod stores;
mod takeover;
mod world;
mod written;

use std::sync::Arc;

use self::history::play_many;
use self::race::race_many;
use self::report::number;

/// The seed of the first history.
fn seed() -> u64 {
    number("PROCURA_MODEL_SEED", 1)
}

/// How many steps to play, unless the environment names a number.
fn steps(usual: u64) -> usize {
    usize::try_from(number("PROCURA_MODEL_STEPS", usual)).unwrap()
}

#[tokio::test]
async fn the_service_does_what_the_model_says_in_memory() {
    play_many("in memory", steps(100_000), seed(), async || {
        stores::memory()
    })
    .await;
}

#[tokio::test]
async fn the_service_does_what_the_model_says_on_sqlite() {
    let (store, _folder) = stores::sqlite().await;
    play_many("on SQLite", steps(5_000), seed(), async || {
        Arc::clone(&store)
    })
    .await;
}

#[tokio::test]
async fn the_service_does_what_the_model_says_on_postgresql() {
    let store = stores::postgres().await;
    play_many("on PostgreSQL", steps(5_000), seed(), async || {
        Arc::clone(&store)
    })
    .await;
}

/// How many races to run, unless the environment names a number.
fn rounds(usual: u64) -> u64 {
    number("PROCURA_RACE_ROUNDS", usual)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_race_ends_as_the_model_allows_in_memory() {
    race_many("in memory", rounds(500), seed(), async || stores::memory()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_race_ends_as_the_model_allows_on_sqlite() {
    let (store, _folder) = stores::sqlite().await;
    race_many("on SQLite", rounds(300), seed(), async || {
        Arc::clone(&store)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_race_ends_as_the_model_allows_on_postgresql() {
    let store = stores::postgres().await;
    race_many("on PostgreSQL", rounds(300), seed(), async || {
        Arc::clone(&store)
    })
    .await;
}
