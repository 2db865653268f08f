//! Whether tokens of agents name their host. The specification says so (§4.3); servers made with better-auth refuse the
//! thumbprint that belongs there, because they compare it with an identifier of their own.

use procura_agent_auth::compat::Compat;
use procura_keys::key::SigningKey;
use procura_keys::thumbprint::Thumbprint;

use crate::call::{Answer, Call};
use crate::client::Client;
use crate::error::ClientError;
use crate::profile::ProviderRecord;

/// What the tokens of agents say of their host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Naming {
    /// Its thumbprint, in `iss`, or nothing. Whoever verifies a token without it finds the key by `sub`, so it proves as
    /// much.
    pub(crate) is_named: bool,
    /// Whether this is only tried, since the usual tokens were refused.
    pub(crate) is_trial: bool,
}

impl Naming {
    /// The `iss` of a token.
    pub(crate) fn issuer(self, host: &SigningKey) -> Option<Thumbprint> {
        self.is_named.then(|| Thumbprint::of(host.public()))
    }
}

impl ProviderRecord {
    fn wants_issuer(&self) -> bool {
        let omits = self.compat.map(Compat::omits_issuer);
        !omits.unwrap_or(self.refuses_issuer)
    }
}

impl Client {
    /// Says whose deviations from the specification the provider at `issuer` shares, from now on; with `None`, that the
    /// client finds out by itself, as it does unless told otherwise. Does nothing if that provider was never met.
    pub fn set_compat(&self, issuer: &str, compat: Option<Compat>) -> Result<(), ClientError> {
        self.change_record(issuer, |record| {
            record.compat = compat;
            record.refuses_issuer = false;
        })
    }

    /// What tokens of agents for `issuer` say of their host.
    pub(crate) fn naming(&self, issuer: &str) -> Result<Naming, ClientError> {
        let record = self.profile.provider(issuer)?;
        Ok(Naming {
            is_named: record.is_none_or(|record| record.wants_issuer()),
            is_trial: false,
        })
    }

    /// What the next token might say instead, after this outcome, where that is left to the client: a refusal of the
    /// token means that nothing was done, and there is no telling what was wrong with it.
    pub(crate) fn other_naming(
        &self,
        call: &Call<'_>,
        outcome: &Result<Answer, ClientError>,
    ) -> Result<Option<Naming>, ClientError> {
        if !is_token_refused(outcome) || !call.signer.is_agent() {
            return Ok(None);
        }
        let record = self.profile.provider(call.issuer)?;
        let found_out = record.filter(|record| record.compat.is_none());
        Ok(found_out.map(|record| Naming {
            is_named: !record.wants_issuer(),
            is_trial: true,
        }))
    }

    /// Keeps what this provider accepts.
    pub(crate) fn learn_naming(&self, issuer: &str, naming: Naming) -> Result<(), ClientError> {
        self.change_record(issuer, |record| {
            record.refuses_issuer = !naming.is_named;
        })
    }
}

/// Whether a server refused the token as such.
pub(crate) fn is_token_refused(outcome: &Result<Answer, ClientError>) -> bool {
    matches!(outcome, Err(ClientError::Refused(refused)) if refused.status == 401 && refused.is("invalid_jwt"))
}

#[cfg(test)]
mod tests;
