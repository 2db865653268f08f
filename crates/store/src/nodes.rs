//! What one of several processes on one database hears of the others.

use std::time::Instant;

use async_trait::async_trait;
use procura_agent_auth::id::{AgentId, HostId};

use crate::StoreResult;

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
