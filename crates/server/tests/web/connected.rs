//! `/`, `/apps/{id}` and `/agents/{id}`: what a person has connected, and how they stop it.

use procura_people::presence::Method;
use serde_json::json;

use super::browser::{Browser, words};
use crate::support::Bank;
use crate::support::flows::{ALICE, BOB, wish};
use crate::support::http::Answer;
use crate::support::signers::{TestAgent, TestHost};

async fn alice(bank: &Bank) -> Browser<'_> {
    Browser::signed_in(bank, ALICE, Method::Password).await
}

fn page_of(agent: &TestAgent) -> String {
    format!("/agents/{}", agent.id)
}

/// The page of the agent's app.
async fn app_of(bank: &Bank, host: &TestHost, agent: &TestAgent) -> String {
    let status = bank.status(host, agent).await;
    format!("/apps/{}", status.text_of("host_id"))
}

/// Where a form of the page is sent that does this.
fn form_to(page: &Answer, action: &str) -> String {
    let forms = page
        .text
        .split("<form class=\"inside\" method=\"post\" action=\"");
    let paths = forms.skip(1).filter_map(|rest| rest.split('"').next());
    let mut wanted = paths.filter(|path| path.ends_with(action));
    let found = wanted.next().map(str::to_owned);
    found.unwrap_or_else(|| panic!("no form to {action} in {}", page.text))
}

#[tokio::test]
async fn the_first_page_lists_apps_with_their_agents() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!(["check_balance"])).await;
    bank.execute(&agent, "echo", json!({})).await;
    let page = alice(&bank).await.get("/").await;
    insta::assert_snapshot!(words(&page), @r"
    Connected apps
    Apps whose agents may act in your name at bank. You can stop each of them at any time.
    Connected
    Stopped
    L
    Laptop
    Connected just now · used just now
    connected
    Helper
    in your name used just now ends in 1 hour
    active
    Agents and settings of Laptop
    Your inbox
    Nothing waits for your decision.
    Open your inbox
    Connect an app
    Type the code that the app shows.
    Code
    Eight letters. Capitals and dashes do not matter.
    Continue
    In an emergency
    Stop everything
    Every connected app and all its agents end at once, for good. To use an app again, you connect it anew.
    Yes, stop everything
    ");
    assert!(page.text.contains(&format!("href=\"{}\"", page_of(&agent))));
}

#[tokio::test]
async fn an_agent_shows_what_it_may_do_and_what_it_did() {
    let bank = Bank::start().await;
    let wishes = json!(["echo", { "name": "transfer_domestic", "constraints": {
        "amount": { "max": 100 }, "currency": "EUR" } }]);
    let (_, agent) = bank.approved_agent(wishes).await;
    let arguments =
        |amount| json!({ "amount": amount, "currency": "EUR", "destination_account": "a" });
    let done = bank
        .execute(&agent, "transfer_domestic", arguments(80))
        .await;
    assert_eq!(done.status, 200, "{done:?}");
    let refused = bank
        .execute(&agent, "transfer_domestic", arguments(101))
        .await;
    assert_eq!(refused.refusal(), (403, "constraint_violated"));
    bank.request(&agent, json!(["list_accounts"])).await;
    let page = alice(&bank).await.get(&page_of(&agent)).await;
    insta::assert_snapshot!(words(&page), @r"
    Connected apps
    Laptop
    Helper
    active
    Waiting for your decision
    To do more
    With the code that the app shows, for 5 minutes
    What it may do
    Send money to another account in the same country
    transfer_domestic granted by you just now
    amount: at most 100
    currency: only EUR
    Take back transfer_domestic
    The agent cannot do this any more, starting with its next call. It can ask again.
    Yes, take it back
    granted
    Returns the arguments it was called with
    echo granted by you just now
    Take back echo
    The agent cannot do this any more, starting with its next call. It can ask again.
    Yes, take it back
    granted
    List your accounts
    list_accounts asked for just now
    waiting
    Activity
    10:00 UTC
    Asked for more waiting
    10:00 UTC
    Tried to use transfer_domestic beyond its limits
    amount
    101
    currency
    EUR
    destination_account
    a
    10:00 UTC
    Used transfer_domestic done
    amount
    80
    currency
    EUR
    destination_account
    a
    10:00 UTC
    Request approved by you
    10:00 UTC
    Registered waiting
    About this agent
    App
    Laptop
    Acts
    in your name
    Registered
    just now
    Last use
    just now
    Ends
    in 1 hour
    Your name for it
    Name
    Only you see it. Leave it blank to go by the app’s own words.
    Save
    Stop it
    Stop this agent
    It ends at once and for good: its next call is refused. The app stays connected.
    Yes, stop it
    ");
}

#[tokio::test]
async fn an_agent_that_is_stopped_in_the_page_is_refused_at_its_next_call() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!(["echo"])).await;
    let mut alice = alice(&bank).await;
    assert_eq!(bank.execute(&agent, "echo", json!({})).await.status, 200);
    let page = alice.get(&page_of(&agent)).await;
    let answer = alice
        .post(&form_to(&page, &format!("{}/revoke", page_of(&agent))), &[])
        .await;
    let target = format!("{}?done=agent", page_of(&agent));
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some(target.as_str()))
    );
    let refused = bank.execute(&agent, "echo", json!({})).await;
    assert_eq!(refused.refusal(), (403, "agent_revoked"));
    let page = alice.get(&target).await;
    assert!(words(&page).contains("The agent is stopped."));
    assert!(!page.text.contains("/revoke\""), "{}", page.text);
    let record = bank.records_of("agent.revoked").await.remove(0);
    assert_eq!(record["agent_id"], agent.id);
    assert!(record["actor"].as_str().unwrap().starts_with("user:usr_"));
}

