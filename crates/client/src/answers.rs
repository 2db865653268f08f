//! Answers about what a provider offers, for as long as it says (§10.6), so that an agent's model may look as often as it
//! likes. Only what the host was told: what an agent holds changes with every decision.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use procura_keys::clock::Timestamp;
use serde::de::DeserializeOwned;

use crate::call::{Call, Signer};
use crate::client::Client;
use crate::discover::fresh_for;
use crate::error::ClientError;

/// Answers by URL. Forgotten with the process.
#[derive(Default)]
pub(crate) struct Answers(Mutex<HashMap<String, (Timestamp, Bytes)>>);

impl Answers {
    fn fresh(&self, url: &str, now: Timestamp) -> Option<Bytes> {
        let answers = self.hold();
        let (until, body) = answers.get(url)?;
        (now < *until).then(|| body.clone())
    }

    fn keep(&self, url: &str, body: Bytes, until: Timestamp) {
        let mut answers = self.hold();
        if answers.len() >= MOST {
            answers.clear();
        }
        answers.insert(url.to_owned(), (until, body));
    }

    /// Drops everything: the host is about to be known in another way.
    pub(crate) fn forget(&self) {
        self.hold().clear();
    }

    fn hold(&self) -> MutexGuard<'_, HashMap<String, (Timestamp, Bytes)>> {
        // Entries are whole or not there, so a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Client {
    /// The answer to a question, which may be one of before if the host asks.
    pub(crate) async fn remembered<T: DeserializeOwned>(
        &self,
        call: &Call<'_>,
    ) -> Result<T, ClientError> {
        if !matches!(call.signer, Signer::Host(_)) {
            return self.call(call).await;
        }
        let (url, now) = (call.url.as_str(), self.now());
        if let Some(body) = self.answers.fresh(url, now) {
            return call.read(&body);
        }
        let response = self.whole(call).await?;
        let answer = call.read(&response.body)?;
        let until = now.plus(fresh_for(&response.headers));
        self.answers.keep(url, response.body, until);
        Ok(answer)
    }
}

/// Answers are pages of a list and descriptions; a megabyte or two of them.
const MOST: usize = 256;
