//! `GET /device`: a code, and the request behind it.

use std::fmt::Write as _;
use std::time::Duration;

use procura_people::presence::Method;
use serde_json::json;

use super::browser::{Browser, add_person, page_of, requested, row, words};
use crate::support::flows::ALICE;
use crate::support::signers::TestHost;
use crate::support::{Bank, extended};

async fn alice(bank: &Bank) -> Browser<'_> {
    Browser::signed_in(bank, ALICE, Method::Password).await
}

// AA-7.1-01
#[tokio::test]
async fn a_person_signs_in_before_they_see_a_request() {
    let bank = Bank::start().await;
    add_person(&bank, ALICE).await;
    let code = requested(&bank, &["check_balance"]).await;
    let mut browser = Browser::new(&bank);
    let answer = browser.get(&page_of(&code)).await;
    let sign_in = format!("/login?next=%2Fdevice%3Fcode%3D{code}");
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some(sign_in.as_str()))
    );
    let answer = browser.sign_in(ALICE, &page_of(&code)).await;
    let page = browser.get(answer.header("location").unwrap()).await;
    assert!(words(&page).contains("Check the balance of one of your accounts"));
}

#[tokio::test]
async fn without_a_code_the_page_asks_for_one() {
    let bank = Bank::start().await;
    for path in ["/device", "/device?code=", "/device?code=+++"] {
        let page = alice(&bank).await.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(words(&page).starts_with("Enter the code"), "{path}");
        assert!(!page.text.contains("role=\"alert\""), "{path}");
    }
}

#[tokio::test]
async fn case_blanks_and_dashes_do_not_matter_in_a_code() {
    let bank = Bank::start().await;
    let code = requested(&bank, &[]).await;
    let bare = code.replace('-', "").to_lowercase();
    for typed in [
        code.clone(),
        bare.clone(),
        format!("+{}+{}", &bare[..4], &bare[4..]),
    ] {
        let page = alice(&bank).await.get(&page_of(&typed)).await;
        assert!(words(&page).contains(&code), "{typed}");
    }
}

#[tokio::test]
async fn an_unknown_code_can_be_corrected() {
    let bank = Bank::start().await;
    for typed in ["BCDF-GHJK", "hello", "%22%3E%3Cscript%3E"] {
        let page = alice(&bank).await.get(&page_of(typed)).await;
        assert_eq!(page.status, 404, "{typed}");
        assert!(
            words(&page).contains("No request has this code."),
            "{typed}"
        );
        assert!(!page.text.contains("<script"), "{typed}");
    }
}

// AA-7.1-02
#[tokio::test]
async fn codes_cannot_be_guessed_without_end() {
    let bank = Bank::start_limited(&extended("[limits]\nuser_code = \"2/1h\"")).await;
    let code = requested(&bank, &["check_balance"]).await;
    let mut browser = alice(&bank).await;
    for _ in 0..2 {
        assert_eq!(browser.get("/device?code=BCDF-GHJK").await.status, 404);
    }
    // Even the right one, because a guess could be right.
    let page = browser.get(&page_of(&code)).await;
    assert_eq!(page.status, 429);
    assert!(page.header("retry-after").is_some());
    assert_eq!(words(&page), "Too many tries\nTry again in 30 minutes.");
}

