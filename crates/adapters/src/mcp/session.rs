//! One process from its start to its end, or one session over HTTP.

use std::process::Stdio;
use std::sync::Arc;

use rmcp::model::{ClientConfig, Implementation};
use rmcp::service::{NotificationContext, Peer, RunningService, serve_client};
use rmcp::transport::IntoTransport;
use rmcp::transport::async_rw::AsyncRwTransport;
use rmcp::{ClientHandler, RoleClient};
use tokio::process::{Child, Command};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::heard::Heard;
use super::link;
use super::progress::Board;
use super::server::{McpSettings, Program, Way};

/// A server that has introduced itself.
pub(super) struct Session {
    service: RunningService<RoleClient, Listener>,
    /// Its process, which is killed when this goes.
    child: Option<Child>,
}

impl Session {
    /// Starts the process, or opens a session, and exchanges greetings.
    pub(super) async fn start(settings: &McpSettings, listener: Listener) -> Result<Self, String> {
        match &settings.way {
            Way::Program(program) => Self::run(program, settings, listener).await,
            Way::Http(upstream) => {
                let transport = link::transport(upstream, settings);
                let service = greet(settings, listener, transport).await?;
                Ok(Self {
                    service,
                    child: None,
                })
            }
        }
    }

    async fn run(
        program: &Program,
        settings: &McpSettings,
        listener: Listener,
    ) -> Result<Self, String> {
        let mut child = command(program)
            .spawn()
            .map_err(|error| format!("{:?} cannot be started: {error}", program.command))?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("its input and output cannot be used".to_owned());
        };
        let transport =
            AsyncRwTransport::new_client(stdout, stdin).with_max_line_length(settings.max_answer);
        Ok(Self {
            service: greet(settings, listener, transport).await?,
            child: Some(child),
        })
    }

    pub(super) fn peer(&self) -> Peer<RoleClient> {
        self.service.peer().clone()
    }

    /// Whether nothing will come any more. A process that has ended says nothing, whoever holds its output still.
    pub(super) fn has_ended(&mut self) -> bool {
        let exited = self.child.as_mut().map(Child::try_wait);
        matches!(exited, Some(Ok(Some(_)) | Err(_))) || self.service.peer().is_transport_closed()
    }
}

async fn greet<T, E, A>(
    settings: &McpSettings,
    listener: Listener,
    transport: T,
) -> Result<RunningService<RoleClient, Listener>, String>
where
    T: IntoTransport<RoleClient, E, A>,
    E: std::error::Error + Send + Sync + 'static,
{
    let transport = Heard::new(transport.into_transport(), Arc::clone(&listener.board));
    timeout(settings.start_timeout, serve_client(listener, transport))
        .await
        .map_err(|_| "it did not introduce itself in time".to_owned())?
        .map_err(|error| format!("it did not introduce itself: {error}"))
}

/// The process gets its own group, so that a terminal that stops this server lets open calls finish.
fn command(program: &Program) -> Command {
    let mut command = Command::new(&program.command);
    command
        .args(&program.args)
        .env_clear()
        .envs(&program.env)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .process_group(0)
        .kill_on_drop(true);
    command
}

/// Hears what the process says unasked.
#[derive(Clone, Default)]
pub(super) struct Listener {
    /// Rung when its tools are others.
    pub(super) changed: Arc<Notify>,
    /// Who hears of calls that are under way.
    pub(super) board: Arc<Board>,
}

impl ClientHandler for Listener {
    fn get_info(&self) -> ClientConfig {
        let mut config = ClientConfig::default();
        config.client_info = Implementation::new("procura", env!("CARGO_PKG_VERSION"));
        config
    }

    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.changed.notify_one();
    }
}
