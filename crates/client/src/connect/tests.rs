use serde_json::json;

use super::*;
use crate::client::Options;
use crate::error::{Hint, NotApproved};
use crate::fake::{BANK, Stage, approval, bank, ok, outage, refusal, registered};

const REGISTER: &str = "POST /agent/register";

fn request() -> Connect {
    let limits = json!({ "amount": { "max": 1000 } });
    let mut request = Connect::new("Helper")
        .with_capability("check_balance", None)
        .with_capability("transfer", Some(limits));
    request.hints.reason = Some("Asked to pay a bill".to_owned());
    request.hints.login_hint = Some("alice@example.com".to_owned());
    request
}

async fn connect(stage: &Stage) -> Result<Connected, ClientError> {
    stage.client.connect(BANK, request()).await
}

// AA-6.4-01, AA-6.4-03, AA-6.4-04, AA-3.1-07, AA-4.1-04, AA-7.2-03, AA-7.5-01
#[tokio::test]
async fn the_host_registers_a_new_key_with_everything_the_approver_needs() {
    let stage = Stage::with_options(Options {
        host_name: Some("laptop".to_owned()),
        ..Options::default()
    });
    stage.on(REGISTER, ok(&registered("active")));
    let mut request = request();
    request.hints.preferred_method = Some("device_authorization".to_owned());
    request.hints.binding_message = Some("Bill 7".to_owned());
    stage.client.connect(BANK, request).await.unwrap();
    let sent = &stage.sent(REGISTER)[0];
    assert_eq!(
        sent.body,
        json!({
            "name": "Helper",
            "host_name": "laptop",
            "capabilities": [
                "check_balance",
                { "name": "transfer", "constraints": { "amount": { "max": 1000 } } },
            ],
            "mode": "delegated",
            "reason": "Asked to pay a bill",
            "preferred_method": "device_authorization",
            "login_hint": "alice@example.com",
            "binding_message": "Bill 7",
        })
    );
    assert_eq!(sent.typ.as_deref(), Some("host+jwt"));
    assert_eq!(sent.claims["aud"], BANK);
    assert_eq!(sent.claims["iss"], sent.claims["host_public_key"]["kid"]);
    let kept = stage.client.profile().connection("agt_1").unwrap();
    assert_eq!(
        sent.claims["agent_public_key"]["kid"],
        json!(kept.agent_key)
    );
    assert_ne!(sent.claims["iss"], json!(kept.agent_key));
}

// AA-6.4-05, AA-5.3-22
#[tokio::test]
async fn an_active_agent_is_kept_and_its_denied_grants_are_told() {
    let stage = Stage::new();
    let mut answer = registered("active");
    answer["agent_capability_grants"] = json!([
        { "capability": "check_balance", "status": "active", "description": "Check", "input": {} },
        { "capability": "transfer", "status": "denied", "reason": "Not yet" },
    ]);
    stage.on(REGISTER, ok(&answer));
    let Connected::Active(standing) = connect(&stage).await.unwrap() else {
        panic!("not active");
    };
    let denied: Vec<_> = standing.denied().map(|it| it.capability.as_str()).collect();
    assert_eq!(denied, ["transfer"]);
    let kept = stage.client.profile().connection("agt_1").unwrap();
    assert_eq!((kept.status.as_str(), kept.grants.len()), ("active", 2));
}

#[tokio::test]
async fn a_pending_agent_is_kept_with_what_it_waits_for() {
    let stage = Stage::new();
    stage.on(REGISTER, ok(&registered("pending")));
    let Connected::Pending(pending) = connect(&stage).await.unwrap() else {
        panic!("not pending");
    };
    assert_eq!(pending.approval.user_code.as_deref(), Some("ABCD-1234"));
    assert!(!pending.approval.is_elsewhere);
    assert_eq!(stage.client.pending("agt").unwrap(), pending);
}

