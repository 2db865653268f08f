//! What one of several processes on one database hears of the others.

use std::fmt;
use std::time::Instant;

use async_trait::async_trait;
use procura_agent_auth::id::{AgentId, HostId};

use crate::StoreResult;

/// Names one run of one process: no two starts share it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub String);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Signs of life of several processes.
#[async_trait]
pub trait NodeStore {
    /// Counts one sign of life of a node, which is known from its first one on.
    async fn beat(&mut self, node: &NodeId) -> StoreResult<()>;
    /// The nodes and how often each has given a sign of life, in order.
    async fn list_nodes(&mut self) -> StoreResult<Vec<(NodeId, i64)>>;
    /// Forgets a node. One that is not known is no error.
    async fn delete_node(&mut self, node: &NodeId) -> StoreResult<()>;
}

/// A piece of news.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// This agent, or what it was granted, is not as it was. It may be this process that changed it.
    Agent(AgentId),
    /// This host is not as it was.
    Host(HostId),
    /// Every change that was committed before this moment has been told.
    Current(Instant),
}

/// News, in the order in which they happened. After an error some may be missing for good, so listening begins
/// anew.
#[async_trait]
pub trait Feed: Send {
    /// Waits for the next piece of news. [`News::Current`] comes several times a second.
    async fn next(&mut self) -> StoreResult<News>;
}
