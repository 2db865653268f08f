//! Notices as e-mail: what gets to a real mail server, and what becomes of it where one answers otherwise.

mod smtpd;

use std::time::Duration;

use procura_agent_auth::id::UserId;
use procura_keys::clock::Timestamp;
use procura_people::mail::MailChoice;
use procura_people::presence::Method;
use procura_server::config::Config;
use procura_server::notify;
use procura_service::admin::{AdminRequest, Listing};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use self::smtpd::MailServer;
use crate::support::flows::ALICE;
use crate::support::signers::TestHost;
use crate::support::{Bank, extended};

/// Sends everything that is due, and says how much that was.
async fn send_due(bank: &Bank) -> usize {
    let mut sent = 0;
    while notify::send_next(&bank.ctx, bank.senders[0].as_ref())
        .await
        .unwrap()
    {
        sent += 1;
    }
    sent
}

/// An agent of this name asks the person of the host.
async fn ask_as(bank: &Bank, host: &TestHost, name: &str) {
    let body = json!({
        "name": name, "capabilities": ["transfer_domestic"], "preferred_method": "ciba",
        "reason": "SECRET-REASON",
    });
    let (_, answer) = bank.register(host, &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

async fn log(bank: &Bank) -> Vec<Value> {
    let listed = bank
        .administer(AdminRequest::ListNotices(Listing::default()))
        .await;
    listed.as_array().unwrap().clone()
}

fn header<'a>(message: &'a Value, name: &str) -> Vec<&'a str> {
    let headers = message["headers"].as_array().unwrap().iter();
    let named = headers.filter(|one| one[0].as_str().unwrap().eq_ignore_ascii_case(name));
    named.map(|one| one[1].as_str().unwrap()).collect()
}

// AA-7.2-04
#[tokio::test]
async fn a_message_gets_to_the_person_over_each_kind_of_connection() {
    for tls in ["implicit", "starttls", "none"] {
        let mut server = MailServer::start(tls).await;
        let bank = Bank::start_with(&extended(
            &server.section(tls, "reply_to = 'help@bank.example'"),
        ))
        .await;
        let (host, _) = bank.approved_agent(json!([])).await;
        ask_as(&bank, &host, "Zoë’s helper").await;
        assert_eq!(send_due(&bank).await, 1, "{:?}", log(&bank).await);

        let message = server.next().await;
        assert_eq!(message["encrypted"], tls != "none");
        assert_eq!(message["authenticated"], tls != "none");
        assert_eq!(message["from"], "no-reply@bank.example");
        assert_eq!(message["to"], json!([ALICE]));
        assert_eq!(message["defects"], json!([]));
        assert_eq!(message["kind"], "multipart/alternative");
        assert_eq!(header(&message, "To"), [ALICE]);
        assert_eq!(
            header(&message, "From"),
            ["Example Bank <no-reply@bank.example>"]
        );
        assert_eq!(header(&message, "Reply-To"), ["help@bank.example"]);
        assert_eq!(header(&message, "Auto-Submitted"), ["auto-generated"]);
        let log = log(&bank).await;
        assert_eq!(log[0]["status"], "delivered");
        assert_eq!(log[0]["receiver"], "e-mail");
        let id = format!("<{}@bank.example>", log[0]["notice_id"].as_str().unwrap());
        assert_eq!(header(&message, "Message-ID"), [id]);
        let settings = format!("{}/account#notifications", bank.issuer);
        assert_eq!(
            header(&message, "List-Unsubscribe"),
            [format!("<{settings}>")]
        );

        let inbox = format!("{}/inbox", bank.issuer);
        for (part, name) in [
            ("text", "“Zoë’s helper”"),
            ("html", "“<bdi>Zoë’s helper</bdi>”"),
        ] {
            let part = message[part].as_str().unwrap();
            for said in [name, &inbox, &settings, "for 5 minutes"] {
                assert!(part.contains(said), "{said} is not in {part}");
            }
            assert!(!part.contains("SECRET-REASON"), "{part}");
        }
    }
}