// AA-8.10-02, AA-2.13-04
#[tokio::test]
async fn the_page_says_who_asks_for_what_and_within_which_limits() {
    let bank = Bank::start().await;
    let limits = json!({ "amount": { "max": 500 }, "destination_account": "acc_456" });
    let body = json!({
        "name": "Helper",
        "host_name": "Laptop",
        "reason": "Pay the rent",
        "binding_message": "RENT-7",
        "capabilities": ["check_balance", { "name": "transfer_domestic", "constraints": limits }],
    });
    let (_, answer) = bank.register(&TestHost::new(), &body).await;
    let code = answer.user_code();
    let page = alice(&bank).await.get(&page_of(&code)).await;
    insta::assert_snapshot!(words(&page).replace(&code, "CODE"), @r"
    Let this agent act for you?
    An app asks to let one of its agents act in your name at bank.
    Who asks
    App
    “Laptop” new to you
    Agent
    “Helper”
    Reason
    “Pay the rent”
    Message
    “RENT-7”
    Code
    CODE
    The words in quotes are the app’s own. This server has not checked them.
    Did you start this? Go on only if you did so yourself a moment ago, and the app shows this same code. Never approve a code that somebody sent you.
    What it asks for
    Check the balance of one of your accounts
    check_balance
    Set bounds on check_balance
    Allow it
    until it is taken back, at most until 10:00 UTC on 27 March 2026
    for one hour
    for one day
    for one week
    for 30 days
    until the end of the day below
    Last day
    Counts only if you chose a day above; it ends at midnight UTC. Such as 2030-12-31.
    How many times
    Leave it empty for any number.
    Send money to another account in the same country
    transfer_domestic needs a passkey
    amount: at most 500
    destination_account: only acc_456
    Some of this can change things in your name, so a password is not enough: an agent that uses your browser could fill it in.
    You can approve the rest now; the agent can ask for the other part again later. To approve everything as it is, an administrator runs on the server:
    procurad admin approvals approve CODE --user alice@example.com
    Get a passkey for your account
    You decide as alice@example.com. The request ends at 10:05 UTC, in 5 minutes.
    Approve selected
    Deny all
    Say why you deny
    Reason optional
    The agent gets to read it. It is not used if you approve.
    ");
}

#[tokio::test]
async fn an_app_without_a_name_that_asks_for_nothing_says_so() {
    let bank = Bank::start().await;
    let (_, answer) = bank
        .register(&TestHost::new(), &json!({ "name": "Helper" }))
        .await;
    let page = alice(&bank).await.get(&page_of(&answer.user_code())).await;
    assert!(
        words(&page).contains("gives no name new to you"),
        "{}",
        words(&page)
    );
    assert!(
        words(&page).contains("It asks for nothing in particular now."),
        "{}",
        words(&page)
    );
    assert!(
        words(&page).ends_with("\nConnect\nDeny"),
        "{}",
        words(&page)
    );
}

#[tokio::test]
async fn a_request_for_more_by_a_known_app_reads_as_one() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!(["check_balance"])).await;
    let answer = bank.request(&agent, json!(["list_accounts"])).await;
    let page = alice(&bank).await.get(&page_of(&answer.user_code())).await;
    let words = words(&page);
    assert!(words.starts_with("Let this agent do more?"), "{words}");
    assert!(words.contains("“Laptop” connected before"), "{words}");
    assert!(!words.contains("Did you start this?"), "{words}");
}

// AA-8.10-03, AA-8.10-05
#[tokio::test]
async fn words_of_strangers_stay_words() {
    let bank = Bank::start().await;
    let body = json!({
        "name": "<script>alert(1)</script>",
        "host_name": "\"><img src=x onerror=alert(1)> \u{202e}knab",
        "reason": "[click](https://evil.example) <a href='https://evil.example'>here</a>",
        "binding_message": "**bold** &amp; {{ shown }}",
    });
    let (_, answer) = bank.register(&TestHost::new(), &body).await;
    let page = alice(&bank).await.get(&page_of(&answer.user_code())).await;
    for markup in [
        "<script>",
        "<img src=x",
        "<a href='",
        "href=\"https://evil",
        "\u{202e}",
    ] {
        assert!(!page.text.contains(markup), "{markup}");
    }
    let words = words(&page);
    for quoted in [
        "“<script>alert(1)</script>”",
        "“\"><img src=x onerror=alert(1)> knab”",
        "“[click](https://evil.example) <a href='https://evil.example'>here</a>”",
        "“**bold** &amp; {{ shown }}”",
    ] {
        assert!(words.contains(quoted), "{quoted} in {words}");
    }
    assert!(
        words.contains("This server has not checked them."),
        "{words}"
    );
}

