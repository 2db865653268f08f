//! What `GET /metrics` tells: how many requests went how, and how long they took.
//!
//! Labels are taken from the server's own routes, codes and configuration, never from a request, so their number is bounded.

use std::fmt;
use std::sync::atomic::Ordering;
use std::time::Duration;

use procura_service::housekeeping::Removed;
use procura_service::notices::Tally;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// The counters of this process.
pub struct Metrics {
    registry: Registry,
    requests: Family<Requests, Counter>,
    durations: Family<Route, Histogram>,
    removed: Family<What, Counter>,
    clock_refusals: Family<Clock, Counter>,
    notices: Family<Notices, Counter>,
}

/// How a request went.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Requests {
    method: String,
    route: String,
    status: u16,
    outcome: &'static str,
}

/// Where it went.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

/// What housekeeping removes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct What {
    what: &'static str,
}

/// What became of notices.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Notices {
    receiver: String,
    outcome: &'static str,
}

/// In which way the time of a token was wrong.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Clock {
    defect: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("procura");
        let requests = Family::default();
        let help = "Requests by method, route, status and outcome (ok, or the code of the refusal)";
        registry.register("http_requests", help, requests.clone());
        let durations = Family::new_with_constructor(histogram as fn() -> Histogram);
        let help = "From the headers of a request to those of its answer";
        registry.register_with_unit("http_duration", help, Unit::Seconds, durations.clone());
        let removed = Family::default();
        let help = "What housekeeping removed: agents, hosts, requests, grants, activity, records, sessions, tokens; and expired, which it let expire";
        registry.register("housekeeping_removed", help, removed.clone());
        let clock_refusals = Family::default();
        let help =
            "Tokens and proofs refused for their time: expired, issued_in_the_future or too_old";
        registry.register("clock_refusals", help, clock_refusals.clone());
        let notices = Family::default();
        let help = "Notices by receiver: queued, delivered, dead (given up), dropped (nothing to say any more); and failed, which counts attempts";
        registry.register("notices", help, notices.clone());
        Self {
            registry,
            requests,
            durations,
            removed,
            clock_refusals,
            notices,
        }
    }
}

impl Metrics {
    /// Counts one request.
    pub(crate) fn count(
        &self,
        method: &http::Method,
        route: &str,
        status: u16,
        outcome: &'static str,
        took: Duration,
    ) {
        let (method, route) = (known_method(method).to_owned(), route.to_owned());
        self.durations
            .get_or_create(&Route {
                route: route.clone(),
            })
            .observe(took.as_secs_f64());
        self.requests
            .get_or_create(&Requests {
                method,
                route,
                status,
                outcome,
            })
            .inc();
    }

    /// Counts a token or proof that was refused for its time. Many of them tell of wrong clocks, or of replays.
    pub(crate) fn count_clock_refusal(&self, defect: &'static str) {
        self.clock_refusals.get_or_create(&Clock { defect }).inc();
    }

    /// The exposition in the OpenMetrics text format. `removed` is what housekeeping has removed so
    /// far, `notices` what became of those.
    pub(crate) fn to_text(&self, removed: &Removed, notices: &Tally) -> Result<String, fmt::Error> {
        for (receiver, happening, count) in notices.iter() {
            let counter = self.notices.get_or_create(&Notices {
                receiver: receiver.to_owned(),
                outcome: happening.as_str(),
            });
            counter.inner().store(count, Ordering::Relaxed);
        }
        for (what, count) in removed.counts() {
            let counter = self.removed.get_or_create(&What { what });
            counter.inner().store(count, Ordering::Relaxed);
        }
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics(…)")
    }
}

/// Methods are the client's choice; all that no endpoint takes count as one.
pub(crate) fn known_method(method: &http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        _ => "other",
    }
}

fn histogram() -> Histogram {
    Histogram::new(BOUNDS)
}

/// Upper bounds in seconds, from a tenth of a millisecond to the patience of a client.
const BOUNDS: [f64; 12] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.0, 10.0,
];
