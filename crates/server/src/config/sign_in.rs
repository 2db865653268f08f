//! `[[sign_in.openid]]`: providers by which people may sign in.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use procura_adapters::http::Secret;
use procura_agent_auth::text::clean;
use procura_service::people::openid::OpenIdSettings;
use serde::Deserialize;
use url::{Host, Url};

/// The section.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SignInSection {
    openid: Vec<OpenIdSection>,
}

/// One provider.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OpenIdSection {
    id: String,
    name: String,
    issuer: String,
    client_id: String,
    client_secret_file: Option<PathBuf>,
    #[serde(default = "usual_scopes")]
    scopes: Vec<String>,
    #[serde(default)]
    sign_up: bool,
    #[serde(default)]
    domains: Vec<String>,
}

impl SignInSection {
    /// `own` is this server's issuer, `secrets` what the environment says, by variable.
    pub(super) fn judge(
        &self,
        own: &str,
        secrets: &BTreeMap<String, String>,
    ) -> Result<Vec<OpenIdSettings>, String> {
        let (mut ids, mut issuers) = (BTreeSet::new(), BTreeSet::new());
        let sections = self.openid.iter().map(|section| {
            let about = |problem: String| format!("sign_in.openid {:?}: {problem}", section.id);
            if !ids.insert(&section.id) {
                return Err(about("id: this name is used twice".to_owned()));
            }
            if !issuers.insert(&section.issuer) {
                return Err(about(format!("issuer: {:?} is used twice", section.issuer)));
            }
            section.judge(own, secrets).map_err(about)
        });
        sections.collect()
    }
}

impl OpenIdSection {
    fn judge(
        &self,
        own: &str,
        secrets: &BTreeMap<String, String>,
    ) -> Result<OpenIdSettings, String> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.id.is_empty() || self.id.len() > MAX_ID || !self.id.chars().all(plain) {
            return Err(format!(
                "id: has to be at most {MAX_ID} lower-case letters, digits and hyphens"
            ));
        }
        let name = clean(&self.name, MAX_NAME);
        let name = name.ok_or_else(|| format!("name: has to be 1 to {MAX_NAME} characters"))?;
        judge_issuer(&self.issuer, own)?;
        if self.client_id.trim().is_empty() {
            return Err("client_id: has to be what the provider calls this server".to_owned());
        }
        Ok(OpenIdSettings {
            id: self.id.clone(),
            name,
            issuer: self.issuer.clone(),
            client_id: self.client_id.clone(),
            client_secret: self.secret(secrets)?,
            scope: self.scope()?,
            sign_up: self.sign_up,
            domains: self.domains()?,
        })
    }

    fn scope(&self) -> Result<String, String> {
        let plain = |scope: &String| {
            let legal = |byte: u8| byte.is_ascii_graphic() && !b"\"\\".contains(&byte);
            !scope.is_empty() && scope.bytes().all(legal)
        };
        if !self.scopes.iter().all(plain) {
            return Err("scopes: each is a word of visible ASCII characters".to_owned());
        }
        if !self.scopes.iter().any(|scope| scope == "openid") {
            return Err("scopes: has to list \"openid\"".to_owned());
        }
        Ok(self.scopes.join(" "))
    }

    fn domains(&self) -> Result<Vec<String>, String> {
        if !self.domains.is_empty() && !self.sign_up {
            return Err("domains: needs sign_up = true".to_owned());
        }
        let is_domain = |domain: &String| matches!(Host::parse(domain), Ok(Host::Domain(_)));
        match self.domains.iter().find(|domain| !is_domain(domain)) {
            Some(bad) => Err(format!(
                "domains: {bad:?} is not a domain such as example.com"
            )),
            None => Ok(self.domains.clone()),
        }
    }

    fn secret(&self, secrets: &BTreeMap<String, String>) -> Result<Option<Secret>, String> {
        let text = match &self.client_secret_file {
            None => secrets.get(&variable(&self.id)).cloned(),
            Some(file) => {
                let wrong = |why: String| format!("client_secret_file: {} {why}", file.display());
                let text = std::fs::read_to_string(file);
                let text = text.map_err(|error| wrong(format!("cannot be read: {error}")))?;
                let text = text.trim_end_matches(['\r', '\n']).to_owned();
                if text.is_empty() {
                    return Err(wrong("is empty".to_owned()));
                }
                Some(text)
            }
        };
        Ok(text.filter(|text| !text.is_empty()).map(Secret::new))
    }
}

