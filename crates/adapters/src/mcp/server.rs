//! A server whose process, or whose session, is kept.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ClientRequest, ErrorCode,
    ListToolsRequest, PaginatedRequestParams,
};
use rmcp::service::Peer;
use rmcp::{ErrorData, RoleClient, ServiceError};
use serde_json::{Map, Value};
use tokio::time::{Instant, timeout};

use super::call::OpenCall;
use super::health::Health;
use super::link;
use super::progress::Board;
use super::session::{Listener, Session};
use crate::BackendError;
use crate::http::Upstream;

/// A program that is a server.
#[derive(Clone, Default)]
pub struct Program {
    /// The program.
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its whole environment.
    pub env: BTreeMap<String, String>,
}

/// How a server is reached.
#[derive(Clone)]
pub enum Way {
    /// Started, and spoken to over its standard input and output.
    Program(Program),
    /// Spoken to over HTTP, below the upstream's own URL and with its credential.
    Http(Arc<Upstream>),
}

/// How a server is reached and spoken to.
#[derive(Clone)]
pub struct McpSettings {
    /// What the log calls it.
    pub name: String,
    /// How it is reached.
    pub way: Way,
    /// How long a call may take.
    pub timeout: Duration,
    /// How long it may take until the server has introduced itself and told its tools.
    pub start_timeout: Duration,
    /// The largest message, in bytes.
    pub max_answer: usize,
    /// Whether agents see what the server says when it turns a call down.
    pub show_refusals: bool,
}

impl McpSettings {
    /// The defaults for a server that is reached this way.
    pub fn new(name: String, way: Way) -> Self {
        Self {
            name,
            way,
            timeout: Duration::from_secs(30),
            start_timeout: Duration::from_secs(30),
            max_answer: 4 * 1024 * 1024,
            show_refusals: false,
        }
    }
}

/// A server, shared by the tools it carries out.
pub struct McpServer {
    settings: McpSettings,
    session: tokio::sync::Mutex<Option<Session>>,
    health: Mutex<Health>,
    listener: Listener,
}

impl fmt::Display for McpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MCP server {:?}", self.settings.name)
    }
}

// The environment holds secrets, and arguments may.
impl fmt::Debug for McpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "McpServer({:?})", self.settings.name)
    }
}

impl McpServer {
    /// A server that is started by the first thing asked of it.
    pub fn new(settings: McpSettings) -> Self {
        Self {
            settings,
            session: tokio::sync::Mutex::new(None),
            health: Mutex::new(Health::default()),
            listener: Listener::default(),
        }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// All its tools, as it describes them.
    pub async fn tools(&self) -> Result<Vec<Value>, BackendError> {
        let work = async {
            let (peer, _) = self.peer().await?;
            let tools = list(&peer).await;
            tools.map_err(|error| self.failed(&error))
        };
        self.within(self.settings.start_timeout, work).await
    }

    /// Waits until its tools may be others than those that were read last: it said so, or it was started again.
    pub async fn changed(&self) {
        self.listener.changed.notified().await;
    }

    /// Calls a tool. When the future goes away before the answer, the server is told to stop.
    pub(super) async fn call(
        &self,
        tool: &str,
        arguments: &Map<String, Value>,
    ) -> Result<CallToolResult, BackendError> {
        let params = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments.clone());
        let work = async {
            let peer = self.peer_for_a_call().await?;
            match peer.call_tool_once(params).await {
                Ok(CallToolResponse::Complete(result)) => Ok(result),
                Ok(_) => Err(self.failed("answered a call with a question")),
                Err(error) => Err(self.read_error(error)),
            }
        };
        self.within(self.settings.timeout, work).await
    }

