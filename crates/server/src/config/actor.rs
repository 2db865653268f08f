//! `[actor]`: the keys that sign who acts, for upstreams that are told.

use std::path::PathBuf;
use std::sync::Arc;

use procura_adapters::http::ActorKeys;
use procura_service::people::vault::KeyFile;
use procura_service::system::SystemEntropy;
use serde::Deserialize;

/// Where the keys are.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ActorSection {
    key_file: Option<PathBuf>,
}

impl ActorSection {
    /// The keys, if there are any.
    pub(super) fn judge(&self, issuer: &str) -> Result<Option<Arc<ActorKeys>>, String> {
        let Some(file) = &self.key_file else {
            return Ok(None);
        };
        let named = |problem: &dyn std::fmt::Display| {
            format!("actor.key_file: {} {problem}", file.display())
        };
        let seeds = KeyFile::load(file).map_err(|error| named(&error))?;
        let keys = ActorKeys::new(issuer.to_owned(), seeds.seeds(), Arc::new(SystemEntropy));
        Ok(Some(Arc::new(keys.map_err(|error| named(&error))?)))
    }
}
