//! A bank with people, apps and agents in every state, for looking at its pages.
//!
//! ```sh
//! cargo run -p procura-server --example showcase
//! ```
//!
//! It prints one line of JSON: the address, a session cookie for each person, and every page worth a look. It
//! serves them until its input ends. `docs/pages/look.mjs` makes screenshots of them and checks them with axe.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "an example that fails by panicking and prints where to look"
)]

#[path = "../tests/web/authenticator.rs"]
#[expect(dead_code, reason = "the tests of passkeys need more")]
mod authenticator;
#[path = "../tests/web/browser.rs"]
#[expect(dead_code, reason = "the tests of the pages need more")]
mod browser;
#[path = "../tests/support/mod.rs"]
#[expect(dead_code, reason = "the tests of the protocol need more")]
mod support;

use std::io::Read as _;
use std::time::Duration;

use procura_people::presence::Method;
use serde_json::{Value, json};

use browser::{Browser, add_administrator, page_of};
use support::Bank;
use support::flows::{ALICE, BOB};
use support::http::Answer;
use support::signers::{TestAgent, TestHost};

#[tokio::main]
async fn main() {
    let bank = Bank::start().await;
    add_administrator(&bank, ROOT).await;
    let shown = Showcase::fill(&bank).await;
    println!("{}", shown.to_value(&bank).await);
    let waited = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    waited.await.unwrap().unwrap();
}

const ROOT: &str = "root@example.com";

/// What there is to see.
struct Showcase {
    laptop: TestHost,
    bookkeeper: TestAgent,
    planner: TestAgent,
    worker: TestAgent,
    /// The code of a request by an app that nobody knows.
    code: String,
}

impl Showcase {
    async fn fill(bank: &Bank) -> Self {
        let laptop = TestHost::new();
        let planner = connect(
            bank,
            &laptop,
            "Work laptop",
            "Travel planner",
            json!(["echo", "list_accounts", "check_balance",]),
        );
        let planner = planner.await;
        pass(bank, 12);
        let bookkeeper = connect(
            bank,
            &laptop,
            "Work laptop",
            "Bookkeeper",
            json!([
                "list_accounts", "export_statement",
                { "name": "transfer_domestic", "constraints": {
                    "amount": { "max": 1000 }, "currency": { "in": ["EUR", "USD"] },
                    "destination_account": "acc_456" } },
            ]),
        );
        let bookkeeper = bookkeeper.await;
        let phone = TestHost::new();
        connect(
            bank,
            &phone,
            "Phone",
            "Shopping helper",
            json!(["check_balance"]),
        )
        .await;
        let worker = claimed(bank).await;
        stopped(bank).await;
        work(bank, &planner, &bookkeeper).await;
        ask_for_more(bank, &bookkeeper).await;
        let code = unknown_app(bank).await;
        Self {
            laptop,
            bookkeeper,
            planner,
            worker,
            code,
        }
    }

    async fn to_value(&self, bank: &Bank) -> Value {
        let method = Method::Password;
        let mut cookies = serde_json::Map::new();
        for (who, email) in [("alice", ALICE), ("bob", BOB), ("root", ROOT)] {
            let browser = Browser::signed_in(bank, email, method).await;
            cookies.insert(who.to_owned(), browser.cookie.into());
        }
        let mut alice = Browser::signed_in(bank, ALICE, method).await;
        let inbox = alice.get("/inbox").await;
        let request = inbox.text.split("href=\"/inbox/").nth(1).unwrap();
        let request = format!("/inbox/{}", request.split('"').next().unwrap());
        let app = bank.status(&self.laptop, &self.planner).await;
        let app = format!("/apps/{}", app.text_of("host_id"));
        let agent = |agent: &TestAgent| format!("/agents/{}", agent.id);
        let admin = |agent: &TestAgent| format!("/admin/agents/{}", agent.id);
        json!({
            "address": bank.issuer,
            "cookies": cookies,
            "pages": [
                ["sign-in", null, "/login"],
                ["apps", "alice", "/"],
                ["apps-none", "bob", "/"],
                ["apps-stopped", "alice", "/?show=stopped"],
                ["app", "alice", app],
                ["agent", "alice", agent(&self.bookkeeper)],
                ["agent-claimed", "alice", agent(&self.worker)],
                ["activity", "alice", "/activity"],
                ["inbox", "alice", "/inbox"],
                ["request", "alice", request],
                ["code", "alice", "/device"],
                ["code-unknown", "alice", "/device?code=BCDF-GHJK"],
                ["consent", "alice", page_of(&self.code)],
                ["not-found", "alice", "/apps/x"],
                ["admin", "root", "/admin"],
                ["admin-people", "root", "/admin/people"],
                ["admin-apps", "root", "/admin/apps"],
                ["admin-app", "root", format!("/admin{app}")],
                ["admin-agents", "root", "/admin/agents"],
                ["admin-agents-none", "root", "/admin/agents?person=nobody"],
                ["admin-agent", "root", admin(&self.bookkeeper)],
                ["admin-capabilities", "root", "/admin/capabilities"],
                ["admin-holders", "root", "/admin/capabilities/list_accounts"],
                ["admin-log", "root", "/admin/log"],
                ["admin-verified", "root", "/admin/log/verify"],
                ["admin-settings", "root", "/admin/settings"],
            ],
        })
    }
}

