use http::HeaderValue;
use serde_json::json;

use super::*;
use crate::fake::{Stage, ok, registered};

const AT: &str = "https://bank.example/.well-known/agent-configuration";

fn found(headers: &[&str]) -> Option<String> {
    let mut map = HeaderMap::new();
    for header in headers {
        map.append(WWW_AUTHENTICATE, HeaderValue::from_str(header).unwrap());
    }
    Challenge::find(&map).map(|it| it.discovery().to_string())
}

// AA-5.14-03
#[test]
fn the_challenge_is_found_among_others() {
    let ours = format!(r#"AgentAuth discovery="{AT}""#);
    for headers in [
        vec![ours.clone()],
        vec!["Bearer".into(), ours.clone()],
        vec![ours.clone(), r#"Basic realm="AgentAuth""#.into()],
        vec![format!(r#"Bearer realm="a, b", error="x", {ours}"#)],
        vec![format!(r#"{ours}, DPoP algs="EdDSA""#)],
        vec![format!("Negotiate YWJj==, Basic, {ours}")],
        vec![format!(r#"Digest realm="\"AgentAuth discovery=", {ours}"#)],
        vec![format!(r#", ,agentauth  realm=x , DISCOVERY = "{AT}""#)],
    ] {
        let headers: Vec<_> = headers.iter().map(String::as_str).collect();
        assert_eq!(found(&headers).as_deref(), Some(AT), "{headers:?}");
    }
}

// AA-5.14-03
#[test]
fn other_schemes_and_broken_challenges_are_ignored() {
    for header in [
        "AgentAuth".to_owned(),
        String::new(),
        format!(r#"Bearer discovery="{AT}""#),
        format!(r#"AgentAuth realm=x, Bearer discovery="{AT}""#),
        format!(r#"AgentAuth discovery="{AT}"#),
        format!(r#"AgentAuth discovery="{AT}"x"#),
        format!("AgentAuth discovery={AT}"),
        format!(r#"AgentAuth discovery="{AT}", discovery="{AT}""#),
        r#"AgentAuth discovery="/.well-known/agent-configuration""#.to_owned(),
        r#"AgentAuth discovery="https://bank.example/register""#.to_owned(),
        format!(r#"AgentAuth discovery="{AT}?to=https://evil.example""#),
        format!(r#"Basic realm="AgentAuth discovery=\"{AT}\"""#),
    ] {
        assert_eq!(found(&[&header]), None, "{header}");
    }
}

// AA-5.14-04, AA-5.14-06
#[tokio::test]
async fn a_challenge_leads_to_an_agent_and_the_next_one_to_the_same() {
    let stage = Stage::new();
    stage.on("POST /agent/register", ok(&registered("active")));
    let challenge = Challenge::parse(&format!(r#"AgentAuth discovery="{AT}""#)).unwrap();
    for _ in 0..2 {
        let request = Connect::new("Helper").with_capability("check_balance", None);
        let connected = stage.client.answer_challenge(&challenge, request).await;
        let Connected::Active(agent) = connected.unwrap() else {
            panic!("not active");
        };
        assert_eq!(agent.agent_id, "agt_1");
    }
    assert_eq!(stage.sent("POST /agent/register").len(), 1);
    // With which the request is repeated, at the service that asked.
    let at_service = Some("https://api.bank.example/accounts");
    let signed = stage.client.sign_jwt("agt_1", at_service, None).unwrap();
    let form = procura_agent_auth::token::FORM;
    let claims = procura_keys::jwt::Unverified::parse(&signed.token, form)
        .unwrap()
        .claims;
    assert_eq!(json!(claims["aud"]), json!(at_service));
}
