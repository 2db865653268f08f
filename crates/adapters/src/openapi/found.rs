//! The operations of a description, and what is said of them.

use http::Method;
use serde_json::Value;

use super::derive::Quarantined;
use super::name;
use super::reference::{At, Documents};

/// An operation as found.
pub(super) struct Found<'d> {
    pub(super) method: Method,
    pub(super) path: &'d str,
    pub(super) item: At<'d>,
    pub(super) operation: At<'d>,
}

impl std::fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

impl Found<'_> {
    /// The operation's id.
    pub(super) fn id(&self) -> Option<&str> {
        self.operation.node["operationId"].as_str()
    }

    /// The name it has unless another operation has it too.
    pub(super) fn name(&self) -> String {
        name::of_operation(self.id(), self.method.as_str(), self.path)
    }
}

/// All operations, in the order of their paths, and the paths nothing can be read from.
pub(super) fn operations<'d>(
    documents: &'d Documents,
    root: &At<'d>,
) -> (Vec<Found<'d>>, Vec<Quarantined>) {
    let mut found = Vec::new();
    let mut broken = Vec::new();
    for (path, item) in root.node["paths"].as_object().into_iter().flatten() {
        if path.starts_with("x-") {
            continue;
        }
        let item = match documents.resolve(&root.beside(item)) {
            Ok(item) => item,
            Err(problem) => {
                broken.push(Quarantined {
                    operation: path.clone(),
                    reason: problem.to_string(),
                });
                continue;
            }
        };
        for method in METHODS {
            let name = method.as_str().to_ascii_lowercase();
            if let Some(operation) = item.node.get(&name) {
                found.push(Found {
                    method,
                    path,
                    operation: item.beside(operation),
                    item: item.clone(),
                });
            }
        }
    }
    (found, broken)
}

/// What an operation does, short enough for a list and for people who approve it.
pub(super) fn described(found: &Found<'_>, name: &str) -> String {
    let node = found.operation.node;
    let text = |member: &str| {
        node[member]
            .as_str()
            .map(str::trim)
            .filter(|text| !text.is_empty())
    };
    let words = match (text("summary"), text("description")) {
        (Some(summary), _) => summary.to_owned(),
        (None, Some(description)) => first_paragraph(description),
        (None, None) => name.replace('_', " "),
    };
    let words: String = words.chars().take(MAX_DESCRIPTION).collect();
    if node["deprecated"] == true {
        format!("Deprecated: {words}")
    } else {
        words
    }
}

/// The whole description, for agents, where the short form leaves something out.
pub(crate) fn full_text(node: &Value) -> Option<String> {
    let text = node["description"].as_str()?.trim();
    (!text.is_empty()).then(|| text.chars().take(MAX_TEXT).collect())
}

pub(crate) fn first_paragraph(text: &str) -> String {
    let paragraph = text.split("\n\n").next().unwrap_or("");
    paragraph.split_whitespace().collect::<Vec<_>>().join(" ")
}

const METHODS: [Method; 7] = [
    Method::GET,
    Method::HEAD,
    Method::OPTIONS,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
];
/// The longest description of a capability, in characters.
pub(crate) const MAX_DESCRIPTION: usize = 300;
/// The longest description of its arguments, in characters.
const MAX_TEXT: usize = 4_000;
