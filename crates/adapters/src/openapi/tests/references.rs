use super::*;

/// A capability whose body is the component `Root`, in the given version.
async fn rooted(version: &str, schemas: Value) -> Derived {
    let body = json!({ "content": { "application/json": { "schema": {
        "type": "array", "items": { "$ref": "#/components/schemas/Root" }
    } } } });
    let paths = json!({ "/x": { "post": { "requestBody": body } } });
    let documents = read(&description(version, paths, json!({ "schemas": schemas }))).await;
    let mut outcome = derived(&documents);
    assert_eq!(outcome.derivation.quarantined, []);
    outcome.offered.remove(0)
}

#[tokio::test]
async fn deep_and_recursive_references_are_taken_along() {
    let schemas = json!({
        "Root": { "properties": { "next": { "$ref": "#/components/schemas/Root", "description": "The next" },
                                  "a/b": { "$ref": "#/components/schemas/a~1b" },
                                  "inner": { "$ref": "#/components/schemas/Other/properties/x" } } },
        "a/b": { "type": "string" },
        "Other": { "properties": { "x": { "type": "integer" }, "Root": { "type": "null" } } },
    });
    let input = rooted("3.0.0", schemas).await.input;
    assert_eq!(
        input["properties"]["body"]["items"],
        json!({ "$ref": "#/$defs/Root" })
    );
    let root = &input["$defs"]["Root"]["properties"];
    assert_eq!(
        root["next"],
        json!({ "$ref": "#/$defs/Root", "description": "The next" })
    );
    assert_eq!(root["a/b"]["$ref"], "#/$defs/a_1b");
    assert_eq!(input["$defs"]["a_1b"], json!({ "type": "string" }));
    assert_eq!(input["$defs"]["x"], json!({ "type": "integer" }));
}

#[tokio::test]
async fn openapi_3_0_is_raised_to_json_schema_2020_12() {
    let cases = [
        (
            json!({ "type": "integer", "minimum": 0, "exclusiveMinimum": true }),
            json!({ "type": "integer", "exclusiveMinimum": 0 }),
        ),
        (
            json!({ "maximum": 9, "exclusiveMaximum": false }),
            json!({ "maximum": 9 }),
        ),
        (
            json!({ "type": "string", "nullable": true, "enum": ["a"] }),
            json!({ "type": ["string", "null"], "enum": ["a", null] }),
        ),
        (
            json!({ "nullable": true, "allOf": [{}] }),
            json!({ "anyOf": [{ "allOf": [{}] }, { "type": "null" }] }),
        ),
        (
            json!({ "type": "string", "format": "byte" }),
            json!({ "type": "string", "format": "byte", "contentEncoding": "base64" }),
        ),
        (
            json!({ "type": "string", "example": "x", "xml": {}, "x-y": 1, "discriminator": {} }),
            json!({ "type": "string" }),
        ),
        (
            json!({ "properties": { "example": { "type": "string" }, "x-y": {} } }),
            json!({ "properties": { "example": { "type": "string" }, "x-y": {} } }),
        ),
        (
            json!({ "items": [{ "type": "string" }] }),
            json!({ "prefixItems": [{ "type": "string" }] }),
        ),
    ];
    for (before, after) in cases {
        let derived = rooted("3.0.3", json!({ "Root": before })).await;
        assert_eq!(derived.input["$defs"]["Root"], after);
        assert_eq!(derived.notes, Vec::<String>::new());
    }
}

#[tokio::test]
async fn openapi_3_1_keeps_every_keyword_that_limits() {
    let schema = json!({
        "if": { "required": ["a"] }, "then": { "minProperties": 2 }, "else": false,
        "patternProperties": { "^x": { "const": null } }, "dependentRequired": { "a": ["b"] },
        "dependentSchemas": { "a": { "maxProperties": 3 } }, "unevaluatedProperties": false,
        "propertyNames": { "pattern": "^[a-z]+$" }, "type": ["object", "null"],
    });
    let derived = rooted("3.1.0", json!({ "Root": schema.clone() })).await;
    assert_eq!(derived.input["$defs"]["Root"], schema);
}

#[tokio::test]
async fn keywords_of_wrong_types_and_slow_patterns_cost_themselves() {
    let schema = json!({ "type": "file", "required": true, "minLength": "3", "enum": [], "pattern": "(?=a)", "maximum": 3 });
    let derived = rooted("3.0.0", json!({ "Root": schema })).await;
    assert_eq!(derived.input["$defs"]["Root"], json!({ "maximum": 3 }));
    assert_eq!(derived.notes.len(), 5);
}

#[tokio::test]
async fn schemas_that_include_themselves_end() {
    let schemas = json!({
        "Root": { "oneOf": [{ "$ref": "#/components/schemas/Cat" }], "type": "object" },
        "Cat": { "allOf": [{ "$ref": "#/components/schemas/Root" }, { "required": ["claws"] }] },
    });
    let derived = rooted("3.0.0", schemas).await;
    let schemas = &derived.input["$defs"];
    assert_eq!(schemas["Root"], json!({ "type": "object" }));
    let cat = json!([{ "$ref": "#/$defs/Root" }, { "required": ["claws"] }]);
    assert_eq!(schemas["Cat"]["allOf"], cat);
    assert_eq!(derived.notes.len(), 1);
}

#[tokio::test]
async fn a_schema_that_is_far_too_large_is_cut_and_says_so() {
    let mut schemas = json!({ "Root": { "properties": {} } });
    for count in 0..300 {
        let name = format!("S{count}");
        schemas["Root"]["properties"][&name] =
            json!({ "$ref": format!("#/components/schemas/{name}") });
        let members: Map<_, _> = (0..100)
            .map(|at| (format!("m{at}"), json!({ "type": "string" })))
            .collect();
        schemas[&name] = json!({ "properties": members });
    }
    let derived = rooted("3.0.0", schemas).await;
    assert!(derived.input.to_string().len() < 1_000_000);
    assert_eq!(
        derived.notes,
        ["parts of the schema are left out, since it is too large"]
    );
}

#[tokio::test]
async fn a_result_is_described_where_it_can_be() {
    let operation = |schema: Value| {
        json!({ "responses": { "404": {}, "201": { "content": {
        "application/json; charset=utf-8": { "schema": schema } } } } })
    };
    let schemas = json!({ "schemas": { "Pet": { "type": "object", "required": ["pin"], "properties": { "pin": { "writeOnly": true } } } } });
    let pet = json!({ "$ref": "#/components/schemas/Pet" });
    let derived = only_of("get", "/x", operation(pet), schemas.clone()).await;
    let output = derived.output.unwrap();
    assert_eq!(
        output["$defs"]["Pet"],
        json!({ "type": "object", "required": [], "properties": {} })
    );
    let derived = only_of(
        "get",
        "/x",
        operation(json!({ "$ref": "#/nowhere" })),
        schemas,
    )
    .await;
    assert_eq!((derived.output, derived.notes.len()), (None, 1));
}
