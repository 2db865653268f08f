//! `[notify.smtp]`: the server that takes e-mail.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, Tokio1Executor};
use procura_agent_auth::notice::NoticeEvent;
use serde::Deserialize;

use super::span::Span;
use crate::notify::LEASE;
use crate::notify::mail::Mail;

/// The section.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SmtpSection {
    host: String,
    port: Option<u16>,
    #[serde(default)]
    tls: TlsMode,
    ca_file: Option<PathBuf>,
    user: Option<String>,
    password_file: Option<PathBuf>,
    from: Address,
    reply_to: Option<Address>,
    desk: Option<Address>,
    #[serde(default = "half_a_minute")]
    timeout: Span,
}

/// How the connection is kept private.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum TlsMode {
    /// From its first byte (RFC 8314).
    #[default]
    Implicit,
    /// From a command on; without it nothing is sent (RFC 3207).
    Starttls,
    /// Not at all.
    None,
}

impl SmtpSection {
    /// What is sent this way: what waits for people, and what waits for an administrator where there is an address for
    /// that.
    pub(super) fn events(&self) -> Vec<NoticeEvent> {
        let desk = self.desk.is_some().then_some(NoticeEvent::DeskWaiting);
        [NoticeEvent::InboxWaiting]
            .into_iter()
            .chain(desk)
            .collect()
    }

    /// `password` is what the environment says.
    pub(super) fn judge(&self, password: Option<&str>) -> Result<Mail, String> {
        let about = |problem: String| format!("notify.smtp.{problem}");
        self.mail(password).map_err(about)
    }

    fn mail(&self, password: Option<&str>) -> Result<Mail, String> {
        if self.timeout.0.is_zero() || self.timeout.0 >= LEASE {
            return Err("timeout: has to be more than 0s and less than 1m".to_owned());
        }
        let from = self.from.mailbox("from")?;
        let server = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&self.host)
            .port(self.port.unwrap_or(self.tls.port()))
            .tls(self.tls()?)
            .hello_name(ClientId::Domain(from.email.domain().to_owned()))
            .timeout(Some(self.timeout.0));
        let server = match self.credentials(password)? {
            Some(credentials) => server.credentials(credentials),
            None => server,
        };
        let optional = |address: &Option<Address>, key| {
            let address = address.as_ref();
            address.map(|address| address.mailbox(key)).transpose()
        };
        Ok(Mail {
            transport: server.build(),
            reply_to: optional(&self.reply_to, "reply_to")?,
            desk: optional(&self.desk, "desk")?,
            from,
            patience: self.timeout.0,
        })
    }

    fn tls(&self) -> Result<Tls, String> {
        if self.tls == TlsMode::None {
            return if self.is_loopback() {
                Ok(Tls::None)
            } else {
                Err(
                    "tls: \"none\" is for this machine only; use \"implicit\" or \"starttls\""
                        .to_owned(),
                )
            };
        }
        let parameters = TlsParameters::builder(self.host.clone());
        let parameters = match &self.ca_file {
            None => parameters,
            Some(file) => {
                let wrong = |why: String| format!("ca_file: {} {why}", file.display());
                let pem = std::fs::read(file);
                let pem = pem.map_err(|error| wrong(format!("cannot be read: {error}")))?;
                let root = Certificate::from_pem(&pem);
                let root = root.map_err(|_| wrong("has to hold certificates as PEM".to_owned()))?;
                // Whoever names an authority means that one, and none beside it.
                let parameters = parameters.certificate_store(CertificateStore::None);
                parameters.add_root_certificate(root)
            }
        };
        let parameters = parameters.build_rustls();
        let parameters = parameters.map_err(|error| format!("tls: {error}"))?;
        Ok(match self.tls {
            TlsMode::Implicit => Tls::Wrapper(parameters),
            // Required: a server, or somebody in between, that does not offer it gets nothing.
            TlsMode::Starttls | TlsMode::None => Tls::Required(parameters),
        })
    }

    fn is_loopback(&self) -> bool {
        let address = self.host.parse::<IpAddr>();
        self.host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }

    fn credentials(&self, password: Option<&str>) -> Result<Option<Credentials>, String> {
        let Some(user) = &self.user else {
            return match self.password_file {
                Some(_) => Err("password_file: needs a user".to_owned()),
                None => Ok(None),
            };
        };
        let password = match (&self.password_file, password) {
            (Some(file), _) => {
                let wrong =
                    |why| format!("password_file: {} cannot be read: {why}", file.display());
                let text = std::fs::read_to_string(file).map_err(wrong)?;
                text.trim_end_matches(['\r', '\n']).to_owned()
            }
            (None, Some(password)) => password.to_owned(),
            (None, None) => {
                return Err(format!(
                    "password_file: the password of the user is in a file, or in {PASSWORD_VARIABLE}"
                ));
            }
        };
        Ok(Some(Credentials::new(user.clone(), password)))
    }
}

