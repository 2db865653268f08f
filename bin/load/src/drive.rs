//! Sends requests over several connections and takes the time of each.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use serde_json::Value;

use crate::connection::{Answer, Connection};
use crate::mix::Kind;
use crate::requests::Request;

/// What came of a round.
pub(crate) struct Driven {
    pub(crate) took: Duration,
    pub(crate) outcomes: Vec<Outcome>,
}

pub(crate) struct Outcome {
    pub(crate) kind: Kind,
    pub(crate) status: u16,
    /// The code of a refusal, or that a token was found to be good for nothing.
    pub(crate) code: Option<String>,
    pub(crate) latency: Duration,
}

/// With a `rate`, latency counts from when a request was due, not from when a connection was free for it: a server
/// that stalls delays what comes behind, and that delay is part of the answer.
pub(crate) fn drive(
    address: &str,
    requests: &[Request],
    connections: u32,
    rate: Option<u32>,
) -> Result<Driven> {
    let next = AtomicUsize::new(0);
    let open = (0..connections)
        .map(|_| Connection::open(address))
        .collect::<Result<Vec<_>>>()?;
    let started = Instant::now();
    let outcomes = thread::scope(|scope| {
        let workers: Vec<_> = open
            .into_iter()
            .map(|connection| scope.spawn(|| work(connection, requests, &next, started, rate)))
            .collect();
        let mut outcomes = Vec::with_capacity(requests.len());
        for worker in workers {
            let done = worker
                .join()
                .map_err(|_| anyhow!("a connection panicked"))?;
            outcomes.extend(done?);
        }
        Ok::<_, anyhow::Error>(outcomes)
    })?;
    Ok(Driven {
        took: started.elapsed(),
        outcomes,
    })
}

fn work(
    mut connection: Connection,
    requests: &[Request],
    next: &AtomicUsize,
    started: Instant,
    rate: Option<u32>,
) -> Result<Vec<Outcome>> {
    let mut outcomes = Vec::new();
    loop {
        let place = next.fetch_add(1, Ordering::Relaxed);
        let Some(request) = requests.get(place) else {
            return Ok(outcomes);
        };
        let due = match rate {
            Some(rate) => started + due_after(place, rate)?,
            None => Instant::now(),
        };
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let answer = connection.send(request.text.as_bytes())?;
        outcomes.push(Outcome {
            kind: request.kind,
            latency: due.elapsed(),
            status: answer.status,
            code: code(&answer),
        });
    }
}

fn due_after(place: usize, rate: u32) -> Result<Duration> {
    let nanoseconds = u64::try_from(place)?
        .checked_mul(1_000_000_000)
        .context("too many requests")?;
    Ok(Duration::from_nanos(nanoseconds / u64::from(rate)))
}

fn code(answer: &Answer<'_>) -> Option<String> {
    let body: Value = serde_json::from_str(&answer.body()).unwrap_or_default();
    if answer.status >= 400 {
        return Some(body["error"].as_str().unwrap_or("none").to_owned());
    }
    // Introspection answers 200 to whatever it is asked about.
    (body["active"] == false).then(|| "inactive".to_owned())
}
