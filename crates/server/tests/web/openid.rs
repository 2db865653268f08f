//! Signing in by an account elsewhere, with a provider that may be up to anything.

mod account;
mod hostile;
mod provider;

use std::fmt::Write as _;
use std::sync::Arc;

use procura_people::mail::MailChoice;
use procura_people::presence::Method;
use procura_service::admin::AdminRequest;
use procura_service::people::mail;
use serde_json::{Value, json};
use url::Url;

use self::provider::{Plan, Provider};
use super::browser::{Browser, bank_by_name, page_of, requested, value_of, words};
use crate::support::flows::ALICE;
use crate::support::http::Answer;
use crate::support::steady::{self, TestClock};
use crate::support::{Bank, Setup, extended};

/// A bank, and providers by which people sign in there.
struct World {
    bank: Bank,
    acme: Provider,
    other: Provider,
}

impl World {
    /// Everybody may come in.
    async fn start() -> Self {
        Self::start_with("sign_up = true", false).await
    }

    async fn start_with(rules: &str, by_name: bool) -> Self {
        let clock = Arc::<TestClock>::default();
        let acme = Provider::start(Arc::clone(&clock)).await;
        let other = Provider::start(Arc::clone(&clock)).await;
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        std::fs::write(&secret, "a secret+\n").unwrap();
        let mut sections = String::new();
        for (id, name, provider) in [("acme", "Acme", &acme), ("other", "Other", &other)] {
            write!(
                sections,
                "\n[[sign_in.openid]]\nid = '{id}'\nname = '{name}'\nissuer = '{}'\n\
                 client_id = 'procura'\nclient_secret_file = '{}'\n{rules}\n",
                provider.issuer,
                secret.display(),
            )
            .unwrap();
        }
        let config = extended(&sections);
        let setup = Setup {
            config,
            clock,
            by_name,
            ..Setup::default()
        };
        let bank = setup.start().await;
        Self { bank, acme, other }
    }

    /// A browser that was never here.
    fn visitor(&self) -> Visitor<'_> {
        Visitor::of(Browser::new(&self.bank))
    }

    /// What becomes of a sign-in at Acme while it does this.
    async fn sign_in_while(&self, tell: impl FnOnce(&mut Plan)) -> Answer {
        self.acme.tell(tell);
        let mut visitor = self.visitor();
        let url = visitor.leave("/login/openid/acme", &[]).await;
        let answer = visitor.come_back(&self.acme.approve(&url, "alice")).await;
        assert_eq!(visitor.browser.cookie, None, "{}", answer.text);
        answer
    }
}

/// A browser that keeps the cookie of a sign-in under way.
struct Visitor<'b> {
    browser: Browser<'b>,
    flow: Option<String>,
}

impl<'b> Visitor<'b> {
    fn of(browser: Browser<'b>) -> Self {
        let flow = None;
        Self { browser, flow }
    }

    /// Presses a button that leads to a provider, and goes there.
    async fn leave(&mut self, path: &str, fields: &[(&str, &str)]) -> Url {
        let page = self.browser.post(path, fields).await;
        assert_eq!(page.status, 200, "{}", page.text);
        let cookies = page.headers.get_all("set-cookie").iter();
        let cookies = cookies.map(|cookie| cookie.to_str().unwrap());
        let kept = cookies.filter(|cookie| cookie.starts_with("procura_openid="));
        let [flow] = kept.collect::<Vec<_>>()[..] else {
            panic!("{:?}", page.headers);
        };
        assert!(
            flow.ends_with("; HttpOnly; SameSite=Lax; Path=/; Max-Age=600"),
            "{flow}"
        );
        self.flow = Some(flow.split(';').next().unwrap().to_owned());
        let refresh = page.header("refresh").unwrap();
        Url::parse(refresh.strip_prefix("0; url=").unwrap()).unwrap()
    }

    async fn come_back(&mut self, url: &Url) -> Answer {
        let path = format!("{}?{}", url.path(), url.query().unwrap());
        let headers: Vec<_> = self
            .flow
            .clone()
            .map(|flow| ("cookie", flow))
            .into_iter()
            .collect();
        self.browser.send("GET", &path, &headers, None).await
    }

    /// All of it.
    async fn sign_in(&mut self, provider: &Provider, subject: &str) -> Answer {
        let url = self.leave("/login/openid/acme", &[]).await;
        self.come_back(&provider.approve(&url, subject)).await
    }
}

