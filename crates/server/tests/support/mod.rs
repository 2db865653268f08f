//! A bank on a loopback port, with a clock the tests turn by hand, and hosts and agents that sign
//! whatever they are told to.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "tests fail by panicking, and hand over json!(…) as it stands"
)]

mod database;
pub(crate) mod flows;
pub(crate) mod http;
pub(crate) mod publisher;
pub(crate) mod shown;
pub(crate) mod signers;
pub(crate) mod steady;

use std::future::pending;
use std::sync::Arc;

use procura_adapters::Backend;
use procura_agent_auth::capability::ApprovalStrength;
use procura_agent_auth::wire::capability::Capability;
use procura_fetch::{FetchPolicy, KeySets};
use procura_keys::clock::{Clock, Timestamp};
use procura_keys::entropy::Entropy;
use procura_keys::web_push::PushKey;
use procura_server::config::Config;
use procura_server::notify::push::Push;
use procura_server::notify::{self, Sender};
use procura_server::people::People;
use procura_server::tls::Tls;
use procura_server::{App, listen, router};
use procura_service::catalogue::Offered;
use procura_service::limits::Limits;
use procura_service::people::openid::OpenIdProviders;
use procura_service::{Context, Parts};
use procura_store::Store;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;

use self::http::Answer;
use self::publisher::Publisher;
use self::steady::{TestClock, TestEntropy};

/// The example's configuration, which the tests hold to what it says.
pub(crate) const BANK: &str = include_str!("../../../../examples/bank/procura.toml");

/// A running server.
pub(crate) struct Bank {
    pub(crate) issuer: String,
    pub(crate) ctx: Context,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) address: String,
    pub(crate) publisher: Arc<Publisher>,
    /// What it accepts connections with, if that is TLS.
    pub(crate) tls: Option<Arc<Tls>>,
    /// Where its notices go.
    pub(crate) senders: Vec<Box<dyn Sender>>,
    config: String,
    entropy: Arc<TestEntropy>,
    /// Where its database is, for as long as it is needed.
    _folder: Option<TempDir>,
}

/// What a server is made of, where it differs from the example's bank.
pub(crate) struct Setup {
    pub(crate) config: String,
    /// Another store than the one of this test run.
    pub(crate) store: Option<Arc<dyn Store>>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) entropy: Arc<TestEntropy>,
    /// What hosts and agents publish.
    pub(crate) publisher: Arc<Publisher>,
    /// Where keys come from instead of there.
    pub(crate) key_sets: Option<Arc<dyn KeySets>>,
    /// Whether the configured rate limits are in force.
    pub(crate) limited: bool,
    /// Whether the server is reached as `localhost`, where browsers allow passkeys.
    pub(crate) by_name: bool,
    /// Capabilities beside those of the configuration.
    pub(crate) offered: Vec<Offered>,
    /// The people of an application, in the place of accounts.
    pub(crate) people: Option<Arc<dyn People>>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            config: BANK.to_owned(),
            store: None,
            clock: Arc::default(),
            entropy: Arc::default(),
            publisher: Arc::default(),
            key_sets: None,
            limited: false,
            by_name: false,
            offered: Vec::new(),
            people: None,
        }
    }
}

impl Setup {
    pub(crate) async fn start(self) -> Bank {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut config = Config::parse(&self.config, Some(&address)).unwrap();
        for offered in self.offered {
            config.catalogue.add(offered).unwrap();
        }
        if self.by_name {
            config.provider.issuer = config.provider.issuer.replace("127.0.0.1", "localhost");
        }
        let issuer = config.provider.issuer.clone();
        let limits = if self.limited {
            Limits::new(&config.rates)
        } else {
            Limits::off()
        };
        let (store, folder) = match self.store {
            Some(store) => (store, None),
            None => database::open().await,
        };
        let parts = Parts {
            store: Arc::clone(&store),
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            entropy: Arc::clone(&self.entropy) as Arc<dyn Entropy>,
            provider: config.provider,
            policy: config.policy,
            catalogue: config.catalogue,
            limits,
            key_sets: self
                .key_sets
                .unwrap_or_else(|| Arc::clone(&self.publisher) as Arc<dyn KeySets>),
            vault: config.vault,
            actor_keys: config.actor_keys,
        };
        let (ctx, _journal) = Context::start(parts).await.unwrap();
        let push = config.push_contact.map(|contact| {
            let key = PushKey::from_secret(&[7; 32]).unwrap();
            // Push services of the tests are on this machine.
            let policy = FetchPolicy {
                allow_loopback_http: true,
                ..FetchPolicy::server()
            };
            Arc::new(Push::new(key, contact, &policy).unwrap())
        });
        let mut app = App::new(ctx.clone())
            .behind(config.proxies)
            .with_mail(config.mail.clone())
            .with_push(push.clone())
            .with_openid(OpenIdProviders::new(config.openid).unwrap());
        if let Some(people) = self.people {
            app = app.with_people(people);
        }
        let routes = router(app);
        let tls = config.tls.map(|files| Arc::new(Tls::load(files).unwrap()));
        match tls.clone() {
            None => tokio::spawn(listen::serve(listener, routes, pending())),
            Some(tls) => tokio::spawn(listen::serve_tls(listener, routes, tls, pending())),
        };
        Bank {
            issuer,
            ctx,
            clock: self.clock,
            store,
            address,
            publisher: self.publisher,
            tls,
            senders: notify::senders(config.webhooks, config.mail, push),
            config: self.config,
            entropy: self.entropy,
            _folder: folder,
        }
    }
}