// AA-6.4-07
#[tokio::test]
async fn a_refusal_of_names_comes_with_the_names_there_are() {
    let stage = Stage::new();
    let body = json!({ "error": "invalid_capabilities", "message": "No.", "invalid_capabilities": ["transfer"] });
    stage.on(
        REGISTER,
        crate::fake::Reply::Answer(400, http::HeaderMap::new(), body.to_string()),
    );
    let offered = json!({ "capabilities": [
        { "name": "check_balance", "description": "Check" },
        { "name": "pay", "description": "Pay" },
    ]});
    stage.on("GET /capability/list", ok(&offered));
    let error = connect(&stage).await.unwrap_err();
    let refused = error.refused().unwrap();
    assert_eq!(refused.details["invalid_capabilities"], json!(["transfer"]));
    let names = vec!["check_balance".to_owned(), "pay".to_owned()];
    assert_eq!(refused.hint, Some(Hint::Available(names)));
    assert!(stage.client.profile().connections().unwrap().is_empty());
}

// AA-5.3-11
#[tokio::test]
async fn every_attempt_has_a_key_of_its_own_and_the_host_keeps_its() {
    let stage = Stage::new();
    stage.on(REGISTER, refusal(409, "agent_exists"));
    connect(&stage).await.unwrap_err();
    connect(&stage).await.unwrap_err();
    let sent = stage.sent(REGISTER);
    assert_ne!(
        sent[0].claims["agent_public_key"],
        sent[1].claims["agent_public_key"]
    );
    assert_eq!(
        sent[0].claims["host_public_key"],
        sent[1].claims["host_public_key"]
    );
}

// AA-4.1-06, AA-8.16-01
#[tokio::test]
async fn a_known_provider_that_drops_ed25519_gets_no_registration() {
    let stage = Stage::new();
    stage.client.discover(BANK).await.unwrap();
    let mut weaker = bank();
    weaker["algorithms"] = json!(["RSA"]);
    stage.now_on("GET /.well-known/agent-configuration", ok(&weaker));
    stage.clock.turn(std::time::Duration::from_hours(2));
    let error = connect(&stage).await.unwrap_err();
    assert!(
        error.to_string().contains("does not accept Ed25519"),
        "{error}"
    );
    assert!(stage.sent(REGISTER).is_empty());
}

// AA-5.1.1-03
#[tokio::test]
async fn a_provider_of_another_version_gets_no_registration() {
    let stage = Stage::new();
    let mut newer = bank();
    newer["version"] = json!("2.0");
    stage.now_on("GET /.well-known/agent-configuration", ok(&newer));
    let error = connect(&stage).await.unwrap_err();
    assert!(error.to_string().contains("version 2.0"), "{error}");
    assert!(stage.sent(REGISTER).is_empty());
}

// AA-2.13-08
#[tokio::test]
async fn a_grant_wider_than_asked_for_is_told() {
    let stage = Stage::new();
    let mut answer = registered("active");
    answer["agent_capability_grants"] = json!([
        { "capability": "check_balance", "status": "active" },
        { "capability": "transfer", "status": "active", "constraints": { "amount": { "max": 9000 } } },
    ]);
    stage.on(REGISTER, ok(&answer));
    let Connected::Active(standing) = connect(&stage).await.unwrap() else {
        panic!("not active");
    };
    assert_eq!(standing.wider.len(), 1);
    assert_eq!(standing.wider[0].capability, "transfer");
    assert_eq!(
        standing.wider[0].granted,
        Some(json!({ "amount": { "max": 9000 } }))
    );
}

async fn with_approval(change: impl FnOnce(&mut Value)) -> Result<Connected, ClientError> {
    let stage = Stage::new();
    let mut answer = registered("pending");
    answer["approval"] = approval();
    change(&mut answer["approval"]);
    stage.on(REGISTER, ok(&answer));
    connect(&stage).await
}

// AA-8.12-13
#[tokio::test]
async fn an_approval_page_that_is_not_https_is_not_shown() {
    for page in [
        "http://bank.example/device",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "device",
    ] {
        let error = with_approval(|it| it["verification_uri"] = json!(page))
            .await
            .unwrap_err();
        assert!(
            matches!(error, ClientError::BadAnswer { .. }),
            "{page}: {error}"
        );
        let error = with_approval(|it| it["verification_uri_complete"] = json!(page)).await;
        assert!(
            matches!(error, Err(ClientError::BadAnswer { .. })),
            "{page}"
        );
    }
}

