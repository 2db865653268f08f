//! What e-mail says.
//!
//! Names of apps and agents come from strangers. A message quotes them cut short and never in its subject, and breaks up
//! what a mail program would make a link of.

use askama::Template;
use procura_keys::clock::Timestamp;
use procura_people::consent::{ConsentItem, ConsentView};
use procura_service::Context;

use crate::web::text::visible;
use crate::web::when;

/// The words of one message.
pub(super) struct Text {
    pub(super) subject: String,
    pub(super) plain: String,
    pub(super) html: String,
    /// Where its reader says that they want no more of this kind.
    pub(super) settings: Option<String>,
}

impl Text {
    /// For the person in whose inbox something waits.
    pub(super) fn of_inbox(ctx: &Context, requests: &[ConsentView]) -> Self {
        let provider = ctx.provider();
        let waiting = Waiting {
            server: &provider.name,
            requests: &Request::all(requests, ctx.now()),
            more: requests.len().saturating_sub(MOST_REQUESTS),
            inbox: Some(&provider.url("/inbox")),
            settings: Some(&provider.url(SETTINGS)),
        };
        waiting.text(format!("A request waits for you at {}", provider.name))
    }

    /// For whoever runs the server.
    pub(super) fn of_desk(ctx: &Context, requests: &[ConsentView]) -> Self {
        let provider = ctx.provider();
        let waiting = Waiting {
            server: &provider.name,
            requests: &Request::all(requests, ctx.now()),
            more: requests.len().saturating_sub(MOST_REQUESTS),
            inbox: None,
            settings: None,
        };
        waiting.text(format!(
            "A request waits for an administrator of {}",
            provider.name
        ))
    }

    /// For whoever tries sending out.
    pub(super) fn of_test(server: &str) -> Self {
        let said = format!("This is a test of {server}. E-mail gets through.");
        Self::short(format!("A test of {server}"), &said, None)
    }

    /// For whoever gave this address when they signed up.
    pub(super) fn of_confirmation(server: &str, link: &str) -> Self {
        let said = format!(
            "Somebody with an account at {server} wants e-mail at this address. If that is you, sign in there and \
             follow this link within an hour. If not, do nothing: then you get none."
        );
        let subject = format!("Do you want e-mail from {server}?");
        Self::short(subject, &said, Some(link))
    }

    fn short(subject: String, said: &str, link: Option<&str>) -> Self {
        let plain = link.map_or_else(|| format!("{said}\n"), |link| format!("{said}\n\n{link}\n"));
        Self {
            subject,
            plain,
            html: Short { said, link }.render().unwrap_or_default(),
            settings: None,
        }
    }
}

/// What waits, for both forms of the message.
#[derive(Clone, Copy)]
struct Waiting<'a> {
    server: &'a str,
    requests: &'a [Request],
    /// How many more there are than are told of.
    more: usize,
    /// Where the person decides. It is of no use to whoever cannot sign in.
    inbox: Option<&'a str>,
    settings: Option<&'a str>,
}

impl Waiting<'_> {
    fn text(self, subject: String) -> Text {
        // Rendering into a string fails only where a value cannot be shown, and all of these can.
        Text {
            subject,
            plain: Plain(self).render().unwrap_or_default(),
            html: Html(self).render().unwrap_or_default(),
            settings: self.settings.map(str::to_owned),
        }
    }
}

#[derive(Template)]
#[template(path = "mail/short.html")]
struct Short<'a> {
    said: &'a str,
    link: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "mail/waiting.txt")]
struct Plain<'a>(Waiting<'a>);

#[derive(Template)]
#[template(path = "mail/waiting.html")]
struct Html<'a>(Waiting<'a>);

/// One request in words.
struct Request {
    agent: String,
    app: Option<String>,
    asks: Vec<String>,
    /// How many more capabilities there are than are told of.
    more: usize,
    ends_in: String,
    ends_at: String,
}

impl Request {
    fn all(views: &[ConsentView], now: Timestamp) -> Vec<Self> {
        let views = views.iter().take(MOST_REQUESTS);
        views.map(|view| Self::new(view, now)).collect()
    }

    fn new(view: &ConsentView, now: Timestamp) -> Self {
        Self {
            agent: quotable(&view.agent, LONGEST_NAME),
            app: view.app.as_deref().map(|app| quotable(app, LONGEST_NAME)),
            asks: view.items.iter().take(MOST_ASKS).map(ask).collect(),
            more: view.items.len().saturating_sub(MOST_ASKS),
            ends_in: when::span(view.expires_at.since(now)),
            ends_at: when::moment(view.expires_at, now),
        }
    }
}

fn ask(item: &ConsentItem) -> String {
    let said = [&item.description, &item.name];
    let said = said.into_iter().find(|text| !text.is_empty());
    quotable(said.map_or("", String::as_str), LONGEST_ASK)
}

/// A stranger's words for a message: cut short, without quotation marks that would end the quotation, and with
/// addresses broken up as `evil[.]example`, so that no mail program makes a link of them.
pub(in crate::notify) fn quotable(text: &str, most: usize) -> String {
    let text = visible(text);
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    let mut count = 0;
    while let Some(letter) = letters.next() {
        if count == most {
            out.push('…');
            break;
        }
        count += 1;
        let before_word = letters.peek().is_some_and(|next| next.is_alphanumeric());
        match letter {
            '“' | '”' | '„' | '‟' | '«' | '»' | '"' | '＂' => out.push('\''),
            // Dots that mail programs and browsers take for one (UTS 46).
            '.' | '。' | '．' | '｡' | '․' if before_word => out.push_str("[.]"),
            '@' | '＠' => out.push_str("[@]"),
            ':' | '：' if letters.peek().is_some_and(|next| !next.is_whitespace()) => {
                out.push_str("[:]");
            }
            other => out.push(other),
        }
    }
    out
}

/// Where a person chooses what they get.
const SETTINGS: &str = "/account#notifications";
/// How many requests a message tells of.
const MOST_REQUESTS: usize = 10;
/// How many capabilities of each.
const MOST_ASKS: usize = 3;
/// In characters.
const LONGEST_NAME: usize = 60;
const LONGEST_ASK: usize = 120;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_becomes_a_link_or_leaves_its_quotation() {
        for (name, expected) in [
            ("Helper 2.0", "Helper 2[.]0"),
            ("Dr. Who: agent.", "Dr. Who: agent."),
            ("https://evil.example/x", "https[:]//evil[.]example/x"),
            ("me@evil.example", "me[@]evil[.]example"),
            ("mailto:x", "mailto[:]x"),
            ("evil。example", "evil[.]example"),
            ("x” is safe. “y\"", "x' is safe. 'y'"),
            ("a\r\nBcc: b", "a⟨U+000D⟩⟨U+000A⟩Bcc: b"),
        ] {
            assert_eq!(quotable(name, 60), expected);
        }
        assert_eq!(quotable("abcdef", 3), "abc…");
        assert_eq!(quotable("abc", 3), "abc");
    }
}
