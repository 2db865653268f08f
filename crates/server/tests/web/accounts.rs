//! `/accounts`: keys that people entrust to the server, and what agents get done with them.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use procura_people::person::PersonId;
use procura_people::presence::Method;
use procura_service::admin::AdminRequest;
use serde_json::json;
use tokio::net::TcpListener;

use super::browser::{Browser, words};
use crate::support::flows::{ALICE, BOB};
use crate::support::signers::{TestAgent, TestHost};
use crate::support::{Bank, Setup, extended};

/// A service that writes down with which key it was called.
#[derive(Default)]
struct Shop {
    keys: Mutex<Vec<String>>,
    /// The key that it does not take any more.
    revoked: Mutex<Option<String>>,
}

async fn orders(State(shop): State<Arc<Shop>>, headers: HeaderMap) -> (StatusCode, String) {
    let key = headers
        .get("x-api-key")
        .map_or("none", |key| key.to_str().unwrap());
    shop.keys.lock().unwrap().push(key.to_owned());
    if shop.revoked.lock().unwrap().as_deref() == Some(key) {
        return (StatusCode::UNAUTHORIZED, format!("{key} is no key"));
    }
    (StatusCode::OK, "two orders".to_owned())
}

struct World {
    bank: Bank,
    shop: Arc<Shop>,
    folder: tempfile::TempDir,
}

const FIRST: &str = "first AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const SECOND: &str = "second ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8";
const KEY: &str = "sk_alice_0815";

impl World {
    async fn start() -> Self {
        Self::start_with(false).await
    }

    /// Under a name, at which browsers allow passkeys.
    async fn start_by_name() -> Self {
        Self::start_with(true).await
    }

    async fn start_with(by_name: bool) -> Self {
        let shop = Arc::<Shop>::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let routes = axum::Router::new().route("/orders", get(orders));
        let routes = routes.with_state(Arc::clone(&shop));
        tokio::spawn(async move {
            procura_server::listen::serve(listener, routes, std::future::pending()).await;
        });
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("vault.keys");
        std::fs::write(&file, FIRST).unwrap();
        let config = extended(&format!(
            "[vault]\nkey_file = '{file}'\n\
             [[upstream]]\nname = 'shop'\nurl = '{origin}'\n\
             [upstream.credential]\nkind = 'person'\ntitle = 'The Shop'\n\
             hint = 'Under Settings, API.'\nplace = 'header'\nname = 'X-Api-Key'\n\
             [[capability]]\nname = 'list_orders'\ndescription = 'Lists orders.'\napproval = 'session'\n\
             default = true\n[capability.http]\nupstream = 'shop'\nmethod = 'GET'\npath = '/orders'\n",
            file = file.display(),
        ));
        let setup = Setup {
            config,
            by_name,
            ..Setup::default()
        };
        let bank = setup.start().await;
        Self { bank, shop, folder }
    }

    /// An agent of Alice that may list orders.
    async fn agent(&self) -> TestAgent {
        let (_, agent) = self.bank.approved_agent(json!(["list_orders"])).await;
        agent
    }

    async fn list_orders(&self, agent: &TestAgent) -> crate::support::http::Answer {
        self.bank.execute(agent, "list_orders", json!({})).await
    }

    fn keys(&self) -> Vec<String> {
        self.shop.keys.lock().unwrap().clone()
    }

    async fn everything_kept(&self) -> String {
        let alice = self.alice().await;
        let mut tx = self.bank.store.read().await.unwrap();
        let entry = tx.find_vault_entry(&alice, "shop").await.unwrap();
        let log = tx.list_audit(0, 1000).await.unwrap();
        let entry = entry.map(|entry| {
            let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let bytes = lossy(&entry.secret.ciphertext) + &lossy(&entry.secret.wrapped_key);
            format!("{entry:?} {bytes}")
        });
        format!("{entry:?} {log:?}")
    }

    async fn alice(&self) -> PersonId {
        let mut tx = self.bank.store.read().await.unwrap();
        let person = tx.find_person_by_email(&ALICE.parse().unwrap()).await;
        person.unwrap().unwrap().id
    }
}

