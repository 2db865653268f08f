//! Which requests for keys lead to a fetch, and what is used when a fetch fails.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose scenery fails should fail loudly"
)]

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use procura_fetch::address::AddressVerdict;
use procura_fetch::{FetchError, FetchPolicy, Fetcher, JwksCache, JwksError, JwksPolicy, KeySets};
use procura_keys::clock::{Clock, Timestamp};
use procura_keys::jwk::PublicJwk;
use procura_keys::jwk_set::{JwkSet, JwkSetError, KeyName};
use procura_keys::key::SigningKey;
use url::Url;

use crate::support::{Answer, FixedLookup, Server};

struct TestClock(AtomicI64);

impl TestClock {
    fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap();
        self.0.fetch_add(by, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// A publisher whose answer a test changes at will, and a cache in front of it.
struct World {
    server: Server,
    published: Arc<Mutex<Vec<u8>>>,
    clock: Arc<TestClock>,
    cache: JwksCache,
}

impl World {
    async fn new() -> Self {
        Self::with_policy(JwksPolicy::default()).await
    }

    async fn with_policy(policy: JwksPolicy) -> Self {
        let published = Arc::new(Mutex::new(Vec::new()));
        let answer = Arc::clone(&published);
        let server = Server::start(move |_| Answer::whole(answer.lock().unwrap().clone())).await;
        let clock = Arc::new(TestClock(AtomicI64::new(1_800_000_000_000)));
        let fetcher = Fetcher::new(FetchPolicy {
            allow_loopback_http: true,
            ..FetchPolicy::server()
        });
        let cache = JwksCache::new(fetcher.unwrap(), Arc::clone(&clock) as _, policy);
        Self {
            server,
            published,
            clock,
            cache,
        }
    }

    fn answers(&self, status: &str, headers: &str, body: &str) {
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\n{headers}connection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        *self.published.lock().unwrap() = answer.into_bytes();
    }

    fn publishes(&self, kids: &[&str]) {
        self.answers("200 OK", "", &set(kids));
    }

    async fn load(&self, kid: &str) -> Result<Arc<JwkSet>, JwksError> {
        let url = self.server.url("/keys");
        self.cache.key_set(&url, KeyName::Kid(kid)).await
    }

    async fn has(&self, kid: &str) -> bool {
        let set = self.load(kid).await.unwrap();
        set.find(KeyName::Kid(kid)).is_some()
    }

    fn fetches(&self) -> usize {
        self.server.seen().len()
    }
}

/// A key set whose keys have these names.
fn set(kids: &[&str]) -> String {
    let key = |kid: &&str| {
        let seed = [kid.as_bytes()[0]; 32];
        let jwk = PublicJwk {
            key: SigningKey::from_seed(&seed).unwrap().public().clone(),
            kid: Some((*kid).to_owned()),
        };
        jwk.to_value().to_string()
    };
    let keys: Vec<_> = kids.iter().map(key).collect();
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

const MINUTE: Duration = Duration::from_mins(1);
const MOMENT: Duration = Duration::from_millis(1);

/// AA-4.2-16, AA-10.4-01
#[tokio::test]
async fn a_set_is_fetched_once_and_again_after_five_minutes() {
    let world = World::new().await;
    world.publishes(&["a"]);
    for _ in 0..3 {
        assert!(world.has("a").await);
    }
    world.clock.advance((5 * MINUTE).saturating_sub(MOMENT));
    assert!(world.has("a").await);
    assert_eq!(world.fetches(), 1);
    world.clock.advance(MOMENT);
    assert!(world.has("a").await);
    assert_eq!(world.fetches(), 2);
}

/// AA-8.7-02, AA-8.12-10, AA-10.4-01
#[tokio::test]
async fn a_missing_key_makes_a_fresh_set_be_fetched_once() {
    let world = World::new().await;
    world.publishes(&["a"]);
    assert!(world.has("a").await);
    world.publishes(&["b"]);
    assert!(world.has("b").await);
    assert_eq!(world.fetches(), 2);
    // From now on strangers cannot make it be fetched by naming keys that do not exist.
    for kid in ["c", "d", "e"] {
        assert!(!world.has(kid).await);
    }
    assert_eq!(world.fetches(), 2);
    world.clock.advance(5 * MINUTE);
    world.publishes(&["c"]);
    assert!(world.has("c").await);
    assert!(!world.has("b").await);
    assert_eq!(world.fetches(), 4);
}

/// AA-8.12-12
#[tokio::test]
async fn cache_headers_count_between_five_minutes_and_a_day() {
    let day = 24 * 60 * MINUTE;
    for (header, kept) in [
        ("cache-control: max-age=1\r\n", 5 * MINUTE),
        ("cache-control: no-store\r\n", 5 * MINUTE),
        ("cache-control: max-age=3600\r\n", 60 * MINUTE),
        ("cache-control: max-age=864000\r\n", day),
    ] {
        let world = World::new().await;
        world.answers("200 OK", header, &set(&["a"]));
        assert!(world.has("a").await);
        world.clock.advance(kept.saturating_sub(MOMENT));
        assert!(world.has("a").await);
        assert_eq!(world.fetches(), 1, "{header}");
        world.clock.advance(MOMENT);
        assert!(world.has("a").await);
        assert_eq!(world.fetches(), 2, "{header}");
    }
}

/// AA-10.4-02
#[tokio::test]
async fn a_set_that_cannot_be_refreshed_is_used_for_a_day() {
    let world = World::new().await;
    world.publishes(&["a"]);
    assert!(world.has("a").await);
    world.answers("503 Service Unavailable", "", "");
    world.clock.advance(6 * MINUTE);
    assert!(world.has("a").await);
    assert!(world.has("a").await);
    assert_eq!(world.fetches(), 2);
    world.clock.advance(MINUTE);
    assert!(world.has("a").await);
    assert_eq!(world.fetches(), 3);
    world.clock.advance(24 * 60 * MINUTE);
    let lost = world.load("a").await.unwrap_err();
    assert!(matches!(lost, JwksError::Status { .. }), "{lost}");
    world.clock.advance(MINUTE);
    world.publishes(&["a"]);
    assert!(world.has("a").await);
}

/// AA-10.4-02
#[tokio::test]
async fn a_failure_is_remembered_for_a_minute() {
    let world = World::new().await;
    world.answers("404 Not Found", "", "");
    for _ in 0..3 {
        let error = world.load("a").await.unwrap_err();
        assert!(error.to_string().contains("404"), "{error}");
    }
    assert_eq!(world.fetches(), 1);
    world.publishes(&["a"]);
    world.clock.advance(MINUTE);
    assert!(world.has("a").await);
    assert_eq!(world.fetches(), 2);
}

/// AA-8.12-07
#[tokio::test]
async fn what_is_no_key_set_is_refused() {
    let world = World::new().await;
    world.answers("200 OK", "", r#"{"keys":[]}"#);
    let refused = world.load("a").await.map(|_| ());
    assert_eq!(refused, Err(JwksError::Content(JwkSetError::Empty)));
}

#[tokio::test]
async fn many_who_ask_at_once_share_one_fetch() {
    let world = World::new().await;
    world.publishes(&["a"]);
    let all = (0..20).map(|_| world.has("a"));
    let found = futures_util::future::join_all(all).await;
    assert!(found.into_iter().all(|has| has));
    assert_eq!(world.fetches(), 1);
}

#[tokio::test]
async fn the_number_of_sets_is_bounded() {
    let policy = JwksPolicy {
        max_sets: 4,
        ..JwksPolicy::default()
    };
    let world = World::with_policy(policy).await;
    world.publishes(&["a"]);
    let ask = async |number: usize| {
        let url = world.server.url(&format!("/{number}"));
        let set = world.cache.key_set(&url, KeyName::Kid("a")).await;
        assert!(set.is_ok());
    };
    for number in 0..4 {
        ask(number).await;
        ask(number).await;
    }
    assert_eq!(world.fetches(), 4);
    // The fifth pushes two of the four out, whichever they are: it and those two are fetched anew. Fetching them may
    // push others out again.
    for number in 0..5 {
        ask(4).await;
        ask(number).await;
    }
    assert!(world.fetches() >= 7, "{}", world.fetches());
}

/// AA-4.2-15, AA-8.12-01
#[tokio::test]
async fn a_set_inside_the_network_is_not_asked_for() {
    let server = Server::start(|_| Answer::text("{}")).await;
    let clock = Arc::new(TestClock(AtomicI64::new(0)));
    let lookup = FixedLookup::of(&["127.0.0.1"]);
    let fetcher = Fetcher::with_lookup(FetchPolicy::server(), lookup).unwrap();
    let cache = JwksCache::new(fetcher, clock, JwksPolicy::default());
    let by_name = server.https_url("keys.example");
    let by_address = Url::parse(&format!("https://{}/", server.address)).unwrap();
    for url in [by_name, by_address] {
        let refused = cache.key_set(&url, KeyName::Kid("a")).await.unwrap_err();
        assert!(
            matches!(
                refused,
                JwksError::Fetch(FetchError::ForbiddenAddress {
                    verdict: AddressVerdict::Loopback,
                    ..
                })
            ),
            "{refused}"
        );
    }
    assert_eq!(server.connections(), 0);
}
