//! Token names seen, so that no token counts twice, not even across a restart (AAP §4.6, §8.4).

use async_trait::async_trait;
use procura_keys::clock::Timestamp;

use crate::StoreResult;

/// One token seen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SeenToken {
    /// Whose: the identifier of the agent, or the thumbprint of the host's key. Names are unique
    /// per signer.
    pub signer: String,
    /// The token's `jti`.
    pub jti: String,
    /// From when on the token is refused for its age, so that this entry may be forgotten.
    pub forget_at: Timestamp,
}

/// Seen tokens.
#[async_trait]
pub trait ReplayStore {
    /// Adds tokens and says how many of them are new. One that is there already stays as it is, unless it could be
    /// forgotten at `now`. Of several processes, the one that adds a token is the one that may use it.
    async fn insert_seen(&mut self, tokens: &[SeenToken], now: Timestamp) -> StoreResult<u64>;
    /// Those of these tokens that are there and still have to be remembered at `now`, in no particular order.
    async fn find_seen(
        &mut self,
        tokens: &[SeenToken],
        now: Timestamp,
    ) -> StoreResult<Vec<SeenToken>>;
    /// Every token that still has to be remembered at `now`, in no particular order.
    async fn list_seen(&mut self, now: Timestamp) -> StoreResult<Vec<SeenToken>>;
}
