//! `[vault]`: the keys under which people's credentials for services are sealed.

use std::path::PathBuf;
use std::sync::Arc;

use procura_service::people::vault::{KeyEncryption, KeyFile, Vault};
use serde::Deserialize;

use super::upstream::UpstreamSection;

/// Where the keys are.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VaultSection {
    key_file: Option<PathBuf>,
}

impl VaultSection {
    /// The vault for the services that take the keys of people.
    pub(super) fn judge(&self, upstreams: &[UpstreamSection]) -> Result<Vault, String> {
        let keys = match &self.key_file {
            None => None,
            Some(file) => {
                let read = KeyFile::load(file);
                let unusable = |error| format!("vault.key_file: {} {error}", file.display());
                Some(Arc::new(read.map_err(unusable)?) as Arc<dyn KeyEncryption>)
            }
        };
        let services = upstreams.iter().filter_map(UpstreamSection::vault_service);
        Vault::new(keys, services.collect()).map_err(|_| {
            "vault.key_file: is needed where the credential of an upstream is the person's"
                .to_owned()
        })
    }
}