#[tokio::test]
async fn no_name_of_a_stranger_gets_into_a_header_or_makes_a_link() {
    let mut server = MailServer::start("none").await;
    let bank = Bank::start_with(&extended(&server.section("none", ""))).await;
    let (host, _) = bank.approved_agent(json!([])).await;
    let name =
        "x” is safe\r\nBcc: eve@evil.example\r\n\r\n<a href=https://evil.example/>www.evil.example";
    ask_as(&bank, &host, name).await;
    assert_eq!(send_due(&bank).await, 1);
    let message = server.next().await;
    assert_eq!(message["to"], json!([ALICE]));
    assert_eq!(header(&message, "Bcc"), [""; 0]);
    for (_, value) in message["headers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (&one[0], &one[1]))
    {
        assert!(!value.as_str().unwrap().contains("evil"), "{value}");
    }
    for part in ["text", "html"] {
        let part = message[part].as_str().unwrap();
        assert!(part.contains("evil[.]example"), "{part}");
        for wrong in ["evil.example", "<a href=https://evil", "eve@", "://evil"] {
            assert!(!part.contains(wrong), "{wrong} is in {part}");
        }
    }
    // The quotation ends where it should.
    let text = message["text"].as_str().unwrap();
    let quoted = text.split_once('“').unwrap().1;
    assert!(
        quoted.split_once('”').unwrap().1.starts_with(", of an app")
            || quoted.split_once('”').unwrap().1.starts_with(" asks"),
        "{text}"
    );
}

// AA-7.2-06
#[tokio::test]
async fn requests_that_come_close_together_are_one_message() {
    let mut server = MailServer::start("none").await;
    let bank = Bank::start_with(&extended(&server.section("none", ""))).await;
    let (host, _) = bank.approved_agent(json!([])).await;
    for name in ["One", "Two"] {
        ask_as(&bank, &host, name).await;
    }
    assert_eq!(send_due(&bank).await, 1);
    let message = server.next().await;
    let text = message["text"].as_str().unwrap();
    assert!(text.contains("“One”") && text.contains("“Two”"), "{text}");
}

#[tokio::test]
async fn what_a_server_refuses_for_good_is_given_up_and_what_it_cannot_do_now_comes_again() {
    let server = MailServer::start("none").await;
    for (address, status, error) in [
        ("unknown@example.com", "dead", "answered 550 5.1.1"),
        ("busy@example.com", "waiting", "answered 451 4.3.0"),
    ] {
        let bank = Bank::start_with(&extended(&server.section("none", ""))).await;
        let host = TestHost::new();
        let body = json!({ "name": "A", "capabilities": ["list_accounts"] });
        let (_, answer) = bank.register(&host, &body).await;
        bank.approve_all(&answer, address).await;
        ask_as(&bank, &host, "Helper").await;
        send_due(&bank).await;
        let log = log(&bank).await;
        assert_eq!(log[0]["status"], status, "{log:?}");
        assert_eq!(log[0]["error"], error);
        let tally = bank.get("/metrics", None).await.text;
        assert!(
            tally.contains(r#"procura_notices_total{receiver="e-mail",outcome="failed"} 1"#),
            "{tally}"
        );
    }
}

#[tokio::test]
async fn a_wrong_password_is_tried_again_and_in_no_log() {
    let server = MailServer::start("implicit").await;
    let section = server.section("implicit", "");
    std::fs::write(server.folder.path().join("password"), "Tr0ub4dor").unwrap();
    let bank = Bank::start_with(&extended(&section)).await;
    let (host, _) = bank.approved_agent(json!([])).await;
    ask_as(&bank, &host, "Helper").await;
    send_due(&bank).await;
    let log = log(&bank).await;
    assert_eq!(log[0]["status"], "waiting", "{log:?}");
    assert_eq!(log[0]["error"], "answered 535 5.7.8");
    assert!(!format!("{log:?}").contains("Tr0ub4dor"));
}

#[tokio::test]
async fn nothing_is_sent_to_a_server_with_another_certificate_or_without_tls() {
    let plain = MailServer::start("none").await;
    let other = MailServer::start("implicit").await;
    let mut imposter = MailServer::start("implicit").await;
    let section = |server: &MailServer, ca: &MailServer, tls| {
        let section = server.section(tls, "");
        let wrong = ca
            .folder
            .path()
            .join("certificate.pem")
            .display()
            .to_string();
        let right = server
            .folder
            .path()
            .join("certificate.pem")
            .display()
            .to_string();
        section.replace(&right, &wrong)
    };
    for (section, error) in [
        (section(&imposter, &other, "implicit"), "no connection"),
        (
            section(&plain, &plain, "starttls"),
            "the server lacks what is needed",
        ),
    ] {
        let bank = Bank::start_with(&extended(&section)).await;
        let (host, _) = bank.approved_agent(json!([])).await;
        ask_as(&bank, &host, "Helper").await;
        send_due(&bank).await;
        let log = log(&bank).await;
        assert_eq!(log[0]["status"], "waiting", "{log:?}");
        let said = log[0]["error"].as_str().unwrap();
        assert!(said.starts_with(error), "{said}");
    }
    let taken = tokio::time::timeout(Duration::ZERO, imposter.next()).await;
    assert!(taken.is_err(), "{taken:?}");
}

/// A server that says this to whoever connects, and then waits.
async fn stranger(says: &'static [u8], then_ends: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                stream.write_all(says).await.unwrap();
                // Until the other side has had enough.
                let mut all = Vec::new();
                if !then_ends {
                    let _ = stream.read_to_end(&mut all).await;
                }
            });
        }
    });
    format!(
        "[notify.smtp]\nhost = '127.0.0.1'\nport = {port}\ntls = 'none'\nfrom = 'a@bank.example'\ntimeout = '300ms'\n"
    )
}

