//! `--verbose`: each exchange on a line of standard error. Never what a request carries: its headers and body hold tokens,
//! and its query may.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use procura_client::{FetchError, Request, Response, StreamResponse, Transport};

use crate::error::harmless;
use crate::printer::Printer;

/// Tells of what passes through it.
pub(crate) struct Told {
    inner: Arc<dyn Transport>,
    printer: Printer,
}

impl Told {
    pub(crate) fn new(inner: Arc<dyn Transport>, printer: Printer) -> Self {
        Self { inner, printer }
    }

    fn tell(&self, asked: &str, outcome: Result<u16, &FetchError>, took: Duration) {
        let outcome = match outcome {
            Ok(status) => status.to_string(),
            Err(error) => harmless(&error.to_string()),
        };
        let took = took.as_millis();
        self.printer.say(&format!("{asked}: {outcome} ({took} ms)"));
    }
}

#[async_trait]
impl Transport for Told {
    async fn send(&self, request: Request) -> Result<Response, FetchError> {
        let (asked, begun) = (asked(&request), Instant::now());
        let answer = self.inner.send(request).await;
        let status = answer.as_ref().map(|it| it.status.as_u16());
        self.tell(&asked, status, begun.elapsed());
        answer
    }

    async fn stream(&self, request: Request) -> Result<StreamResponse, FetchError> {
        let (asked, begun) = (asked(&request), Instant::now());
        let answer = self.inner.stream(request).await;
        let status = answer.as_ref().map(|it| it.status.as_u16());
        self.tell(&asked, status, begun.elapsed());
        answer
    }
}

/// The method and where to. The paths of streams are secrets, and those of jobs may be.
fn asked(request: &Request) -> String {
    let url = &request.url;
    let origin = url.origin().ascii_serialization();
    let path = match url.path() {
        secret if secret.split('/').any(|part| part.len() >= SECRET) => "/…",
        path => path,
    };
    format!("{} {origin}{path}", request.method)
}

/// Parts of paths that are this long are not read by people.
const SECRET: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn line(url: &str) -> String {
        asked(&Request::get(url.parse().unwrap()))
    }

    #[test]
    fn what_may_be_secret_in_a_url_is_not_told() {
        let events = "https://bank.example/agent/events/0123456789abcdefghij";
        assert_eq!(line(events), "GET https://bank.example/…");
        let status = "https://bank.example/agent/status?agent_id=agt_1";
        assert_eq!(line(status), "GET https://bank.example/agent/status");
    }
}
