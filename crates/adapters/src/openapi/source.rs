//! Reading a description and what it refers to: files below the folder it lies in, or addresses, through `fetch`.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::path::{Path, PathBuf};

use procura_fetch::{FetchPolicy, Fetcher, Request};
use serde_json::Value;
use url::Url;

use super::reference::Documents;
use super::text;

/// Where a description is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// An address.
    Url(Url),
}

impl From<&str> for Source {
    fn from(text: &str) -> Self {
        match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => Self::Url(url),
            _ => Self::File(PathBuf::from(text)),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Url(url) => url.fmt(f),
        }
    }
}

/// Why a description cannot be used at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct LoadError {
    /// Where it is.
    place: String,
    /// What is wrong.
    reason: String,
}

/// Reads a description. `reach` is for its own address, which the operator wrote; what it refers to elsewhere has to
/// be public.
pub async fn load(source: &Source, reach: FetchPolicy) -> Result<Documents, LoadError> {
    let wrong = |reason: String| LoadError {
        place: source.to_string(),
        reason,
    };
    let reader = Reader::new(source, reach).map_err(wrong)?;
    let mut budget = MAX_BYTES;
    let first = reader.start.clone();
    let main = reader.read(&first, &mut budget).await.map_err(wrong)?;
    let mut held = BTreeMap::new();
    let mut missing = BTreeMap::new();
    let mut waiting: VecDeque<_> = references(&first, &main).into();
    held.insert(first.to_string(), main);
    while let Some(url) = waiting.pop_front() {
        let key = url.to_string();
        if held.contains_key(&key) || missing.contains_key(&key) {
            continue;
        }
        if held.len() + missing.len() >= MAX_DOCUMENTS {
            missing.insert(key, "the description has too many documents".to_owned());
            continue;
        }
        match reader.read(&url, &mut budget).await {
            Ok(document) => {
                waiting.extend(references(&url, &document));
                held.insert(key, document);
            }
            Err(reason) => {
                missing.insert(key, reason);
            }
        }
    }
    Documents::new(first, held, missing).map_err(wrong)
}

struct Reader {
    start: Url,
    place: Place,
}

enum Place {
    /// The folder nothing leads out of.
    Files(PathBuf),
    Addresses {
        own: Fetcher,
        others: Fetcher,
    },
}

impl Reader {
    fn new(source: &Source, reach: FetchPolicy) -> Result<Self, String> {
        match source {
            Source::File(path) => Self::of_file(path),
            Source::Url(url) => {
                let bounded = |policy: FetchPolicy| FetchPolicy {
                    max_response_bytes: MAX_BYTES,
                    total_timeout: PATIENCE,
                    ..policy
                };
                reach.admit(url).map_err(|error| error.to_string())?;
                let fetcher =
                    |policy| Fetcher::new(bounded(policy)).map_err(|error| error.to_string());
                let place = Place::Addresses {
                    own: fetcher(reach)?,
                    others: fetcher(FetchPolicy::server())?,
                };
                let start = url.clone();
                Ok(Self { start, place })
            }
        }
    }

    fn of_file(path: &Path) -> Result<Self, String> {
        let path = path
            .canonicalize()
            .map_err(|error| format!("cannot be read: {error}"))?;
        let folder = path.parent().ok_or("is not a file")?.to_owned();
        let start = Url::from_file_path(&path).map_err(|()| "is not a file".to_owned())?;
        let place = Place::Files(folder);
        Ok(Self { start, place })
    }

    /// Reads one document, as long as all of them together stay within the budget.
    async fn read(&self, url: &Url, budget: &mut usize) -> Result<Value, String> {
        let bytes = match &self.place {
            Place::Files(folder) => read_file(folder, url, *budget).await?,
            Place::Addresses { own, others } => {
                let fetcher = if url.origin() == self.start.origin() {
                    own
                } else {
                    others
                };
                fetch(fetcher, url).await?
            }
        };
        *budget = budget.checked_sub(bytes.len()).ok_or_else(too_large)?;
        text::parse(&bytes)
    }
}

async fn read_file(folder: &Path, url: &Url, budget: usize) -> Result<Vec<u8>, String> {
    let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
    let path = url
        .to_file_path()
        .map_err(|()| "a file refers to files only".to_owned())?;
    let path = tokio::fs::canonicalize(path).await.map_err(unreadable)?;
    if !path.starts_with(folder) {
        return Err("lies outside of the folder of the description".to_owned());
    }
    let length = tokio::fs::metadata(&path).await.map_err(unreadable)?.len();
    if usize::try_from(length).map_or(true, |length| length > budget) {
        return Err(too_large());
    }
    tokio::fs::read(&path).await.map_err(unreadable)
}

async fn fetch(fetcher: &Fetcher, url: &Url) -> Result<Vec<u8>, String> {
    let response = fetcher.send(Request::get(url.clone())).await;
    let response = response.map_err(|error| error.to_string())?;
    if !response.status.is_success() {
        return Err(format!("was answered with {}", response.status));
    }
    Ok(response.body.to_vec())
}

fn too_large() -> String {
    format!("the description is larger than {} MiB", MAX_BYTES >> 20)
}

/// The documents that a document refers to, itself excepted. Examples are nobody's concern here.
fn references(base: &Url, document: &Value) -> Vec<Url> {
    let mut found = Vec::new();
    let mut waiting = vec![document];
    while let Some(node) = waiting.pop() {
        match node {
            Value::Array(items) => waiting.extend(items),
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref")
                    && !reference.starts_with('#')
                {
                    found.extend(base.join(reference).ok());
                }
                let wanted = members.iter().filter(|(name, _)| *name != "examples");
                waiting.extend(wanted.map(|(_, value)| value));
            }
            _ => {}
        }
    }
    for url in &mut found {
        url.set_fragment(None);
    }
    found.sort();
    found.dedup();
    found
}

/// The most that all documents of a description hold together, in bytes.
const MAX_BYTES: usize = 40 * 1024 * 1024;
const MAX_DOCUMENTS: usize = 5_000;
const PATIENCE: std::time::Duration = std::time::Duration::from_mins(1);
