//! `/inbox`: requests that wait for a person without a code.

use std::time::Duration;

use procura_people::presence::Method;
use serde_json::{Value, json};

use super::browser::{Browser, page_of, words};
use crate::support::flows::{ALICE, BOB};
use crate::support::http::Answer;
use crate::support::signers::{TestAgent, TestHost};
use crate::support::{Bank, extended, with_issuer};

/// An agent of Alice's laptop that asks for more in her inbox.
async fn asked(bank: &Bank, capabilities: Value) -> (TestHost, TestAgent) {
    let (host, agent) = bank.approved_agent(json!([])).await;
    let body = json!({
        "capabilities": capabilities,
        "reason": "Rent is due",
        "binding_message": "RENT-7",
        "preferred_method": "ciba",
    });
    let token = agent.token(bank, &bank.issuer);
    let answer = bank.request_by(&token, &body).await;
    assert_eq!(answer.body["approval"]["method"], "ciba", "{answer:?}");
    (host, agent)
}

async fn alice(bank: &Bank) -> Browser<'_> {
    Browser::signed_in(bank, ALICE, Method::Password).await
}

/// The paths of the requests that a page leads to, in its order.
fn requests(page: &Answer) -> Vec<String> {
    let links = page.text.split("href=\"").skip(1);
    let paths = links.filter_map(|rest| rest.split('"').next());
    paths
        .filter(|path| path.contains("/inbox/"))
        .map(str::to_owned)
        .collect()
}