#[tokio::test]
async fn a_permission_that_is_taken_back_ends_alone() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!(["echo", "list_accounts"])).await;
    let mut alice = alice(&bank).await;
    let page = alice.get(&page_of(&agent)).await;
    let grants = page.text.split("/grants/").skip(1);
    assert_eq!(grants.count(), 2, "{}", page.text);
    let before = bank.execute(&agent, "list_accounts", json!({})).await;
    assert_eq!(before.status, 200, "{before:?}");
    // The newest grant stands first.
    let (_, rest) = page.text.split_once("action=\"/grants/").unwrap();
    let path = format!("/grants/{}", rest.split('"').next().unwrap());
    assert_eq!(alice.post(&path, &[]).await.status, 303);
    let refused = bank.execute(&agent, "list_accounts", json!({})).await;
    assert_eq!(refused.refusal(), (403, "capability_not_granted"));
    assert_eq!(bank.execute(&agent, "echo", json!({})).await.status, 200);
    assert!(words(&alice.get(&page_of(&agent)).await).contains("taken back by you just now"));
    // Once more, as when a page was left open.
    let again = alice.post(&path, &[]).await;
    assert_eq!(again.status, 409);
    assert!(words(&again).contains("This is not possible now"));
}

// AA-8.8.1-03
#[tokio::test]
async fn an_app_that_is_stopped_takes_its_agents_with_it() {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!(["echo"])).await;
    let other = bank.approved_agent_of(&host, json!(["echo"])).await;
    let mut alice = alice(&bank).await;
    let path = app_of(&bank, &host, &agent).await;
    let page = alice.get(&path).await;
    let answer = alice.post(&form_to(&page, "/revoke"), &[]).await;
    assert_eq!(answer.status, 303);
    for agent in [&agent, &other] {
        let refused = bank.execute(agent, "echo", json!({})).await;
        assert_eq!(refused.status, 403, "{refused:?}");
    }
    assert!(!alice.get("/").await.text.contains(&path));
    assert!(alice.get("/?show=stopped").await.text.contains(&path));
    // A second press changes nothing.
    assert_eq!(alice.post(&format!("{path}/revoke"), &[]).await.status, 303);
    assert_eq!(bank.records_of("host.revoked").await.len(), 1);
}