// AA-8.12-15
#[tokio::test]
async fn an_approval_page_elsewhere_is_marked() {
    let page = json!("https://bank.example.evil.example/device");
    let connected = with_approval(|it| it["verification_uri_complete"] = page).await;
    let Connected::Pending(pending) = connected.unwrap() else {
        panic!("not pending");
    };
    assert!(pending.approval.is_elsewhere);
}

// AA-7.4-01, AA-10.10.3-02
#[tokio::test]
async fn an_unknown_way_of_approval_is_reported() {
    let error = with_approval(|it| it["method"] = json!("tea_leaves"))
        .await
        .unwrap_err();
    let ClientError::NotApproved(reason) = error else {
        panic!("{error}");
    };
    assert_eq!(
        reason,
        NotApproved::UnsupportedMethod("tea_leaves".to_owned())
    );
}

// AA-7.2-02
#[tokio::test]
async fn an_approval_by_ciba_needs_no_page_and_no_code() {
    let ciba =
        json!({ "method": "ciba", "expires_in": 300, "interval": 5, "binding_message": "Bill 7" });
    let connected = with_approval(|it| *it = ciba).await.unwrap();
    let Connected::Pending(pending) = connected else {
        panic!("not pending");
    };
    assert_eq!(pending.approval.verification_uri, None);
    assert_eq!(pending.approval.binding_message.as_deref(), Some("Bill 7"));
}

// AA-1.4.1-01, AA-5.1.1-04
#[tokio::test]
async fn nulls_and_unknown_members_in_an_answer_do_no_harm() {
    let stage = Stage::new();
    let mut answer = registered("active");
    answer["approval"] = json!(null);
    answer["mood"] = json!("sunny");
    answer["agent_capability_grants"][0]["constraints"] = json!(null);
    stage.on(REGISTER, ok(&answer));
    assert!(matches!(connect(&stage).await, Ok(Connected::Active(_))));
}

// AA-8.18-02, AA-8.18-03
#[tokio::test]
async fn each_server_gets_tokens_of_its_own() {
    let stage = Stage::new();
    stage.on(REGISTER, ok(&registered("active")));
    connect(&stage).await.unwrap();
    let mut shop = bank();
    shop["issuer"] = json!("https://shop.example");
    shop["default_location"] = json!("https://shop.example/run");
    let mut other = registered("active");
    other["agent_id"] = json!("agt_2");
    stage.now_on(REGISTER, ok(&other));
    stage.now_on("GET /.well-known/agent-configuration", ok(&shop));
    stage
        .client
        .connect("https://shop.example", request())
        .await
        .unwrap();
    let sent = stage.sent(REGISTER);
    assert_eq!(
        (&sent[0].claims["aud"], &sent[1].claims["aud"]),
        (&json!(BANK), &json!("https://shop.example"))
    );
    assert_ne!(sent[0].claims["jti"], sent[1].claims["jti"]);
}

// A registration whose answer is lost, because the process was killed or the network failed, is taken up again.
#[tokio::test]
async fn a_registration_without_an_answer_is_repeated_with_the_same_key() {
    let stage = Stage::new();
    stage
        .on(REGISTER, outage())
        .on(REGISTER, ok(&registered("pending")));
    let request = || Connect::new("Helper").with_capability("check_balance", None);
    stage.client.connect(BANK, request()).await.unwrap_err();
    assert!(stage.client.profile().connections().unwrap().is_empty());
    let connected = stage.client.connect(BANK, request()).await.unwrap();
    assert!(matches!(connected, Connected::Pending(_)));
    let sent = stage.sent(REGISTER);
    let key = |index: usize| sent[index].claims["agent_public_key"].clone();
    assert_eq!(key(0), key(1));
}

