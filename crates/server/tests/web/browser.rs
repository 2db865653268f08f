//! A browser without a screen: it keeps one cookie, sends forms as browsers do, and reads pages.

use procura_keys::digest::sha256;
use procura_people::person::{Person, PersonId};
use procura_people::presence::Method;
use procura_people::session::SessionToken;
use serde_json::json;
use url::{Url, form_urlencoded};

use super::authenticator::Authenticator;
use crate::support::http::Answer;
use crate::support::signers::{TestHost, jti};
use crate::support::{Bank, Setup};

/// Somebody's browser.
pub(crate) struct Browser<'b> {
    bank: &'b Bank,
    /// Name and value.
    pub(crate) cookie: Option<String>,
    /// What its user says yes with, if they have a passkey.
    pub(crate) authenticator: Option<Authenticator>,
}

impl<'b> Browser<'b> {
    /// A browser that was never here.
    pub(crate) fn new(bank: &'b Bank) -> Self {
        Self {
            bank,
            cookie: None,
            authenticator: None,
        }
    }

    /// A browser in which somebody has just signed in by this method.
    pub(crate) async fn signed_in(bank: &'b Bank, email: &str, method: Method) -> Self {
        let mut signed_in = bank.person(email, method).await;
        let token = SessionToken::new(sha256(jti().as_bytes()));
        signed_in.session.token_digest = token.digest();
        let mut tx = bank.store.begin().await.unwrap();
        tx.insert_session(&signed_in.session).await.unwrap();
        tx.commit().await.unwrap();
        let cookie = Some(format!("{}={}", cookie_name(bank), token.expose()));
        let mut authenticator = None;
        if method == Method::Passkey {
            let new = Authenticator::new(&jti());
            new.belongs_to(bank, &signed_in.person.id).await;
            authenticator = Some(new);
        }
        Self {
            bank,
            cookie,
            authenticator,
        }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, &[], None).await
    }

    /// Sends a form of a page of the server.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let origin = Url::parse(&self.bank.issuer).unwrap().origin();
        let headers = [
            ("origin", origin.ascii_serialization()),
            ("sec-fetch-site", "same-origin".to_owned()),
        ];
        self.post_from(path, &headers, fields).await
    }

    /// Sends a form with other words about where it comes from.
    pub(crate) async fn post_from(
        &mut self,
        path: &str,
        headers: &[(&'static str, String)],
        fields: &[(&str, &str)],
    ) -> Answer {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        let mut headers = headers.to_vec();
        headers.push(("content-type", FORM.to_owned()));
        self.send("POST", path, &headers, Some(form.finish().into_bytes()))
            .await
    }

    pub(crate) async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&'static str, String)],
        body: Option<Vec<u8>>,
    ) -> Answer {
        let mut headers = headers.to_vec();
        headers.extend(self.cookie.clone().map(|cookie| ("cookie", cookie)));
        let answer = self.bank.raw(method, path, &headers, body).await;
        let name = format!("{}=", cookie_name(self.bank));
        let sets = answer.headers.get_all("set-cookie").iter();
        for set in sets.map(|set| set.to_str().unwrap()) {
            if set.starts_with(&name) {
                let (cookie, attributes) = set.split_once(';').unwrap();
                let removed = attributes.contains("Max-Age=0");
                self.cookie = (!removed).then(|| cookie.to_owned());
            }
        }
        answer
    }

    /// Signs in with a password, to be sent on to `next`.
    pub(crate) async fn sign_in(&mut self, email: &str, next: &str) -> Answer {
        let fields = [("email", email), ("password", PASSWORD), ("next", next)];
        self.post("/login", &fields).await
    }

    /// Answers the request that a page shows.
    pub(crate) async fn decide(&mut self, page: &Answer, fields: &[(&str, &str)]) -> Answer {
        let kept: Vec<_> = ["reference", "shown", "code"]
            .into_iter()
            .map(|name| (name, value_of(page, name)))
            .collect();
        let mut all: Vec<_> = kept
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        all.extend(fields);
        let moment = self.bank.now().as_millis().to_string();
        let gesture = self.gesture("/device/challenge", &all).await;
        if let Some(gesture) = &gesture {
            all.extend([("answer", gesture.as_str()), ("moment", &moment)]);
        }
        self.post("/device", &all).await
    }

    /// What the authenticator says to what a page asks it, if there is one and it is asked for anything.
    pub(crate) async fn gesture(&mut self, path: &str, fields: &[(&str, &str)]) -> Option<String> {
        let authenticator = self.authenticator.take()?;
        let asked = self.post(path, fields).await;
        let answer =
            (asked.status == 200).then(|| authenticator.use_passkey(self.bank, &asked.body));
        self.authenticator = Some(authenticator);
        answer
    }

    /// Approves these capabilities of the request that a page shows, whether its boxes can be ticked or not.
    pub(crate) async fn approve(&mut self, page: &Answer, capabilities: &[&str]) -> Answer {
        let items: Vec<_> = capabilities.iter().map(|name| item(page, name)).collect();
        let mut fields = vec![("decision", "approve")];
        fields.extend(items.iter().map(|item| ("item", item.as_str())));
        self.decide(page, &fields).await
    }
}

