//! Where a capability is executed (§2.15): its own location, else the provider's default.

use std::time::Duration;

use crate::client::Client;
use crate::error::ClientError;
use crate::profile::{Connection, KeptLocation};
use crate::provider::Provider;

impl Client {
    /// The location, exactly as the provider writes it, since it is the `aud` of the token.
    pub(crate) async fn location(
        &self,
        provider: &Provider,
        connection: &Connection,
        capability: &str,
    ) -> Result<String, ClientError> {
        let kept = connection.locations.get(capability);
        let own = match kept.filter(|kept| self.now() < kept.until) {
            Some(kept) => kept.location.clone(),
            None => self.look_up(provider, connection, capability).await?,
        };
        let default = || provider.default_location();
        let location = own.map_or_else(default, Ok);
        location.map_err(|defect| ClientError::bad_provider(provider.issuer(), defect))
    }

    /// Grants do not say where a capability is executed, so its description has to.
    async fn look_up(
        &self,
        provider: &Provider,
        connection: &Connection,
        capability: &str,
    ) -> Result<Option<String>, ClientError> {
        let described = self
            .describe_at(provider, capability, Some(connection))
            .await;
        let location = match described {
            Ok(described) => described.location,
            // The default location answers for what cannot be described, with the reason.
            Err(ClientError::Refused(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let kept = KeptLocation {
            location: location.clone(),
            until: self.now().plus(KEPT_FOR),
        };
        let entropy = &*self.parts.entropy;
        self.profile.update(&connection.agent_key, entropy, |it| {
            it.locations.insert(capability.to_owned(), kept);
        })?;
        Ok(location)
    }
}

/// How long a location is used without looking it up again (§10.6).
const KEPT_FOR: Duration = Duration::from_mins(5);
