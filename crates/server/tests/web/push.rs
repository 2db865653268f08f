//! Web Push: devices on `/account`, and what gets to their push service.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use procura_keys::digest::{from_base64url, hmac_sha256, to_base64url};
use procura_people::presence::Method;
use procura_server::notify;
use procura_service::admin::{AdminRequest, Listing};
use procura_service::secrets;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Mutex;

use super::browser::{Browser, words};
use crate::support::flows::{ALICE, BOB};
use crate::support::signers::TestHost;
use crate::support::{Bank, extended};

#[tokio::test]
async fn all_nodes_sign_with_the_key_of_the_first() {
    let bank = Bank::start().await;
    let other = bank.restarted().await;
    let of = |bank: &Bank, own: u8| {
        let ctx = bank.ctx.clone();
        tokio::spawn(async move { secrets::push_secret(&ctx, [own; 32]).await.unwrap() })
    };
    let (one, two) = tokio::join!(of(&bank, 1), of(&other, 2));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert!(
        one == two && (one == [1; 32] || one == [2; 32]),
        "{one:?} {two:?}"
    );
    assert_eq!(of(&bank, 3).await.unwrap(), one);
}

/// The push service of some browsers.
#[derive(Default)]
struct Service {
    status: Mutex<Vec<(String, StatusCode)>>,
    taken: Mutex<Vec<(String, HeaderMap, Vec<u8>)>>,
}

impl Service {
    async fn start() -> (Arc<Self>, String) {
        let service = Arc::new(Self::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let routes = axum::Router::new().route("/send/{device}", post(take));
        let routes = routes.with_state(Arc::clone(&service));
        tokio::spawn(async move {
            procura_server::listen::serve(listener, routes, std::future::pending()).await;
        });
        (service, origin)
    }

    async fn answers(&self, device: &str, status: StatusCode) {
        self.status
            .lock()
            .await
            .insert(0, (device.to_owned(), status));
    }
}

async fn take(
    State(service): State<Arc<Service>>,
    Path(device): Path<String>,
    headers: HeaderMap,
    body: axum::body::Bytes,
) -> StatusCode {
    let statuses = service.status.lock().await;
    let named = statuses.iter().find(|(name, _)| *name == device);
    let status = named.map_or(StatusCode::CREATED, |(_, status)| *status);
    let mut taken = service.taken.lock().await;
    taken.push((device, headers, body.to_vec()));
    status
}

const SECRET: [u8; 16] = [9; 16];

fn device_key() -> PrivateKey {
    PrivateKey::from_private_key(&ECDH_P256, &[5; 32]).unwrap()
}

/// What a browser would make of a message: RFC 8291 read from the other side.
fn opened(body: &[u8]) -> Value {
    let (salt, rest) = body.split_at(16);
    assert_eq!(rest[..5], [0, 0, 16, 0, 65]);
    let (theirs, sealed) = rest[5..].split_at(65);
    let own = device_key();
    let own_point = own.compute_public_key().unwrap();
    let theirs_key = UnparsedPublicKey::new(&ECDH_P256, theirs);
    let shared = agree(&own, theirs_key, (), |shared| Ok(shared.to_vec())).unwrap();
    let expand = |secret: &[u8; 32], info: &[u8]| hmac_sha256(secret, &[info, &[1]].concat());
    let info = [b"WebPush: info\0", own_point.as_ref(), theirs].concat();
    let input = expand(&hmac_sha256(&SECRET, &shared), &info);
    let secret = hmac_sha256(salt, &input);
    let key = expand(&secret, b"Content-Encoding: aes128gcm\0");
    let nonce = expand(&secret, b"Content-Encoding: nonce\0");
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key[..16]).unwrap());
    let nonce = Nonce::try_assume_unique_for_key(&nonce[..12]).unwrap();
    let mut sealed = sealed.to_vec();
    let plain = key.open_in_place(nonce, Aad::empty(), &mut sealed).unwrap();
    serde_json::from_slice(plain.strip_suffix(&[2]).unwrap()).unwrap()
}

async fn bank() -> Bank {
    let section = "[notify.push]\ncontact = 'mailto:ops@bank.example'";
    Bank::start_with(&extended(section)).await
}

/// Adds a device of whoever is signed in there; says how that went.
async fn add(browser: &mut Browser<'_>, endpoint: &str, name: &str) -> u16 {
    let point = to_base64url(device_key().compute_public_key().unwrap().as_ref());
    let auth = to_base64url(&SECRET);
    let fields = [
        ("endpoint", endpoint),
        ("p256dh", &point),
        ("auth", &auth),
        ("name", name),
    ];
    browser.post("/account/push", &fields).await.status
}

async fn ask(bank: &Bank, host: &TestHost) {
    let body = json!({
        "name": "Helper", "capabilities": ["transfer_domestic"], "preferred_method": "ciba"
    });
    assert_eq!(bank.register(host, &body).await.1.status, 200);
}

async fn send_due(bank: &Bank) {
    let sender = bank.senders[0].as_ref();
    while notify::send_next(&bank.ctx, sender).await.unwrap() {}
}

async fn log(bank: &Bank) -> Vec<Value> {
    let listing = AdminRequest::ListNotices(Listing::default());
    bank.administer(listing).await.as_array().unwrap().clone()
}