#[tokio::test]
async fn an_app_that_is_disconnected_may_be_connected_anew() {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!(["echo"])).await;
    let mut alice = alice(&bank).await;
    let path = app_of(&bank, &host, &agent).await;
    let answer = alice.post(&format!("{path}/unlink"), &[]).await;
    assert_eq!(answer.header("location"), Some("/?done=unlinked"));
    let refused = bank.execute(&agent, "echo", json!({})).await;
    assert_eq!(refused.refusal(), (403, "agent_revoked"));
    assert_eq!(alice.get(&path).await.status, 404);
    // What it did for her stays hers to see.
    assert_eq!(alice.get(&page_of(&agent)).await.status, 200);
    let (mut bob, answer) = (
        Browser::signed_in(&bank, BOB, Method::Password).await,
        bank.register(&host, &wish(json!(["echo"]))).await.1,
    );
    bank.approve_all(&answer, BOB).await;
    assert_eq!(bob.get(&path).await.status, 200);
    assert_eq!(bob.get(&page_of(&agent)).await.status, 404);
    assert!(!bob.get(&path).await.text.contains(&agent.id));
}

#[tokio::test]
async fn everything_is_stopped_at_once() {
    let bank = Bank::start().await;
    let (_, one) = bank.approved_agent(json!(["echo"])).await;
    let (_, two) = bank.approved_agent(json!(["echo"])).await;
    let other_host = TestHost::new();
    let (of_bob, answer) = bank.register(&other_host, &wish(json!(["echo"]))).await;
    bank.approve_all(&answer, BOB).await;
    let mut alice = alice(&bank).await;
    let page = alice.get("/").await;
    let answer = alice.post(&form_to(&page, "/revoke-everything"), &[]).await;
    assert_eq!(answer.header("location"), Some("/?done=everything"));
    for agent in [&one, &two] {
        let refused = bank.execute(agent, "echo", json!({})).await;
        assert_eq!(refused.status, 403, "{refused:?}");
    }
    assert_eq!(bank.execute(&of_bob, "echo", json!({})).await.status, 200);
    let page = alice.get("/").await;
    assert!(words(&page).contains("No app is connected yet"));
}

#[tokio::test]
async fn a_label_is_its_owners_alone_and_the_own_name_stays_in_view() {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!([])).await;
    let mut alice = alice(&bank).await;
    let app = app_of(&bank, &host, &agent).await;
    for (path, label) in [(&app, "Work laptop"), (&page_of(&agent), "Payer")] {
        let answer = alice
            .post(&format!("{path}/rename"), &[("label", label)])
            .await;
        let target = format!("{path}?done=renamed");
        assert_eq!(answer.header("location"), Some(target.as_str()));
        let page = words(&alice.get(path).await);
        assert!(page.contains(&format!("{label}\n")), "{page}");
        assert!(page.contains("calls itself “"), "{page}");
    }
    let status = bank.status(&host, &agent).await;
    assert_eq!(status.text_of("name"), "Helper");
    // The log keeps that it happened, and not what.
    let log = format!("{:?}", bank.records().await);
    assert!(log.contains("agent.labelled") && log.contains("host.labelled"));
    assert!(
        !log.contains("Payer") && !log.contains("Work laptop"),
        "{log}"
    );
    alice
        .post(&format!("{app}/rename"), &[("label", " ")])
        .await;
    assert!(!alice.get(&app).await.text.contains("Work laptop"));
}

#[tokio::test]
async fn a_label_that_will_not_do_is_shown_again_beside_its_error() {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!([])).await;
    let mut alice = alice(&bank).await;
    let typed = "x".repeat(61);
    for path in [app_of(&bank, &host, &agent).await, page_of(&agent)] {
        let page = alice
            .post(&format!("{path}/rename"), &[("label", &typed)])
            .await;
        assert_eq!(page.status, 422);
        assert!(page.text.contains("<title>Error: "), "{}", page.text);
        assert!(page.text.contains(&format!("value=\"{typed}\"")));
        assert!(page.text.contains("aria-invalid=\"true\""));
        assert!(words(&page).contains("readable text of at most 60 characters"));
    }
}

