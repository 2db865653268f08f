//! The tools in the order an agent meets them.

use super::*;

/// AA-6.1-01, AA-6.2-01
#[tokio::test]
async fn the_tools_have_the_names_of_the_specification_and_honest_hints() {
    let mut mcp = Mcp::with(Bank::open(), json!({})).await;
    let answer = mcp.ask("tools/list", json!({})).await;
    let tools = answer["result"]["tools"].as_array().unwrap();
    let listed: Vec<_> = tools
        .iter()
        .map(|tool| {
            let hints = &tool["annotations"];
            let hint = |name: &str| hints[name].as_bool().unwrap();
            assert_eq!(tool["inputSchema"]["additionalProperties"], false, "{tool}");
            format!(
                "{} reads={} destroys={} idempotent={}",
                tool["name"].as_str().unwrap(),
                hint("readOnlyHint"),
                hint("destructiveHint"),
                hint("idempotentHint")
            )
        })
        .collect();
    insta::assert_snapshot!(listed.join("\n"), @r"
    search_providers reads=true destroys=false idempotent=true
    list_providers reads=true destroys=false idempotent=true
    discover_provider reads=true destroys=false idempotent=true
    list_agents reads=true destroys=false idempotent=true
    list_capabilities reads=true destroys=false idempotent=true
    describe_capability reads=true destroys=false idempotent=true
    connect_agent reads=false destroys=false idempotent=false
    request_capability reads=false destroys=false idempotent=false
    agent_status reads=true destroys=false idempotent=true
    execute_capability reads=false destroys=true idempotent=false
    sign_jwt reads=false destroys=false idempotent=false
    reactivate_agent reads=false destroys=false idempotent=false
    disconnect_agent reads=false destroys=true idempotent=true
    ");
}

/// AA-6.3-01, AA-6.9-01
#[tokio::test]
async fn an_agent_finds_a_service_works_and_leaves() {
    let mut mcp = Mcp::with(Bank::open(), json!({})).await;
    assert_eq!(
        mcp.done("list_providers", json!({})).await,
        json!({ "providers": [] })
    );
    let bank = json!({ "name": "bank", "description": "Accounts and transfers", "issuer": BANK });
    assert_eq!(
        mcp.done("discover_provider", json!({ "url": BANK })).await,
        bank
    );
    let listed = mcp
        .done("list_capabilities", json!({ "query": "money" }))
        .await;
    assert_eq!(listed["capabilities"][1]["name"], "transfer");
    let described = mcp
        .done("describe_capability", json!({ "name": "transfer" }))
        .await;
    assert_eq!(described["input"]["required"], json!(["amount"]));

    let standing = mcp.done("connect_agent", connect()).await;
    assert_eq!(
        (&standing["agent_id"], &standing["status"]),
        (&json!("agt_1"), &json!("active"))
    );
    let agents = mcp.done("list_agents", json!({})).await;
    assert_eq!(
        agents["agents"][0]["capabilities"],
        json!(["check_balance", "transfer"])
    );

    let call = json!({ "agent_id": "agt_1", "capability": "check_balance" });
    assert_eq!(
        mcp.done("execute_capability", call).await,
        json!({ "data": { "balance": 7 } })
    );
    let signed = mcp
        .done("sign_jwt", json!({ "agent_id": "agt_1", "audience": BANK }))
        .await;
    assert_eq!(signed["expires_in"], 60);
    let status = mcp
        .done("agent_status", json!({ "agent_id": "agt_1" }))
        .await;
    assert_eq!(status["status"], "active");
    let ended = mcp
        .done("disconnect_agent", json!({ "agent_id": "agt_1" }))
        .await;
    assert_eq!(ended, json!({ "agent_id": "agt_1", "status": "revoked" }));
    assert_eq!(
        mcp.done("list_agents", json!({})).await,
        json!({ "agents": [] })
    );
}

#[tokio::test]
async fn a_pending_agent_is_something_to_show_and_to_come_back_for() {
    let bank = Bank::open()
        .but("POST /agent/register", 200, &agent("pending"))
        .but("GET /agent/status", 200, &agent("pending"))
        .on("GET /agent/status", 200, &agent("pending"))
        .on("GET /agent/status", 200, &agent("pending"))
        .on("GET /agent/status", 200, &agent("active"));
    let mut mcp = Mcp::with(bank, json!({})).await;
    let pending = mcp.done("connect_agent", connect()).await;
    assert_eq!(pending["status"], "pending");
    assert_eq!(pending["approval"]["user_code"], "ABCD-1234");
    let next = pending["next"].as_str().unwrap();
    for part in [
        "https://bank.example/device",
        "ABCD-1234",
        "Only they may approve",
        "agt_1",
    ] {
        assert!(next.contains(part), "{part} is not in {next}");
    }
    // Asked without waiting, it says what is still to be done.
    let still = mcp
        .done("agent_status", json!({ "agent_id": "agt_1" }))
        .await;
    assert_eq!(
        (&still["status"], &still["next"]),
        (&json!("pending"), &json!(next))
    );
    // Waiting reports progress and ends with the decision.
    let waited = json!({ "agent_id": "agt_1", "wait_seconds": 30 });
    let standing = mcp.done("agent_status", waited).await;
    assert_eq!(standing["status"], "active");
    let reports = mcp.heard("notifications/progress");
    assert!(!reports.is_empty());
    assert_eq!(reports[0]["params"]["progressToken"], "p");
}

#[tokio::test]
async fn failures_say_what_to_do_next() {
    let unknown = json!({ "error": "invalid_capabilities", "message": "Unknown.", "invalid_capabilities": ["fly"] });
    let violated = json!({
        "error": "constraint_violated", "message": "Too much.",
        "violations": [{ "field": "amount", "constraint": { "max": 100 }, "actual": 500 }],
    });
    let bank = Bank::open()
        .but("POST /agent/register", 400, &unknown)
        .on("POST /agent/register", 200, &agent("active"))
        .but("POST /capability/execute", 403, &violated)
        .on("POST /capability/execute", 403, &refusal("agent_revoked"));
    let mut mcp = Mcp::with(bank, json!({})).await;

    let refused = mcp.failed("connect_agent", connect()).await;
    assert_eq!(refused["error"], "invalid_capabilities");
    assert_eq!(
        refused["available_capabilities"],
        json!(["check_balance", "transfer"])
    );
    mcp.done("connect_agent", connect()).await;

    let call =
        json!({ "agent_id": "agt_1", "capability": "transfer", "arguments": { "amount": 500 } });
    let refused = mcp.failed("execute_capability", call.clone()).await;
    assert_eq!(refused["violations"][0]["field"], "amount");
    assert!(
        refused["next"]
            .as_str()
            .unwrap()
            .contains("request_capability")
    );
    let refused = mcp.failed("execute_capability", call).await;
    assert_eq!(refused["error"], "agent_revoked");
    assert!(refused.get("exit_code").is_none());

    let nobody = mcp
        .failed("agent_status", json!({ "agent_id": "agt_9" }))
        .await;
    assert!(nobody["next"].as_str().unwrap().contains("list_agents"));
}

#[tokio::test]
async fn arguments_that_do_not_fit_are_named() {
    let mut mcp = Mcp::with(Bank::open(), json!({})).await;
    for (tool, arguments, part) in [
        ("connect_agent", json!({}), "provider"),
        (
            "connect_agent",
            json!({ "provider": BANK, "capabilites": [] }),
            "capabilites",
        ),
        (
            "execute_capability",
            json!({ "agent_id": "a", "capability": "c", "arguments": 5 }),
            "map",
        ),
        (
            "request_capability",
            json!({ "agent_id": "a", "capabilities": [] }),
            "capabilities",
        ),
        ("list_capabilities", json!({}), "provider"),
    ] {
        let refused = mcp.failed(tool, arguments).await;
        assert_eq!(refused["error"], "usage");
        let message = refused["message"].as_str().unwrap();
        assert!(message.contains(part), "{part} is not in {message}");
    }
    let answer = mcp
        .ask("tools/call", json!({ "name": "fly", "arguments": {} }))
        .await;
    assert_eq!(answer["error"]["code"], -32602);
}

// AA-6.2.2-01, AA-6.11-11
#[tokio::test]
async fn the_directory_is_searched_and_what_it_finds_may_be_contacted() {
    let mut elsewhere = crate::tests::bank::document();
    elsewhere["issuer"] = json!("https://evil.example");
    let found = json!({ "providers": [crate::tests::bank::document(), elsewhere] });
    let bank = Bank::open().on("GET /api/search", 200, &found);
    let nowhere = Access::to(&[]).unwrap();
    let mut mcp = Mcp::start(bank, json!({}), nowhere, false).await;
    let found = mcp
        .done("search_providers", json!({ "intent": "send money" }))
        .await;
    assert_eq!(found["providers"][0]["issuer"], BANK);
    assert_eq!(found["providers"].as_array().unwrap().len(), 1);
    assert_eq!(found["refused"][0]["issuer"], "https://evil.example");
    mcp.done("list_capabilities", json!({ "provider": BANK }))
        .await;
    mcp.failed("search_providers", json!({})).await;
}

// AA-5.14-03
#[tokio::test]
async fn a_challenge_leads_to_its_service_under_the_same_permission() {
    let header = format!(r#"Bearer, AgentAuth discovery="{BANK}/.well-known/agent-configuration""#);
    let arguments = json!({ "www_authenticate": header });
    let mut mcp = Mcp::start(Bank::open(), json!({}), Access::Anywhere, false).await;
    let found = mcp.done("discover_provider", arguments.clone()).await;
    assert_eq!(found["issuer"], BANK);
    mcp.failed("discover_provider", json!({ "www_authenticate": "Bearer" }))
        .await;
    mcp.failed("discover_provider", json!({})).await;
    let nowhere = Access::to(&[]).unwrap();
    let mut mcp = Mcp::start(Bank::open(), json!({}), nowhere, false).await;
    let refused = mcp.failed("discover_provider", arguments).await;
    assert_eq!(refused["error"], "not_permitted");
}

// AA-6.4-02
#[tokio::test]
async fn an_agent_without_a_name_is_called_after_the_program_it_runs_in() {
    let mut answer = agent("active");
    answer.as_object_mut().unwrap().remove("name");
    let mut mcp = Mcp::with(
        Bank::open().but("POST /agent/register", 200, &answer),
        json!({}),
    )
    .await;
    let mut nameless = connect();
    nameless.as_object_mut().unwrap().remove("name");
    mcp.done("connect_agent", nameless).await;
    let agents = mcp.done("list_agents", json!({})).await;
    assert_eq!(agents["agents"][0]["name"], "test-client");
}