// AA-7.2-04
#[tokio::test]
async fn it_shows_who_asks_and_what() {
    let bank = Bank::start().await;
    asked(&bank, json!(["check_balance"])).await;
    let mut browser = alice(&bank).await;
    let home = browser.get("/").await;
    let notice = "One request waits for your decision.";
    assert!(words(&home).contains(notice), "{}", words(&home));
    assert!(home.text.contains("href=\"/inbox\""), "{}", home.text);
    let page = browser.get("/inbox").await;
    assert_eq!(page.status, 200);
    insta::assert_snapshot!(words(&page), @r"
    Inbox
    Apps that you connected before ask you here. The words in quotes are their own; this server has not checked them.
    Let an agent do more?
    App
    “Laptop”
    Agent
    “Helper”
    Reason
    “Rent is due”
    Message
    “RENT-7”
    Check the balance of one of your accounts
    The request ends in 5 minutes.
    Read the request
    ");
}

#[tokio::test]
async fn the_newest_request_comes_first_and_a_long_one_is_cut() {
    let bank = Bank::start().await;
    asked(&bank, json!(["check_balance"])).await;
    bank.clock.advance(Duration::from_mins(1));
    let many = [
        "list_accounts",
        "check_balance",
        "export_statement",
        "watch_balance",
    ];
    asked(&bank, json!(many)).await;
    let mut browser = alice(&bank).await;
    let page = browser.get("/inbox").await;
    let words = words(&page);
    let at = |text: &str| {
        words
            .find(text)
            .unwrap_or_else(|| panic!("{text}: {words}"))
    };
    assert!(at("ends in 5 minutes") < at("ends in 4 minutes"), "{words}");
    assert_eq!(words.matches("and 1 more").count(), 1, "{words}");
    let [newest, oldest] = requests(&page).try_into().unwrap();
    assert!(browser.get(&newest).await.text.contains("watch_balance"));
    assert!(!browser.get(&oldest).await.text.contains("watch_balance"));
    let home = browser.get("/").await;
    let notice = "2 requests wait for your decision.";
    assert!(super::browser::words(&home).contains(notice));
}

#[tokio::test]
async fn without_requests_it_says_so() {
    let bank = Bank::start().await;
    let page = alice(&bank).await.get("/inbox").await;
    insta::assert_snapshot!(words(&page), @r"
    Inbox
    Nothing waits for your decision.
    Apps that you connected before ask you here. A new app shows you a code instead.
    Go to the first page
    ");
}

#[tokio::test]
async fn its_request_is_read_without_a_code_and_approved() {
    let bank = Bank::start().await;
    let (host, agent) = asked(&bank, json!(["check_balance"])).await;
    let mut browser = alice(&bank).await;
    let [request] = requests(&browser.get("/inbox").await).try_into().unwrap();
    let page = browser.get(&request).await;
    assert_eq!(page.status, 200);
    insta::assert_snapshot!(words(&page), @r"
    Let this agent do more?
    An agent that acts for you at bank asks for more than it has.
    Who asks
    App
    “Laptop” connected before
    Agent
    “Helper”
    Reason
    “Rent is due”
    Message
    “RENT-7”
    The words in quotes are the app’s own. This server has not checked them.
    Do you expect this? The app put this request into your inbox by itself. Approve it only if you know what it is for.
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
    You decide as alice@example.com. The request ends at 10:05 UTC, in 5 minutes.
    Approve
    Deny
    Say why you deny
    Reason optional
    The agent gets to read it. It is not used if you approve.
    ");
    let done = browser.approve(&page, &["check_balance"]).await;
    assert!(words(&done).starts_with("Approved"), "{}", words(&done));
    let status = bank.status(&host, &agent).await;
    assert_eq!(status.grants(), [("check_balance", "active")]);
    let again = browser.get(&request).await;
    assert_eq!(again.status, 409);
    insta::assert_snapshot!(words(&again), @r"
    This request has been answered
    A request is answered once.
    If this was not you, stop the agent: ask an administrator to revoke it.
    Back to your inbox
    ");
}

#[tokio::test]
async fn its_request_can_be_denied() {
    let bank = Bank::start().await;
    let (host, agent) = asked(&bank, json!(["check_balance"])).await;
    let mut browser = alice(&bank).await;
    let [request] = requests(&browser.get("/inbox").await).try_into().unwrap();
    let page = browser.get(&request).await;
    let fields = [("decision", "deny"), ("reason", "Not today")];
    assert_eq!(browser.decide(&page, &fields).await.status, 200);
    let status = bank.status(&host, &agent).await;
    let grant = status.grant("check_balance");
    assert_eq!(
        (&grant["status"], &grant["reason"]),
        (&json!("denied"), &json!("Not today"))
    );
}

// AA-7.2-06
#[tokio::test]
async fn another_person_sees_nothing_of_it_and_cannot_answer_it() {
    let bank = Bank::start().await;
    let (host, agent) = asked(&bank, json!(["check_balance"])).await;
    let mut browser = alice(&bank).await;
    let [request] = requests(&browser.get("/inbox").await).try_into().unwrap();
    let page = browser.get(&request).await;
    let mut other = Browser::signed_in(&bank, BOB, Method::Password).await;
    assert_eq!(requests(&other.get("/inbox").await), [""; 0]);
    let hidden = other.get(&request).await;
    let unknown = other
        .get("/inbox/apr_00000000000000000000000000000000")
        .await;
    assert_eq!(hidden.status, 410);
    assert_eq!(
        (hidden.status, &hidden.text),
        (unknown.status, &unknown.text)
    );
    let answered = other.approve(&page, &["check_balance"]).await;
    assert_eq!(answered.status, 410);
    let status = bank.status(&host, &agent).await;
    assert_eq!(status.grants(), [("check_balance", "pending")]);
}

/// A code is the only way to the request it belongs to.
#[tokio::test]
async fn a_request_with_a_code_is_not_read_here() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!([])).await;
    let answer = bank.request(&agent, json!(["check_balance"])).await;
    let mut browser = alice(&bank).await;
    let page = browser.get(&page_of(&answer.user_code())).await;
    let reference = super::browser::value_of(&page, "reference");
    let page = browser.get(&format!("/inbox/{reference}")).await;
    assert_eq!(page.status, 410);
}

// AA-8.11-01
#[tokio::test]
async fn after_a_while_approving_leads_through_a_new_sign_in_and_back() {
    let bank = Bank::start_with(&extended("[sessions]\nfresh_for = \"2m\"")).await;
    let mut browser = alice(&bank).await;
    bank.clock.advance(Duration::from_mins(2));
    let (host, agent) = asked(&bank, json!(["check_balance"])).await;
    let [request] = requests(&browser.get("/inbox").await).try_into().unwrap();
    let page = browser.get(&request).await;
    assert!(!page.text.contains("value=\"approve\""), "{}", page.text);
    let login = format!("/login?next={}", request.replace('/', "%2F"));
    assert!(page.text.contains(&format!("href=\"{login}\"")));
    // A form that says yes all the same is not taken for an answer.
    let forced = browser.approve(&page, &["check_balance"]).await;
    let location = forced.header("location");
    assert_eq!((forced.status, location), (303, Some(login.as_str())));
    let status = bank.status(&host, &agent).await;
    assert_eq!(status.grants(), [("check_balance", "pending")]);
}

#[tokio::test]
async fn without_a_session_it_leads_through_the_sign_in_page() {
    let bank = Bank::start().await;
    let mut nobody = Browser::new(&bank);
    for (path, next) in [
        ("/inbox", "%2Finbox"),
        (
            "/inbox/apr_00000000000000000000000000000000",
            "%2Finbox%2Fapr_00000000000000000000000000000000",
        ),
    ] {
        let answer = nobody.get(path).await;
        let login = format!("/login?next={next}");
        let location = answer.header("location");
        assert_eq!((answer.status, location), (303, Some(login.as_str())));
    }
    assert_eq!(nobody.get("/inbox/no-reference").await.status, 404);
}

#[tokio::test]
async fn below_a_base_path_its_links_stay_below_it() {
    let bank = Bank::start_with(&with_issuer("https://bank.example/agents")).await;
    let mut browser = alice(&bank).await;
    let home = browser.get("/agents").await;
    assert!(
        home.text.contains("href=\"/agents/inbox\""),
        "{}",
        home.text
    );
    let inbox = browser.get("/agents/inbox").await;
    assert_eq!(inbox.status, 200);
    assert!(inbox.text.contains("href=\"/agents\""), "{}", inbox.text);
    let login = Browser::new(&bank).get("/agents/inbox").await;
    let location = login.header("location");
    assert_eq!(location, Some("/agents/login?next=%2Fagents%2Finbox"));
}