#[tokio::test]
async fn another_request_is_another_agent() {
    let stage = Stage::new();
    stage
        .on(REGISTER, outage())
        .on(REGISTER, ok(&registered("active")));
    let first = Connect::new("Helper").with_capability("check_balance", None);
    stage.client.connect(BANK, first).await.unwrap_err();
    let second = Connect::new("Helper").with_capability("transfer", None);
    stage.client.connect(BANK, second).await.unwrap();
    let sent = stage.sent(REGISTER);
    let key = |index: usize| sent[index].claims["agent_public_key"].clone();
    assert_ne!(key(0), key(1));
}

#[tokio::test]
async fn a_refused_registration_is_over() {
    let stage = Stage::new();
    stage
        .on(REGISTER, refusal(400, "unsupported_mode"))
        .on(REGISTER, ok(&registered("active")));
    stage
        .client
        .connect(BANK, Connect::new("Helper"))
        .await
        .unwrap_err();
    stage
        .client
        .connect(BANK, Connect::new("Helper"))
        .await
        .unwrap();
    let sent = stage.sent(REGISTER);
    let key = |index: usize| sent[index].claims["agent_public_key"].clone();
    assert_ne!(key(0), key(1));
}

#[tokio::test]
async fn an_agent_that_went_active_unheard_is_given_up_and_said_to_be() {
    let heard = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let notices = heard.clone();
    let stage = Stage::with_options(crate::Options {
        notices: Some(std::sync::Arc::new(move |notice| {
            notices.lock().unwrap().push(notice.clone());
        })),
        ..crate::Options::default()
    });
    stage
        .on(REGISTER, outage())
        .on(REGISTER, refusal(409, "agent_exists"))
        .on(REGISTER, ok(&registered("active")));
    stage
        .client
        .connect(BANK, Connect::new("Helper"))
        .await
        .unwrap_err();
    stage
        .client
        .connect(BANK, Connect::new("Helper"))
        .await
        .unwrap();
    let sent = stage.sent(REGISTER);
    let key = |index: usize| sent[index].claims["agent_public_key"].clone();
    assert_eq!(key(0), key(1));
    assert_ne!(key(1), key(2));
    let issuer = BANK.to_owned();
    assert!(
        heard
            .lock()
            .unwrap()
            .contains(&crate::Notice::AgentLost { issuer })
    );
}

#[tokio::test]
async fn an_answer_that_was_kept_just_before_the_end_is_not_asked_for_again() {
    let stage = Stage::new();
    stage.on(REGISTER, outage());
    let request = || Connect::new("Helper").with_capability("check_balance", None);
    stage.client.connect(BANK, request()).await.unwrap_err();
    // As if the process had ended between keeping the agent and dropping the intent.
    let profile = stage.client.profile();
    let body = body_of(&request());
    let intent = profile
        .begin(BANK, &body, &crate::SystemEntropy, stage.client.now())
        .unwrap();
    assert!(intent.is_resumed);
    let provider = stage.client.discover(BANK).await.unwrap();
    let answer = serde_json::from_value(registered("active")).unwrap();
    stage
        .client
        .keep(&provider, request(), &intent.key, answer)
        .unwrap();
    drop(intent);
    let connected = stage.client.connect(BANK, request()).await.unwrap();
    assert!(matches!(connected, Connected::Active(it) if it.agent_id == "agt_1"));
    assert_eq!(stage.sent(REGISTER).len(), 1);
}

#[tokio::test]
async fn two_that_connect_at_the_same_time_get_an_agent_each() {
    let stage = Stage::new();
    let profile = stage.client.profile();
    let body = body_of(&Connect::new("Helper"));
    let now = stage.client.now();
    let begin = || {
        profile
            .begin(BANK, &body, &crate::SystemEntropy, now)
            .unwrap()
    };
    let (first, second) = (begin(), begin());
    assert!(!second.is_resumed);
    assert_ne!(first.key.public(), second.key.public());
    drop(first);
    assert!(
        begin().is_resumed,
        "whoever ended without an answer leaves it to others"
    );
}

fn body_of(request: &Connect) -> RegisterRequest {
    RegisterRequest {
        name: request.name.clone(),
        host_name: None,
        capabilities: Some(request.capabilities.clone()).filter(|it| !it.is_empty()),
        mode: Some(request.mode),
        hints: request.hints.clone(),
    }
}
