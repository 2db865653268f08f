//! From a configuration and a data directory to a running server, and back.

mod work;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use procura_fetch::{FetchPolicy, Fetcher, JwksCache, JwksPolicy, KeySets, NoKeySets};
use procura_keys::entropy;
use procura_keys::web_push::PushKey;
use procura_service::admin::{self, AdminCall, AdminReply};
use procura_service::agent_auth::discovery;
use procura_service::limits::Limits;
use procura_service::people::openid::OpenIdProviders;
use procura_service::people::{self, AccountError};
use procura_service::system::{SystemClock, SystemEntropy};
use procura_service::{Context, JournalHandle, Parts, secrets};
use tokio::net::{TcpListener, UnixListener};

use crate::app::App;
use crate::config::{Config, DevelopmentPerson};
use crate::data_dir::DataDir;
use crate::gateway::live::Live;
use crate::gateway::{Quarantined, Report};
use crate::notify::Sender;
use crate::notify::mail::Mail;
use crate::notify::push::Push;
use crate::proxy::Proxies;
use crate::storage::Storage;
use crate::tls::Tls;
use crate::{admin_socket, listen, notify, router};
pub(crate) use work::Work;

/// What to serve.
#[derive(Debug)]
pub struct Serve {
    /// The configuration.
    pub config: Config,
    /// The data directory.
    pub data: PathBuf,
    /// Whether limits on rates are off.
    pub no_rate_limits: bool,
    /// How long to wait for MCP servers before connections are taken. Those that take longer join later.
    pub patience: Duration,
}

/// A server that listens already.
pub struct Running {
    /// Its issuer.
    pub issuer: String,
    /// Where to set up the first administrator, as long as there is none. Whoever has it becomes that.
    pub setup: Option<String>,
    /// What became of each description.
    pub reports: Vec<Report>,
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    prepared: Prepared,
}

/// Everything but the way in.
pub(crate) struct Prepared {
    pub(crate) reports: Vec<Report>,
    pub(crate) opened: Opened,
    admin: UnixListener,
    live: Live,
    proxies: Proxies,
    drain: Duration,
    housekeeping_every: Duration,
    senders: Vec<Box<dyn Sender>>,
    mail: Option<Box<Mail>>,
    push: Option<Arc<Push>>,
    openid: OpenIdProviders,
}

/// An opened data directory with the use cases on top.
pub(crate) struct Opened {
    pub(crate) ctx: Context,
    journal: JournalHandle,
    store: Storage,
    // Last, so that the lock goes when everything else is gone.
    dir: DataDir,
}

impl Serve {
    /// Opens the data directory and starts listening. From here on, connections are taken.
    pub async fn start(mut self) -> anyhow::Result<Running> {
        let listen = self.config.listen.clone();
        let issuer = self.config.provider.issuer.clone();
        let people = std::mem::take(&mut self.config.development_people);
        let tls = self.config.tls.take().map(Tls::load).transpose()?;
        let mut prepared = Box::pin(self.prepare()).await?;
        let ctx = &prepared.opened.ctx;
        add_development_people(ctx, people).await?;
        let setup = people::invite_first_administrator(ctx).await?;
        let listener = TcpListener::bind(&listen)
            .await
            .with_context(|| format!("cannot listen at {listen}"))?;
        Ok(Running {
            setup: setup.map(|token| format!("{issuer}/setup/{}", token.expose())),
            issuer,
            reports: std::mem::take(&mut prepared.reports),
            listener,
            tls: tls.map(Arc::new),
            prepared,
        })
    }

    /// Opens the data directory, and puts together what answers requests.
    pub(crate) async fn prepare(mut self) -> anyhow::Result<Prepared> {
        let mut reports = read_openapi(&mut self.config).await?;
        let tool_servers = std::mem::take(&mut self.config.tool_servers);
        let housekeeping_every = self.config.housekeeping_every;
        let drain = self.config.drain;
        let mail = self.config.mail.take();
        let webhooks = std::mem::take(&mut self.config.webhooks);
        let contact = self.config.push_contact.take();
        let providers = OpenIdProviders::new(std::mem::take(&mut self.config.openid))?;
        let proxies = self.config.proxies.clone();
        let limits = if self.no_rate_limits {
            tracing::warn!("rate limits are off: for benchmarks only");
            Limits::off()
        } else {
            Limits::new(&self.config.rates)
        };
        let opened = open(self.config, DataDir::lock(&self.data)?, limits).await?;
        let mut live = Live::begin(opened.ctx.clone(), tool_servers);
        reports.extend(live.reports(self.patience).await);
        let push = match contact {
            Some(contact) => Some(push(contact, &opened).await?),
            None => None,
        };
        warn_of_removed_algorithms(&opened.ctx).await?;
        let socket = opened.dir.fresh_socket()?;
        let admin = admin_socket::bind(&socket).with_context(|| {
            let socket = socket.display();
            format!("cannot open the administrator's socket {socket}")
        })?;
        Ok(Prepared {
            admin,
            live,
            reports,
            opened,
            proxies,
            drain,
            housekeeping_every,
            senders: notify::senders(webhooks, mail.clone(), push.clone()),
            mail,
            push,
            openid: providers,
        })
    }
}

