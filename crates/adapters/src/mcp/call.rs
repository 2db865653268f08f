//! A call under way, of which the server may have something to say before it answers.

use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream::{BoxStream, unfold};
use rmcp::RoleClient;
use rmcp::model::{
    CallToolRequest, CallToolRequestParams, ClientRequest, ProgressToken, ServerResult,
};
use rmcp::service::{Peer, PeerRequestOptions, RequestHandle, ServiceError};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::progress::Board;
use super::{McpServer, answer};
use crate::{BackendError, Told};

/// A call that was sent. When it goes away before its answer, the server is told to stop.
pub(super) struct OpenCall {
    /// Until it is answered.
    handle: Option<RequestHandle<RoleClient>>,
    news: mpsc::Receiver<Value>,
    token: ProgressToken,
    server: Arc<McpServer>,
}

impl OpenCall {
    pub(super) async fn send(
        server: &Arc<McpServer>,
        peer: &Peer<RoleClient>,
        params: CallToolRequestParams,
    ) -> Result<Self, ServiceError> {
        let request = ClientRequest::CallToolRequest(CallToolRequest::new(params));
        let board: &Board = server.board();
        let sending = board.sending.lock().await;
        board.expect();
        let handle = peer
            .send_cancellable_request(request, PeerRequestOptions::default())
            .await?;
        let token = handle.progress_token.clone();
        let news = board.listen(token.clone());
        drop(sending);
        Ok(Self {
            handle: Some(handle),
            news,
            token,
            server: Arc::clone(server),
        })
    }

    /// What happens next: a word, or the answer. Whoever says something has not fallen silent, so the time to wait
    /// begins anew.
    pub(super) async fn next(&mut self) -> Result<Told, BackendError> {
        let Some(handle) = &mut self.handle else {
            return Err(self.server.failed("was asked for more than its answer"));
        };
        tokio::select! {
            biased;
            Some(piece) = self.news.recv() => Ok(Told::Progress(piece)),
            answered = &mut handle.rx => {
                self.handle = None;
                let answered = answered.unwrap_or(Err(ServiceError::TransportClosed));
                self.finish(answered).map(Told::Result)
            }
            () = sleep(self.server.patience()) => Err(self.server.fell_silent()),
        }
    }

    fn finish(&self, answered: Result<ServerResult, ServiceError>) -> Result<Value, BackendError> {
        let result = match answered {
            Ok(ServerResult::CallToolResult(result)) => Ok(result),
            Ok(_) => Err(self.server.failed("answered a call with something else")),
            Err(error) => Err(self.server.read_error(error)),
        };
        let value = result.and_then(|result| answer::read(&self.server, result));
        if matches!(value, Ok(_) | Err(BackendError::Refused { .. })) {
            self.server.answered();
        }
        value
    }

    /// All that comes after `first`, to the answer or an error.
    pub(super) fn narrated(self, first: Value) -> BoxStream<'static, Result<Told, BackendError>> {
        let rest = unfold(Some(self), |open| async move {
            let mut open = open?;
            let told = open.next().await;
            let goes_on = matches!(told, Ok(Told::Progress(_)));
            Some((told, goes_on.then_some(open)))
        });
        futures_util::stream::iter([Ok(Told::Progress(first))])
            .chain(rest)
            .boxed()
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        self.server.board().forget(&self.token);
        let Some(handle) = self.handle.take() else {
            return;
        };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            // Whether the server hears of it is its own affair.
            runtime.spawn(async move { handle.cancel(Some(GONE.to_owned())).await });
        }
    }
}

const GONE: &str = "whoever asked has gone";
