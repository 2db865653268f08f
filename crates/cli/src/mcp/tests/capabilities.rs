//! Capabilities as tools of their own.

use super::*;

fn names(answer: &Value) -> Vec<String> {
    let tools = answer["result"]["tools"].as_array().unwrap().iter();
    let names = tools.map(|tool| tool["name"].as_str().unwrap().to_owned());
    names.filter(|name| name.contains("__")).collect()
}

#[tokio::test]
async fn granted_capabilities_become_tools_and_go_again() {
    let mut granted = agent("active");
    granted["agent_capability_grants"][1]["description"] = json!("Move money");
    granted["agent_capability_grants"][1]["input"] =
        json!({ "type": "object", "required": ["amount"] });
    let bank = Bank::open().but("POST /agent/register", 200, &granted);
    let mut mcp = Mcp::start(bank, json!({}), Access::Anywhere, true).await;
    assert!(names(&mcp.ask("tools/list", json!({})).await).is_empty());

    mcp.done("connect_agent", connect()).await;
    let listed = mcp.ask("tools/list", json!({})).await;
    assert_eq!(names(&listed), ["bank__check_balance", "bank__transfer"]);
    let tools = listed["result"]["tools"].as_array().unwrap();
    let transfer = tools
        .iter()
        .find(|tool| tool["name"] == "bank__transfer")
        .unwrap();
    assert_eq!(transfer["inputSchema"]["required"], json!(["amount"]));
    assert!(
        transfer["description"]
            .as_str()
            .unwrap()
            .contains(r#"{"amount":{"max":100}}"#)
    );

    let done = mcp.done("bank__transfer", json!({ "amount": 5 })).await;
    assert_eq!(done, json!({ "data": { "balance": 7 } }));

    mcp.done("disconnect_agent", json!({ "agent_id": "agt_1" }))
        .await;
    assert!(names(&mcp.ask("tools/list", json!({})).await).is_empty());
    let changes = mcp.heard("notifications/tools/list_changed");
    assert!(changes.len() >= 2, "{changes:?}");
}

#[tokio::test]
async fn without_the_option_there_are_no_such_tools() {
    let mut mcp = Mcp::with(Bank::open(), json!({})).await;
    mcp.done("connect_agent", connect()).await;
    assert!(names(&mcp.ask("tools/list", json!({})).await).is_empty());
    let answer = mcp
        .ask("tools/call", json!({ "name": "bank__transfer" }))
        .await;
    assert_eq!(answer["error"]["code"], -32602);
}