impl Bank {
    /// The example's bank.
    pub(crate) async fn start() -> Self {
        Setup::default().start().await
    }

    /// The example's bank with a piece of its configuration replaced.
    pub(crate) async fn start_changed(from: &str, to: &str) -> Self {
        Self::start_with(&changed(from, to)).await
    }

    pub(crate) async fn start_with(config: &str) -> Self {
        let config = config.to_owned();
        Setup {
            config,
            ..Setup::default()
        }
        .start()
        .await
    }

    /// A bank with its rate limits in force.
    pub(crate) async fn start_limited(config: &str) -> Self {
        let config = config.to_owned();
        Setup {
            config,
            limited: true,
            ..Setup::default()
        }
        .start()
        .await
    }

    /// Another server on the same store, as after a restart with this configuration. Its issuer is
    /// the same only if the configuration names one.
    pub(crate) async fn restarted_with(&self, config: &str) -> Self {
        let setup = Setup {
            config: config.to_owned(),
            store: Some(Arc::clone(&self.store)),
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
            publisher: Arc::clone(&self.publisher),
            ..Setup::default()
        };
        setup.start().await
    }

    pub(crate) async fn restarted(&self) -> Self {
        self.restarted_with(&self.config).await
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn execute_url(&self) -> String {
        format!("{}/capability/execute", self.issuer)
    }

    pub(crate) async fn get(&self, path: &str, token: Option<&str>) -> Answer {
        http::send(&self.address, "GET", path, &bearer(token), None).await
    }

    pub(crate) async fn post(&self, path: &str, token: Option<&str>, body: &Value) -> Answer {
        let body = body.to_string().into_bytes();
        self.post_bytes(path, token, body).await
    }

    /// A body that may be anything, announced as JSON.
    pub(crate) async fn post_bytes(
        &self,
        path: &str,
        token: Option<&str>,
        body: Vec<u8>,
    ) -> Answer {
        let mut headers = bearer(token);
        headers.push(("content-type", "application/json".to_owned()));
        http::send(&self.address, "POST", path, &headers, Some(body)).await
    }

    /// A request with exactly these headers and this body.
    pub(crate) async fn raw(
        &self,
        method: &str,
        path: &str,
        headers: &[(&'static str, String)],
        body: Option<Vec<u8>>,
    ) -> Answer {
        http::send(&self.address, method, path, headers, body).await
    }
}

/// The example's configuration with a piece of it replaced.
pub(crate) fn changed(from: &str, to: &str) -> String {
    assert!(
        BANK.contains(from),
        "{from:?} is not in the bank's configuration"
    );
    BANK.replace(from, to)
}

/// The example's configuration with further sections.
pub(crate) fn extended(sections: &str) -> String {
    format!("{BANK}\n{sections}\n")
}

/// The example's configuration with a fixed issuer, which stays the same over a restart.
pub(crate) fn with_issuer(issuer: &str) -> String {
    changed("[provider]", &format!("[provider]\nissuer = {issuer:?}"))
}

/// A capability that everybody may have for the asking, carried out by this backend.
pub(crate) fn offered(name: &str, backend: Arc<dyn Backend>) -> Offered {
    let shown = Capability {
        name: name.parse().unwrap(),
        description: "For a test".to_owned(),
        location: None,
        input: None,
        output: None,
        grant_status: None,
    };
    Offered::new(shown, ApprovalStrength::None, backend).unwrap()
}

fn bearer(token: Option<&str>) -> Vec<(&'static str, String)> {
    let header = |token| ("authorization", format!("Bearer {token}"));
    token.into_iter().map(header).collect()
}