fn location(answer: &Answer) -> Option<&str> {
    assert_eq!(answer.status, 303, "{}", answer.text);
    answer.header("location")
}

fn with(url: &Url, name: &str, value: Option<&str>) -> Url {
    let mut changed = url.clone();
    let pairs: Vec<_> = url.query_pairs().into_owned().collect();
    let mut query = changed.query_pairs_mut();
    query.clear();
    query.extend_pairs(pairs.iter().filter(|(key, _)| key != name));
    query.extend_pairs(value.map(|value| (name, value)));
    drop(query);
    changed
}

#[tokio::test]
async fn whoever_the_provider_vouches_for_comes_in_and_is_known_the_next_time() {
    let world = World::start().await;
    let mut first = world.visitor();
    let page = first.browser.get("/login?next=%2Factivity").await;
    assert!(words(&page).contains("Sign in with Acme"), "{}", page.text);
    let next = value_of(&page, "next");
    let url = first.leave("/login/openid/acme", &[("next", &next)]).await;
    assert!(!url.as_str().contains("prompt"), "{url}");
    let answer = first.come_back(&world.acme.approve(&url, "alice")).await;
    assert_eq!(location(&answer), Some("/activity"));
    let account = words(&first.browser.get("/account").await);
    assert!(account.contains(ALICE), "{account}");
    assert!(
        account.contains("Signed in with an account elsewhere"),
        "{account}"
    );

    // What they are called there is what counts, and their address may change.
    world
        .acme
        .tell(|plan| plan.claims = vec![("email", json!("new@example.com"))]);
    let mut second = world.visitor();
    let answer = second.sign_in(&world.acme, "alice").await;
    assert_eq!(location(&answer), Some("/"));
    assert!(second.browser.get("/account").await.text.contains(ALICE));
    let joined = world.bank.records_of("person.joined").await;
    assert_eq!(joined.len(), 1);
    assert_eq!(joined[0]["detail"]["provider"], "acme");
    let signed_in = world.bank.records_of("person.sign_in").await;
    assert_eq!(signed_in.len(), 2);
    assert_eq!(signed_in[1]["detail"]["method"], "openid");
}

// AA-8.11-01
#[tokio::test]
async fn a_sign_in_counts_as_fresh_only_if_the_provider_asked_anew_and_says_so() {
    let world = World::start().await;
    let code = requested(&world.bank, &["check_balance"]).await;
    let mut alice = world.visitor();
    alice.sign_in(&world.acme, "alice").await;
    let page = alice.browser.get(&page_of(&code)).await;
    let stale = alice.browser.approve(&page, &["check_balance"]).await;
    let again = location(&stale).unwrap();
    assert!(again.starts_with("/login?next="), "{again}");
    assert_eq!(world.bank.records_of("approval.granted").await.len(), 0);

    // Who is led to a request is asked anew at once.
    let mut alice = world.visitor();
    let next = page_of(&code);
    let fields = [("next", next.as_str())];
    for (auth_time, status) in [
        (Value::Null, 403),
        (json!(START - 61), 403),
        (json!(START), 303),
    ] {
        let claims = vec![("auth_time", auth_time)];
        world.acme.tell(|plan| plan.claims = claims);
        let url = alice.leave("/login/openid/acme", &fields).await;
        assert!(url.as_str().contains("prompt=login&max_age=0"), "{url}");
        let answer = alice.come_back(&world.acme.approve(&url, "alice")).await;
        assert_eq!(answer.status, status, "{}", answer.text);
    }
    let page = alice.browser.get(&next).await;
    let done = alice.browser.approve(&page, &["check_balance"]).await;
    assert!(words(&done).contains("Approved"), "{}", words(&done));
}

// AA-8.11-02
#[tokio::test]
async fn an_account_elsewhere_approves_nothing_that_changes_something() {
    let world = World::start().await;
    let code = requested(&world.bank, &["transfer_domestic"]).await;
    let mut alice = world.visitor();
    let next = page_of(&code);
    let url = alice.leave("/login/openid/acme", &[("next", &next)]).await;
    alice.come_back(&world.acme.approve(&url, "alice")).await;
    let page = alice.browser.get(&next).await;
    let answer = alice.browser.approve(&page, &["transfer_domestic"]).await;
    assert_eq!(answer.status, 403, "{}", words(&answer));
    assert_eq!(world.bank.records_of("approval.granted").await.len(), 0);
}