/// The example's bank under a name, at which browsers allow passkeys.
pub(crate) async fn bank_by_name() -> Bank {
    Setup {
        by_name: true,
        ..Setup::default()
    }
    .start()
    .await
}

/// Adds a person with a password; hashing it takes a moment.
pub(crate) async fn add_person(bank: &Bank, email: &str) {
    let password = Some(PASSWORD.to_owned());
    let (email, name) = (email.parse().unwrap(), "Alice".to_owned());
    procura_service::people::add_person(&bank.ctx, "test", email, name, password)
        .await
        .unwrap();
}

/// Somebody with an account who looks after the server.
pub(crate) async fn add_administrator(bank: &Bank, email: &str) {
    let now = bank.now();
    let person = Person {
        id: PersonId::new(now, [9; 10]),
        email: email.parse().unwrap(),
        name: "Root".to_owned(),
        password: None,
        disabled: false,
        administrator: true,
        created_at: now,
        updated_at: now,
    };
    let mut tx = bank.store.begin().await.unwrap();
    tx.insert_person(&person).await.unwrap();
    tx.commit().await.unwrap();
}

/// The code of a request by a new app for these capabilities.
pub(crate) async fn requested(bank: &Bank, capabilities: &[&str]) -> String {
    let body = json!({ "name": "Helper", "host_name": "Laptop", "capabilities": capabilities });
    let (_, answer) = bank.register(&TestHost::new(), &body).await;
    answer.user_code()
}

/// The page of the request with this code, as an address.
pub(crate) fn page_of(code: &str) -> String {
    format!("/device?code={code}")
}

pub(crate) fn cookie_name(bank: &Bank) -> &'static str {
    if bank.issuer.starts_with("https:") {
        "__Host-procura_session"
    } else {
        "procura_session"
    }
}

/// The value of the first field of this name in a page.
pub(crate) fn value_of(page: &Answer, name: &str) -> String {
    let start = format!("name=\"{name}\" value=\"");
    let (_, rest) = page
        .text
        .split_once(&start)
        .unwrap_or_else(|| panic!("no {name} in {}", page.text));
    unescaped(rest.split_once('"').unwrap().0)
}

/// The part of a consent page that is about a capability.
pub(crate) fn row<'p>(page: &'p Answer, capability: &str) -> &'p str {
    let name = format!("<code>{capability}</code>");
    let mut rows = page.text.split("<li class=\"ask").skip(1);
    rows.find(|row| row.contains(&name))
        .unwrap_or_else(|| panic!("no {capability} in {}", page.text))
}

fn item(page: &Answer, capability: &str) -> String {
    let (_, rest) = row(page, capability)
        .split_once("name=\"item\" value=\"")
        .unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

/// The words in the main part of a page, one line for each piece of text.
pub(crate) fn words(page: &Answer) -> String {
    let (_, main) = page
        .text
        .split_once("<main")
        .unwrap_or_else(|| panic!("no page: {page:?}"));
    let (main, _) = main.split_once("</main>").unwrap();
    let mut lines = Vec::new();
    let mut line = String::new();
    for piece in main.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').unwrap();
        let tag = tag
            .trim_start_matches('/')
            .split_whitespace()
            .next()
            .unwrap_or_default();
        if !INLINE.contains(&tag) {
            lines.push(std::mem::take(&mut line));
        }
        let quote = tag == "q";
        if quote && piece.starts_with('/') {
            line.push('”');
        } else if quote {
            line.push('“');
        }
        line.push_str(&unescaped(text));
    }
    lines.push(line);
    let trimmed = lines
        .iter()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    trimmed
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

fn unescaped(html: &str) -> String {
    let entities = [
        ("&#60;", "<"),
        ("&#62;", ">"),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#38;", "&"),
    ];
    entities
        .iter()
        .fold(html.to_owned(), |text, (entity, plain)| {
            text.replace(entity, plain)
        })
}

pub(crate) const PASSWORD: &str = "correct horse battery staple";
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";
const INLINE: [&str; 6] = ["bdi", "code", "q", "span", "strong", "b"];