#[tokio::test]
async fn an_agent_is_served_with_the_key_of_its_person_and_nobody_elses() {
    let world = World::start().await;
    let agent = world.agent().await;
    let refused = world.list_orders(&agent).await;
    assert_eq!(refused.refusal(), (403, "account_not_connected"));
    let page = format!("{}/accounts", world.bank.issuer);
    assert_eq!(refused.body["connect_url"], json!(page));
    assert!(world.keys().is_empty(), "nothing is sent without a key");

    let mut bob = Browser::signed_in(&world.bank, BOB, Method::Password).await;
    let kept = bob.post("/accounts/shop", &[("key", "sk_bob")]).await;
    assert_eq!(kept.status, 303, "{}", kept.text);
    let refused = world.list_orders(&agent).await;
    assert_eq!(refused.refusal(), (403, "account_not_connected"));
    assert!(world.keys().is_empty());

    let mut alice = Browser::signed_in(&world.bank, ALICE, Method::Password).await;
    alice
        .post("/accounts/shop", &[("key", &format!(" {KEY}\n"))])
        .await;
    let answer = world.list_orders(&agent).await;
    assert_eq!(answer.body["data"], json!("two orders"));
    assert_eq!(world.keys(), [KEY]);

    let removed = alice.post("/accounts/shop/remove", &[]).await;
    assert_eq!(removed.status, 303);
    let refused = world.list_orders(&agent).await;
    assert_eq!(refused.refusal(), (403, "account_not_connected"));
    assert_eq!(world.keys(), [KEY]);
    let again = alice.post("/accounts/shop/remove", &[]).await;
    assert_eq!(again.status, 303);
    assert_eq!(world.bank.records_of("vault.removed").await.len(), 1);
    let finished = world.bank.records_of("capability.finished").await;
    let outcomes: Vec<_> = finished.iter().map(|record| &record["outcome"]).collect();
    let absent = "account_not_connected";
    assert_eq!(outcomes, [absent, absent, "ok", absent]);
}

#[tokio::test]
async fn an_agent_that_acts_for_nobody_is_refused() {
    let world = World::start().await;
    let host = TestHost::new();
    let body = json!({ "name": "Worker", "mode": "autonomous", "capabilities": ["list_orders"] });
    let (agent, answer) = world.bank.register(&host, &body).await;
    assert_eq!(answer.body["status"], "active", "{answer:?}");
    let refused = world.list_orders(&agent).await;
    assert_eq!(refused.refusal(), (403, "person_required"));
    assert!(world.keys().is_empty());
}

#[tokio::test]
async fn a_key_that_the_service_does_not_take_is_to_be_renewed() {
    let world = World::start().await;
    let agent = world.agent().await;
    let mut alice = Browser::signed_in(&world.bank, ALICE, Method::Password).await;
    alice.post("/accounts/shop", &[("key", KEY)]).await;
    *world.shop.revoked.lock().unwrap() = Some(KEY.to_owned());
    let refused = world.list_orders(&agent).await;
    assert_eq!(refused.refusal(), (403, "account_not_accepted"));
    assert!(!refused.text.contains(KEY), "{}", refused.text);
    alice.post("/accounts/shop", &[("key", "sk_new")]).await;
    let answer = world.list_orders(&agent).await;
    assert_eq!(answer.status, 200);
    assert_eq!(world.keys(), [KEY, "sk_new"]);
    let events = world.bank.audit().await;
    let vault: Vec<_> = events
        .iter()
        .map(|(event, _)| event.as_str())
        .filter(|event| event.starts_with("vault."))
        .collect();
    assert_eq!(vault, ["vault.connected", "vault.renewed"]);
}