#[tokio::test]
async fn who_has_no_account_comes_in_where_the_configuration_says_so() {
    let closed = World::start_with("", false).await;
    let answer = closed.visitor().sign_in(&closed.acme, "alice").await;
    assert_eq!(answer.status, 403);
    assert!(words(&answer).contains("You cannot sign in here with that account"));
    let refused = closed.bank.records_of("person.sign_in").await;
    assert_eq!(refused[0]["outcome"], "no_match");

    let domains = World::start_with("sign_up = true\ndomains = ['example.com']", false).await;
    for (claims, status) in [
        (vec![("email_verified", json!(false))], 403),
        (vec![("email_verified", json!("true"))], 403),
        (vec![("email", json!("alice@example.org"))], 403),
        (vec![("email", Value::Null)], 403),
        (vec![], 303),
    ] {
        domains.acme.tell(|plan| plan.claims = claims);
        let answer = domains.visitor().sign_in(&domains.acme, "alice").await;
        assert_eq!(answer.status, status, "{}", answer.text);
    }
}

#[tokio::test]
async fn an_address_that_the_provider_did_not_confirm_gets_no_mail() {
    let world = World::start().await;
    for (subject, verified, choice) in [
        ("alice", json!(true), MailChoice::On),
        ("bob", json!(false), MailChoice::Unconfirmed),
        ("carol", Value::Null, MailChoice::Unconfirmed),
    ] {
        world
            .acme
            .tell(|plan| plan.claims = vec![("email_verified", verified)]);
        world.visitor().sign_in(&world.acme, subject).await;
        let email = format!("{subject}@example.com");
        let person = world.bank.person(&email, Method::Password).await;
        let chosen = mail::choice(&world.bank.ctx, &person).await.unwrap();
        assert_eq!(chosen, choice, "{subject}");
    }
}

#[tokio::test]
async fn an_address_may_be_said_beside_the_token_of_the_same_person_only() {
    let world = World::start().await;
    world
        .acme
        .tell(|plan| plan.claims = vec![("email", Value::Null)]);
    for (sub, status) in [("mallory", 403), ("alice", 303)] {
        world.acme.tell(|plan| {
            plan.userinfo = json!({ "sub": sub, "email": ALICE, "email_verified": true });
        });
        let answer = world.visitor().sign_in(&world.acme, "alice").await;
        assert_eq!(answer.status, status, "{}", answer.text);
    }
    world.acme.calls();
    world.visitor().sign_in(&world.acme, "alice").await;
    assert_eq!(
        world.acme.calls(),
        ["token"],
        "who is known is not asked about"
    );
}

#[tokio::test]
async fn whoever_is_barred_or_removed_stays_outside() {
    let world = World::start().await;
    let mut alice = world.visitor();
    alice.sign_in(&world.acme, "alice").await;
    let email = ALICE.to_owned();
    world
        .bank
        .administer(AdminRequest::DisablePerson { email })
        .await;
    let answer = world.visitor().sign_in(&world.acme, "alice").await;
    assert_eq!(answer.status, 403);
    let email = ALICE.to_owned();
    world
        .bank
        .administer(AdminRequest::RemovePerson { email })
        .await;
    let answer = world.visitor().sign_in(&world.acme, "alice").await;
    assert_eq!(answer.status, 303, "as somebody new");
    assert_eq!(world.bank.records_of("person.joined").await.len(), 2);
}

#[tokio::test]
async fn without_providers_nothing_is_said_of_them() {
    let bank = bank_by_name().await;
    let mut alice = Browser::signed_in(&bank, ALICE, Method::Password).await;
    for page in [alice.get("/login").await, alice.get("/account").await] {
        assert!(!page.text.contains("openid"), "{}", page.text);
    }
    for path in [
        "/login/openid/acme",
        "/account/openid/acme",
        "/account/openid/acme/remove",
    ] {
        assert_eq!(alice.post(path, &[]).await.status, 404, "{path}");
    }
    assert_eq!(
        alice.get("/login/openid/acme?code=x&state=x").await.status,
        404
    );
}

/// When the clocks of the tests begin, in seconds.
const START: i64 = steady::START / 1000;
