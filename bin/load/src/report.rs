//! Figures out of what was seen.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::args::Args;
use crate::drive::{Driven, Outcome};

/// The figures of one round.
pub(crate) struct Round {
    pub(crate) unexpected: usize,
    /// Requests the server's CPU time would do in a second, of the verifications a second of the same core would do.
    ratio: f64,
    shown: Value,
}

impl Round {
    pub(crate) fn new(driven: &Driven, cpu: Duration, verification_us: f64) -> Self {
        let count = f64::from(u32::try_from(driven.outcomes.len()).unwrap_or(u32::MAX));
        let cpu_us = cpu.as_secs_f64() * 1e6 / count;
        let ratio = verification_us / cpu_us;
        let unexpected = driven.outcomes.iter().filter(|it| surprises(it)).count();
        let shown = json!({
            "requests": driven.outcomes.len(),
            "seconds": driven.took.as_secs_f64(),
            "per_second": rounded(count / driven.took.as_secs_f64()),
            "server_cpu_us_per_request": rounded(cpu_us),
            "verification_us": rounded(verification_us),
            "ratio_to_verification": (ratio * 1000.0).round() / 1000.0,
            "latency_us": latencies(driven),
            "answers": answers(driven),
            "unexpected": unexpected,
        });
        Self {
            unexpected,
            ratio,
            shown,
        }
    }
}

pub(crate) fn document(args: &Args, rounds: &[Round], resident_kilobytes: u64) -> Value {
    let mut ratios: Vec<_> = rounds.iter().map(|round| round.ratio).collect();
    ratios.sort_by(f64::total_cmp);
    let shown: Vec<_> = rounds.iter().map(|round| &round.shown).collect();
    json!({
        "agents": args.agents,
        "connections": args.connections,
        "loop": if args.rate.is_some() { "open" } else { "closed" },
        "rate": args.rate,
        "hostile_percent": args.hostile,
        "server_resident_kilobytes": resident_kilobytes,
        "rounds": shown,
        "median_ratio_to_verification": ratios.get(ratios.len() / 2),
    })
}

fn surprises(outcome: &Outcome) -> bool {
    (outcome.status, outcome.code.as_deref()) != outcome.kind.expected()
}

/// How often each kind was answered in which way.
fn answers(driven: &Driven) -> BTreeMap<String, BTreeMap<String, u32>> {
    let mut answers = BTreeMap::<String, BTreeMap<String, u32>>::new();
    for outcome in &driven.outcomes {
        let way = match &outcome.code {
            Some(code) => format!("{} {code}", outcome.status),
            None => outcome.status.to_string(),
        };
        let of_kind = answers.entry(outcome.kind.name().to_owned()).or_default();
        *of_kind.entry(way).or_default() += 1;
    }
    answers
}

fn latencies(driven: &Driven) -> Value {
    let mut all: Vec<_> = driven.outcomes.iter().map(|it| it.latency).collect();
    all.sort_unstable();
    let at = |per_mille| quantile(&all, per_mille).as_micros();
    json!({ "p50": at(500), "p99": at(990), "p99.9": at(999), "max": at(1000) })
}

/// The smallest of the sorted times that at least so many of a thousand do not exceed.
fn quantile(sorted: &[Duration], per_mille: usize) -> Duration {
    let rank = (sorted.len() * per_mille).div_ceil(1000);
    sorted
        .get(rank.saturating_sub(1))
        .copied()
        .unwrap_or_default()
}

fn rounded(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_times_that_were_seen() {
        let times: Vec<_> = (1..=1000).map(Duration::from_micros).collect();
        for (per_mille, expected) in [(500, 500), (990, 990), (999, 999), (1000, 1000)] {
            assert_eq!(quantile(&times, per_mille).as_micros(), expected);
        }
        assert_eq!(quantile(&times[..1], 500).as_micros(), 1);
        assert_eq!(quantile(&[], 500), Duration::ZERO);
    }
}
