//! One Chromium for a test: its own profile, one page, and an authenticator if the test gives it one.

use std::path::PathBuf;
use std::time::Duration;

use chromiumoxide::browser::{Browser, BrowserConfig};
use chromiumoxide::cdp::browser_protocol::web_authn::{
    AddVirtualAuthenticatorParams, AuthenticatorId, AuthenticatorProtocol, AuthenticatorTransport,
    EnableParams, RemoveVirtualAuthenticatorParams, SetUserVerifiedParams,
    VirtualAuthenticatorOptions,
};
use chromiumoxide::{Handler, Page};
use futures_util::StreamExt as _;
use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::support::{Bank, Setup};

/// A bank that is reached by name, and a browser that visits it.
pub(crate) struct World {
    pub(crate) bank: Bank,
    pub(crate) page: Page,
    browser: Browser,
    events: JoinHandle<()>,
    _profile: TempDir,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(Setup::default()).await
    }

    pub(crate) async fn with(setup: Setup) -> Self {
        let bank = Setup {
            by_name: true,
            ..setup
        };
        Self::at(bank.start().await).await
    }

    /// A browser for this bank.
    pub(crate) async fn at(bank: Bank) -> Self {
        let profile = TempDir::new().unwrap();
        let (browser, events) = launch(&profile).await;
        let page = browser.new_page("about:blank").await.unwrap();
        page.execute(EnableParams::default()).await.unwrap();
        Self {
            bank,
            page,
            browser,
            events,
            _profile: profile,
        }
    }

    /// Gives the browser's computer an authenticator that verifies its user and is touched at once.
    pub(crate) async fn plug_in(&self) -> AuthenticatorId {
        self.plug_in_by(AuthenticatorTransport::Internal).await
    }

    /// Plugs in another one of these, as a key at a socket.
    pub(crate) async fn plug_in_key(&self) -> AuthenticatorId {
        self.plug_in_by(AuthenticatorTransport::Usb).await
    }

    async fn plug_in_by(&self, transport: AuthenticatorTransport) -> AuthenticatorId {
        let options = VirtualAuthenticatorOptions::builder()
            .protocol(AuthenticatorProtocol::Ctap2)
            .transport(transport)
            .has_resident_key(true)
            .has_user_verification(true)
            .is_user_verified(true)
            .automatic_presence_simulation(true)
            .build()
            .unwrap();
        let added = self
            .page
            .execute(AddVirtualAuthenticatorParams::new(options))
            .await;
        added.unwrap().authenticator_id.clone()
    }

    pub(crate) async fn unplug(&self, authenticator: AuthenticatorId) {
        let remove = RemoveVirtualAuthenticatorParams::new(authenticator);
        self.page.execute(remove).await.unwrap();
    }

    /// From now on the authenticator is touched by somebody it does not know.
    pub(crate) async fn by_a_stranger(&self, authenticator: &AuthenticatorId) {
        let params = SetUserVerifiedParams::new(authenticator.clone(), false);
        self.page.execute(params).await.unwrap();
    }

    /// Opens a page of the bank.
    pub(crate) async fn open(&self, path: &str) {
        let address = format!("{}{path}", self.bank.issuer);
        self.page.goto(address).await.unwrap();
    }

    /// Writes into the field that this selector finds.
    pub(crate) async fn fill(&self, selector: &str, text: &str) {
        let script = format!(
            "document.querySelector({}).value = {}",
            Value::from(selector),
            Value::from(text)
        );
        self.run(&script).await;
    }

    /// Presses what this selector finds.
    pub(crate) async fn press(&self, selector: &str) {
        self.run(&format!(
            "document.querySelector({}).click()",
            Value::from(selector)
        ))
        .await;
    }

    /// Waits until the page shows this text, and fails with what it shows instead.
    pub(crate) async fn see(&self, text: &str) {
        let script = format!("document.body.innerText.includes({})", Value::from(text));
        self.until(&script).await;
    }

    /// Waits until the address ends like this.
    pub(crate) async fn arrive(&self, path: &str) {
        let script = format!("location.href.endsWith({})", Value::from(path));
        self.until(&script).await;
    }

    /// Waits until this expression is true. A page that is just being left has no answer.
    pub(crate) async fn until(&self, script: &str) {
        let waiting = async {
            loop {
                let now = self.page.evaluate(script).await;
                if now.is_ok_and(|now| now.value() == Some(&Value::Bool(true))) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
            let shown = self
                .page
                .evaluate("location.href + '\\n' + document.body.innerText");
            let shown = shown.await.ok().and_then(|shown| shown.value().cloned());
            panic!("never true: {script}\n{shown:#?}");
        }
    }

    /// What a script says, once the promise it may be is kept.
    pub(crate) async fn run(&self, script: &str) -> Value {
        let result = self.page.evaluate(script).await;
        let result = result.unwrap_or_else(|error| panic!("{script}: {error}"));
        result.value().cloned().unwrap_or(Value::Null)
    }

    /// Ends the browser.
    pub(crate) async fn close(mut self) {
        self.browser.close().await.unwrap();
        self.browser.wait().await.unwrap();
        self.events.abort();
    }
}

async fn launch(profile: &TempDir) -> (Browser, JoinHandle<()>) {
    let config = BrowserConfig::builder()
        .chrome_executable(program())
        .disable_default_args()
        .no_sandbox()
        .new_headless_mode()
        .user_data_dir(profile.path())
        .launch_timeout(PATIENCE)
        .request_timeout(PATIENCE)
        .args(ARGUMENTS)
        .build()
        .unwrap();
    let (browser, handler) = Browser::launch(config).await.unwrap();
    (browser, tokio::spawn(attend(handler)))
}

/// The connection does nothing unless its events are taken.
async fn attend(mut handler: Handler) {
    while handler.next().await.is_some() {}
}

#[expect(
    clippy::disallowed_methods,
    reason = "whoever runs the tests says where the browser is"
)]
fn program() -> PathBuf {
    let named = std::env::var_os("PROCURA_TEST_CHROMIUM").map(PathBuf::from);
    let known = PROGRAMS.iter().map(PathBuf::from);
    named
        .into_iter()
        .chain(known)
        .find(|program| program.is_file())
        .unwrap_or_else(|| {
            panic!(
                "no Chromium: install it (Debian: apt-get install chromium), or name the program in \
                 PROCURA_TEST_CHROMIUM; looked for {PROGRAMS:?}"
            )
        })
}

const PROGRAMS: [&str; 5] = [
    "/usr/bin/chromium",
    "/usr/bin/chromium-headless-shell",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];
const ARGUMENTS: [&str; 6] = [
    "disable-gpu",
    "disable-quic",
    "no-first-run",
    "disable-background-networking",
    "disable-component-update",
    "disable-sync",
];
const PATIENCE: Duration = Duration::from_mins(1);
