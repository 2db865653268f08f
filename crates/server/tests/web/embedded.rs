//! The pages inside an application that has people of its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use http::request::Parts;
use procura_adapters::async_trait;
use procura_keys::clock::Clock;
use procura_people::passkey::PasskeyId;
use procura_people::person::PersonId;
use procura_server::config::Config;
use procura_server::embed::Embedded;
use procura_server::people::{People, Visit, Why, profile};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::browser::{Browser, page_of, requested, value_of, words};
use crate::support::flows::wish;
use crate::support::http::{self as http_of_tests, Answer};
use crate::support::signers::TestHost;
use crate::support::steady::TestClock;
use crate::support::{BANK, Bank, Setup};

/// An application with its own cookie and its own way to have people say yes.
#[derive(Default)]
struct Shop {
    clock: Arc<TestClock>,
    /// By the value of its cookie.
    signed_in: Mutex<HashMap<String, Visit>>,
    /// Challenges that wait, and what they say yes to.
    asked: Mutex<HashMap<String, (PersonId, [u8; 32])>>,
}

#[async_trait]
impl People for Shop {
    async fn identify(&self, request: &Parts) -> anyhow::Result<Option<Visit>> {
        let cookie = request
            .headers
            .get("cookie")
            .and_then(|value| value.to_str().ok());
        let value = cookie.and_then(|cookie| cookie.strip_prefix("shop="));
        if value == Some("broken") {
            anyhow::bail!("the table of sessions is locked");
        }
        let signed_in = self.signed_in.lock().unwrap();
        Ok(value.and_then(|value| signed_in.get(value)).cloned())
    }

    fn sign_in(&self, why: Why, return_to: &str) -> String {
        let again = if why == Why::Again { "&again" } else { "" };
        format!("https://id.shop.example/in?to={return_to}{again}")
    }

    fn sign_out(&self) -> Option<String> {
        Some("/shop/out".to_owned())
    }

    async fn ask(&self, person: &PersonId, subject: [u8; 32]) -> anyhow::Result<Option<Value>> {
        let mut asked = self.asked.lock().unwrap();
        let challenge = format!("challenge-{}", asked.len());
        asked.insert(challenge.clone(), (person.clone(), subject));
        Ok(Some(json!({ "challenge": challenge })))
    }

    async fn confirm(
        &self,
        person: &PersonId,
        subject: [u8; 32],
        answer: &str,
    ) -> anyhow::Result<Option<PasskeyId>> {
        let asked = self.asked.lock().unwrap().remove(answer);
        let is_this = asked == Some((person.clone(), subject));
        Ok(is_this.then(|| PasskeyId("key-of-the-shop".to_owned())))
    }
}

impl Shop {
    /// Somebody signs in there, now.
    fn sign_in(&self, cookie: &str, id: &str, email: &str) {
        let visit = Visit {
            profile: profile(id, email, "Carol").unwrap(),
            proved_at: self.clock.now(),
            can_confirm: true,
        };
        self.change(cookie, visit);
    }

    fn change(&self, cookie: &str, visit: Visit) {
        let mut signed_in = self.signed_in.lock().unwrap();
        signed_in.insert(cookie.to_owned(), visit);
    }

    fn visit(&self, cookie: &str) -> Visit {
        self.signed_in.lock().unwrap()[cookie].clone()
    }
}

/// A bank inside the shop, in which Carol is signed in.
async fn bank() -> (Arc<Shop>, Bank) {
    let shop = Arc::new(Shop::default());
    shop.sign_in("carol", "u-7", CAROL);
    let bank = Setup {
        clock: Arc::clone(&shop.clock),
        people: Some(Arc::clone(&shop) as Arc<dyn People>),
        ..Setup::default()
    };
    (shop, bank.start().await)
}

fn browser<'b>(bank: &'b Bank, cookie: &str) -> Browser<'b> {
    let mut browser = Browser::new(bank);
    browser.cookie = Some(format!("shop={cookie}"));
    browser
}

