//! Answers as snapshots show them: without what differs from run to run.

use serde_json::Value;

use super::Bank;
use super::http::Answer;

impl Bank {
    /// Status and body, with the server's address and generated identifiers and codes named instead.
    pub(crate) fn shown(&self, answer: &Answer) -> String {
        let body = answer.body.clone();
        let body = self.named(body);
        format!("{} {body:#}", answer.status)
    }

    fn named(&self, value: Value) -> Value {
        match value {
            Value::Object(members) => members
                .into_iter()
                .map(|(name, value)| {
                    let shown = match name.as_str() {
                        "user_code" => Value::from("CODE"),
                        "notification_url" => Value::from(without_secret(&value)),
                        "verification_uri_complete" => Value::from(without_code(&value)),
                        _ => value,
                    };
                    (name, self.named(shown))
                })
                .collect(),
            Value::Array(items) => items.into_iter().map(|item| self.named(item)).collect(),
            Value::String(text) => self.name(&text).into(),
            other => other,
        }
    }

    fn name(&self, text: &str) -> String {
        match text.split_once('_') {
            Some((kind @ ("agt" | "hst" | "usr"), id)) if id.len() == 32 => format!("{kind}_ID"),
            _ => text.replace(&self.issuer, "https://bank.example"),
        }
    }
}

fn without_secret(link: &Value) -> String {
    let (place, _) = link.as_str().unwrap().rsplit_once('/').unwrap();
    format!("{place}/SECRET")
}

fn without_code(link: &Value) -> String {
    let link = link.as_str().unwrap();
    let (page, _) = link.split_once("?code=").unwrap();
    format!("{page}?code=CODE")
}
