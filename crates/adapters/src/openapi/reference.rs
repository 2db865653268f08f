//! The documents of a description, and finding one's way among them.

use std::collections::BTreeMap;

use serde_json::Value;
use url::Url;

use super::Problem;

/// A description with everything it refers to.
#[derive(Debug)]
pub struct Documents {
    main: Url,
    held: BTreeMap<String, Value>,
    /// What could not be read, and why.
    missing: BTreeMap<String, String>,
}

/// A node, and the document it stands in, against which its references are read.
#[derive(Clone, Debug)]
pub(super) struct At<'d> {
    pub(super) document: Url,
    /// The way to the node within its document, as a JSON pointer; exact only where a reference led here.
    pub(super) pointer: String,
    pub(super) node: &'d Value,
}

impl<'d> At<'d> {
    /// A node within the same document.
    pub(super) fn beside(&self, node: &'d Value) -> Self {
        Self {
            node,
            ..self.clone()
        }
    }
}

impl Documents {
    pub(super) fn new(
        main: Url,
        held: BTreeMap<String, Value>,
        missing: BTreeMap<String, String>,
    ) -> Result<Self, String> {
        let documents = Self {
            main,
            held,
            missing,
        };
        documents.judge_version()?;
        Ok(documents)
    }

    /// Where the description itself is.
    pub(super) fn main(&self) -> &Url {
        &self.main
    }

    /// The description.
    pub(super) fn root(&self) -> At<'_> {
        At {
            document: self.main.clone(),
            pointer: String::new(),
            node: self.held.get(self.main.as_str()).unwrap_or(&Value::Null),
        }
    }

    fn judge_version(&self) -> Result<(), String> {
        let root = self.root().node;
        let version = &root["openapi"];
        match version.as_str() {
            Some(text) if text.starts_with("3.0") || text.starts_with("3.1") => Ok(()),
            Some(text) => Err(format!("is OpenAPI {text}; 3.0 and 3.1 are understood")),
            None if root["swagger"].is_string() => {
                Err("is Swagger 2.0; convert it to OpenAPI 3".to_owned())
            }
            None => Err("is not an OpenAPI description: it has no member openapi".to_owned()),
        }
    }

    /// What a node is once its references are followed.
    pub(super) fn resolve<'d>(&'d self, at: &At<'d>) -> Result<At<'d>, Problem> {
        let mut at = at.clone();
        for _ in 0..MAX_HOPS {
            let Some(reference) = at.node["$ref"].as_str() else {
                return Ok(at);
            };
            at = self.follow(&at.document, reference)?;
        }
        let reference = at.node["$ref"].as_str().unwrap_or("").to_owned();
        Err(Problem::Reference(
            reference,
            "the references go in a circle".to_owned(),
        ))
    }

    /// Where one reference leads.
    pub(super) fn follow(&self, base: &Url, reference: &str) -> Result<At<'_>, Problem> {
        let wrong = |why: &str| Problem::Reference(reference.to_owned(), why.to_owned());
        let mut url = base.join(reference).map_err(|_| wrong("it is not a URL"))?;
        let fragment = url.fragment().unwrap_or("").to_owned();
        url.set_fragment(None);
        let document = self.held.get(url.as_str()).ok_or_else(|| {
            let why = self.missing.get(url.as_str()).map(String::as_str);
            wrong(why.unwrap_or("no such document was read"))
        })?;
        let pointer = decode(&fragment).ok_or_else(|| wrong("its fragment is not UTF-8"))?;
        if !pointer.is_empty() && !pointer.starts_with('/') {
            return Err(wrong("named anchors are not understood, only pointers"));
        }
        let node = document
            .pointer(&pointer)
            .ok_or_else(|| wrong("there is nothing at this place"))?;
        Ok(At {
            document: url,
            pointer,
            node,
        })
    }
}

/// Undoes percent-encoding.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let coded = after.get(..2).filter(|_| *first == b'%');
        let hex = coded
            .and_then(|two| std::str::from_utf8(two).ok())
            .and_then(|two| u8::from_str_radix(two, 16).ok());
        bytes.push(hex.unwrap_or(*first));
        rest = if hex.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).ok()
}

/// How many references may follow one another.
const MAX_HOPS: usize = 32;
