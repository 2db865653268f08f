//! A tool as what carries a capability out.

use std::sync::Arc;

use async_trait::async_trait;

use super::{McpServer, answer};
use crate::{Backend, BackendError, Call, Reply, Told};

/// A tool of a server.
#[derive(Debug)]
pub struct Tool {
    /// The server.
    pub server: Arc<McpServer>,
    /// The tool, as the server calls it.
    pub name: String,
}

#[async_trait]
impl Backend for Tool {
    async fn call(&self, call: Call<'_>) -> Result<Reply, BackendError> {
        if !call.in_pieces {
            let result = self.server.call(&self.name, call.arguments).await?;
            return answer::read(&self.server, result).map(Reply::Value);
        }
        // Only a tool that has something to say before its answer is answered in pieces.
        let mut open = self.server.open(&self.name, call.arguments).await?;
        Ok(match open.next().await? {
            Told::Result(value) => Reply::Value(value),
            Told::Progress(first) => Reply::Narrated(open.narrated(first)),
        })
    }
}
