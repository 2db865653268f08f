//! E-mail on `/account`: switching it, and confirming an address; and the delivery log on `/admin/notices`.

#[path = "../agent_auth/mail/smtpd.rs"]
mod smtpd;

use std::time::Duration;

use procura_people::presence::Method;
use procura_server::notify;
use serde_json::json;

use self::smtpd::MailServer;
use super::browser::{Browser, add_administrator, words};
use crate::support::flows::{ALICE, BOB};
use crate::support::{Bank, Setup, extended};

/// A bank that sends e-mail, and lets anybody sign up.
async fn open_bank(server: &MailServer) -> Bank {
    let section = server.section("none", "");
    Bank::start_with(&extended(&format!("[accounts]\nsign_up = true\n{section}"))).await
}

/// Somebody who signs up with this address.
async fn signed_up<'b>(bank: &'b Bank, email: &str) -> Browser<'b> {
    let mut browser = Browser::new(bank);
    let fields = [
        ("email", email),
        ("name", "N"),
        ("with", "password"),
        ("password", "four words of mine here"),
    ];
    let answer = browser.post("/signup", &fields).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    browser
}

/// The path of the link in the latest message.
async fn link(server: &mut MailServer, bank: &Bank, to: &str) -> String {
    let message = server.next().await;
    assert_eq!(message["to"], json!([to]));
    let text = message["text"].as_str().unwrap();
    let start = text.find(&bank.issuer).unwrap() + bank.issuer.len();
    text[start..].lines().next().unwrap().to_owned()
}

#[tokio::test]
async fn a_person_switches_mail_off_and_on() {
    let server = MailServer::start("none").await;
    let bank = open_bank(&server).await;
    let mut alice = Browser::signed_in(&bank, ALICE, Method::Password).await;
    for (choice, said) in [
        ("on", "You get an e-mail when"),
        ("off", "You get no e-mail. Requests wait in your inbox."),
        ("on", "You get an e-mail when"),
    ] {
        let answer = alice.post("/account/mail", &[("mail", choice)]).await;
        assert_eq!(answer.header("location"), Some("/account?done=mail_chosen"));
        let page = words(&alice.get("/account").await);
        assert!(page.contains(said), "{page}");
    }
    let silent = Bank::start().await;
    let mut bob = Browser::signed_in(&silent, BOB, Method::Password).await;
    assert!(!words(&bob.get("/account").await).contains("e-mail"));
}

#[tokio::test]
async fn an_address_from_open_sign_up_gets_mail_after_its_reader_confirmed_it() {
    let mut server = MailServer::start("none").await;
    let bank = open_bank(&server).await;
    let mut eve = signed_up(&bank, "victim@example.org").await;
    let said = "as long as nobody has confirmed that victim@example.org is yours";
    // No way around the message.
    eve.post("/account/mail", &[("mail", "off")]).await;
    eve.post("/account/mail", &[("mail", "on")]).await;
    assert!(words(&eve.get("/account").await).contains(said));

    let sent = eve.post("/account/mail", &[("mail", "confirm")]).await;
    assert_eq!(sent.header("location"), Some("/account?done=mail_sent"));
    let path = link(&mut server, &bank, "victim@example.org").await;
    // Of no use to who is not signed in, and to others.
    let login = Browser::new(&bank).get(&path).await;
    assert!(
        login
            .header("location")
            .unwrap()
            .starts_with("/login?next=")
    );
    let mut other = signed_up(&bank, "other@example.org").await;
    assert_eq!(other.get(&path).await.status, 422);
    assert!(words(&eve.get("/account").await).contains(said));
    // Whoever else followed it has used it up.
    assert_eq!(eve.get(&path).await.status, 422);

    eve.post("/account/mail", &[("mail", "confirm")]).await;
    let path = link(&mut server, &bank, "victim@example.org").await;
    let confirmed = eve.get(&path).await;
    assert_eq!(
        confirmed.header("location"),
        Some("/account?done=mail_confirmed")
    );
    assert!(words(&eve.get("/account").await).contains("You get an e-mail when"));
    assert_eq!(eve.get(&path).await.status, 422);
}

#[tokio::test]
async fn a_link_to_confirm_an_address_ends() {
    let mut server = MailServer::start("none").await;
    let bank = open_bank(&server).await;
    let mut carol = signed_up(&bank, "carol@example.org").await;
    for (minutes, status) in [(61, 422), (59, 303)] {
        carol.post("/account/mail", &[("mail", "confirm")]).await;
        let path = link(&mut server, &bank, "carol@example.org").await;
        bank.clock.advance(Duration::from_mins(minutes));
        assert_eq!(carol.get(&path).await.status, status);
    }
    for junk in ["x", "", "%00", &"A".repeat(43)] {
        let answer = carol.get(&format!("/account/mail/{junk}")).await;
        assert!([404, 405, 422].contains(&answer.status), "{junk}");
    }
}

#[tokio::test]
async fn nobody_can_have_a_stranger_sent_message_after_message() {
    let server = MailServer::start("none").await;
    let section = server.section("none", "");
    let config = extended(&format!("[accounts]\nsign_up = true\n{section}"));
    let bank = Setup {
        config,
        limited: true,
        ..Setup::default()
    };
    let bank = bank.start().await;
    let mut eve = signed_up(&bank, "victim@example.org").await;
    for status in [303, 303, 303, 429] {
        let answer = eve.post("/account/mail", &[("mail", "confirm")]).await;
        assert_eq!(answer.status, status);
    }
    // Nor can those whose address is known.
    let mut alice = Browser::signed_in(&bank, ALICE, Method::Password).await;
    let answer = alice.post("/account/mail", &[("mail", "confirm")]).await;
    assert_eq!(answer.header("location"), Some("/account?done=mail_chosen"));
}

#[tokio::test]
async fn a_message_that_does_not_go_is_said_so() {
    let server = MailServer::start("none").await;
    let bank = open_bank(&server).await;
    let mut unknown = signed_up(&bank, "unknown@example.org").await;
    let answer = unknown.post("/account/mail", &[("mail", "confirm")]).await;
    assert_eq!(answer.status, 422);
    assert!(words(&answer).contains("The message could not be sent."));
}

#[tokio::test]
async fn administrators_see_what_went_wrong_with_notices() {
    let server = MailServer::start("none").await;
    let bank = Bank::start_with(&extended(&server.section("none", ""))).await;
    add_administrator(&bank, "root@example.com").await;
    let mut root = Browser::signed_in(&bank, "root@example.com", Method::Password).await;
    assert!(
        words(&root.get("/admin/notices").await).contains("Nobody was told of anything lately.")
    );
    let host = crate::support::signers::TestHost::new();
    let body = json!({ "name": "A", "capabilities": ["list_accounts"] });
    let (_, answer) = bank.register(&host, &body).await;
    bank.approve_all(&answer, "unknown@example.com").await;
    let body = json!({
        "name": "B", "capabilities": ["transfer_domestic"], "preferred_method": "ciba"
    });
    bank.register(&host, &body).await;
    notify::send_next(&bank.ctx, bank.senders[0].as_ref())
        .await
        .unwrap();
    let page = words(&root.get("/admin/notices").await);
    for said in ["e-mail", "given up", "answered 550 5.1.1"] {
        assert!(page.contains(said), "{said}: {page}");
    }
    let settings = words(&root.get("/admin/settings").await);
    for said in [
        "e-mail (inbox.waiting)",
        "3 in 1h",
        "Between two because of one app\n2m",
    ] {
        assert!(settings.contains(said), "{said}: {settings}");
    }
}