/// The fields of the approval of everything on a page.
fn everything(page: &Answer) -> Vec<(&'static str, String)> {
    let mut fields = vec![("decision", "approve".to_owned())];
    for name in ["reference", "shown", "code"] {
        fields.push((name, value_of(page, name)));
    }
    let items = page.text.split("name=\"item\" value=\"").skip(1);
    let items = items.map(|rest| rest.split_once('"').unwrap().0.to_owned());
    fields.extend(items.map(|item| ("item", item)));
    fields
}

async fn post(browser: &mut Browser<'_>, path: &str, fields: &[(&'static str, String)]) -> Answer {
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    browser.post(path, &fields).await
}

#[tokio::test]
async fn people_of_the_application_decide() {
    let (_, bank) = bank().await;
    let host = TestHost::new();
    let (agent, answer) = bank.register(&host, &wish(json!(["check_balance"]))).await;
    let mut carol = browser(&bank, "carol");
    let page = carol.get(&page_of(&answer.user_code())).await;
    let done = carol.approve(&page, &["check_balance"]).await;
    assert_eq!(done.status, 200, "{done:?}");
    let arguments = json!({ "account_id": "acc_456" });
    assert_eq!(
        bank.execute(&agent, "check_balance", arguments)
            .await
            .status,
        200
    );
    let granted = &bank.records_of("approval.granted").await[0];
    assert_eq!(
        (&granted["actor"], &granted["detail"]["proof"]),
        (&json!("user:u-7"), &json!("application"))
    );
    let started = &bank.records_of("capability.started").await[0];
    assert_eq!(started["user_id"], "u-7");
    assert_eq!(
        bank.records_of("person.added").await[0]["actor"],
        "application"
    );
}

#[tokio::test]
async fn whoever_is_signed_out_signs_in_at_the_application() {
    let (_, bank) = bank().await;
    let code = requested(&bank, &["check_balance"]).await;
    let mut nobody = browser(&bank, "nobody");
    let sent = nobody.get(&page_of(&code)).await;
    assert_eq!(sent.status, 303);
    let login = sent.header("location").unwrap().to_owned();
    let page = nobody.get(&login).await;
    let target = format!("https://id.shop.example/in?to=/device?code={code}");
    assert!(
        page.text.contains(&format!("href=\"{target}\"")),
        "{}",
        page.text
    );
    assert!(page.text.contains(&format!("content=\"0; url={target}\"")));
    // Where a stranger would like people to be sent is not passed on.
    let page = nobody.get("/login?next=https%3A%2F%2Fevil.example").await;
    assert!(page.text.contains("in?to=/\""), "{}", page.text);
    assert!(!page.text.contains("evil"), "{}", page.text);
}

// AA-8.11-01
#[tokio::test]
async fn an_old_sign_in_at_the_application_decides_nothing() {
    let (shop, bank) = bank().await;
    bank.clock.advance(Duration::from_mins(6));
    let code = requested(&bank, &["check_balance"]).await;
    let mut carol = browser(&bank, "carol");
    let page = carol.get(&page_of(&code)).await;
    let fields = everything(&page);
    let sent = post(&mut carol, "/device", &fields).await;
    assert_eq!(sent.status, 303, "{sent:?}");
    let page = carol.get(sent.header("location").unwrap()).await;
    assert!(page.text.contains("again\""), "{}", page.text);
    assert!(bank.records_of("approval.granted").await.is_empty());

    shop.sign_in("carol", "u-7", CAROL);
    assert_eq!(post(&mut carol, "/device", &fields).await.status, 200);
}

