//! `[approval.custom.NAME]`: methods of approval of the server's own (§10.10.3).

use std::collections::BTreeMap;

use procura_agent_auth::method::CustomMethod;
use procura_agent_auth::text::{MAX_REMARK, clean};
use serde::Deserialize;
use url::Url;

/// All of them, by name.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct CustomMethods(BTreeMap<String, CustomMethodSection>);

/// One method.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CustomMethodSection {
    instructions: String,
    url: Option<String>,
}

impl CustomMethods {
    /// The methods, or what is wrong with one of them.
    pub(super) fn read(&self) -> Result<Vec<CustomMethod>, String> {
        let methods = self.0.iter();
        methods.map(|(name, section)| section.read(name)).collect()
    }
}

impl CustomMethodSection {
    fn read(&self, name: &str) -> Result<CustomMethod, String> {
        let wrong = |what: &str| format!("approval.custom.{name}{what}");
        if !CustomMethod::may_be_called(name) {
            return Err(wrong(
                ": a name has up to 64 small letters, digits and underscores, and is not one of the protocol's",
            ));
        }
        let instructions = clean(&self.instructions, MAX_REMARK).ok_or_else(|| {
            wrong(".instructions: has to say in at most 500 characters what a person has to do")
        })?;
        let is_https = |url: &String| Url::parse(url).is_ok_and(|url| url.scheme() == "https");
        if !self.url.iter().all(is_https) {
            return Err(wrong(".url: has to be an https URL"));
        }
        Ok(CustomMethod {
            name: name.to_owned(),
            instructions,
            url: self.url.clone(),
        })
    }
}
