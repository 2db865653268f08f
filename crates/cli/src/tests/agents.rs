use super::bank::{agent, approval, refusal};
use super::*;

const CONNECT: [&str; 6] = [
    "connect",
    "https://bank.example",
    "--capability",
    "check_balance",
    "--name",
    "Helper",
];

async fn connected(bank: Bank) -> Terminal {
    let terminal = Terminal::new(bank);
    terminal.run(&CONNECT).await;
    terminal
}

#[tokio::test]
async fn an_agent_that_is_active_at_once_is_shown_and_listed() {
    let terminal = Terminal::new(Bank::open());
    insta::assert_snapshot!(terminal.run(&["connections"]).await, @r"
    exit 0
    -- out --
    No agent is connected yet. 'procura connect PROVIDER' connects one.
    -- err --
    ");
    insta::assert_snapshot!(terminal.run(&CONNECT).await, @r#"
    exit 0
    -- out --
    Agent agt_1 (Helper) at https://bank.example is active.
    CAPABILITY     STATUS  LIMITS                  REASON
    check_balance  active  -
    transfer       active  {"amount":{"max":100}}
    -- err --
    "#);
    insta::assert_snapshot!(terminal.run(&["connections"]).await, @r"
    exit 0
    -- out --
    AGENT  STATUS  PROVIDER  NAME    CAPABILITIES
    agt_1  active  bank      Helper  check_balance, transfer
    -- err --
    ");
    insta::assert_snapshot!(terminal.run(&["status", "--json"]).await, @r#"
    exit 0
    -- out --
    {"agent_capability_grants":[{"capability":"check_balance","status":"active"},{"capability":"transfer","constraints":{"amount":{"max":100}},"status":"active"}],"agent_id":"agt_1","issuer":"https://bank.example","mode":"delegated","name":"Helper","status":"active"}
    -- err --
    "#);
    insta::assert_snapshot!(terminal.run(&["disconnect", "agt"]).await, @r"
    exit 0
    -- out --
    Agent agt_1 at https://bank.example is revoked.
    -- err --
    ");
}

// AA-8.12-17, AA-7.1-01
#[tokio::test]
async fn the_page_and_the_code_are_shown_and_the_decision_awaited() {
    let register = "POST /agent/register";
    let terminal = Terminal::new(Bank::open().but(register, 200, &agent("pending")));
    insta::assert_snapshot!(terminal.run(&CONNECT).await, @r#"
    exit 0
    -- out --
    Agent agt_1 (Helper) at https://bank.example is active.
    CAPABILITY     STATUS  LIMITS                  REASON
    check_balance  active  -
    transfer       active  {"amount":{"max":100}}
    -- err --
    To approve, open  https://bank.example/device
    and enter         ABCD-1234
    or open directly  https://bank.example/device?code=ABCD-1234
    It has to happen before 2026-02-25T10:05:00Z.
    Waiting for approval.
    Cut off, 'procura status agt_1 --wait' goes on.
    "#);
}

#[tokio::test]
async fn without_waiting_the_approval_can_be_awaited_later() {
    let bank = Bank::open()
        .but("POST /agent/register", 200, &agent("pending"))
        .but("GET /agent/status", 200, &agent("pending"))
        .on("GET /agent/status", 200, &agent("active"));
    let terminal = Terminal::new(bank);
    let no_wait = [&CONNECT[..], &["--no-wait", "--json", "--quiet"]].concat();
    insta::assert_snapshot!(terminal.run(&no_wait).await, @r#"
    exit 0
    -- out --
    {"agent_id":"agt_1","approval":{"expires_at":"2026-02-25T10:05:00Z","interval":5,"method":"device_authorization","user_code":"ABCD-1234","verification_uri":"https://bank.example/device","verification_uri_complete":"https://bank.example/device?code=ABCD-1234"},"status":"pending"}
    -- err --
    To approve, open  https://bank.example/device
    and enter         ABCD-1234
    or open directly  https://bank.example/device?code=ABCD-1234
    It has to happen before 2026-02-25T10:05:00Z.
    "#);
    insta::assert_snapshot!(terminal.run(&["status", "--wait", "--quiet"]).await, @r#"
    exit 0
    -- out --
    Agent agt_1 (Helper) at https://bank.example is active.
    CAPABILITY     STATUS  LIMITS                  REASON
    check_balance  active  -
    transfer       active  {"amount":{"max":100}}
    -- err --
    To approve, open  https://bank.example/device
    and enter         ABCD-1234
    or open directly  https://bank.example/device?code=ABCD-1234
    It has to happen before 2026-02-25T10:05:00Z.
    "#);
}

#[tokio::test]
async fn a_denial_has_an_exit_code_of_its_own() {
    let bank = Bank::open()
        .but("POST /agent/register", 200, &agent("pending"))
        .but("GET /agent/status", 200, &agent("rejected"));
    let terminal = Terminal::new(bank);
    insta::assert_snapshot!(terminal.run(&CONNECT).await, @r"
    exit 4
    -- out --
    -- err --
    To approve, open  https://bank.example/device
    and enter         ABCD-1234
    or open directly  https://bank.example/device?code=ABCD-1234
    It has to happen before 2026-02-25T10:05:00Z.
    Waiting for approval.
    Cut off, 'procura status agt_1 --wait' goes on.
    error: the request was denied
    hint: ask again only if whoever the agent works for wants it
    ");
}

#[tokio::test]
async fn an_approval_page_elsewhere_is_warned_about() {
    let mut pending = agent("pending");
    pending["approval"] = approval();
    pending["approval"]["verification_uri"] = json!("https://bank.example.evil.example/device");
    let bank = Bank::open().but("POST /agent/register", 200, &pending);
    let terminal = Terminal::new(bank);
    let no_wait = [&CONNECT[..], &["--no-wait"]].concat();
    insta::assert_snapshot!(terminal.run(&no_wait).await, @r"
    exit 0
    -- out --
    Agent agt_1 waits for approval. 'procura status agt_1 --wait' waits for the decision.
    -- err --
    To approve, open  https://bank.example.evil.example/device
    and enter         ABCD-1234
    or open directly  https://bank.example/device?code=ABCD-1234
    warning: this page is not on the service's own domain; check it before signing in
    It has to happen before 2026-02-25T10:05:00Z.
    ");
}

// AA-2.13-08
#[tokio::test]
async fn a_grant_wider_than_asked_for_is_warned_about_and_not_used() {
    let granted = json!({ "capability": "transfer", "status": "active", "constraints": { "amount": { "max": 100 } } });
    let answer = json!({ "agent_id": "agt_1", "agent_capability_grants": [granted] });
    let bank = Bank::open().on("POST /agent/request-capability", 200, &answer);
    let terminal = Terminal::new(bank);
    let limits = r#"{"transfer": {"amount": {"max": 5}}}"#;
    let words = [
        "connect",
        "https://bank.example",
        "-c",
        "transfer",
        "--constraints",
        limits,
        "-q",
    ];
    insta::assert_snapshot!(terminal.run(&words).await, @r#"
    exit 0
    -- out --
    Agent agt_1 (Helper) at https://bank.example is active.
    CAPABILITY     STATUS  LIMITS                  REASON
    check_balance  active  -
    transfer       active  {"amount":{"max":100}}
    -- err --
    warning: transfer was asked for within {"amount":{"max":5}} and granted within {"amount":{"max":100}}. The service gave more than it should, so it is not used.
    "#);
    let run = ["execute", "transfer", r#"{"amount": 5}"#];
    insta::assert_snapshot!(terminal.run(&run).await, @r#"
    exit 5
    -- out --
    -- err --
    error: transfer was asked for within {"amount":{"max":5}} and granted within {"amount":{"max":100}}, so it is not used
    hint: 'procura request' asks for it again within limits that you accept; without --constraints there are none
    "#);
    // Whoever asks for more accepts it.
    let wider = r#"{"transfer": {"amount": {"max": 100}}}"#;
    let accepted = ["request", "-c", "transfer", "--constraints", wider, "-q"];
    assert!(terminal.run(&accepted).await.starts_with("exit 0"));
    assert!(terminal.run(&run).await.starts_with("exit 0"));
}

// AA-6.6-05
#[tokio::test]
async fn more_is_asked_for_and_a_complete_denial_shows_in_the_exit_code() {
    let answer = json!({ "agent_id": "agt_1", "agent_capability_grants": [
        { "capability": "export", "status": "denied", "reason": "Ask\u{1b}[2J again\u{202e} later" },
    ]});
    let bank = Bank::open().on("POST /agent/request-capability", 200, &answer);
    let terminal = connected(bank).await;
    insta::assert_snapshot!(terminal.run(&["request", "-c", "export"]).await, @r"
    exit 4
    -- out --
    Agent agt_1 (Helper) at https://bank.example is active.
    CAPABILITY  STATUS  LIMITS  REASON
    export      denied  -       Ask [2J again later
    -- err --
    ");
}

#[tokio::test]
async fn a_capability_is_run_and_its_result_printed() {
    let terminal = connected(Bank::open()).await;
    let run = ["execute", "check_balance", r#"{"account_id": "acc_1"}"#];
    insta::assert_snapshot!(terminal.run(&run).await, @r#"
    exit 0
    -- out --
    {
      "balance": 7
    }
    -- err --
    "#);
    let run = [
        "execute",
        "agt_1",
        "check_balance",
        "--arg",
        "account_id=acc_1",
        "--json",
    ];
    insta::assert_snapshot!(terminal.run(&run).await, @r#"
    exit 0
    -- out --
    {"balance":7}
    -- err --
    "#);
}

#[tokio::test]
async fn broken_limits_are_explained_one_by_one() {
    let mut body = refusal("constraint_violated");
    body["violations"] = json!([
        { "field": "amount", "constraint": { "max": 1000 }, "actual": 5000 },
        { "field": "currency", "constraint": "USD" },
    ]);
    let bank = Bank::open().but("POST /capability/execute", 403, &body);
    let terminal = connected(bank).await;
    insta::assert_snapshot!(terminal.run(&["execute", "transfer", "--arg", "amount=5000"]).await, @r#"
    exit 3
    -- out --
    -- err --
    error: Refused: constraint_violated. (constraint_violated, HTTP 403)
      amount: the limit is {"max":1000}, and it was 5000
      currency: the limit is "USD", and it was missing
    "#);
    insta::assert_snapshot!(terminal.run(&["execute", "transfer", "--json"]).await, @r#"
    exit 3
    -- out --
    -- err --
    {"error":"constraint_violated","exit_code":3,"http_status":403,"message":"Refused: constraint_violated.","violations":[{"actual":5000,"constraint":{"max":1000},"field":"amount"},{"constraint":"USD","field":"currency"}]}
    "#);
}

#[tokio::test]
async fn forgetting_is_told_apart_from_revoking() {
    let bank = Bank::open().but("POST /agent/revoke", 500, &refusal("internal_error"));
    let terminal = connected(bank).await;
    insta::assert_snapshot!(terminal.run(&["disconnect", "agt_1"]).await, @r"
    exit 3
    -- out --
    -- err --
    error: Refused: internal_error. (internal_error, HTTP 500)
    ");
    insta::assert_snapshot!(terminal.run(&["disconnect", "agt_1", "--forget-only", "--json"]).await, @r#"
    exit 0
    -- out --
    {"agent_id":"agt_1","status":"forgotten"}
    -- err --
    "#);
}

// AA-6.8-02
#[tokio::test]
async fn an_expired_agent_is_brought_back_as_the_hint_says() {
    let bank = Bank::open()
        .but("POST /capability/execute", 403, &refusal("agent_expired"))
        .on("POST /agent/reactivate", 200, &agent("active"));
    let terminal = connected(bank).await;
    insta::assert_snapshot!(terminal.run(&["execute", "transfer"]).await, @r"
    exit 3
    -- out --
    -- err --
    error: Refused: agent_expired. (agent_expired, HTTP 403)
    hint: 'procura reactivate' brings the agent back
    ");
    insta::assert_snapshot!(terminal.run(&["reactivate"]).await, @r#"
    exit 0
    -- out --
    Agent agt_1 (Helper) at https://bank.example is active.
    CAPABILITY     STATUS  LIMITS                  REASON
    check_balance  active  -
    transfer       active  {"amount":{"max":100}}
    -- err --
    "#);
}

#[tokio::test]
async fn with_several_agents_one_has_to_be_named() {
    let mut second = agent("active");
    second["agent_id"] = json!("agt_2");
    let bank = Bank::open().on("POST /agent/register", 200, &second);
    let terminal = connected(bank).await;
    terminal.run(&CONNECT).await;
    insta::assert_snapshot!(terminal.run(&["execute", "transfer"]).await, @r"
    exit 2
    -- out --
    -- err --
    error: say which agent is meant: agt_1, agt_2
    ");
}

#[tokio::test]
async fn a_batch_prints_how_each_call_went_and_fails_if_one_was_refused() {
    let mut document = bank::document();
    document["endpoints"]["batch_execute"] = json!("/capability/batch-execute");
    let answer = json!({ "responses": [
        { "id": "1", "status": "failed", "error": { "error": "constraint_violated", "message": "too much" } },
        { "id": "0", "status": "completed", "data": { "balance": 7 } },
    ]});
    let bank = Bank::open()
        .but("GET /.well-known/agent-configuration", 200, &document)
        .on("POST /capability/batch-execute", 200, &answer);
    let terminal = connected(bank).await;
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("calls");
    let path = file.to_str().unwrap();
    let calls = "{\"capability\":\"check_balance\"}\n\n{\"capability\":\"transfer\",\"arguments\":{\"amount\":5}}\n";
    std::fs::write(&file, calls).unwrap();
    insta::assert_snapshot!(terminal.run(&["execute", "--batch", path]).await, @r#"
    exit 3
    -- out --
    {"data":{"balance":7}}
    {"error":"constraint_violated","http_status":200,"message":"too much"}
    -- err --
    "#);
    std::fs::write(&file, "{\"capability\":\"a\"}\n{\"capability\":1}").unwrap();
    let refused = terminal.run(&["execute", "--batch", path]).await;
    assert!(
        refused.starts_with("exit 2") && refused.contains("line 2"),
        "{refused}"
    );
}
