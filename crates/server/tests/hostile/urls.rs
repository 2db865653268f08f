//! `urls.json`: places that a host may claim to publish its keys at. The fetcher is the real one, so that a URL
//! which is not refused would be looked up.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::BoxFuture;
use procura_fetch::{FetchPolicy, Fetcher, JwksCache, JwksPolicy, KeySets, Lookup};
use procura_keys::clock::Clock;
use serde::Deserialize;

use crate::memory;
use crate::reader::{Corpus, Pieces};
use crate::server::{Target, hold, seeded};
use crate::support::steady::TestClock;

#[derive(Deserialize)]
struct Case {
    name: String,
    url: Pieces,
    verdict: String,
}

/// Knows no name, and counts who asks.
#[derive(Default)]
struct NoNames(AtomicUsize);

impl Lookup for NoNames {
    fn lookup<'a>(&'a self, _: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Ok(Vec::new()) })
    }
}

// AA-8.12-01, AA-8.12-03
#[tokio::test]
async fn no_hostile_url_is_looked_up() {
    let _turn = memory::turn().await;
    let file = include_str!("../../../../vectors/agent-auth/hostile/urls.json");
    let names = Arc::new(NoNames::default());
    let lookup = Arc::clone(&names) as Arc<dyn Lookup>;
    let fetcher = Fetcher::with_lookup(FetchPolicy::server(), lookup).unwrap();
    let clock = Arc::<TestClock>::default() as Arc<dyn Clock>;
    let cache = JwksCache::new(fetcher, clock, JwksPolicy::default());
    let target = Target::start_with(Some(Arc::new(cache) as Arc<dyn KeySets>)).await;
    let mut looked_up = 0;
    for case in Corpus::<Case>::read(file).unwrap().into_all() {
        let url = String::from_utf8(case.url.bytes()).unwrap();
        let is_good = case.verdict == "accepted";
        if is_good && !url.contains("keys.example") {
            // A public address would be called.
            continue;
        }
        let key = seeded(3);
        let registering = target.register_published(&url, &key);
        let answer = memory::bounded(&case.name, registering).await;
        hold(&answer, "invalid_jwt", &case.name);
        looked_up += usize::from(is_good);
        assert_eq!(names.0.load(Ordering::SeqCst), looked_up, "{}", case.name);
    }
    assert!(looked_up > 0);
}
