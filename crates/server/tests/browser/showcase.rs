//! A bank with people, apps and agents in every state, and the list of its pages that are worth a look.

use std::sync::Arc;

use http::request::Parts;
use procura_adapters::async_trait;
use procura_keys::clock::Timestamp;
use procura_people::passkey::PasskeyId;
use procura_people::person::PersonId;
use procura_people::presence::Method;
use procura_server::people::{People, Visit, Why, profile};
use procura_service::people;
use serde_json::{Map, Value, json};
use url::Url;

use crate::browser::{Browser, add_administrator, page_of, value_of};
use crate::provider::Provider;
use crate::scene::Scene;
use crate::support::flows::{ALICE, BOB};
use crate::support::http::Answer;
use crate::support::signers::TestAgent;
use crate::support::steady::{self, TestClock};
use crate::support::{Bank, Setup, extended};

const ROOT: &str = "root@example.com";
const CAROL: &str = "carol@example.com";

/// What there is to see, and who may see it.
pub(crate) struct Showcase {
    /// The session of each person.
    cookies: Vec<(&'static str, String)>,
    sights: Vec<Sight>,
}

/// A page.
pub(crate) struct Sight {
    pub(crate) name: &'static str,
    /// Whose session it takes.
    pub(crate) who: Option<&'static str>,
    pub(crate) path: String,
    /// The answer to a form, where that is what there is to see; it stands in for the page at `path`.
    pub(crate) html: Option<String>,
    /// Whether all that can be opened on it is open.
    pub(crate) opened: bool,
}

impl Sight {
    fn at(
        name: &'static str,
        who: impl Into<Option<&'static str>>,
        path: impl Into<String>,
    ) -> Self {
        Self {
            name,
            who: who.into(),
            path: path.into(),
            html: None,
            opened: false,
        }
    }

    fn answer(name: &'static str, who: impl Into<Option<&'static str>>, answer: &Answer) -> Self {
        Self {
            html: Some(answer.text.clone()),
            ..Self::at(name, who, "/login")
        }
    }

    fn opened(self) -> Self {
        Self {
            opened: true,
            ..self
        }
    }
}

impl Showcase {
    /// A bank to look at.
    pub(crate) async fn open() -> (Bank, Self) {
        let clock = Arc::<TestClock>::default();
        let acme = Provider::start(Arc::clone(&clock)).await;
        // Read at the start, and not looked at again.
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let vault = format!("[vault]\nkey_file = '{}'\n", file("keys", VAULT_KEYS));
        let sign_in = format!(
            "[[sign_in.openid]]\nid = 'acme'\nname = 'Acme'\nissuer = '{}'\nclient_id = 'procura'\n\
             client_secret_file = '{}'",
            acme.issuer,
            file("secret", "a secret+\n"),
        );
        let setup = Setup {
            config: extended(&format!("{NOTIFYING}{vault}{SERVICES}\n{sign_in}")),
            clock,
            by_name: true,
            ..Setup::default()
        };
        let bank = setup.start().await;
        let mut shown = Self {
            cookies: Vec::new(),
            sights: Vec::new(),
        };
        shown.outside(&bank).await;
        shown.elsewhere(&bank, &acme).await;
        shown.embedded().await;
        // Bob signed in long ago, and has a password only.
        let bob = Browser::signed_in(&bank, BOB, Method::Password).await;
        let scene = Scene::fill(&bank).await;
        shown.apps(&bank, &scene).await;
        shown.requests(&bank, &scene).await;
        shown.accounts(&bank).await;
        shown.administration(&bank, &scene).await;
        shown.cookies.push(("bob", bob.cookie.unwrap()));
        (bank, shown)
    }

    pub(crate) fn cookie_of(&self, who: &str) -> &str {
        let mut found = self.cookies.iter().filter(|(name, _)| *name == who);
        &found.next().unwrap().1
    }

    pub(crate) fn sights(&self) -> &[Sight] {
        &self.sights
    }