impl Prepared {
    /// What answers requests, and what goes on beside them from here on.
    pub(crate) fn begin(self) -> (App, Work) {
        let app = App::new(self.opened.ctx.clone())
            .behind(self.proxies)
            .with_mail(self.mail)
            .with_push(self.push)
            .with_openid(self.openid);
        let every = self.housekeeping_every;
        let work = Work::begin(self.opened, self.live, self.admin, self.senders, every);
        (app, work)
    }
}

/// Takes up anew what can be without a restart: the TLS certificate.
#[derive(Clone)]
pub struct Reloader(Option<Arc<Tls>>);

impl Reloader {
    /// Reads the certificate's files. While they cannot be used, the one in use goes on.
    pub fn reload(&self) {
        if let Some(tls) = self.0.as_deref() {
            renew(tls);
        }
        tracing::info!("the TLS certificate was looked at; everything else needs a restart");
    }
}

impl Running {
    /// What reloads while it serves.
    pub fn reloader(&self) -> Reloader {
        Reloader(self.tls.clone())
    }

    /// Serves until `stop` is done, and then for as long as it takes until no new requests come. Lets open requests
    /// finish, ends streams, and closes the store. Stops of itself, with an error, when the store is lost for good:
    /// whatever starts the program again then decides.
    pub async fn run(self, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
        let drain = self.prepared.drain;
        let (app, work) = self.prepared.begin();
        let stopping = app.ctx.stopping().clone();
        let mut lost = None;
        let stop = async {
            tokio::select! {
                () = stop => {
                    stopping.leave();
                    tokio::time::sleep(drain).await;
                }
                error = work.lost() => {
                    tracing::error!(%error, "stopping: the store is lost");
                    lost = Some(error);
                }
            }
            stopping.end_streams();
        };
        match self.tls {
            None => listen::serve(self.listener, router(app), stop).await,
            Some(tls) => {
                let renewing = tokio::spawn(keep_renewed(Arc::clone(&tls)));
                listen::serve_tls(self.listener, router(app), tls, stop).await;
                renewing.abort();
            }
        }
        work.end().await?;
        lost.map_or(Ok(()), |error| Err(anyhow::Error::msg(error.to_string())))
    }
}

/// Reads the descriptions of the configuration, asks its tool servers, and tells the log what cannot be offered.
pub async fn read_descriptions(config: &mut Config) -> anyhow::Result<Vec<Report>> {
    let mut reports = read_openapi(config).await?;
    let asked = config.ask_tool_servers().await;
    warn_of_quarantined(&asked);
    reports.extend(asked);
    Ok(reports)
}

async fn read_openapi(config: &mut Config) -> anyhow::Result<Vec<Report>> {
    let reports = config
        .read_descriptions()
        .await
        .map_err(anyhow::Error::msg)?;
    warn_of_quarantined(&reports);
    Ok(reports)
}

fn warn_of_quarantined(reports: &[Report]) {
    for report in reports {
        for Quarantined { operation, reason } in &report.quarantined {
            let source = &report.source;
            tracing::warn!(source, operation, reason, "an operation is not offered");
        }
    }
}

/// Carries out an administrator's request in the server that uses the data directory, if one does.
pub async fn ask_running(data: &Path, call: &AdminCall) -> anyhow::Result<Option<AdminReply>> {
    Ok(admin_socket::ask(data, call).await?)
}