/// An agent of this app, approved by Alice.
async fn connect(
    bank: &Bank,
    host: &TestHost,
    app: &str,
    name: &str,
    capabilities: Value,
) -> TestAgent {
    let (agent, answer) = register(bank, host, app, name, capabilities).await;
    bank.approve_all(&answer, ALICE).await;
    pass(bank, 4);
    agent
}

async fn register(
    bank: &Bank,
    host: &TestHost,
    app: &str,
    name: &str,
    capabilities: Value,
) -> (TestAgent, Answer) {
    let body = json!({
        "name": name,
        "host_name": app,
        "capabilities": capabilities,
        "reason": "To plan the trip to Lisbon within the budget",
        "preferred_method": "device_authorization",
    });
    bank.register(host, &body).await
}

/// An agent that acted on its own, and became Alice's with its app.
async fn claimed(bank: &Bank) -> TestAgent {
    let host = TestHost::new();
    let worker = bank.autonomous_agent_of(&host).await;
    let note = json!({ "message": "nightly check", "accounts": 2 });
    bank.execute(&worker, "echo", note).await;
    pass(bank, 3);
    connect(
        bank,
        &host,
        "Home server",
        "Meter reader",
        json!(["check_balance"]),
    )
    .await;
    worker
}

async fn stopped(bank: &Bank) {
    let host = TestHost::new();
    connect(
        bank,
        &host,
        "Old tablet",
        "Price watcher",
        json!(["list_accounts"]),
    )
    .await;
    bank.post("/host/revoke", Some(&host.token(bank)), &json!({}))
        .await;
}

/// Calls that go well and calls that do not.
async fn work(bank: &Bank, planner: &TestAgent, bookkeeper: &TestAgent) {
    let account = json!({ "account_id": "acc_123" });
    bank.execute(planner, "check_balance", account.clone())
        .await;
    pass(bank, 2);
    bank.execute(planner, "transfer_domestic", transfer(40, "acc_456"))
        .await;
    bank.execute(bookkeeper, "list_accounts", json!({})).await;
    pass(bank, 6);
    bank.execute(bookkeeper, "transfer_domestic", transfer(240, "acc_456"))
        .await;
    pass(bank, 1);
    bank.execute(bookkeeper, "transfer_domestic", transfer(4800, "acc_999"))
        .await;
    pass(bank, 7);
    bank.execute(bookkeeper, "transfer_domestic", transfer(60, "acc_456"))
        .await;
    pass(bank, 2);
}

fn transfer(amount: u32, to: &str) -> Value {
    json!({ "amount": amount, "currency": "EUR", "destination_account": to })
}

/// A request in Alice's inbox.
async fn ask_for_more(bank: &Bank, agent: &TestAgent) {
    let body = json!({
        "capabilities": ["watch_balance"],
        "reason": "To tell you when the rent has arrived",
        "binding_message": "RENT-7",
        "preferred_method": "ciba",
    });
    bank.request_by(&agent.token(bank, &bank.issuer), &body)
        .await;
    pass(bank, 1);
}

/// A request by an app that nobody has connected, and that has acted on its own before.
async fn unknown_app(bank: &Bank) -> String {
    let host = TestHost::new();
    let worker = bank.autonomous_agent_of(&host).await;
    bank.execute(&worker, "echo", json!({ "message": "hello" }))
        .await;
    let wishes = json!([
        "list_accounts",
        { "name": "transfer_domestic", "constraints": { "amount": { "max": 200 } } },
    ]);
    let (_, answer) = register(bank, &host, "Study desktop", "Budget buddy", wishes).await;
    pass(bank, 1);
    answer.user_code()
}

fn pass(bank: &Bank, minutes: u64) {
    bank.clock.advance(Duration::from_mins(minutes));
}
