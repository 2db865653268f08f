//! Proof of possession (§4.5 step 9): between the rules and what the server remembers.

use procura_agent_auth::refusal::Refusal;
use procura_agent_auth::token::dpop::DpopDefect;
use procura_agent_auth::token::possession::{
    Confirmation, Demand, Possession, Presentation, Terms,
};
use procura_keys::clock::Timestamp;
use procura_store::replay::SeenToken;

use crate::context::Context;

/// Which proof of possession agents have to bring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PossessionPolicy {
    /// With every request. Single capabilities may demand more.
    pub demand: Demand,
    /// Whether DPoP proofs need a nonce of this server.
    pub dpop_nonces: bool,
    /// Whether the server learns the client certificates of connections.
    pub certificates: bool,
}

/// Holds a token to what it is bound to.
pub(super) fn prove(
    ctx: &Context,
    bound: &Confirmation,
    sent: &Presentation<'_>,
    now: Timestamp,
) -> Result<Possession, Refusal> {
    let policy = ctx.policy();
    let nonces = policy.possession.dpop_nonces.then(|| ctx.nonces().keys());
    let terms = Terms {
        issuer: &ctx.provider().issuer,
        nonces: nonces.as_deref(),
        window: policy.window,
        now,
    };
    Possession::prove(bound, sent, &terms)
}

/// Makes sure that a proof is used once. It is remembered in memory alone: after a restart the token that it
/// was made for is still known as used.
pub(super) fn use_up(
    ctx: &Context,
    possession: &Possession,
    now: Timestamp,
) -> Result<(), Refusal> {
    let Some(proof) = possession.proof() else {
        return Ok(());
    };
    let seen = SeenToken {
        signer: format!("dpop:{}", proof.key()),
        jti: proof.jti().to_owned(),
        forget_at: proof.forget_at(),
    };
    if ctx.replay().claim(&seen, now) {
        Ok(())
    } else {
        Err(DpopDefect::Replayed.into())
    }
}