    /// For programs that look at it.
    pub(crate) fn to_value(&self, bank: &Bank) -> Value {
        let cookies: Map<_, _> = (self.cookies.iter())
            .map(|(who, cookie)| ((*who).to_owned(), cookie.clone().into()))
            .collect();
        let pages: Vec<_> = (self.sights.iter())
            .map(|sight| {
                json!({
                    "name": sight.name, "who": sight.who, "path": sight.path,
                    "html": sight.html, "opened": sight.opened,
                })
            })
            .collect();
        json!({ "address": bank.issuer, "cookies": cookies, "pages": pages })
    }

    async fn signed_in<'b>(
        &mut self,
        bank: &'b Bank,
        who: &'static str,
        email: &str,
    ) -> Browser<'b> {
        let browser = Browser::signed_in(bank, email, Method::Passkey).await;
        self.cookies.push((who, browser.cookie.clone().unwrap()));
        browser
    }

    /// What is seen before anybody has signed in.
    async fn outside(&mut self, bank: &Bank) {
        let mut nobody = Browser::new(bank);
        let wrong = [("email", "dave@example.com"), ("password", "not this one")];
        let wrong_code = [
            ("email", "dave@example.com"),
            ("code", "AAAA-BBBB-CCCC-DDDD"),
        ];
        let weak = [
            ("email", "dave@example.com"),
            ("name", "Dave"),
            ("password", "short"),
            ("with", "password"),
        ];
        self.sights.extend([
            Sight::at("sign-in", None, "/login"),
            Sight::answer("sign-in-wrong", None, &nobody.post("/login", &wrong).await),
            Sight::at("recovery", None, "/login/recovery"),
            Sight::answer(
                "recovery-wrong",
                None,
                &nobody.post("/login/recovery", &wrong_code).await,
            ),
            Sight::at("sign-up", None, "/signup"),
            Sight::answer("sign-up-weak", None, &nobody.post("/signup", &weak).await),
            Sight::at("link-used", None, "/invite/used"),
        ]);
    }

    /// Coming in by an account elsewhere.
    async fn elsewhere(&mut self, bank: &Bank, acme: &Provider) {
        let mut nobody = Browser::new(bank);
        let (leaving, url, flow) = leave(&mut nobody, "/login/openid/acme").await;
        let unknown = come_back(&mut nobody, &acme.approve(&url, "nobody"), flow).await;
        let mut dora = Browser::signed_in(bank, "dora@example.com", Method::Password).await;
        let (_, url, flow) = leave(&mut dora, "/account/openid/acme").await;
        come_back(&mut dora, &acme.approve(&url, "dora"), flow).await;
        let key = [("key", "sk_dora")];
        assert_eq!(dora.post("/accounts/calendar", &key).await.status, 303);
        let wrong_key = dora.post("/accounts/shop", &[("key", "a b")]).await;
        self.cookies.push(("dora", dora.cookie.unwrap()));
        self.sights.extend([
            Sight::answer("leaving", None, &leaving),
            Sight::answer("elsewhere-unknown", None, &unknown),
            Sight::answer("services-wrong", "dora", &wrong_key),
            Sight::at("account-password", "dora", "/account"),
        ]);
    }

    /// What looks different inside an application that has people of its own.
    async fn embedded(&mut self) {
        let setup = Setup {
            people: Some(Arc::new(Shop)),
            by_name: true,
            ..Setup::default()
        };
        let bank = setup.start().await;
        let mut visitor = Browser::new(&bank);
        let mut login = visitor.get("/login").await;
        // It goes on by itself; here it stays.
        login.text = login.text.replace("http-equiv=\"refresh\"", "");
        visitor.cookie = Some("shop=erin".to_owned());
        let account = visitor.get("/account").await;
        self.sights.extend([
            Sight::answer("embedded-sign-in", None, &login),
            Sight::answer("embedded-account", None, &account),
        ]);
    }

    async fn apps(&mut self, bank: &Bank, scene: &Scene) {
        self.signed_in(bank, "alice", ALICE).await;
        let agent = |agent: &TestAgent| format!("/agents/{}", agent.id);
        let bookkeeper = agent(&scene.bookkeeper);
        self.sights.extend([
            Sight::at("apps", "alice", "/"),
            Sight::at("apps-none", "bob", "/"),
            Sight::at("apps-stopped", "alice", "/?show=stopped"),
            Sight::at("app", "alice", scene.app(bank).await),
            Sight::at("agent", "alice", bookkeeper.clone()),
            Sight::at("agent-opened", "alice", bookkeeper).opened(),
            Sight::at("agent-claimed", "alice", agent(&scene.worker)),
            Sight::at("activity", "alice", "/activity"),
            Sight::at("not-found", "alice", "/apps/x"),
        ]);
    }

    /// Asking, and the answers.
    async fn requests(&mut self, bank: &Bank, scene: &Scene) {
        let mut alice = Browser::signed_in(bank, ALICE, Method::Passkey).await;
        let inbox = alice.get("/inbox").await;
        let request = inbox.text.split("href=\"/inbox/").nth(1).unwrap();
        let request = format!("/inbox/{}", request.split('"').next().unwrap());
        let page = alice.get(&page_of(&scene.code)).await;
        let item = value_of(&page, "item");
        let uses = format!("uses-{item}");
        let wrong = [
            ("decision", "approve"),
            ("item", item.as_str()),
            (uses.as_str(), "many"),
        ];
        let wrong = alice.decide(&page, &wrong).await;
        let page = alice.get(&page_of(&scene.approved)).await;
        let approved = alice
            .approve(&page, &["check_balance", "transfer_domestic"])
            .await;
        let page = alice.get(&page_of(&scene.denied)).await;
        let no = [("decision", "deny"), ("reason", "Not before the holidays")];
        let denied = alice.decide(&page, &no).await;
        let consent = page_of(&scene.code);
        self.sights.extend([
            Sight::at("inbox", "alice", "/inbox"),
            Sight::at("inbox-none", "bob", "/inbox"),
            Sight::at("request", "alice", request),
            Sight::at("code", "alice", "/device"),
            Sight::at("code-unknown", "alice", page_of("BCDF-GHJK")),
            Sight::at("code-used", "alice", page_of(&scene.approved)),
            Sight::at("consent", "alice", consent.clone()),
            Sight::at("consent-bounds", "alice", consent.clone()).opened(),
            Sight::answer("consent-wrong", "alice", &wrong),
            Sight::at("consent-stale", "bob", consent),
            Sight::at("consent-warnings", "alice", page_of(&scene.suspicious)),
            Sight::answer("approved", "alice", &approved),
            Sight::answer("denied", "alice", &denied),
        ]);
    }

    async fn accounts(&mut self, bank: &Bank) {
        let mut carol = self.signed_in(bank, "carol", CAROL).await;
        let change = [("change", "make_recovery_codes")];
        let gesture = carol.gesture("/account/challenge", &change).await.unwrap();
        let made = [change[0], ("answer", gesture.as_str())];
        let made = carol.post("/account/recovery", &made).await;
        self.sights.extend([
            Sight::at("account", "alice", "/account"),
            Sight::at("account-opened", "alice", "/account").opened(),
            Sight::at("account-done", "carol", "/account?done=passkey_added"),
            Sight::at("services", "dora", "/accounts?done=connected"),
            Sight::at("services-none", "alice", "/accounts"),
            Sight::answer("recovery-codes", "carol", &made),
            Sight::at("sign-in-again", "bob", "/login"),
        ]);
    }

    async fn administration(&mut self, bank: &Bank, scene: &Scene) {
        let setup = people::invite_first_administrator(&bank.ctx).await.unwrap();
        add_administrator(bank, ROOT).await;
        self.signed_in(bank, "root", ROOT).await;
        let invited = people::invite(
            &bank.ctx,
            "root",
            "erin@example.com".parse().unwrap(),
            false,
        );
        let invited = invited.await.unwrap();
        let app = scene.app(bank).await;
        let agent = &scene.bookkeeper.id;
        self.sights.extend([
            Sight::at(
                "set-up",
                None,
                format!("/setup/{}", setup.unwrap().expose()),
            ),
            Sight::at("invitation", None, format!("/invite/{}", invited.expose())),
            Sight::at("admin", "root", "/admin"),
            Sight::at("admin-refused", "alice", "/admin"),
            Sight::at("admin-people", "root", "/admin/people"),
            Sight::at("admin-apps", "root", "/admin/apps"),
            Sight::at("admin-app", "root", format!("/admin{app}")),
            Sight::at("admin-agents", "root", "/admin/agents"),
            Sight::at("admin-agents-none", "root", "/admin/agents?person=nobody"),
            Sight::at("admin-agent", "root", format!("/admin/agents/{agent}")),
            Sight::at("admin-capabilities", "root", "/admin/capabilities"),
            Sight::at("admin-holders", "root", "/admin/capabilities/list_accounts"),
            Sight::at("admin-log", "root", "/admin/log"),
            Sight::at("admin-verified", "root", "/admin/log/verify"),
            Sight::at("admin-notices", "root", "/admin/notices"),
            Sight::at("admin-settings", "root", "/admin/settings"),
        ]);
    }
}

