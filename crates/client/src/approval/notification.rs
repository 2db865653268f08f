//! Listening for a decision instead of asking again and again (§10.10.2).
//!
//! The stream carries no proof of who speaks, so what it says is taken as a reason to ask, and never as the answer.
//! A stream that is missing, broken or wrong costs nothing but speed.

use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::{Either, select};
use http::HeaderValue;
use http::header::ACCEPT;
use procura_fetch::{BodyStream, Request};
use url::Url;

use super::{Pending, is_decided};
use crate::answer::StatusAnswer;
use crate::call::is_event_stream;
use crate::client::Client;
use crate::sse::{Event, EventReader};

/// A stream that tells when there may be a decision.
pub(super) struct Listening<'a> {
    pending: &'a Pending,
    body: BodyStream,
    reader: EventReader,
}

/// What woke the client up.
enum News {
    /// A decision, by what the stream says.
    Decided,
    /// The stream ended, or says what it should not.
    Broken,
}

impl Client {
    /// Connects to the stream of an approval, if there is one.
    pub(super) async fn listen<'a>(&self, pending: &'a Pending) -> Option<Listening<'a>> {
        let url = (**pending.approval.notification_url.as_ref()?).clone();
        let origin = url.origin();
        let mut request = Request::get(url);
        let events = HeaderValue::from_static("text/event-stream");
        request.headers.insert(ACCEPT, events);
        let stream = self.parts.transport.stream(request).await.ok()?;
        let is_at_home = stream.url.origin() == origin;
        (is_at_home && is_event_stream(stream.status, &stream.headers)).then(|| Listening {
            pending,
            body: stream.body,
            reader: EventReader::default(),
        })
    }

    /// Waits until it is time to ask: when the stream says so, or else after `delay`. A stream that works is trusted to
    /// speak up, and asked less often beside it; one that has spoken or failed is done with.
    pub(super) async fn pause_or_news(
        &self,
        listening: &mut Option<Listening<'_>>,
        delay: Duration,
    ) {
        let pause = &self.parts.pause;
        let Some(stream) = listening else {
            return pause.pause(delay).await;
        };
        let news = {
            let longer = pause.pause(delay.max(BESIDE_A_STREAM));
            match select(pin!(stream.news()), longer).await {
                Either::Left((news, _)) => news,
                Either::Right(_) => return,
            }
        };
        *listening = None;
        if matches!(news, News::Broken) {
            pause.pause(delay).await;
        }
    }
}

impl Listening<'_> {
    /// May be dropped and called again: no event is lost.
    async fn news(&mut self) -> News {
        while let Some(Ok(bytes)) = self.body.next().await {
            for event in self.reader.feed(&bytes) {
                if let Some(news) = self.judge(&event) {
                    return news;
                }
            }
        }
        News::Broken
    }

    fn judge(&self, event: &Event) -> Option<News> {
        if event.name != "status" {
            return None;
        }
        let value = procura_keys::json::parse_strict(event.data.as_bytes());
        let answer = value.and_then(serde_json::from_value::<StatusAnswer>);
        match answer {
            Ok(answer) if answer.agent_id != self.pending.agent_id => Some(News::Broken),
            Ok(answer) if is_decided(&answer, &self.pending.awaited) => Some(News::Decided),
            Ok(_) => None,
            Err(_) => Some(News::Broken),
        }
    }
}

/// Where a stream may be: on the issuer's origin, and nowhere else.
pub(super) fn notification_url(text: Option<String>, issuer: &Url) -> Option<Url> {
    let url = Url::parse(&text?).ok()?;
    let is_plain = url.username().is_empty() && url.password().is_none();
    (is_plain && url.origin() == issuer.origin()).then_some(url)
}

/// Least time between two questions while a stream is open.
const BESIDE_A_STREAM: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests;