/// Carries out an administrator's request: in the server that uses the data directory, or, when none does,
/// on the store itself.
pub async fn administer(
    mut config: Config,
    data: PathBuf,
    call: &AdminCall,
) -> anyhow::Result<AdminReply> {
    if let Some(reply) = admin_socket::ask(&data, call).await? {
        return Ok(reply);
    }
    // People and records can be administered while a description is out of reach.
    if let Err(error) = read_descriptions(&mut config).await {
        tracing::warn!(%error, "a description cannot be read, and nothing of it is known here");
    }
    let Opened {
        ctx,
        journal,
        store,
        dir,
    } = open(config, DataDir::lock(&data)?, Limits::off()).await?;
    let reply = admin::run(&ctx, call).await;
    drop(ctx);
    journal.finished().await;
    store.close().await;
    drop(dir);
    Ok(reply)
}

/// The way to people's devices. Its key stays the same, since browsers take messages signed with that one only: it is
/// in the store, for which the file of an earlier version is taken in once.
async fn push(contact: String, opened: &Opened) -> anyhow::Result<Arc<Push>> {
    let file = opened.dir.secret(PUSH_KEY);
    let file = file.context("the key for Web Push cannot be read")?;
    let own = file.unwrap_or_else(|| entropy::bytes(&SystemEntropy));
    PushKey::from_secret(&own).context("the key for Web Push is none")?;
    let secret = secrets::push_secret(&opened.ctx, own).await?;
    match file {
        Some(file) if file == secret => {
            tracing::info!("{PUSH_KEY} in the data directory is in the store, and can be removed");
        }
        Some(_) => tracing::warn!(
            "{PUSH_KEY} in the data directory is not the key in the store, and not used: devices that were added \
             with it have to be added again"
        ),
        None => {}
    }
    let key = PushKey::from_secret(&secret).context("the key for Web Push is none")?;
    let push = Push::new(key, contact, &FetchPolicy::server()).map_err(anyhow::Error::msg)?;
    Ok(Arc::new(push))
}

async fn open(config: Config, dir: DataDir, limits: Limits) -> anyhow::Result<Opened> {
    let store = Storage::open(&config.store, &dir).await?;
    let parts = Parts {
        store: store.shared(),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        provider: config.provider,
        policy: config.policy,
        catalogue: config.catalogue,
        limits,
        key_sets: key_sets(config.jwks_fetch, config.jwks_cache),
        vault: config.vault,
        actor_keys: config.actor_keys,
    };
    let (ctx, journal) = Context::start(parts).await?;
    Ok(Opened {
        ctx,
        journal,
        store,
        dir,
    })
}

/// Where published keys come from.
fn key_sets(fetch: FetchPolicy, cache: JwksPolicy) -> Arc<dyn KeySets> {
    match Fetcher::new(fetch) {
        Ok(fetcher) => Arc::new(JwksCache::new(fetcher, Arc::new(SystemClock), cache)),
        Err(error) => {
            tracing::warn!(%error, "hosts and agents that publish their keys cannot be served");
            Arc::new(NoKeySets(error))
        }
    }
}

/// Taking a key type off the list never breaks what is registered, but its holders had better know (AAP §8.16).
async fn warn_of_removed_algorithms(ctx: &Context) -> anyhow::Result<()> {
    for algorithm in discovery::removed_algorithms_in_use(ctx).await? {
        tracing::warn!(
            algorithm = algorithm.as_str(),
            "provider.algorithms lacks a key type that registered hosts use: they go on, new ones are refused"
        );
    }
    Ok(())
}

async fn add_development_people(
    ctx: &Context,
    people: Vec<DevelopmentPerson>,
) -> anyhow::Result<()> {
    if !people.is_empty() {
        tracing::warn!("the configuration contains people with passwords: for development only");
    }
    for person in people {
        let email = person
            .email
            .parse()
            .with_context(|| format!("development.person {:?}", person.email))?;
        let added =
            people::add_person(ctx, "policy", email, person.name, Some(person.password)).await;
        match added {
            Ok(_) | Err(AccountError::Taken(_)) => {}
            Err(error) => {
                return Err(error)
                    .with_context(|| format!("development.person {:?}", person.email));
            }
        }
    }
    Ok(())
}

async fn keep_renewed(tls: Arc<Tls>) {
    loop {
        tokio::time::sleep(RENEW_EVERY).await;
        renew(&tls);
    }
}

/// Takes a new certificate up. While the files cannot be used, the one in use goes on.
fn renew(tls: &Tls) {
    match tls.reload() {
        Ok(false) => {}
        Ok(true) => tracing::info!("the TLS certificate was renewed"),
        Err(error) => {
            tracing::error!(
                error = format!("{error:#}"),
                "the TLS certificate cannot be read"
            );
        }
    }
}

const PUSH_KEY: &str = "push.key";
const RENEW_EVERY: Duration = Duration::from_mins(1);