// AA-8.10-03
#[tokio::test]
async fn hidden_characters_in_a_limit_are_spelled_out() {
    let bank = Bank::start().await;
    let limits = json!({ "account_id": "acc_1\u{200b}\u{202e}<b>" });
    let wish = json!([{ "name": "check_balance", "constraints": limits }]);
    let body = json!({ "name": "Helper", "capabilities": wish });
    let (_, answer) = bank.register(&TestHost::new(), &body).await;
    let page = alice(&bank).await.get(&page_of(&answer.user_code())).await;
    let shown = "account_id: only acc_1⟨U+200B⟩⟨U+202E⟩<b>";
    assert!(words(&page).contains(shown), "{}", words(&page));
}

// AA-8.10-02
#[tokio::test]
async fn a_broad_request_carries_a_warning() {
    let mut sections = String::new();
    for n in 0..8 {
        writeln!(
            sections,
            "[[capability]]\nname = \"c{n}\"\ndescription = \"Look at {n}\""
        )
        .unwrap();
        writeln!(
            sections,
            "approval = \"session\"\nrespond = {{ value = 1 }}\n"
        )
        .unwrap();
    }
    let bank = Bank::start_with(&extended(&sections)).await;
    let names: Vec<_> = (0..8).map(|n| format!("c{n}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let warning = "This is a lot to ask for at once: 8 capabilities.";
    let broad = alice(&bank)
        .await
        .get(&page_of(&requested(&bank, &names).await))
        .await;
    assert!(words(&broad).contains(warning), "{}", words(&broad));
    let narrow = alice(&bank)
        .await
        .get(&page_of(&requested(&bank, &names[..7]).await))
        .await;
    assert!(
        !words(&narrow).contains("This is a lot"),
        "{}",
        words(&narrow)
    );
}

// AA-8.10-07, AA-8.11-02
#[tokio::test]
async fn what_needs_a_passkey_cannot_be_ticked_after_a_password() {
    let bank = Bank::start().await;
    let code = requested(&bank, &["check_balance", "transfer_domestic"]).await;
    let page = alice(&bank).await.get(&page_of(&code)).await;
    assert!(row(&page, "check_balance").contains(" checked"));
    let transfer = row(&page, "transfer_domestic");
    assert!(
        transfer.contains(" disabled") && !transfer.contains(" checked"),
        "{transfer}"
    );
    assert!(transfer.contains("needs a passkey"), "{transfer}");
    let command = format!("procurad admin approvals approve {code} --user {ALICE}");
    assert!(words(&page).contains(&command), "{}", words(&page));

    let mut browser = Browser::signed_in(&bank, "carol@example.com", Method::Passkey).await;
    let page = browser.get(&page_of(&code)).await;
    let transfer = row(&page, "transfer_domestic");
    assert!(
        transfer.contains(" checked") && transfer.contains("can change things"),
        "{transfer}"
    );
    assert!(!words(&page).contains("procurad admin"), "{}", words(&page));
}

// AA-8.11-02
#[tokio::test]
async fn a_request_that_needs_a_passkey_as_a_whole_can_only_be_denied_after_a_password() {
    let bank = Bank::start().await;
    let code = requested(&bank, &["transfer_domestic"]).await;
    let page = alice(&bank).await.get(&page_of(&code)).await;
    assert!(!page.text.contains("value=\"approve\""), "{}", page.text);
    assert!(page.text.contains("value=\"deny\""), "{}", page.text);
}

// AA-8.11-01
#[tokio::test]
async fn after_a_while_the_page_leads_to_a_new_sign_in_before_approval() {
    let bank = Bank::start_with(&extended("[sessions]\nfresh_for = \"2m\"")).await;
    let mut browser = alice(&bank).await;
    let code = requested(&bank, &["check_balance"]).await;
    bank.clock.advance(Duration::from_mins(2));
    let page = browser.get(&page_of(&code)).await;
    assert!(!page.text.contains("value=\"approve\""), "{}", page.text);
    assert!(page.text.contains("value=\"deny\""), "{}", page.text);
    let link = format!("href=\"/login?next=%2Fdevice%3Fcode%3D{code}\"");
    assert!(page.text.contains(&link), "{}", page.text);
}