    /// Sends a call, and hears what is said of it until it is answered.
    pub(super) async fn open(
        self: &Arc<Self>,
        tool: &str,
        arguments: &Map<String, Value>,
    ) -> Result<OpenCall, BackendError> {
        let params = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments.clone());
        let work = async {
            let peer = self.peer_for_a_call().await?;
            let sent = OpenCall::send(self, &peer, params).await;
            sent.map_err(|error| self.read_error(error))
        };
        let sent = timeout(self.settings.timeout, work).await;
        sent.unwrap_or_else(|_| Err(self.fell_silent()))
    }

    pub(super) fn board(&self) -> &Board {
        &self.listener.board
    }

    /// How long a call may take, or how long it may be silent while it is under way.
    pub(super) fn patience(&self) -> Duration {
        self.settings.timeout
    }

    pub(super) fn answered(&self) {
        self.health().answered();
    }

    pub(super) fn fell_silent(&self) -> BackendError {
        self.health().silent();
        self.failed("did not answer in time")
    }

    pub(super) fn shows_refusals(&self) -> bool {
        self.settings.show_refusals
    }

    /// Waits for an answer no longer than that. Errors that the server itself told are answers, too.
    pub(super) async fn within<T>(
        &self,
        patience: Duration,
        work: impl Future<Output = Result<T, BackendError>>,
    ) -> Result<T, BackendError> {
        let Ok(answer) = timeout(patience, work).await else {
            return Err(self.fell_silent());
        };
        if matches!(answer, Ok(_) | Err(BackendError::Refused { .. })) {
            self.answered();
        }
        answer
    }

    /// A process that had to be started again may have other tools.
    async fn peer_for_a_call(&self) -> Result<Peer<RoleClient>, BackendError> {
        let (peer, is_new) = self.peer().await?;
        if is_new {
            self.listener.changed.notify_one();
        }
        Ok(peer)
    }

    /// The way to a process that lives; to a new one, if need be, and whether it is.
    async fn peer(&self) -> Result<(Peer<RoleClient>, bool), BackendError> {
        let mut kept = self.session.lock().await;
        if let Some(session) = kept.as_mut()
            && !session.has_ended()
            && !self.health().is_silent()
        {
            return Ok((session.peer(), false));
        }
        if kept.take().is_some() {
            let server = self.name();
            tracing::warn!(server, "an MCP server ended or fell silent");
        }
        let unavailable = |retry_after| BackendError::Unavailable { retry_after };
        self.health().start(Instant::now()).map_err(unavailable)?;
        let session = Session::start(&self.settings, self.listener.clone()).await;
        let session = session.map_err(|reason| self.failed(&reason))?;
        Ok((kept.insert(session).peer(), true))
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn failed(&self, what: &str) -> BackendError {
        BackendError::Failed(format!("{self}: {what}"))
    }

    /// A server that cannot be reached is as good as silent.
    fn link_failed(&self, error: BackendError) -> BackendError {
        match error {
            BackendError::Failed(reason) => {
                self.health().silent();
                self.failed(&reason)
            }
            error => error,
        }
    }

    pub(super) fn read_error(&self, error: ServiceError) -> BackendError {
        match error {
            ServiceError::McpError(ErrorData { code, message, .. })
                if code == ErrorCode::INVALID_PARAMS =>
            {
                let shown = self.settings.show_refusals;
                BackendError::Refused {
                    status: None,
                    detail: shown.then(|| message.into_owned().into()),
                }
            }
            ServiceError::TransportSend(error) => match link::failure(error.error.as_ref()) {
                Some(error) => self.link_failed(error),
                None => self.failed("ended in the middle of a call"),
            },
            ServiceError::TransportClosed => self.failed("ended in the middle of a call"),
            error => self.failed(&error.to_string()),
        }
    }
}

/// Asks for the tools page by page, and takes them as they are: one that cannot be read costs nobody but itself.
async fn list(peer: &Peer<RoleClient>) -> Result<Vec<Value>, String> {
    let mut tools = Vec::new();
    let mut length = 0;
    let mut cursor = None;
    for _ in 0..MAX_PAGES {
        let request = ListToolsRequest {
            method: rmcp::model::ListToolsRequestMethod,
            params: Some(PaginatedRequestParams::default().with_cursor(cursor.take())),
            extensions: rmcp::model::Extensions::default(),
        };
        let answer = peer.send_request(ClientRequest::ListToolsRequest(request));
        let answer = answer.await.map_err(|error| error.to_string())?;
        let mut page = serde_json::to_value(answer).map_err(|error| error.to_string())?;
        let Value::Array(found) = page["tools"].take() else {
            return Err("its list of tools is not a list".to_owned());
        };
        length += found
            .iter()
            .map(|tool| tool.to_string().len())
            .sum::<usize>();
        if length > MAX_LIST {
            return Err(format!("its list of tools has more than {MAX_LIST} bytes"));
        }
        tools.extend(found);
        match page["nextCursor"].take() {
            Value::String(next) if !next.is_empty() => cursor = Some(next),
            _ => return Ok(tools),
        }
    }
    Err(format!("its list of tools has more than {MAX_PAGES} pages"))
}

const MAX_PAGES: usize = 100;
/// Of all pages, in bytes: what is derived from them takes several times as much memory.
const MAX_LIST: usize = 8 * 1024 * 1024;
