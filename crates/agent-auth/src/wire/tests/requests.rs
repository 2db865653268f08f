//! Request bodies: what is read, what is refused, and how the words of strangers are cleaned.

use serde_json::{Value, json};

use crate::fixtures::{constraints, name};
use crate::refusal::Refusal;
use crate::request::Ask;
use crate::wire::execute::ExecuteRequest;
use crate::wire::register::{
    ApprovalHints, CapabilityRequest, MAX_CAPABILITIES, RegisterRequest, asks, display_name,
};

fn asked(capabilities: &Value) -> Result<Vec<Ask>, Refusal> {
    let body = json!({"capabilities": capabilities});
    let request: CapabilityRequest = serde_json::from_value(body).unwrap();
    asks(request.capabilities)
}

// AA-5.3-04, AA-2.13-03
#[test]
fn names_and_scoped_names_may_be_mixed() {
    let ask = |capability: &str, limits: &Value| Ask {
        name: name(capability),
        constraints: constraints(limits),
    };
    assert_eq!(
        asked(&json!([
            "balance",
            {"name": "pay", "constraints": {"amount": {"max": 5}}},
            {"name": "history"},
            {"name": "list", "constraints": null},
            {"name": "echo", "constraints": {}, "note": "ignored"},
        ])),
        Ok(vec![
            ask("balance", &json!({})),
            ask("pay", &json!({"amount": {"max": 5}})),
            ask("history", &json!({})),
            ask("list", &json!({})),
            ask("echo", &json!({})),
        ])
    );
}

// AA-5.3-04, AA-5.13-05
#[test]
fn what_is_neither_a_name_nor_a_scoped_name_is_refused() {
    for element in [
        json!(7),
        json!(null),
        json!(["pay"]),
        json!({}),
        json!({"name": 7}),
        json!({"constraints": {}}),
    ] {
        let body = json!({"name": "a", "capabilities": [element]});
        let error = serde_json::from_value::<RegisterRequest>(body).unwrap_err();
        let hint = "each capability has to be a name or an object {name, constraints?}";
        assert!(error.to_string().contains(hint), "{error}");
    }
}

// AA-2.13-10, AA-2.13-14, AA-2.13-16
#[test]
fn limits_that_cannot_be_understood_are_refused_when_asked_for() {
    let pay = |limits: Value| asked(&json!(["balance", {"name": "pay", "constraints": limits}]));
    let operators = vec!["bogus".to_owned()];
    assert_eq!(
        pay(json!({"amount": {"bogus": 1}})),
        Err(Refusal::UnknownConstraintOperator { operators })
    );
    for limits in [
        json!("none"),
        json!([]),
        json!({"amount": null}),
        json!({"amount": {"max": "5"}}),
    ] {
        let refusal = pay(limits.clone()).unwrap_err();
        assert_eq!(refusal.code_and_status().0, "invalid_request", "{limits}");
    }
}

#[test]
fn names_that_no_capability_can_have_are_refused() {
    for odd in ["", "a\nb", &"x".repeat(129)] {
        let refusal = asked(&json!([odd])).unwrap_err();
        assert_eq!(refusal.code_and_status(), ("invalid_request", 400));
    }
}

#[test]
fn a_request_names_a_limited_number_of_capabilities() {
    let names = |count: usize| asked(&json!(vec!["pay"; count]));
    assert_eq!(names(MAX_CAPABILITIES).unwrap().len(), MAX_CAPABILITIES);
    let refusal = names(MAX_CAPABILITIES + 1).unwrap_err();
    assert_eq!(refusal.code_and_status(), ("invalid_request", 400));
}

