use super::*;

fn with_body(media: &str, schema: Value, required: bool) -> Value {
    json!({ "requestBody": { "required": required, "content": { media: { "schema": schema } } } })
}

#[tokio::test]
async fn bodies_of_known_members_become_arguments_and_others_the_argument_body() {
    let object = json!({ "type": "object", "required": ["a"], "properties": { "a": { "type": "integer" } } });
    let composed = json!({ "allOf": [object, { "properties": { "b": {} } }] });
    let flat = [
        (object.clone(), json!(["a"])),
        (composed, json!(["a", "b"])),
    ];
    for (schema, expected) in flat {
        let derived = only(with_body("application/json", schema, true)).await;
        let names: Vec<_> = derived.input["properties"]
            .as_object()
            .unwrap()
            .keys()
            .collect();
        assert_eq!(json!(names), expected);
        assert_eq!(derived.input["required"], json!(["a"]));
        let sent = planned(&derived, json!({ "a": 1 })).unwrap();
        assert_eq!(body_text(&sent), r#"{"a":1}"#);
    }
    for schema in [
        json!({ "type": "array", "items": object }),
        json!({ "type": "string" }),
        json!({ "oneOf": [object, { "type": "string" }] }),
        json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        json!({ "type": "object", "properties": { "a": {} }, "additionalProperties": true }),
        json!({ "type": "object" }),
    ] {
        let derived = only(with_body("application/json", schema.clone(), true)).await;
        assert_eq!(derived.input["required"], json!(["body"]), "{schema}");
        assert_eq!(derived.input["properties"]["body"], schema);
        let sent = planned(&derived, json!({ "body": [1] })).unwrap();
        assert_eq!(body_text(&sent), "[1]");
    }
}

#[tokio::test]
async fn a_body_that_may_be_missing_is_whole_or_not_there() {
    let object = json!({ "type": "object", "required": ["a"], "properties": { "a": {}, "b": {} } });
    let derived = only(with_body("application/json", object, false)).await;
    assert_eq!(derived.input.get("required"), None);
    assert_eq!(
        derived.input["dependentRequired"],
        json!({ "a": ["a"], "b": ["a"] })
    );
    assert!(planned(&derived, json!({})).unwrap().body.is_none());
    assert_eq!(
        body_text(&planned(&derived, json!({ "a": 1 })).unwrap()),
        r#"{"a":1}"#
    );
}

#[tokio::test]
async fn read_only_members_are_not_sent() {
    let object = json!({ "type": "object", "required": ["id", "inner"], "properties": {
        "id": { "type": "string", "readOnly": true },
        "inner": { "type": "object", "required": ["at"], "properties": { "at": { "readOnly": true }, "x": {} } }
    }});
    let derived = only(with_body("application/json", object, true)).await;
    let expected =
        json!({ "inner": { "type": "object", "required": [], "properties": { "x": {} } } });
    assert_eq!(derived.input["properties"], expected);
    assert_eq!(derived.input["required"], json!(["inner"]));
}

#[tokio::test]
async fn forms_are_written_as_their_encoding_says() {
    let schema = json!({ "type": "object", "properties": { "a": {}, "list": {}, "deep": {} } });
    let mut operation = with_body("application/x-www-form-urlencoded", schema, true);
    operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["encoding"] = json!({
        "list": { "explode": false, "style": "form" },
        "deep": { "style": "deepObject", "explode": true },
    });
    let derived = only(operation).await;
    let sent = planned(
        &derived,
        json!({ "a": "1&2", "list": ["x", "y"], "deep": { "b": { "c": 1 } } }),
    )
    .unwrap();
    assert_eq!(body_text(&sent), "a=1%262&deep%5Bb%5D%5Bc%5D=1&list=x,y");
    assert_eq!(sent.body.unwrap().0, "application/x-www-form-urlencoded");
}

#[tokio::test]
async fn files_travel_as_base64_and_arrive_as_bytes() {
    let schema = json!({ "type": "object", "required": ["file"], "properties": {
        "file": { "type": "string", "format": "binary", "description": "A picture" }, "name": { "type": "string" }
    }});
    let derived = only(with_body("multipart/form-data", schema, true)).await;
    let expected =
        json!({ "type": "string", "contentEncoding": "base64", "description": "A picture" });
    assert_eq!(derived.input["properties"]["file"], expected);
    let sent = planned(&derived, json!({ "file": "aGk=", "name": "x" })).unwrap();
    let text = body_text(&sent);
    assert!(text.contains(
        "name=\"file\"; filename=\"file\"\r\nContent-Type: application/octet-stream\r\n\r\nhi\r\n"
    ));
    assert!(text.contains("name=\"name\"\r\n\r\nx\r\n"));
    let wrong = planned(&derived, json!({ "file": "!" })).err();
    assert!(matches!(wrong, Some(BackendError::Arguments(_))));
    let derived = only(with_body("image/png", json!({}), true)).await;
    let sent = planned(&derived, json!({ "body": "aGk=" })).unwrap();
    assert_eq!(body_text(&sent), "hi");
    assert_eq!(sent.body.unwrap().0, "image/png");
}

#[tokio::test]
async fn json_goes_before_other_types_and_xml_is_a_text() {
    let content = json!({ "application/xml": {}, "text/plain": {}, "application/merge-patch+json": { "schema": {} } });
    let derived = only(json!({ "requestBody": { "content": content } })).await;
    let sent = planned(&derived, json!({ "body": { "a": 1 } })).unwrap();
    assert_eq!(sent.body.unwrap().0, "application/merge-patch+json");
    let derived = only(with_body(
        "application/xml",
        json!({ "type": "object", "properties": { "a": {} } }),
        true,
    ))
    .await;
    let sent = planned(&derived, json!({ "body": "<a/>" })).unwrap();
    assert_eq!(body_text(&sent), "<a/>");
}
