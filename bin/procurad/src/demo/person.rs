//! The demo's own person, who approves through the same pages as everybody: sign in, read, decide.

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, COOKIE, HeaderValue, LOCATION, ORIGIN, SET_COOKIE};
use http::{HeaderMap, Method};
use procura_fetch::{FetchPolicy, Fetcher, Request, Response};
use url::{Url, form_urlencoded};

use super::narrator;
use super::stage::Stage;

/// Alice of the example.
pub(crate) const EMAIL: &str = "alice@example.com";
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// Signs in and approves everything on the page behind `page`.
pub(crate) async fn approve(stage: &Stage, page: &Url) -> anyhow::Result<()> {
    let browser = Browser::open(stage)?;
    let form = [
        ("email", EMAIL),
        ("password", PASSWORD),
        ("next", &path_of(page)),
    ];
    let signed_in = browser.post("/login", &form, None).await?;
    narrator::say(&format!(
        "Alice opens {page}, signs in with her password, and reads:"
    ))?;
    let cookie = cookie(&signed_in).context("the bank did not sign Alice in")?;
    let shown = browser.get(&path_of(page), &cookie).await?;
    let html = std::str::from_utf8(&shown.body).context("the page is not text")?;
    for line in quoted(html) {
        narrator::say(&format!("| {line}"))?;
    }
    let mut form: Vec<(&str, &str)> = inputs(html).filter(|(name, _)| *name != "item").collect();
    ensure!(
        form.iter().any(|(name, _)| *name == "shown"),
        "the page shows no request"
    );
    form.extend(inputs(html).filter(|(name, _)| *name == "item"));
    form.push(("decision", "approve"));
    let decided = browser.post("/device", &form, Some(&cookie)).await?;
    let done = decided.status.is_success() || decided.status.is_redirection();
    if !done {
        bail!("the bank did not take Alice's answer: {}", decided.status);
    }
    narrator::say("She presses Approve.")?;
    Ok(())
}

/// Just enough of a browser.
struct Browser {
    fetcher: Fetcher,
    issuer: Url,
}

impl Browser {
    fn open(stage: &Stage) -> anyhow::Result<Self> {
        let policy = FetchPolicy {
            allow_loopback_http: true,
            max_redirects: 0,
            ..FetchPolicy::client()
        };
        Ok(Self {
            fetcher: Fetcher::new(policy)?,
            issuer: Url::parse(&stage.issuer)?,
        })
    }

    async fn get(&self, path: &str, cookie: &HeaderValue) -> anyhow::Result<Response> {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, cookie.clone());
        let url = self.issuer.join(path)?;
        Ok(self
            .fetcher
            .send(Request {
                method: Method::GET,
                url,
                headers,
                body: None,
            })
            .await?)
    }

    async fn post(
        &self,
        path: &str,
        form: &[(&str, &str)],
        cookie: Option<&HeaderValue>,
    ) -> anyhow::Result<Response> {
        let mut headers = HeaderMap::new();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        headers.insert(
            ORIGIN,
            HeaderValue::from_str(&self.issuer.origin().ascii_serialization())?,
        );
        if let Some(cookie) = cookie {
            headers.insert(COOKIE, cookie.clone());
        }
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let (method, url) = (Method::POST, self.issuer.join(path)?);
        let body = Some(Bytes::from(body));
        Ok(self
            .fetcher
            .send(Request {
                method,
                url,
                headers,
                body,
            })
            .await?)
    }
}

fn path_of(page: &Url) -> String {
    page.query().map_or_else(
        || page.path().to_owned(),
        |query| format!("{}?{query}", page.path()),
    )
}

/// The session cookie of a sign-in that worked.
fn cookie(response: &Response) -> Option<HeaderValue> {
    response.headers.get(LOCATION)?;
    let header = response.headers.get(SET_COOKIE)?.to_str().ok()?;
    HeaderValue::from_str(header.split(';').next()?).ok()
}

/// Names and values of the page's input elements. The pages are ours, so their shape is known.
fn inputs(html: &str) -> impl Iterator<Item = (&str, &str)> {
    html.split("<input ").skip(1).filter_map(|element| {
        let element = &element[..element.find('>')?];
        Some((attribute(element, "name")?, attribute(element, "value")?))
    })
}

fn attribute<'h>(element: &'h str, name: &str) -> Option<&'h str> {
    let from = element.find(&format!("{name}=\""))? + name.len() + 2;
    Some(&element[from..from + element[from..].find('"')?])
}

/// The app's own words and the limits, as the page shows them.
fn quoted(html: &str) -> impl Iterator<Item = &str> {
    html.split("<bdi>")
        .skip(1)
        .filter_map(|rest| Some(&rest[..rest.find("</bdi>")?]))
}
