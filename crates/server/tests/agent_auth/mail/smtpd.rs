//! A mail server in a process of its own: `aiosmtpd`, which parses what it gets with Python's library.

use std::path::Path;
use std::process::Stdio;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

pub(super) const USER: &str = "procura";
pub(super) const PASSWORD: &str = "correct horse battery";

pub(super) struct MailServer {
    pub(super) port: u16,
    /// Where its certificate lies.
    pub(super) folder: TempDir,
    said: Lines<BufReader<ChildStdout>>,
    /// Ends with this.
    _process: Child,
}

impl MailServer {
    /// `tls` is what `notify.smtp.tls` may say.
    pub(super) async fn start(tls: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let [certificate, key] =
            ["certificate.pem", "key.pem"].map(|name| folder.path().join(name));
        std::fs::write(&certificate, cert.pem()).unwrap();
        std::fs::write(&key, signing_key.serialize_pem()).unwrap();
        let mut process = Command::new(python())
            .args(["-W", "ignore", "-c", include_str!("smtpd.py"), tls])
            .args(
                (tls != "none")
                    .then_some([&certificate, &key])
                    .into_iter()
                    .flatten(),
            )
            .stdout(Stdio::piped())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{NEEDED} ({error})"));
        let mut said = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = said.next_line().await.unwrap();
        let port = port.unwrap_or_else(|| panic!("{NEEDED}"));
        Self {
            port: port.parse().unwrap(),
            folder,
            said,
            _process: process,
        }
    }

    /// The section that has notices sent to it.
    pub(super) fn section(&self, tls: &str, more: &str) -> String {
        let path = |path: &Path| path.display().to_string();
        let password = self.folder.path().join("password");
        std::fs::write(&password, format!("{PASSWORD}\n")).unwrap();
        let private = if tls == "none" {
            String::new()
        } else {
            let certificate = self.folder.path().join("certificate.pem");
            format!(
                "ca_file = '{}'\nuser = '{USER}'\npassword_file = '{}'\n",
                path(&certificate),
                path(&password)
            )
        };
        format!(
            "[notify.smtp]\nhost = 'localhost'\nport = {}\ntls = '{tls}'\n\
             from = 'Example Bank <no-reply@bank.example>'\n{private}{more}\n",
            self.port
        )
    }

    /// The next message it took.
    pub(super) async fn next(&mut self) -> Value {
        let line = self.said.next_line().await.unwrap().unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

/// A Python that has `aiosmtpd`. That of the system comes before others, since its packages are the ones that
/// `apt-get` installs.
#[expect(
    clippy::disallowed_methods,
    reason = "a test may be told where its tools are"
)]
fn python() -> String {
    std::env::var("PROCURA_TEST_PYTHON").unwrap_or_else(|_| "/usr/bin/python3".to_owned())
}

const NEEDED: &str = "a mail server is needed: apt-get install python3-aiosmtpd, \
    or name a Python that has aiosmtpd in PROCURA_TEST_PYTHON";