// AA-8.11-02, AA-8.11-05
#[tokio::test]
async fn a_change_takes_the_gesture_that_the_application_asked_for() {
    let (shop, bank) = bank().await;
    let code = requested(&bank, &["transfer_domestic", "check_balance"]).await;
    let mut carol = browser(&bank, "carol");
    let page = carol.get(&page_of(&code)).await;
    let fields = everything(&page);
    assert_eq!(post(&mut carol, "/device", &fields).await.status, 403);

    let answered = |answer: &str| {
        let mut fields = fields.clone();
        fields.push(("answer", answer.to_owned()));
        fields
    };
    let made_up = post(&mut carol, "/device", &answered("yes")).await;
    assert_eq!(made_up.status, 403);
    assert_eq!(
        bank.records_of("passkey.used").await[0]["outcome"],
        "refused"
    );

    // Somebody else's gesture, and one for less.
    shop.sign_in("dave", "u-8", "dave@example.com");
    let mut dave = browser(&bank, "dave");
    let asked = post(&mut dave, "/device/challenge", &fields).await;
    let foreign = asked.text_of("challenge").to_owned();
    let less = &fields[..fields.len() - 1];
    let asked = post(&mut carol, "/device/challenge", less).await;
    for answer in [foreign.as_str(), asked.text_of("challenge")] {
        let refused = post(&mut carol, "/device", &answered(answer)).await;
        assert_eq!(refused.status, 403);
    }
    assert!(bank.records_of("approval.granted").await.is_empty());

    let asked = post(&mut carol, "/device/challenge", &fields).await;
    let right = answered(asked.text_of("challenge"));
    assert_eq!(post(&mut carol, "/device", &right).await.status, 200);
    let granted = &bank.records_of("approval.granted").await[0];
    assert_eq!(granted["detail"]["proof"], "passkey");
}

#[tokio::test]
async fn whoever_cannot_confirm_is_told_so() {
    let (shop, bank) = bank().await;
    let visit = Visit {
        can_confirm: false,
        ..shop.visit("carol")
    };
    shop.change("carol", visit);
    let code = requested(&bank, &["transfer_domestic"]).await;
    let mut carol = browser(&bank, "carol");
    let page = carol.get(&page_of(&code)).await;
    assert!(words(&page).contains("needs a passkey"), "{}", words(&page));
    // Their passkeys are not made here.
    assert!(
        !page.text.contains("/account\">Get a passkey"),
        "{}",
        page.text
    );
    let refused = post(&mut carol, "/device", &everything(&page)).await;
    assert_eq!(refused.status, 403);
}

#[tokio::test]
async fn records_follow_what_the_application_says() {
    let (shop, bank) = bank().await;
    let mut carol = browser(&bank, "carol");
    carol.get("/").await;
    shop.sign_in("carol", "u-7", "carol@new.example");
    let mut visit = shop.visit("carol");
    visit.profile.administrator = true;
    shop.change("carol", visit);
    let page = carol.get("/admin").await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("carol@new.example"), "{}", page.text);
    assert_eq!(bank.records_of("person.changed").await.len(), 1);
    // Nothing changed, so nothing is written.
    carol.get("/").await;
    assert_eq!(bank.records_of("person.changed").await.len(), 1);

    let mut visit = shop.visit("carol");
    visit.profile.administrator = false;
    shop.change("carol", visit);
    assert_eq!(carol.get("/admin").await.status, 404);
}

#[tokio::test]
async fn two_people_with_one_address_are_not_mixed_up() {
    let (shop, bank) = bank().await;
    browser(&bank, "carol").get("/").await;
    shop.sign_in("mallory", "u-9", CAROL);
    let refused = browser(&bank, "mallory").get("/").await;
    assert_eq!(refused.status, 409);
    assert!(words(&refused).contains("Somebody else has your address"));
}

#[tokio::test]
async fn whoever_is_barred_here_stays_out() {
    let (_, bank) = bank().await;
    let mut carol = browser(&bank, "carol");
    carol.get("/").await;
    let email = CAROL.parse().unwrap();
    procura_service::people::disable_person(&bank.ctx, "test", &email)
        .await
        .unwrap();
    let refused = carol.get("/").await;
    assert_eq!(refused.status, 403);
    assert!(words(&refused).contains("This account is barred here"));
}

#[tokio::test]
async fn somebody_new_may_come_twice_at_once() {
    let (_, bank) = bank().await;
    let (mut one, mut two) = (browser(&bank, "carol"), browser(&bank, "carol"));
    let (one, two) = tokio::join!(one.get("/"), two.get("/"));
    assert_eq!((one.status, two.status), (200, 200));
    assert_eq!(bank.records_of("person.added").await.len(), 1);
}