#[tokio::test]
async fn what_belongs_to_somebody_else_does_not_exist() {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!(["echo"])).await;
    let app = app_of(&bank, &host, &agent).await;
    let page = alice(&bank).await.get(&page_of(&agent)).await;
    let (_, rest) = page.text.split_once("/grants/").unwrap();
    let grant = format!("/grants/{}", rest.split('"').next().unwrap());
    let mut bob = Browser::signed_in(&bank, BOB, Method::Passkey).await;
    for path in [&app, &page_of(&agent), "/apps/x", "/agents/agt_1"] {
        assert_eq!(bob.get(path).await.status, 404, "{path}");
    }
    for path in [
        format!("{app}/revoke"),
        format!("{app}/unlink"),
        format!("{app}/rename"),
        format!("{}/revoke", page_of(&agent)),
        format!("{}/rename", page_of(&agent)),
        grant,
        "/grants/x/revoke".to_owned(),
    ] {
        let answer = bob.post(&path, &[("label", "mine")]).await;
        assert_eq!(answer.status, 404, "{path}");
    }
    assert_eq!(bank.execute(&agent, "echo", json!({})).await.status, 200);
    assert!(bank.records_of("host.labelled").await.is_empty());
}

#[tokio::test]
async fn without_a_session_pages_lead_to_the_sign_in_and_back() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!(["echo"])).await;
    let mut nobody = Browser::new(&bank);
    let path = page_of(&agent);
    let answer = nobody.get(&path).await;
    let login = format!("/login?next=%2Fagents%2F{}", agent.id);
    assert_eq!(answer.header("location"), Some(login.as_str()));
    for path in [format!("{path}/revoke"), "/revoke-everything".to_owned()] {
        let answer = nobody.post(&path, &[]).await;
        assert_eq!(answer.header("location"), Some("/login"), "{path}");
    }
    assert_eq!(bank.execute(&agent, "echo", json!({})).await.status, 200);
}

// AA-9.3-01
#[tokio::test]
async fn what_an_agent_did_on_its_own_is_shown_before_it_is_claimed_and_after() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let worker = bank.autonomous_agent_of(&host).await;
    bank.execute(&worker, "echo", json!({ "note": "before" }))
        .await;
    let (_, answer) = bank.register(&host, &wish(json!([]))).await;
    let mut alice = alice(&bank).await;
    let consent = alice
        .get(&format!("/device?code={}", answer.user_code()))
        .await;
    let said = words(&consent);
    assert!(said.contains("“Worker”"), "{said}");
    assert!(said.contains("Used echo"), "{said}");
    alice.approve(&consent, &[]).await;
    let page = words(&alice.get(&page_of(&worker)).await);
    assert!(
        page.contains("It acted on its own before you connected its app."),
        "{page}"
    );
    assert!(page.contains("note\nbefore"), "{page}");
}

#[tokio::test]
async fn activity_is_told_page_by_page_and_each_call_once() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!(["echo"])).await;
    for number in 0..40 {
        bank.execute(&agent, "echo", json!({ "number": number }))
            .await;
    }
    let mut alice = alice(&bank).await;
    for first in [page_of(&agent), "/activity".to_owned()] {
        for odd in ["0", "-9223372036854775808", "9223372036854775807", "x"] {
            let page = alice.get(&format!("{first}?before={odd}")).await;
            assert_eq!(page.status, 200, "{first} {odd}");
        }
        let mut path = first.clone();
        let mut calls = Vec::new();
        loop {
            let page = alice.get(&path).await;
            assert!(!words(&page).contains("begun"), "{}", words(&page));
            let values = page
                .text
                .split("<dt><bdi>number</bdi></dt><dd><bdi>")
                .skip(1);
            calls.extend(values.map(|rest| rest.split('<').next().unwrap().to_owned()));
            match page.text.split_once("?before=") {
                Some((_, rest)) => {
                    path = format!("{first}?before={}", rest.split('"').next().unwrap());
                }
                None => break,
            }
        }
        let expected: Vec<_> = (0..40).rev().map(|number| number.to_string()).collect();
        assert_eq!(calls, expected, "{first}");
    }
}

