//! What a server says on the way to who listens for it, in the order in which it was said.

use std::sync::Arc;

use rmcp::RoleClient;
use rmcp::model::{JsonRpcMessage, ServerNotification};
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;

use super::progress::Board;

/// A transport that puts words about calls on the board as they arrive.
///
/// `rmcp` hands each word to a task of its own, so that an answer can overtake what was said before it.
pub(super) struct Heard<T> {
    transport: T,
    board: Arc<Board>,
}

impl<T> Heard<T> {
    pub(super) fn new(transport: T, board: Arc<Board>) -> Self {
        Self { transport, board }
    }
}

impl<T: Transport<RoleClient>> Transport<RoleClient> for Heard<T> {
    type Error = T::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        self.transport.send(item)
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        let message = self.transport.receive().await?;
        // Nothing is waited for from here on: whoever calls this may give it up while it waits.
        if let JsonRpcMessage::Notification(said) = &message
            && let ServerNotification::ProgressNotification(said) = &said.notification
        {
            self.board.say(said.params.clone());
        }
        Some(message)
    }

    fn close(&mut self) -> impl Future<Output = Result<(), Self::Error>> + Send {
        self.transport.close()
    }
}
