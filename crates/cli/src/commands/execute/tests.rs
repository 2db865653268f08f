use serde_json::json;

use super::*;

fn read(words: &[&str], pairs: &[&str]) -> Result<Call, CommandError> {
    let own = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
    Call::read(Arguments {
        batch: None,
        words: own(words),
        pairs: own(pairs),
    })
}

fn call(agent: Option<&str>, arguments: Option<Value>) -> Call {
    Call {
        agent: agent.map(str::to_owned),
        capability: "pay".to_owned(),
        arguments: arguments.and_then(|it| it.as_object().cloned()),
    }
}

#[test]
fn the_agent_may_be_left_out_and_arguments_are_told_by_their_brace() {
    let some = Some(json!({ "a": 1 }));
    let cases = [
        (&["pay"][..], call(None, None)),
        (&["agt", "pay"], call(Some("agt"), None)),
        (&["pay", r#"{"a":1}"#], call(None, some.clone())),
        (&["agt", "pay", r#"{"a":1}"#], call(Some("agt"), some)),
    ];
    for (words, expected) in cases {
        assert_eq!(read(words, &[]).unwrap(), expected, "{words:?}");
    }
}

#[test]
fn single_arguments_are_json_where_they_are_and_text_where_not() {
    let pairs = [
        "amount=50",
        "to=acc_1",
        "note=a=b",
        "fast=true",
        "tags=[1,\"x\"]",
        "id=\"7\"",
        "empty=",
    ];
    let expected = json!({
        "amount": 50, "to": "acc_1", "note": "a=b", "fast": true, "tags": [1, "x"], "id": "7", "empty": "",
    });
    assert_eq!(read(&["pay"], &pairs).unwrap(), call(None, Some(expected)));
}

#[test]
fn both_forms_of_arguments_go_together() {
    let read = read(&["pay", r#"{"a":1}"#], &["b=2"]).unwrap();
    assert_eq!(read, call(None, Some(json!({ "a": 1, "b": 2 }))));
}
