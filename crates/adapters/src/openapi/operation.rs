//! An operation as a plan: which argument goes where.

use http::{HeaderName, Method};
use serde_json::Value;

use super::Problem;
use super::body::BodyPlan;
use super::parameter::Place;
use super::style::{self, Manner};
use crate::http::Plan;
use crate::http::encode::{component, path_literal, reserved_allowed};
use crate::http::outgoing::{Outgoing, path_value};
use crate::{BackendError, Call};

/// An operation that can be carried out.
#[derive(Debug)]
pub struct Operation {
    pub(super) method: Method,
    pub(super) path: Vec<Piece>,
    /// Pairs that a description wrote into the path.
    pub(super) fixed_query: Vec<String>,
    pub(super) parameters: Vec<Sent>,
    pub(super) body: Option<BodyPlan>,
}

/// A piece of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Fixed, encoded.
    Literal(String),
    /// The parameter of this name.
    Variable(String),
}

/// A parameter and the argument it comes from.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) argument: String,
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) manner: Manner,
    pub(super) is_json: bool,
}

impl Plan for Operation {
    fn plan(&self, call: Call<'_>) -> Result<Outgoing, BackendError> {
        let path = self.fill_path(call)?;
        let mut outgoing = Outgoing::new(self.method.clone(), path);
        outgoing.query.clone_from(&self.fixed_query);
        for sent in &self.parameters {
            match call.arguments.get(&sent.argument) {
                None | Some(Value::Null) => {}
                Some(value) => sent.put(value, &mut outgoing)?,
            }
        }
        if let Some(body) = &self.body {
            outgoing.body = body.fill(call)?;
        }
        Ok(outgoing)
    }
}

impl Operation {
    fn fill_path(&self, call: Call<'_>) -> Result<String, BackendError> {
        let mut path = String::new();
        for piece in &self.path {
            let name = match piece {
                Piece::Literal(text) => {
                    path.push_str(text);
                    continue;
                }
                Piece::Variable(name) => name,
            };
            let of_path = |sent: &&Sent| sent.place == Place::Path && sent.name == *name;
            let sent = self.parameters.iter().find(of_path);
            let value = sent.and_then(|sent| call.arguments.get(&sent.argument));
            let written = match (sent, value) {
                (Some(sent), Some(value)) if sent.is_json => path_value(name, &value.to_string()),
                (Some(sent), Some(value)) => style::path(name, value, sent.manner),
                // An empty value is refused by its own name.
                _ => path_value(name, ""),
            };
            path.push_str(&written?);
        }
        Ok(path)
    }
}

impl Sent {
    fn put(&self, value: &Value, outgoing: &mut Outgoing) -> Result<(), BackendError> {
        let pairs = || {
            if self.is_json {
                vec![format!(
                    "{}={}",
                    component(&self.name),
                    component(&value.to_string())
                )]
            } else {
                style::pairs(&self.name, value, self.manner)
            }
        };
        match self.place {
            Place::Path => {}
            Place::Query => outgoing.query.extend(pairs()),
            Place::Cookie => outgoing.cookies.extend(pairs()),
            Place::Header => {
                let text = if self.is_json {
                    value.to_string()
                } else {
                    style::header(&self.name, value, self.manner.explode)?
                };
                if let Ok(name) = HeaderName::try_from(&self.name) {
                    outgoing.set_header(&name, &text)?;
                }
            }
        }
        Ok(())
    }
}

/// A path template taken apart, and the pairs of the query it holds. What follows a `#` tells apart operations that
/// share a path, and is not sent.
pub(super) fn template(path: &str) -> Result<(Vec<Piece>, Vec<String>), Problem> {
    let path = path.split('#').next().unwrap_or("");
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    if !path.starts_with('/') {
        let message = "the path does not begin with a slash".to_owned();
        return Err(Problem::Unsupported(message));
    }
    let mut pieces = Vec::new();
    let mut rest = path;
    while let Some((before, from)) = rest.split_once('{') {
        let (name, after) = from
            .split_once('}')
            .ok_or_else(|| Problem::Unsupported("the path has a brace without end".to_owned()))?;
        pieces.push(Piece::Literal(path_literal(before)));
        pieces.push(Piece::Variable(name.to_owned()));
        rest = after;
    }
    pieces.push(Piece::Literal(path_literal(rest)));
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| match pair.split_once('=') {
        Some((name, value)) => format!("{}={}", component(name), reserved_allowed(value)),
        None => component(pair),
    });
    Ok((pieces, pairs.collect()))
}