// AA-7.2-04
#[tokio::test]
async fn a_device_gets_a_message_that_it_alone_can_read_and_that_names_the_app_only() {
    let (service, origin) = Service::start().await;
    let bank = bank().await;
    let (host, _) = bank.approved_agent(json!([])).await;
    // Nobody is told before there is a device.
    ask(&bank, &host).await;
    assert_eq!(log(&bank).await, [Value::Null; 0]);

    let mut alice = Browser::signed_in(&bank, ALICE, Method::Password).await;
    assert_eq!(
        add(
            &mut alice,
            &format!("{origin}/send/phone"),
            "Chromium on Linux"
        )
        .await,
        303
    );
    let page = alice.get("/account").await;
    assert!(words(&page).contains("Chromium on Linux"));
    assert!(
        !page.text.contains("/send/phone"),
        "an endpoint is a secret"
    );
    ask(&bank, &host).await;
    send_due(&bank).await;

    let taken = service.taken.lock().await;
    let (_, headers, body) = &taken[0];
    let header = |name: &str| headers[name].to_str().unwrap();
    assert_eq!(header("content-encoding"), "aes128gcm");
    assert_eq!(header("ttl"), "300");
    let signed = header("authorization").strip_prefix("vapid t=").unwrap();
    let claims = from_base64url(signed.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["aud"], origin);
    assert_eq!(claims["sub"], "mailto:ops@bank.example");
    assert_eq!(
        opened(body),
        json!({
            "title": "bank",
            "body": "“Laptop” asks for permission",
            "url": format!("{}/inbox", bank.issuer),
        })
    );
    assert_eq!(log(&bank).await[0]["status"], "delivered");
    assert_eq!(log(&bank).await[0]["receiver"], "web-push");
}

#[tokio::test]
async fn a_device_that_is_gone_is_forgotten_and_one_that_takes_it_is_enough() {
    let (service, origin) = Service::start().await;
    let bank = bank().await;
    let (host, _) = bank.approved_agent(json!([])).await;
    let mut alice = Browser::signed_in(&bank, ALICE, Method::Password).await;
    for name in ["ancient", "broken", "phone"] {
        add(&mut alice, &format!("{origin}/send/{name}"), name).await;
    }
    service.answers("ancient", StatusCode::GONE).await;
    service
        .answers("broken", StatusCode::INTERNAL_SERVER_ERROR)
        .await;
    ask(&bank, &host).await;
    send_due(&bank).await;
    assert_eq!(log(&bank).await[0]["status"], "delivered");
    let page = words(&alice.get("/account").await);
    assert!(!page.contains("ancient") && page.contains("broken") && page.contains("phone"));

    service.answers("phone", StatusCode::NOT_FOUND).await;
    bank.clock.advance(Duration::from_mins(3));
    ask(&bank, &host).await;
    send_due(&bank).await;
    let failed = log(&bank).await[0].clone();
    assert_eq!(
        (&failed["status"], &failed["error"]),
        (&json!("waiting"), &json!("answered 500"))
    );
    service.answers("broken", StatusCode::GONE).await;
    bank.clock.advance(Duration::from_secs(11));
    send_due(&bank).await;
    let failed = log(&bank).await[0].clone();
    assert_eq!(failed["status"], "dead", "{failed}");
    assert!(words(&alice.get("/account").await).contains("None does yet."));
}

#[tokio::test]
async fn no_message_goes_to_the_inside_of_the_network_and_nothing_is_kept_that_is_no_device() {
    let bank = bank().await;
    let mut alice = Browser::signed_in(&bank, ALICE, Method::Password).await;
    for endpoint in [
        "",
        "nonsense",
        "http://push.example/x",
        "https://10.0.0.1/x",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://169.254.169.254/latest",
        "https://user:secret@push.example/x",
        "ftp://push.example/x",
        &format!("https://push.example/{}", "x".repeat(1024)),
    ] {
        assert_eq!(add(&mut alice, endpoint, "x").await, 422, "{endpoint}");
    }
    let fields = [
        ("endpoint", "https://push.example/x"),
        ("p256dh", "AAAA"),
        ("auth", "AAAA"),
    ];
    assert_eq!(alice.post("/account/push", &fields).await.status, 422);
    for number in 0..10 {
        let endpoint = format!("https://push.example/{number}");
        assert_eq!(add(&mut alice, &endpoint, "x").await, 303);
    }
    assert_eq!(add(&mut alice, "https://push.example/10", "x").await, 422);
    assert_eq!(add(&mut alice, "https://push.example/9", "x").await, 303);
    // Where nothing is sent to devices, none is taken.
    let silent = Bank::start().await;
    let mut bob = Browser::signed_in(&silent, BOB, Method::Password).await;
    assert_eq!(add(&mut bob, "https://push.example/9", "x").await, 422);
    assert!(!words(&bob.get("/account").await).contains("Devices that are told"));
}

#[tokio::test]
async fn a_device_is_removed_by_its_person_only() {
    let bank = bank().await;
    let mut alice = Browser::signed_in(&bank, ALICE, Method::Password).await;
    add(&mut alice, "https://push.example/1", "<b>Phone").await;
    let page = alice.get("/account").await;
    assert!(!page.text.contains("<b>Phone"));
    let id = super::browser::value_of(&page, "device");
    let mut bob = Browser::signed_in(&bank, BOB, Method::Password).await;
    bob.post("/account/push/remove", &[("device", &id)]).await;
    assert!(words(&alice.get("/account").await).contains("Phone"));
    alice.post("/account/push/remove", &[("device", &id)]).await;
    assert!(!words(&alice.get("/account").await).contains("Phone"));
}
