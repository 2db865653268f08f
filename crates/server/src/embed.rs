//! The server inside another application: its routes beside the application's own, its people in the place of
//! accounts. `docs/embedding.md` shows how to go about it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use axum::Router;
pub use procura_adapters::{Backend, BackendError, Call, Reply, async_trait};
pub use procura_agent_auth::capability::ApprovalStrength;
pub use procura_agent_auth::wire::capability::Capability;
use procura_service::Context;
pub use procura_service::catalogue::Offered;

use crate::config::Config;
use crate::gateway::Report;
use crate::people::People;
use crate::router;
use crate::serve::{Serve, Work};

/// A server whose connections an application takes.
pub struct Embedded {
    /// What became of each description.
    pub reports: Vec<Report>,
    ctx: Context,
    router: Router,
    work: Work,
}

impl Embedded {
    /// Opens the data directory, which no other process may use, and begins what goes on beside the requests. Needs a
    /// running event loop of `tokio`.
    ///
    /// Of the configuration, where to listen and with which certificate are not used, and ways to make accounts are
    /// refused. The issuer is where the application is reached: an origin, or an origin and a path.
    pub async fn open(
        config: Config,
        data: PathBuf,
        people: Arc<dyn People>,
    ) -> anyhow::Result<Self> {
        if !config.development_people.is_empty() {
            bail!("development.person makes accounts, but the people are the application's");
        }
        if !config.openid.is_empty() {
            bail!("sign_in.openid lets people sign in here, but the application does that");
        }
        if config.policy.sign_up {
            bail!("sign_up lets people make accounts, but the people are the application's");
        }
        let serve = Serve {
            config,
            data,
            no_rate_limits: false,
            patience: Duration::ZERO,
        };
        let mut prepared = Box::pin(serve.prepare()).await?;
        let reports = std::mem::take(&mut prepared.reports);
        let ctx = prepared.opened.ctx.clone();
        let (app, work) = prepared.begin();
        Ok(Self {
            reports,
            ctx,
            router: router::embedded(app.with_people(people)),
            work,
        })
    }

    /// What the server answers, to be merged into the application's own routes. Everything is under the path of the
    /// issuer, but for the discovery document of an issuer with a path (RFC 8615 has it at the origin).
    ///
    /// Limits by address take a connection's from axum's `ConnectInfo<SocketAddr>`, so serve with
    /// `into_make_service_with_connect_info`; without, all clients share one.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// The use cases, for what the application does itself: to remove somebody with all their agents, say, with
    /// [`remove_person`](procura_service::people::remove_person).
    pub fn context(&self) -> &Context {
        &self.ctx
    }

    /// Writes the last records and closes the store. To be called when the application takes no more connections and
    /// has let go of the routes.
    pub async fn close(self) -> anyhow::Result<()> {
        drop((self.router, self.ctx));
        self.work.end().await
    }
}