impl TlsMode {
    /// The usual port.
    fn port(self) -> u16 {
        match self {
            Self::Implicit => 465,
            Self::Starttls => 587,
            Self::None => 25,
        }
    }
}

/// `alice@example.com`, or `Alice <alice@example.com>`.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
struct Address(String);

impl Address {
    fn mailbox(&self, key: &str) -> Result<Mailbox, String> {
        let parsed = self.0.parse();
        parsed.map_err(|_| format!("{key}: {:?} is not an address such as alice@example.com or \"Alice <alice@example.com>\"", self.0))
    }
}

fn half_a_minute() -> Span {
    Span(Duration::from_secs(30))
}

/// The password, where it is in no file.
pub(super) const PASSWORD_VARIABLE: &str = "PROCURA_SMTP_PASSWORD";

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(text: &str, password: Option<&str>) -> Result<Mail, String> {
        let section: SmtpSection = toml::from_str(text).map_err(|error| error.to_string())?;
        section.judge(password)
    }

    #[test]
    fn mail_leaves_this_machine_over_tls_only() {
        let with = |host: &str, tls: &str| {
            let text =
                format!("host = '{host}'\ntls = '{tls}'\nfrom = 'Bank <no-reply@bank.example>'");
            judge(&text, None).map(drop)
        };
        for host in ["localhost", "127.0.0.1", "::1", "127.9.9.9"] {
            assert_eq!(with(host, "none"), Ok(()), "{host}");
        }
        for host in [
            "mail.example",
            "10.0.0.1",
            "localhost.mail.example",
            "0.0.0.0",
        ] {
            let refused = with(host, "none").unwrap_err();
            assert!(refused.contains("notify.smtp.tls"), "{refused}");
            for tls in ["implicit", "starttls"] {
                assert_eq!(with(host, tls), Ok(()), "{host} {tls}");
            }
        }
    }

    #[test]
    fn a_password_is_in_a_file_or_in_the_environment_and_in_no_message() {
        let base = "host = 'mail.example'\nfrom = 'a@bank.example'\n";
        let user = format!("{base}user = 'procura'\n");
        assert!(judge(&user, None).unwrap_err().contains(PASSWORD_VARIABLE));
        let mail = judge(&user, Some("hunter2")).unwrap();
        assert!(!format!("{mail:?}").contains("hunter2"));
        let nobody = format!("{base}password_file = '/nowhere'");
        assert!(judge(&nobody, None).unwrap_err().contains("needs a user"));
        let missing = format!("{user}password_file = '/nowhere'");
        let refused = judge(&missing, Some("hunter2")).unwrap_err();
        assert!(refused.contains("/nowhere"), "{refused}");
    }

    #[test]
    fn an_address_is_one_and_an_attempt_ends_before_its_lease() {
        for (key, value) in [
            ("from", "'nobody'"),
            ("from", "\"a@bank.example\\r\\nBcc: b@bank.example\""),
            ("reply_to", "'x'"),
            ("desk", "'x'"),
            ("timeout", "'1m'"),
            ("timeout", "'0s'"),
            ("ca_file", "'/nowhere'"),
        ] {
            let from = if key == "from" {
                ""
            } else {
                "from = 'a@bank.example'\n"
            };
            let refused = judge(&format!("host = 'm.example'\n{from}{key} = {value}"), None);
            let refused = refused.unwrap_err();
            assert!(refused.contains(&format!("notify.smtp.{key}")), "{refused}");
        }
    }
}