/// Providers compare and sign it as text, so it is kept as it is written.
fn judge_issuer(issuer: &str, own: &str) -> Result<(), String> {
    let wrong = |why: &str| Err(format!("issuer: {issuer:?} {why}"));
    let Ok(url) = Url::parse(issuer) else {
        return wrong("is not a URL");
    };
    let has_more = url.query().is_some()
        || url.fragment().is_some()
        || !url.username().is_empty()
        || url.password().is_some();
    if has_more {
        return wrong("must not have a user, query or fragment");
    }
    let is_loopback = match url.host() {
        Some(Host::Ipv4(host)) => host.is_loopback(),
        Some(Host::Ipv6(host)) => host.is_loopback(),
        Some(Host::Domain(host)) => host == "localhost",
        None => false,
    };
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback && own.starts_with("http:") => Ok(()),
        _ => wrong(
            "has to start with https://; http is for a provider on this machine, and for a server that is reached \
             over http itself",
        ),
    }
}

/// The variable that holds the secret for this provider, where it is in no file.
fn variable(id: &str) -> String {
    let id = id.to_ascii_uppercase().replace('-', "_");
    format!("{VARIABLES}{id}_SECRET")
}

fn usual_scopes() -> Vec<String> {
    ["openid", "email", "profile"].map(str::to_owned).to_vec()
}

/// How the variables begin that hold secrets.
pub(super) const VARIABLES: &str = "PROCURA_OPENID_";
const MAX_ID: usize = 32;
const MAX_NAME: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    const ACME: &str = "[[openid]]\nid = 'acme'\nname = 'Acme'\nissuer = 'https://id.acme.example/'\n\
                        client_id = 'procura'\n";

    fn judge(text: &str, own: &str) -> Result<Vec<OpenIdSettings>, String> {
        let section: SignInSection = toml::from_str(text).map_err(|error| error.to_string())?;
        let secrets = BTreeMap::from([("PROCURA_OPENID_ACME_SECRET".to_owned(), "s3".to_owned())]);
        section.judge(own, &secrets)
    }

    #[test]
    fn what_is_not_said_is_usual_and_the_issuer_stays_as_it_is_written() {
        let settings = judge(ACME, "https://bank.example").unwrap().remove(0);
        assert_eq!(settings.issuer, "https://id.acme.example/");
        assert_eq!(settings.scope, "openid email profile");
        assert_eq!((settings.sign_up, settings.domains.len()), (false, 0));
        let secret = settings.client_secret.as_ref().unwrap();
        assert_eq!(secret.expose(), "s3");
        assert!(!format!("{settings:?}").contains("s3"));
    }

    #[test]
    fn http_is_for_a_provider_and_a_server_on_this_machine() {
        let with = |issuer: &str, own: &str| {
            judge(&ACME.replace("https://id.acme.example/", issuer), own).is_ok()
        };
        let (open, closed) = ("http://127.0.0.1:8080", "https://bank.example");
        for (issuer, own, good) in [
            ("http://127.0.0.1:9000", open, true),
            ("http://localhost:9000/realm", open, true),
            ("http://127.0.0.1:9000", closed, false),
            ("http://id.acme.example", open, false),
            ("http://localhost.acme.example", open, false),
            ("https://id.acme.example?x=1", closed, false),
            ("https://a@id.acme.example", closed, false),
            ("ftp://id.acme.example", open, false),
            ("acme", open, false),
        ] {
            assert_eq!(with(issuer, own), good, "{issuer} {own}");
        }
    }

    #[test]
    fn a_mistake_is_answered_with_the_provider_and_the_key() {
        for (from, to, key) in [
            ("id = 'acme'", "id = 'Acme'", "id"),
            ("id = 'acme'", "id = 'a/b'", "id"),
            ("id = 'acme'", "id = ''", "id"),
            ("name = 'Acme'", "name = ' '", "name"),
            ("client_id = 'procura'", "client_id = ''", "client_id"),
            ("client_id", "scopes = ['email']\nclient_id", "scopes"),
            (
                "client_id",
                "scopes = ['openid email']\nclient_id",
                "scopes",
            ),
            ("client_id", "domains = ['a.example']\nclient_id", "domains"),
            (
                "client_id",
                "sign_up = true\ndomains = ['@a.example']\nclient_id",
                "domains",
            ),
            (
                "client_id",
                "client_secret_file = '/nowhere'\nclient_id",
                "client_secret_file",
            ),
        ] {
            let refused = judge(&ACME.replacen(from, to, 1), "https://bank.example");
            let refused = refused.unwrap_err();
            assert!(refused.starts_with("sign_in.openid"), "{refused}");
            assert!(refused.contains(&format!(": {key}: ")), "{refused}");
        }
        let twice = format!("{ACME}{ACME}");
        assert!(
            judge(&twice, "https://bank.example")
                .unwrap_err()
                .contains("twice")
        );
        let renamed = format!("{ACME}{}", ACME.replace("'acme'", "'other'"));
        let refused = judge(&renamed, "https://bank.example").unwrap_err();
        assert!(refused.contains("issuer"), "{refused}");
    }
}
