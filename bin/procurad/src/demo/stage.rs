//! What the story needs: a bank on a fresh database, a client with a fresh profile, and somebody to approve.

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use procura_client::{Client, FetchTransport, Options, Parts, Profile, Transport};
use procura_server::config::Config;
use procura_server::serve::Serve;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::narrator::{Narrator, Observed};

/// The set.
pub(crate) struct Stage {
    /// The agent's side.
    pub(crate) client: Client,
    /// Where the bank is.
    pub(crate) issuer: String,
    /// Who tells the story.
    pub(crate) narrator: Arc<Narrator>,
    /// The way to the network that nobody watches.
    pub(crate) wire: Arc<dyn Transport>,
    /// Whether the demo's own person approves.
    pub(crate) yes: bool,
    directory: TempDir,
    stop: oneshot::Sender<()>,
    server: JoinHandle<anyhow::Result<()>>,
}

impl Stage {
    /// Starts the bank and makes the client.
    pub(crate) async fn set(yes: bool) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir().context("cannot make a temporary directory")?;
        let listen = free_port()?;
        let mut config = Config::parse(BANK, Some(&listen)).map_err(anyhow::Error::msg)?;
        // Browsers allow passkeys at this name, and at no IP address.
        config.provider.issuer = config.provider.issuer.replace("127.0.0.1", "localhost");
        let data = data_in(directory.path());
        let running = Serve {
            config,
            data,
            no_rate_limits: false,
            patience: Duration::ZERO,
        }
        .start()
        .await?;
        let issuer = running.issuer.clone();
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(running.run(async move {
            // The other end is dropped only together with the whole program.
            let _ = stopped.await;
        }));
        let narrator = Arc::new(Narrator::default());
        let wire: Arc<dyn Transport> = Arc::new(FetchTransport::new(true)?);
        let options = Options {
            allow_loopback_http: true,
            host_name: Some("Demo laptop".to_owned()),
            ..Options::default()
        };
        let parts = Parts {
            transport: Arc::new(Observed::new(Arc::clone(&wire), Arc::clone(&narrator))),
            ..Parts::system(true)?
        };
        let profile = Profile::open(directory.path().join("client"))?;
        let client = Client::new(profile, options, parts);
        Ok(Self {
            client,
            issuer,
            narrator,
            wire,
            yes,
            directory,
            stop,
            server,
        })
    }

    /// Where the bank keeps its data.
    pub(crate) fn data(&self) -> std::path::PathBuf {
        data_in(self.directory.path())
    }

    /// Stops the bank as SIGTERM would, and removes every trace.
    pub(crate) async fn clear(self) -> anyhow::Result<()> {
        let _ = self.stop.send(());
        self.server.await.context("the bank's server panicked")?
    }
}

/// The example, which people can read, is what plays here.
pub(crate) const BANK: &str = include_str!("../../../../examples/bank/procura.toml");

fn data_in(directory: &Path) -> std::path::PathBuf {
    directory.join("bank")
}

/// A loopback address nobody listens at now.
fn free_port() -> anyhow::Result<String> {
    let probe = TcpListener::bind("127.0.0.1:0").context("cannot listen on a loopback address")?;
    Ok(probe.local_addr()?.to_string())
}
