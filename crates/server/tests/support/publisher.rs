//! Key sets as hosts and agents publish them, without a network and always at their newest.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use procura_fetch::{FetchError, JwksError, KeySets};
use procura_keys::jwk_set::{JwkSet, KeyName};
use procura_keys::key::SigningKey;
use serde_json::json;
use url::Url;

use super::signers::jwk;

/// What is published, and who looked at it.
#[derive(Default)]
pub(crate) struct Publisher {
    documents: Mutex<HashMap<String, Vec<u8>>>,
    asked: Mutex<Vec<String>>,
}

impl Publisher {
    /// Publishes these keys under these names in place of what was at `url`.
    pub(crate) fn publish(&self, url: &str, keys: &[(&str, &SigningKey)]) {
        let named = |(kid, key): &(&str, &SigningKey)| {
            let mut value = jwk(key);
            value["kid"] = json!(kid);
            value
        };
        let keys: Vec<_> = keys.iter().map(named).collect();
        self.publish_text(url, &json!({ "keys": keys }).to_string());
    }

    /// Publishes any text.
    pub(crate) fn publish_text(&self, url: &str, text: &str) {
        self.publish_bytes(url, text.as_bytes().to_vec());
    }

    /// Publishes what may be no text.
    pub(crate) fn publish_bytes(&self, url: &str, document: Vec<u8>) {
        let mut documents = self.documents.lock().unwrap();
        documents.insert(url.to_owned(), document);
    }

    /// Takes a set off the net.
    pub(crate) fn withdraw(&self, url: &str) {
        self.documents.lock().unwrap().remove(url);
    }

    /// The URLs that were looked at, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    fn look(&self, url: &Url) -> Result<Arc<JwkSet>, JwksError> {
        self.asked.lock().unwrap().push(url.to_string());
        let documents = self.documents.lock().unwrap();
        let document = documents.get(url.as_str()).ok_or_else(|| {
            let host = url.host_str().unwrap_or_default().to_owned();
            JwksError::Fetch(FetchError::TimedOut { host })
        })?;
        Ok(Arc::new(JwkSet::parse(document)?))
    }
}

impl KeySets for Publisher {
    fn key_set<'a>(
        &'a self,
        url: &'a Url,
        _wanted: KeyName<'a>,
    ) -> BoxFuture<'a, Result<Arc<JwkSet>, JwksError>> {
        Box::pin(async { self.look(url) })
    }

    fn usual_age(&self) -> Duration {
        Duration::from_mins(5)
    }
}