#[tokio::test]
async fn many_apps_and_agents_are_told_page_by_page() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let mut agents = Vec::new();
    for _ in 0..27 {
        agents.push(bank.approved_agent_of(&host, json!([])).await);
    }
    for _ in 0..21 {
        bank.approved_agent(json!([])).await;
    }
    let mut alice = alice(&bank).await;
    let first = alice.get("/").await;
    let (_, rest) = first.text.split_once("?after=").unwrap();
    let second = alice
        .get(&format!("/?after={}", rest.split('"').next().unwrap()))
        .await;
    let count = |page: &Answer| {
        page.text
            .matches("<article class=\"card\" aria-labelledby=\"app-")
            .count()
    };
    assert_eq!((count(&first), count(&second)), (20, 2));
    assert!(
        [&first, &second]
            .iter()
            .any(|page| page.text.contains("All agents"))
    );
    let app = app_of(&bank, &host, &agents[0]).await;
    let first = alice.get(&app).await;
    let (_, rest) = first.text.split_once("?before=").unwrap();
    let before = rest.split('"').next().unwrap();
    let second = alice.get(&format!("{app}?before={before}")).await;
    let count = |page: &Answer| {
        agents
            .iter()
            .filter(|one| page.text.contains(&one.id))
            .count()
    };
    assert_eq!((count(&first), count(&second)), (25, 2));
}

// AA-8.10-03, AA-8.10-05
#[tokio::test]
async fn words_of_strangers_are_text_on_every_page() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let name = "<a href=x>&amp;\u{1f916} مرحبا";
    let body = json!({
        "name": name,
        "host_name": "</bdi><script>alert(1)</script>",
        "capabilities": ["echo"],
        "preferred_method": "device_authorization",
    });
    let (agent, answer) = bank.register(&host, &body).await;
    bank.approve_all(&answer, ALICE).await;
    let value = format!("<img src=x>\u{202e}\u{200b}{}", "x".repeat(10_000));
    let sent = json!({ "<b>\u{202e}": value });
    assert_eq!(bank.execute(&agent, "echo", sent).await.status, 200);
    let mut alice = alice(&bank).await;
    let app = app_of(&bank, &host, &agent).await;
    for path in ["/", &app, &page_of(&agent), "/activity"] {
        let page = alice.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        for markup in [
            "<a href=x>",
            "<script>",
            "<img",
            "<b>",
            "\u{202e}",
            "\u{200b}",
        ] {
            let expected = usize::from(markup == "<img");
            let found = page.text.matches(markup).count();
            assert_eq!(found, expected, "{path}: {markup}");
        }
        assert!(page.text.len() < 20_000, "{path}: {}", page.text.len());
    }
    let page = words(&alice.get(&page_of(&agent)).await);
    assert!(page.contains(name), "{page}");
    assert!(page.contains("⟨U+202E⟩⟨U+200B⟩xxx"), "{page}");
}

#[tokio::test]
async fn activity_is_taken_along_and_erased() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!(["echo"])).await;
    bank.execute(&agent, "echo", json!({ "note": "private" }))
        .await;
    let mut alice = alice(&bank).await;
    let export = alice.get("/activity/export").await;
    assert_eq!(
        export.header("content-disposition"),
        Some("attachment; filename=\"activity.jsonl\"")
    );
    let lines: Vec<serde_json::Value> = export
        .text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(
        lines
            .iter()
            .any(|line| line["detail"]["arguments"]["note"] == "private")
    );
    let mut bob = Browser::signed_in(&bank, BOB, Method::Password).await;
    assert!(!bob.get("/activity/export").await.text.contains(&agent.id));
    let page = alice.get("/activity").await;
    assert!(words(&page).contains("note\nprivate"));
    let answer = alice.post(&form_to(&page, "/activity/delete"), &[]).await;
    assert_eq!(answer.header("location"), Some("/activity?done=deleted"));
    for path in ["/activity", &page_of(&agent), "/activity/export"] {
        assert!(!alice.get(path).await.text.contains("private"), "{path}");
    }
    assert!(words(&alice.get("/activity?done=deleted").await).contains("erased for good"));
    // The agent itself goes on.
    assert_eq!(bank.execute(&agent, "echo", json!({})).await.status, 200);
}
