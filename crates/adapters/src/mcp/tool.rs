//! A tool as what carries a capability out.

use std::sync::Arc;

use async_trait::async_trait;

use super::{McpServer, answer};
use crate::{Backend, BackendError, Call, Reply};

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
        let result = self.server.call(&self.name, call.arguments).await?;
        answer::read(&self.server, result).map(Reply::Value)
    }
}
