//! The words of the pages, in the language of whoever reads them.
//!
//! A page says everything in English, in its template or next to it, and [`say`] finds the same in the reader's
//! language when the page is drawn: `locales/de.toml` has one line for each. What it does not know stays English, and a
//! test makes sure that it knows everything.
//!
//! Which language it is belongs to the request, like its number in the log: every row of every list would have to carry
//! it otherwise. So this is the one thing about a page that is not an argument.

mod choice;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::header::{CONTENT_LANGUAGE, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue};

use choice::choose;
pub(super) use choice::set;

/// A language of the pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Language {
    #[default]
    English,
    German,
}

impl Language {
    /// Those there are: what stands in addresses and headers, and what each calls itself.
    pub(super) const ALL: [(Self, &'static str, &'static str); 2] = [
        (Self::English, "en", "English"),
        (Self::German, "de", "Deutsch"),
    ];

    /// Its tag (RFC 5646).
    pub(super) fn tag(self) -> &'static str {
        let found = Self::ALL.into_iter().find(|(one, ..)| *one == self);
        found.map_or("en", |(_, tag, _)| tag)
    }

    fn parse(tag: &str) -> Option<Self> {
        let found = Self::ALL
            .into_iter()
            .find(|(_, known, _)| known.eq_ignore_ascii_case(tag));
        found.map(|(language, ..)| language)
    }

    /// That of the request at hand; English outside of one.
    pub(super) fn current() -> Self {
        CURRENT.try_with(|language| *language).unwrap_or_default()
    }

    fn catalogue(self) -> Option<&'static Catalogue> {
        match self {
            Self::English => None,
            Self::German => Some(&GERMAN),
        }
    }
}

/// Something to say: an English text with places for values, such as `Try again in {wait}.`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Words {
    text: Cow<'static, str>,
    values: Vec<(&'static str, String)>,
}

/// Says `text` in the language of the reader.
pub(super) fn say(text: &'static str) -> Words {
    Words {
        text: Cow::Borrowed(text),
        values: Vec::new(),
    }
}

impl Words {
    /// Puts a value into its place. Values are shown as they are, in no language.
    pub(super) fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.values.push((name, value.to_string()));
        self
    }
}

impl From<&'static str> for Words {
    fn from(text: &'static str) -> Self {
        say(text)
    }
}

impl From<String> for Words {
    fn from(text: String) -> Self {
        Self {
            text: Cow::Owned(text),
            values: Vec::new(),
        }
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Language::current()
            .catalogue()
            .and_then(|catalogue| catalogue.get(self.text.as_ref()));
        let mut rest = known.map_or(self.text.as_ref(), String::as_str);
        while let Some((before, (name, after))) = next_place(rest) {
            f.write_str(before)?;
            match self.values.iter().find(|(known, _)| *known == name) {
                Some((_, value)) => f.write_str(value)?,
                None => write!(f, "{{{name}}}")?,
            }
            rest = after;
        }
        f.write_str(rest)
    }
}

/// What is before the next place for a value, its name, and what is after it.
fn next_place(text: &str) -> Option<(&str, (&str, &str))> {
    let (before, rest) = text.split_once('{')?;
    Some((before, rest.split_once('}')?))
}

/// Draws the pages of one request in the language that its sender reads.
pub(super) async fn speak(request: Request, next: Next) -> Response {
    let language = choose(request.headers());
    spoken(language, next.run(request)).await
}

/// Runs `work` in the language that the sender of these headers reads.
pub(super) async fn in_language_of(
    headers: &HeaderMap,
    work: impl Future<Output = Response>,
) -> Response {
    spoken(choose(headers), work).await
}

async fn spoken(language: Language, work: impl Future<Output = Response>) -> Response {
    let mut response = CURRENT.scope(language, work).await;
    mark(&mut response, language);
    response
}

fn mark(response: &mut Response, language: Language) {
    let headers = response.headers_mut();
    let is_page = headers
        .get(CONTENT_TYPE)
        .is_some_and(|it| it.as_bytes().starts_with(b"text/html"));
    if is_page {
        headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
        headers.append(VARY, HeaderValue::from_static("accept-language, cookie"));
    }
}

/// English, and what it is in another language.
type Catalogue = HashMap<String, String>;

tokio::task_local! {
    static CURRENT: Language;
}

static GERMAN: LazyLock<Catalogue> = LazyLock::new(|| parse(DE));

/// What cannot be read says nothing; a test reads it.
fn parse(text: &str) -> Catalogue {
    toml::from_str(text).unwrap_or_default()
}

const DE: &str = include_str!("../../locales/de.toml");

#[cfg(test)]
mod tests;
