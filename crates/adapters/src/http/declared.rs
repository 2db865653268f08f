//! Requests declared in the configuration, for capabilities written by hand.
//!
//! Path, query, headers and body are [templates](crate::template). A query pair, a header or a member of the body
//! that is nothing but an absent argument is left out; a path without one of its arguments is refused.

use http::{HeaderName, HeaderValue, Method};
use serde_json::{Map, Value};

use super::Plan;
use super::body::{form, form_pairs, json, multipart, plain_parts};
use super::encode::path_literal;
use super::outgoing::{Outgoing, is_reserved_header, path_value};
use crate::template::{Part, fill_present, fill_text, look_up, parts, plain, unknown_placeholders};
use crate::{BackendError, Call};

/// A declared request.
#[derive(Debug)]
pub struct Declared {
    method: Method,
    path: Vec<Part>,
    query: Vec<(String, Value)>,
    headers: Vec<(HeaderName, String)>,
    body: Option<(BodyForm, Value)>,
}

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyForm {
    /// `application/json`.
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `multipart/form-data`.
    Multipart,
    /// `text/plain`.
    Text,
}

/// Why a declaration is no good.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeclarationError {
    /// The path is not one.
    #[error("path: {0:?} has to begin with a slash and have no query; put pairs into query")]
    Path(String),
    /// The path holds more than single arguments.
    #[error("path: ${{{0}}} cannot be part of a path; use ${{arguments.NAME}} or an identifier")]
    NotInAPath(String),
    /// A placeholder nobody fills.
    #[error(
        "{place}: ${{{placeholder}}} means nothing; use ${{arguments}}, ${{arguments.NAME}}, ${{agent_id}}, \
         ${{host_id}} or ${{user_id}}"
    )]
    Placeholder {
        /// Where it stands.
        place: &'static str,
        /// What it says.
        placeholder: String,
    },
    /// The header does not exist or is not for arguments.
    #[error("headers: {0:?} cannot be set here; credentials belong into the upstream")]
    Header(String),
}

impl Declared {
    /// A request with a method and a path.
    pub fn new(method: Method, path: &str) -> Result<Self, DeclarationError> {
        known("path", &Value::from(path))?;
        let mut parts = parts(path);
        let starts = matches!(parts.first(), Some(Part::Literal(text)) if text.starts_with('/'));
        if !starts || path.contains(['?', '#']) {
            return Err(DeclarationError::Path(path.to_owned()));
        }
        for part in &mut parts {
            match part {
                Part::Literal(text) => *text = path_literal(text),
                Part::Placeholder(inside) if inside == "arguments" => {
                    return Err(DeclarationError::NotInAPath(inside.clone()));
                }
                Part::Placeholder(_) => {}
            }
        }
        Ok(Self {
            method,
            path: parts,
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
        })
    }

    /// Adds pairs to the query. A list repeats its name.
    pub fn with_query(mut self, pairs: Map<String, Value>) -> Result<Self, DeclarationError> {
        pairs.values().try_for_each(|value| known("query", value))?;
        self.query = pairs.into_iter().collect();
        Ok(self)
    }

    /// Adds headers.
    pub fn with_headers(
        mut self,
        headers: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, DeclarationError> {
        for (name, template) in headers {
            known("headers", &Value::from(template.as_str()))?;
            let parsed = HeaderName::try_from(&name).ok();
            let parsed = parsed.filter(|name| !is_reserved_header(name));
            let parsed = parsed.ok_or(DeclarationError::Header(name))?;
            self.headers.push((parsed, template));
        }
        Ok(self)
    }

    /// Adds a body.
    pub fn with_body(mut self, form: BodyForm, template: Value) -> Result<Self, DeclarationError> {
        known("body", &template)?;
        self.body = Some((form, template));
        Ok(self)
    }

    /// The headers it sets.
    pub fn headers(&self) -> impl Iterator<Item = &HeaderName> {
        self.headers.iter().map(|(name, _)| name)
    }

    fn filled_path(&self, call: Call<'_>) -> Result<String, BackendError> {
        let mut path = String::new();
        for part in &self.path {
            match part {
                Part::Literal(text) => path.push_str(text),
                Part::Placeholder(inside) => {
                    let name = inside.strip_prefix("arguments.").unwrap_or(inside);
                    let value = look_up(inside, call).unwrap_or_default();
                    path.push_str(&path_value(name, &plain(&value))?);
                }
            }
        }
        Ok(path)
    }
}

impl Plan for Declared {
    fn plan(&self, call: Call<'_>) -> Result<Outgoing, BackendError> {
        let mut outgoing = Outgoing::new(self.method.clone(), self.filled_path(call)?);
        for (name, template) in &self.query {
            match fill_present(template, call) {
                None | Some(Value::Null) => {}
                Some(Value::Array(items)) => {
                    for item in items {
                        outgoing.add_query(name, &plain(&item));
                    }
                }
                Some(value) => outgoing.add_query(name, &plain(&value)),
            }
        }
        for (name, template) in &self.headers {
            match fill_text(template, call) {
                None | Some(Value::Null) => {}
                Some(value) => outgoing.set_header(name, &plain(&value))?,
            }
        }
        if let Some((body_form, template)) = &self.body
            && let Some(value) = fill_present(template, call)
        {
            outgoing.body = Some(write(*body_form, value)?);
        }
        Ok(outgoing)
    }
}

fn write(body_form: BodyForm, value: Value) -> Result<super::body::Body, BackendError> {
    let members = |value: Value| match value {
        Value::Object(members) => members,
        other => Map::from_iter([("body".to_owned(), other)]),
    };
    Ok(match body_form {
        BodyForm::Json => json(&HeaderValue::from_static("application/json"), &value),
        BodyForm::Form => form(&form_pairs(&members(value))),
        BodyForm::Multipart => multipart(&plain_parts(&members(value)))?,
        BodyForm::Text => {
            let plain_text = HeaderValue::from_static("text/plain; charset=utf-8");
            (plain_text, plain(&value).into())
        }
    })
}

fn known(place: &'static str, template: &Value) -> Result<(), DeclarationError> {
    match unknown_placeholders(template).into_iter().next() {
        Some(placeholder) => Err(DeclarationError::Placeholder { place, placeholder }),
        None => Ok(()),
    }
}