#[tokio::test]
async fn a_server_that_hangs_or_speaks_otherwise_costs_an_attempt_and_no_more() {
    for (says, then_ends, expected) in [
        (&b""[..], false, "no answer in time"),
        (b"220 mail.exa", false, "no answer in time"),
        (b"220 mail.exa", true, "the answer is not SMTP"),
        (b"", true, "the answer is not SMTP"),
        (
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            false,
            "the answer is not SMTP",
        ),
        (b"220-a\r\n220-b\r\n", false, "no answer in time"),
        (b"421 4.3.2 not now\r\n", false, "answered 421 4.3.2"),
        (
            b"\xff\xfe\x00\r\n",
            false,
            "no connection: stream did not contain valid UTF-8",
        ),
        (b"220 a\r\n250 b\r\n250 c\r\n", false, "no answer in time"),
    ] {
        let bank = Bank::start_with(&extended(&stranger(says, then_ends).await)).await;
        let (host, _) = bank.approved_agent(json!([])).await;
        ask_as(&bank, &host, "Helper").await;
        assert_eq!(send_due(&bank).await, 1);
        let log = log(&bank).await;
        assert_eq!(log[0]["status"], "waiting", "{log:?}");
        assert_eq!(
            log[0]["error"],
            expected,
            "{}",
            String::from_utf8_lossy(says)
        );
    }
}

#[tokio::test]
async fn whoever_wants_no_mail_or_never_confirmed_their_address_gets_none() {
    let server = MailServer::start("none").await;
    let section = server.section("none", "");
    let bank = Bank::start_with(&extended(&format!(
        "[notify]\nprefer_inbox = true\n{section}"
    )))
    .await;
    let (host, _) = bank.approved_agent(json!([])).await;
    let alice = UserId(bank.person(ALICE, Method::Password).await.person.id.0);
    for choice in [MailChoice::Off, MailChoice::Unconfirmed] {
        // What was planned before goes no more.
        ask_as(&bank, &host, "Helper").await;
        choose(&bank, &alice, choice).await;
        assert_eq!(send_due(&bank).await, 0);
        assert_eq!(log(&bank).await[0]["status"], "dropped");
        let before = log(&bank).await.len();
        ask_as(&bank, &host, "Helper").await;
        assert_eq!(log(&bank).await.len(), before);
        // And a client without a preference gets a code, since nobody would hear of its request.
        let body = json!({ "name": "Helper", "capabilities": ["list_accounts"] });
        let (_, answer) = bank.register(&host, &body).await;
        assert_eq!(answer.body["approval"]["method"], "device_authorization");
        choose(&bank, &alice, MailChoice::On).await;
        bank.clock.advance(Duration::from_mins(6));
    }
}

async fn choose(bank: &Bank, user: &UserId, choice: MailChoice) {
    let mut tx = bank.store.begin().await.unwrap();
    tx.put_mail_choice(user, choice).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn whoever_runs_the_server_is_told_where_an_address_is_named() {
    let mut server = MailServer::start("none").await;
    let section = server.section("none", "desk = 'ops@bank.example'");
    let config = extended(&section).replace(
        "unknown_hosts = \"activate\"",
        "unknown_hosts = \"pending\"",
    );
    let bank = Bank::start_with(&config).await;
    let body = json!({ "name": "Worker", "mode": "autonomous", "capabilities": ["echo"] });
    let (_, answer) = bank.register(&TestHost::new(), &body).await;
    assert_eq!(answer.body["status"], "pending");
    assert_eq!(send_due(&bank).await, 1);
    let message = server.next().await;
    assert_eq!(message["to"], json!(["ops@bank.example"]));
    let text = message["text"].as_str().unwrap();
    assert!(text.contains("procurad admin approvals list"), "{text}");
    assert!(!text.contains("/inbox"), "{text}");
    assert_eq!(header(&message, "List-Unsubscribe"), [""; 0]);
}

#[tokio::test]
async fn a_test_message_says_what_the_server_answered() {
    let mut server = MailServer::start("starttls").await;
    let config = extended(&server.section("starttls", ""));
    let config = Config::parse(&config, Some("127.0.0.1:0")).unwrap();
    let mail = config.mail.unwrap();
    let now = Timestamp::from_seconds(1_772_013_600);
    let send = async |to: &str| mail.send_test(&to.parse().unwrap(), "Bank <&>", now).await;
    assert_eq!(send(ALICE).await, Ok(()));
    let message = server.next().await;
    assert_eq!(header(&message, "Subject"), ["A test of Bank <&>"]);
    let html = message["html"].as_str().unwrap();
    assert!(!html.contains("<&>"), "{html}");
    let refused = send("unknown@example.com").await.unwrap_err();
    assert!(
        refused.for_good && refused.why == "answered 550 5.1.1",
        "{refused:?}"
    );
}
