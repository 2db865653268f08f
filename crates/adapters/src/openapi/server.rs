//! Where a description says its service is.

use std::collections::BTreeMap;

use serde_json::Value;
use url::Url;

use super::Problem;
use super::reference::Documents;

/// The server of the whole description: its first, else the first that any path or operation names. Without one,
/// the place of the description itself, if that is an address.
pub(super) fn main(
    documents: &Documents,
    variables: &BTreeMap<String, String>,
) -> Result<Url, Problem> {
    let root = documents.root().node;
    let of_paths = || {
        let items = root["paths"].as_object()?.values();
        items.into_iter().find_map(|item| {
            let operations = item.as_object()?.values();
            first(item).or_else(|| operations.into_iter().find_map(first))
        })
    };
    match first(root).or_else(of_paths) {
        Some(server) => read(server, documents.main(), variables),
        None => address(documents.main(), "/"),
    }
}

/// What an operation's own server adds to the path of the main one.
pub(super) fn below(
    owner: &Value,
    main: &Url,
    documents: &Documents,
    variables: &BTreeMap<String, String>,
) -> Result<String, Problem> {
    let Some(server) = first(owner) else {
        return Ok(String::new());
    };
    let own =
        read(server, main, variables).or_else(|_| read(server, documents.main(), variables))?;
    let base = main.path().trim_end_matches('/');
    let path = own.path().trim_end_matches('/');
    let rest = path
        .strip_prefix(base)
        .filter(|rest| rest.is_empty() || rest.starts_with('/'));
    match rest {
        Some(rest) if own.origin() == main.origin() => Ok(rest.to_owned()),
        _ => Err(Problem::Unsupported(format!(
            "it has a server of its own, {own}; offer it by a description and an upstream of its own"
        ))),
    }
}

fn first(owner: &Value) -> Option<&Value> {
    owner.get("servers")?.as_array()?.first()
}

fn read(server: &Value, base: &Url, variables: &BTreeMap<String, String>) -> Result<Url, Problem> {
    let template = server["url"].as_str();
    let template = template.ok_or(Problem::Type("the url of a server".to_owned(), "a text"))?;
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, from)) = rest.split_once('{') {
        let (name, after) = from.split_once('}').unwrap_or((from, ""));
        text.push_str(before);
        text.push_str(&variable(server, name, variables)?);
        rest = after;
    }
    text.push_str(rest);
    address(base, &text)
}

/// The value of a variable: the operator's, else the default.
fn variable(
    server: &Value,
    name: &str,
    variables: &BTreeMap<String, String>,
) -> Result<String, Problem> {
    let described = &server["variables"][name];
    let allowed = described["enum"].as_array();
    let value = match variables.get(name) {
        Some(value) if allowed.is_none_or(|allowed| allowed.contains(&value.as_str().into())) => {
            Some(value.clone())
        }
        Some(value) => {
            let message = format!("the server variable {name:?} must not be {value:?}");
            return Err(Problem::Unsupported(message));
        }
        None => described["default"].as_str().map(str::to_owned),
    };
    value.ok_or_else(|| Problem::Unsupported(format!("the server variable {name:?} has no value")))
}

fn address(base: &Url, text: &str) -> Result<Url, Problem> {
    let url = base.join(text).ok();
    url.filter(|url| matches!(url.scheme(), "http" | "https"))
        .ok_or_else(|| {
            Problem::Unsupported(
                "the description does not say at which address the service is".to_owned(),
            )
        })
}
