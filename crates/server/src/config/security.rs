//! `[security]`: what agents have to show beside a token (AAP §4.4, §8.14).

use procura_agent_auth::token::possession::Demand;
use procura_service::agent_auth::possession::PossessionPolicy;
use serde::Deserialize;

/// The section.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SecuritySection {
    proof_of_possession: Demand,
    dpop_nonce: bool,
}

impl SecuritySection {
    /// `certificates` says whether the server learns the client certificates of connections.
    pub(super) fn judge(&self, certificates: bool) -> Result<PossessionPolicy, String> {
        require_certificates(self.proof_of_possession, certificates)
            .map_err(|problem| format!("security.{problem}"))?;
        Ok(PossessionPolicy {
            demand: self.proof_of_possession,
            dpop_nonces: self.dpop_nonce,
            certificates,
        })
    }
}

/// What can never be shown cannot be demanded.
pub(super) fn require_certificates(demand: Demand, certificates: bool) -> Result<(), String> {
    if demand == Demand::Mtls && !certificates {
        Err(
            "proof_of_possession: mtls needs client certificates; set proxy.client_certificate or \
             tls.client_certificates"
                .to_owned(),
        )
    } else {
        Ok(())
    }
}
