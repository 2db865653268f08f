//! Where the MCP client can ask its person.

use super::*;

const FORMS_AND_PAGES: &str = r#"{ "elicitation": { "form": {}, "url": {} } }"#;

fn asks() -> Value {
    serde_json::from_str(FORMS_AND_PAGES).unwrap()
}

/// AA-6.2.3-02, AA-8.9-01
#[tokio::test]
async fn a_new_service_is_contacted_when_the_person_says_so() {
    let nowhere = || Access::To(Vec::new());
    let mut mcp = Mcp::start(Bank::open(), json!({}), nowhere(), false).await;
    for (tool, arguments) in [
        ("discover_provider", json!({ "url": BANK })),
        ("connect_agent", connect()),
        ("list_capabilities", json!({ "provider": BANK })),
    ] {
        let refused = mcp.failed(tool, arguments).await;
        assert_eq!(refused["error"], "not_permitted", "{tool}");
        assert!(
            refused["next"]
                .as_str()
                .unwrap()
                .contains("procura discover")
        );
    }

    let mut mcp = Mcp::start(Bank::open(), asks(), nowhere(), false).await;
    let refused = mcp
        .failed("discover_provider", json!({ "url": BANK }))
        .await;
    assert_eq!(refused["error"], "not_permitted");
    let asked = mcp.heard("elicitation/create");
    assert!(
        asked[0]["params"]["message"]
            .as_str()
            .unwrap()
            .contains(BANK)
    );

    mcp.person = json!({ "action": "accept", "content": {} });
    mcp.done("discover_provider", json!({ "url": BANK })).await;
    // Once looked at, it is known and nobody is asked again.
    mcp.done("connect_agent", connect()).await;
    assert_eq!(mcp.heard("elicitation/create").len(), 2);
}

#[tokio::test]
async fn a_person_who_goes_to_the_page_is_waited_for() {
    let bank = Bank::open()
        .but("POST /agent/register", 200, &agent("pending"))
        .but("GET /agent/status", 200, &agent("active"));
    let mut mcp = Mcp::with(bank, asks()).await;
    mcp.person = json!({ "action": "accept" });
    let standing = mcp.done("connect_agent", connect()).await;
    assert_eq!(standing["status"], "active");
    let asked = &mcp.heard("elicitation/create")[0]["params"];
    assert_eq!(asked["mode"], "url");
    assert_eq!(asked["url"], "https://bank.example/device?code=ABCD-1234");
    assert_eq!(asked["elicitationId"], "agt_1");
}

#[tokio::test]
async fn a_person_who_does_not_go_leaves_the_agent_pending() {
    let bank = Bank::open().but("POST /agent/register", 200, &agent("pending"));
    let mut mcp = Mcp::with(bank, asks()).await;
    let pending = mcp.done("connect_agent", connect()).await;
    assert_eq!(pending["status"], "pending");
}

#[tokio::test]
async fn nobody_is_sent_to_a_page_of_another_domain() {
    let mut elsewhere = agent("pending");
    elsewhere["approval"] = approval();
    elsewhere["approval"]["verification_uri"] = json!("https://evil.example/device");
    elsewhere["approval"]["verification_uri_complete"] =
        json!("https://evil.example/device?code=A");
    let bank = Bank::open().but("POST /agent/register", 200, &elsewhere);
    let mut mcp = Mcp::with(bank, asks()).await;
    mcp.person = json!({ "action": "accept" });
    let pending = mcp.done("connect_agent", connect()).await;
    assert!(
        pending["next"]
            .as_str()
            .unwrap()
            .contains("not on the service's own domain")
    );
    assert!(mcp.heard("elicitation/create").is_empty());
}