// AA-5.3-02, AA-5.13-05
#[test]
fn members_of_another_type_are_refused() {
    for body in [
        json!({"name": 7}),
        json!({"name": "a", "host_name": []}),
        json!({"name": "a", "mode": "supervised"}),
        json!({"name": "a", "mode": 1}),
        json!({"name": "a", "capabilities": "pay"}),
        json!({"name": "a", "reason": {}}),
        json!({"name": "a", "preferred_method": 1}),
        json!({"name": "a", "login_hint": true}),
        json!({"name": "a", "binding_message": []}),
        json!([]),
        json!(null),
    ] {
        let read = serde_json::from_value::<RegisterRequest>(body.clone());
        assert!(read.is_err(), "{body}");
    }
}

// AA-5.3-06, AA-7.5-01
#[test]
fn any_preferred_method_is_taken_as_a_hint() {
    let body = json!({"name": "a", "preferred_method": "carrier_pigeon"});
    let request: RegisterRequest = serde_json::from_value(body).unwrap();
    let hints = request.hints.cleaned().unwrap();
    assert_eq!(hints.preferred_method.as_deref(), Some("carrier_pigeon"));
}

// AA-8.10-03
#[test]
fn remarks_are_cleaned_and_limited() {
    let hints = |text: &str| ApprovalHints {
        reason: Some(text.to_owned()),
        preferred_method: None,
        login_hint: Some(text.to_owned()),
        binding_message: Some(text.to_owned()),
    };
    let cleaned = |text: &str| {
        let hints = hints(text).cleaned()?;
        assert_eq!(hints.login_hint, hints.reason);
        assert_eq!(hints.binding_message, hints.reason);
        Ok::<_, Refusal>(hints.reason)
    };
    assert_eq!(
        cleaned(" pay\u{202e}\n rent "),
        Ok(Some("pay rent".to_owned()))
    );
    assert_eq!(cleaned(" \u{200b}\n"), Ok(None));
    assert_eq!(cleaned(&"é".repeat(500)), Ok(Some("é".repeat(500))));
    let refusal = cleaned(&"x".repeat(501)).unwrap_err();
    assert_eq!(refusal.code_and_status(), ("invalid_request", 400));
    let each_alone = ["reason", "login_hint", "binding_message"].map(|member| {
        let body = json!({"capabilities": [], member: "x".repeat(501)});
        let request: CapabilityRequest = serde_json::from_value(body).unwrap();
        request.hints.cleaned().unwrap_err().to_string()
    });
    assert!(each_alone[0].starts_with("reason "), "{each_alone:?}");
    assert!(each_alone[1].starts_with("login_hint "), "{each_alone:?}");
    assert!(
        each_alone[2].starts_with("binding_message "),
        "{each_alone:?}"
    );
}

// AA-3.2-02, AA-8.10-03
#[test]
fn a_display_name_has_something_to_display() {
    let name = |text: &str| display_name("host_name", text);
    assert_eq!(name("  Alice's\tlaptop "), Ok("Alice's laptop".to_owned()));
    assert_eq!(name(&"x".repeat(200)), Ok("x".repeat(200)));
    for text in ["", " \u{200b} ", &"x".repeat(201)] {
        let refusal = name(text).unwrap_err();
        assert_eq!(refusal.code_and_status(), ("invalid_request", 400));
        assert!(refusal.to_string().starts_with("host_name "), "{refusal}");
    }
}

// AA-5.11-03, AA-5.11-04
#[test]
fn arguments_are_an_object_or_absent() {
    let read = |body: Value| serde_json::from_value::<ExecuteRequest>(body);
    for body in [
        json!({"capability": "pay"}),
        json!({"capability": "pay", "arguments": null}),
    ] {
        assert_eq!(read(body).unwrap().arguments, None);
    }
    let empty = read(json!({"capability": "pay", "arguments": {}})).unwrap();
    assert_eq!(empty.arguments, Some(serde_json::Map::new()));
    for body in [
        json!({}),
        json!({"capability": 7}),
        json!({"capability": ["pay"]}),
        json!({"capability": "pay", "arguments": []}),
        json!({"capability": "pay", "arguments": "amount=5"}),
        json!({"capability": "pay", "arguments": 5}),
    ] {
        assert!(read(body.clone()).is_err(), "{body}");
    }
}
