//! The apps and agents of the showcase, and what they have done and asked for.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::Bank;
use crate::support::flows::ALICE;
use crate::support::http::Answer;
use crate::support::signers::{TestAgent, TestHost};

/// Who acts at the bank.
pub(crate) struct Scene {
    pub(crate) laptop: TestHost,
    pub(crate) bookkeeper: TestAgent,
    pub(crate) planner: TestAgent,
    pub(crate) worker: TestAgent,
    /// The code of a request by an app that nobody knows.
    pub(crate) code: String,
    /// Of one whose names are made to be mistaken, and which asks for all there is.
    pub(crate) suspicious: String,
    /// Of one that is approved.
    pub(crate) approved: String,
    /// Of one that is denied.
    pub(crate) denied: String,
}

impl Scene {
    pub(crate) async fn fill(bank: &Bank) -> Self {
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
            suspicious: suspicious(bank).await,
            approved: modest(bank, "Rent reminder").await,
            denied: modest(bank, "Gift finder").await,
        }
    }

    /// The page of the app that most agents belong to.
    pub(crate) async fn app(&self, bank: &Bank) -> String {
        let status = bank.status(&self.laptop, &self.planner).await;
        format!("/apps/{}", status.text_of("host_id"))
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

/// A request that one should look at twice.
async fn suspicious(bank: &Bank) -> String {
    let wishes = json!([
        "check_balance",
        "list_accounts",
        "transfer_domestic",
        "export_statement",
        "watch_balance",
    ]);
    // The second letter is Cyrillic.
    let (_, answer) = register(
        bank,
        &TestHost::new(),
        "B\u{430}nk",
        "Security update",
        wishes,
    )
    .await;
    answer.user_code()
}

/// A request that Alice answers.
async fn modest(bank: &Bank, name: &str) -> String {
    let wishes = json!([
        "check_balance",
        { "name": "transfer_domestic", "constraints": { "amount": { "max": 50 } } },
    ]);
    let (_, answer) = register(bank, &TestHost::new(), "Phone", name, wishes).await;
    answer.user_code()
}

fn pass(bank: &Bank, minutes: u64) {
    bank.clock.advance(Duration::from_mins(minutes));
}