/// Presses a button that leads to a provider. Returns the page, where it goes on to, and the cookie to come back with.
async fn leave(browser: &mut Browser<'_>, path: &str) -> (Answer, Url, String) {
    let page = browser.post(path, &[]).await;
    let refresh = page.header("refresh").unwrap();
    let url = Url::parse(refresh.strip_prefix("0; url=").unwrap()).unwrap();
    let cookies = page.headers.get_all("set-cookie").iter();
    let mut cookies = cookies.map(|cookie| cookie.to_str().unwrap());
    let flow = cookies.find(|cookie| cookie.starts_with("procura_openid="));
    let flow = flow.unwrap().split(';').next().unwrap().to_owned();
    (page, url, flow)
}

async fn come_back(browser: &mut Browser<'_>, url: &Url, flow: String) -> Answer {
    let path = format!("{}?{}", url.path(), url.query().unwrap());
    browser.send("GET", &path, &[("cookie", flow)], None).await
}

/// An application whose one customer is signed in with any cookie.
struct Shop;

#[async_trait]
impl People for Shop {
    async fn identify(&self, request: &Parts) -> anyhow::Result<Option<Visit>> {
        let known = request.headers.contains_key("cookie");
        Ok(known.then(|| Visit {
            profile: profile("u-7", "erin@example.com", "Erin").unwrap(),
            proved_at: Timestamp::from_millis(steady::START),
            can_confirm: true,
        }))
    }

    fn sign_in(&self, _: Why, _: &str) -> String {
        "https://id.shop.example/in".to_owned()
    }

    async fn ask(&self, _: &PersonId, _: [u8; 32]) -> anyhow::Result<Option<Value>> {
        Ok(None)
    }

    async fn confirm(
        &self,
        _: &PersonId,
        _: [u8; 32],
        _: &str,
    ) -> anyhow::Result<Option<PasskeyId>> {
        Ok(None)
    }
}

/// Anybody may sign up, and people choose how they are told.
const NOTIFYING: &str = "
[accounts]
sign_up = true
[notify.smtp]
host = '127.0.0.1'
tls = 'none'
from = 'no-reply@bank.example'
[notify.push]
contact = 'mailto:ops@bank.example'
";
/// Nobody keeps anything under it.
const VAULT_KEYS: &str = "look AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const SERVICES: &str = "
[[upstream]]
name = 'calendar'
url = 'https://calendar.example'
[upstream.credential]
kind = 'person'
title = 'Calendar'
hint = 'Under Settings, API keys.'
[[upstream]]
name = 'shop'
url = 'https://shop.example'
[upstream.credential]
kind = 'person'
title = 'The Shop'
";