#[tokio::test]
async fn a_key_is_kept_sealed_and_never_shown() {
    let world = World::start().await;
    world.agent().await;
    let mut alice = Browser::signed_in(&world.bank, ALICE, Method::Password).await;
    let before = alice.get("/accounts").await;
    insta::assert_snapshot!(words(&before), @"
    Accounts at services
    What agents do for you at these services is done with your own account there. Paste a key that the service gave you: it is kept encrypted, is never shown again, and no agent gets to see it.
    The Shop
    Not connected. Agents cannot do anything for you there.
    Key The Shop
    Under Settings, API.
    Connect The Shop
    ");
    alice.post("/accounts/shop", &[("key", KEY)]).await;
    let after = alice.get("/accounts?done=connected").await;
    insta::assert_snapshot!(words(&after), @"
    Accounts at services
    What agents do for you at these services is done with your own account there. Paste a key that the service gave you: it is kept encrypted, is never shown again, and no agent gets to see it.
    The key is kept. Agents that you allow to act for you are served there with it.
    The Shop
    Connected since 10:00 UTC.
    New key The Shop
    Under Settings, API.
    Replace the key The Shop
    Remove the key The Shop
    ");
    assert!(!after.text.contains(KEY));
    let kept = world.everything_kept().await;
    assert!(
        kept.contains("under first") && !kept.contains(KEY),
        "{kept}"
    );
    for typed in ["", "a b", "sk_ü", &"x".repeat(5000)] {
        let refused = alice.post("/accounts/shop", &[("key", typed)]).await;
        assert_eq!(refused.status, 422, "{typed:?}");
        assert!(typed.is_empty() || !refused.text.contains(typed));
    }
    assert_eq!(
        world.everything_kept().await,
        kept,
        "the key that was good stays"
    );
    world
        .bank
        .administer(AdminRequest::RemovePerson {
            email: ALICE.to_owned(),
        })
        .await;
    let mut tx = world.bank.store.read().await.unwrap();
    let left = tx.list_vault_entries_under_other_keys("none", 9).await;
    assert_eq!(left.unwrap(), []);
}

#[tokio::test]
async fn connecting_takes_a_fresh_sign_in_or_a_gesture_for_this_service() {
    let world = World::start().await;
    let mut nobody = Browser::new(&world.bank);
    for path in ["/accounts/shop", "/accounts/shop/remove"] {
        let sent = nobody.post(path, &[("key", KEY)]).await;
        assert_eq!(sent.header("location"), Some("/login"));
    }
    let shown = nobody.get("/accounts").await;
    assert_eq!(shown.header("location"), Some("/login?next=%2Faccounts"));
    let mut alice = Browser::signed_in(&world.bank, ALICE, Method::Password).await;
    let unknown = alice.post("/accounts/bank", &[("key", KEY)]).await;
    assert_eq!(unknown.status, 404);
    world.bank.clock.advance(std::time::Duration::from_mins(6));
    let stale = alice.post("/accounts/shop", &[("key", KEY)]).await;
    assert_eq!(stale.status, 422);
    assert!(world.bank.records_of("vault.connected").await.is_empty());
    // What is there can always be taken away.
    assert_eq!(alice.post("/accounts/shop/remove", &[]).await.status, 303);
}

#[tokio::test]
async fn with_a_passkey_it_takes_a_gesture() {
    let bank = World::start_by_name().await;
    let mut alice = Browser::signed_in(&bank.bank, ALICE, Method::Passkey).await;
    let without = alice.post("/accounts/shop", &[("key", KEY)]).await;
    assert_eq!(without.status, 422, "{}", without.text);
    let asked = [("service", "shop")];
    let answer = alice.gesture("/accounts/challenge", &asked).await.unwrap();
    let fields = [("key", KEY), ("answer", answer.as_str())];
    let kept = alice.post("/accounts/shop", &fields).await;
    assert_eq!(kept.status, 303, "{}", kept.text);
    assert_eq!(bank.bank.records_of("vault.connected").await.len(), 1);
}

#[tokio::test]
async fn keys_are_put_under_a_new_one_and_still_open() {
    let world = World::start().await;
    let agent = world.agent().await;
    let mut alice = Browser::signed_in(&world.bank, ALICE, Method::Password).await;
    alice.post("/accounts/shop", &[("key", KEY)]).await;
    let file = world.folder.path().join("vault.keys");
    std::fs::write(&file, format!("{SECOND}\n{FIRST}\n")).unwrap();
    let both = world.bank.restarted().await;
    let done = both.administer(AdminRequest::RewrapVault).await;
    assert_eq!(done, json!({ "rewrapped": 1 }));
    assert!(world.everything_kept().await.contains("under second"));
    std::fs::write(&file, SECOND).unwrap();
    let one = both.restarted().await;
    let done = one.administer(AdminRequest::RewrapVault).await;
    assert_eq!(done, json!({ "rewrapped": 0 }));
    let answer = one.execute(&agent, "list_orders", json!({})).await;
    assert_eq!(answer.body["data"], json!("two orders"), "{answer:?}");
    // Without the key it is under, nothing goes out, and what is wrong is nobody's to read.
    std::fs::write(&file, FIRST).unwrap();
    let none = one.restarted().await;
    let answer = none.execute(&agent, "list_orders", json!({})).await;
    assert_eq!(answer.refusal(), (500, "internal_error"));
    assert_eq!(world.keys(), [KEY]);
}

#[tokio::test]
async fn a_key_in_the_place_of_anothers_does_not_open() {
    let world = World::start().await;
    let agent = world.agent().await;
    let mut bob = Browser::signed_in(&world.bank, BOB, Method::Password).await;
    bob.post("/accounts/shop", &[("key", "sk_bob")]).await;
    let alice = world.alice().await;
    let mut tx = world.bank.store.begin().await.unwrap();
    let listed = tx.list_vault_entries_under_other_keys("none", 9).await;
    let mut moved = listed.unwrap().remove(0);
    moved.person_id = alice;
    tx.put_vault_entry(&moved).await.unwrap();
    tx.commit().await.unwrap();
    let answer = world.list_orders(&agent).await;
    assert_eq!(answer.refusal(), (500, "internal_error"));
    assert!(world.keys().is_empty());
}

#[tokio::test]
async fn without_such_services_there_is_no_such_page() {
    let bank = Bank::start().await;
    let mut alice = Browser::signed_in(&bank, ALICE, Method::Password).await;
    assert_eq!(alice.get("/accounts").await.status, 404);
    assert!(!alice.get("/").await.text.contains("/accounts"));
}