#[tokio::test]
async fn what_breaks_in_the_application_stays_there() {
    let (_, bank) = bank().await;
    let page = browser(&bank, "broken").get("/").await;
    assert_eq!(page.status, 500);
    assert!(!page.text.contains("locked"), "{}", page.text);
}

#[tokio::test]
async fn there_is_nothing_to_sign_in_with_here() {
    let (_, bank) = bank().await;
    let mut carol = browser(&bank, "carol");
    for path in [
        "/signup",
        "/setup/x",
        "/invite/x",
        "/login/recovery",
        "/login/openid/x",
    ] {
        assert_eq!(carol.get(path).await.status, 404, "{path}");
    }
    assert_eq!(carol.post("/login", &[]).await.status, 405);
    let paths = [
        "/login/passkey",
        "/login/challenge",
        "/logout",
        "/account/passkeys",
        "/account/password",
        "/account/recovery",
        "/account/sessions/end",
        "/account/openid/x",
    ];
    for path in paths {
        assert_eq!(carol.post(path, &[]).await.status, 404, "{path}");
    }
    let page = carol.get("/account").await;
    assert!(page.text.contains("href=\"/shop/out\""), "{}", page.text);
    insta::assert_snapshot!(words(&page), @r"
    Your account
    carol@example.com
    Signing in
    You sign in as you do everywhere else at bank, and change how you do there.
    ");
    // A session of an account, from before the server was embedded, opens nothing.
    let mut alice = Browser::signed_in(
        &bank,
        "alice@example.com",
        procura_people::presence::Method::Password,
    )
    .await;
    assert_eq!(alice.get("/").await.status, 303);
}

#[tokio::test]
async fn the_routes_stand_beside_those_of_the_application() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let issuer = format!("http://{address}/agents");
    let without_accounts = BANK.split("[[development.person]]").next().unwrap();
    let text = without_accounts.replace("[provider]", &format!("[provider]\nissuer = {issuer:?}"));
    let config = Config::parse(&text, Some(&address)).unwrap();
    let shop = Arc::new(Shop::default());
    let embedded = Embedded::open(config, folder.path().to_owned(), shop)
        .await
        .unwrap();
    let own = Router::new()
        .route("/", get(async || "the shop"))
        .fallback(async || (http::StatusCode::NOT_FOUND, "no such thing in the shop"));
    let routes = own.merge(embedded.router());
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(async move {
        let ended = async {
            let _ = ended.await;
        };
        axum::serve(listener, routes)
            .with_graceful_shutdown(ended)
            .await
    });
    let ask = async |path: &str| http_of_tests::send(&address, "GET", path, &[], None).await;
    assert_eq!(ask("/").await.text, "the shop");
    assert_eq!(ask("/nowhere").await.text, "no such thing in the shop");
    for path in [
        "/agents/.well-known/agent-configuration",
        "/.well-known/agent-configuration",
    ] {
        assert_eq!(ask(path).await.text_of("issuer"), issuer, "{path}");
    }
    assert_eq!(ask("/agents/nowhere").await.status, 404);
    assert_eq!(ask("/agents/device").await.status, 303);
    end.send(()).unwrap();
    serving.await.unwrap().unwrap();
    embedded.close().await.unwrap();
}

#[tokio::test]
async fn an_embedded_server_makes_no_accounts() {
    let without = BANK.split("[[development.person]]").next().unwrap();
    let provider = "[[sign_in.openid]]\nid = \"acme\"\nname = \"Acme\"\nissuer = \"http://localhost:1\"\nclient_id = \"procura\"";
    let open = without.replace("[provider]", "[accounts]\nsign_up = true\n[provider]");
    for (text, says) in [
        (BANK.to_owned(), "development.person"),
        (open, "sign_up"),
        (format!("{without}\n{provider}\n"), "sign_in.openid"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::parse(&text, Some("127.0.0.1:1")).unwrap();
        let people = Arc::new(Shop::default());
        let opened = Embedded::open(config, folder.path().to_owned(), people).await;
        let error = opened.err().unwrap().to_string();
        assert!(error.contains(says), "{error}");
    }
}

const CAROL: &str = "carol@example.com";
