//! `[capability.http]`: a request to an upstream.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::Method;
use procura_adapters::http::HttpBackend;
use procura_adapters::http::declared::{BodyForm, Declared};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::span::Span;
use super::{SharedBackend, Upstreams};

/// One request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HttpSection {
    upstream: String,
    method: String,
    path: String,
    #[serde(default)]
    query: Map<String, Value>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    json: Option<Value>,
    form: Option<Value>,
    multipart: Option<Value>,
    text: Option<Value>,
    timeout: Option<Span>,
}

impl HttpSection {
    pub(super) fn judge(&self, upstreams: &Upstreams) -> Result<SharedBackend, String> {
        let upstream = upstreams.find(&self.upstream)?;
        let plan = self.plan()?;
        if let Some(name) = plan
            .headers()
            .find(|name| upstream.credential().owns_header(name))
        {
            return Err(format!(
                "headers: {name:?} carries the upstream's credential"
            ));
        }
        let own = |name: &&String| upstream.credential().owns_query(name);
        if let Some(name) = self.query.keys().find(own) {
            return Err(format!("query: {name:?} carries the upstream's credential"));
        }
        Ok(Arc::new(HttpBackend {
            upstream,
            plan: Box::new(plan),
            timeout: self.timeout.map(|Span(timeout)| timeout),
        }))
    }

    fn plan(&self) -> Result<Declared, String> {
        let method = METHODS
            .iter()
            .find(|method| method.as_str() == self.method)
            .ok_or_else(|| format!("method: {:?} is none of {METHODS:?}", self.method))?;
        let plan = Declared::new(method.clone(), &self.path)
            .and_then(|plan| plan.with_query(self.query.clone()))
            .and_then(|plan| plan.with_headers(self.headers.clone()));
        let plan = plan.map_err(|error| error.to_string())?;
        let bodies = [
            (BodyForm::Json, &self.json),
            (BodyForm::Form, &self.form),
            (BodyForm::Multipart, &self.multipart),
            (BodyForm::Text, &self.text),
        ];
        let mut given = bodies
            .into_iter()
            .filter_map(|(form, template)| Some((form, template.clone()?)));
        match (given.next(), given.next()) {
            (None, _) => Ok(plan),
            (Some((form, template)), None) => plan
                .with_body(form, template)
                .map_err(|error| error.to_string()),
            _ => Err("give at most one of json, form, multipart and text".to_owned()),
        }
    }
}

const METHODS: [Method; 6] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
];
