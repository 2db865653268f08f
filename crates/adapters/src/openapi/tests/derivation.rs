use procura_agent_auth::capability::ApprovalStrength;

use super::*;
use crate::http::Secret;

#[tokio::test]
async fn operations_become_capabilities_with_safe_defaults() {
    let paths = json!({ "/pets/{petId}": {
        "parameters": [{ "name": "petId", "in": "path", "required": true, "schema": { "type": "integer" } }],
        "get": { "operationId": "getPet", "summary": "One pet", "description": "One pet.\n\nWith all about it." },
        "delete": { "description": "Removes\n a pet.\n\nFor good.", "deprecated": true },
    }});
    let outcome = derived(&read(&description("3.0.3", paths, json!({}))).await);
    assert_eq!(outcome.derivation.title, "Shop");
    assert_eq!(outcome.derivation.description, "Sells things.");
    assert_eq!(
        outcome.derivation.server.unwrap().as_str(),
        "https://shop.example/v1"
    );
    let [removes, gets] = outcome.offered.as_slice() else {
        panic!("{:?}", outcome.derivation.quarantined)
    };
    assert_eq!(removes.name, "delete_pets_pet_id");
    assert_eq!(removes.description, "Deprecated: Removes a pet.");
    assert_eq!(removes.approval, ApprovalStrength::Presence);
    assert_eq!(gets.operation, "GET /pets/{petId}");
    assert_eq!(gets.name, "get_pet");
    assert_eq!(gets.description, "One pet");
    assert_eq!(
        (gets.approval, gets.default),
        (ApprovalStrength::Session, false)
    );
    assert_eq!(
        gets.input,
        json!({
            "type": "object",
            "description": "One pet.\n\nWith all about it.",
            "properties": { "petId": { "type": "integer" } },
            "required": ["petId"],
            "additionalProperties": false,
        })
    );
    assert_eq!(
        planned(gets, json!({ "petId": 7 })).unwrap().path,
        "/pets/7"
    );
}

#[tokio::test]
async fn every_place_of_a_parameter_is_written_and_names_that_meet_are_told_apart() {
    let parameter = |name: &str, place: &str, more: Value| {
        let mut parameter = json!({ "name": name, "in": place, "schema": { "type": "string" } });
        for (key, value) in more.as_object().unwrap() {
            parameter[key] = value.clone();
        }
        parameter
    };
    let operation = json!({
        "parameters": [
            parameter("id", "query", json!({})),
            parameter("id", "path", json!({ "required": true, "style": "matrix" })),
            parameter("tags", "query", json!({ "explode": false, "schema": { "type": "array" } })),
            parameter("filter", "query", json!({ "style": "deepObject", "schema": { "type": "object" } })),
            parameter("json", "query", json!({ "content": { "application/json": { "schema": {} } } })),
            parameter("X-Trace", "header", json!({})),
            parameter("id", "cookie", json!({})),
        ],
        "requestBody": { "content": { "application/json": { "schema": {
            "type": "object", "properties": { "id": { "type": "integer" }, "note": {} }
        } } } },
    });
    let derived = only_of("put", "/a/{id}/b", operation, json!({})).await;
    let names: Vec<_> = derived.input["properties"]
        .as_object()
        .unwrap()
        .keys()
        .collect();
    let expected = [
        "X-Trace",
        "body_id",
        "cookie_id",
        "filter",
        "id",
        "json",
        "note",
        "query_id",
        "tags",
    ];
    assert_eq!(names, expected);
    let outgoing = planned(
        &derived,
        json!({
            "id": "1", "query_id": "2 3", "tags": ["x", "y"], "filter": { "a": 1 }, "json": { "b": [2] },
            "X-Trace": "t", "cookie_id": "4", "body_id": 5
        }),
    )
    .unwrap();
    assert_eq!(outgoing.path, "/a/;id=1/b");
    let query = [
        "id=2%203",
        "tags=x,y",
        "filter%5Ba%5D=1",
        "json=%7B%22b%22%3A%5B2%5D%7D",
    ];
    assert_eq!(outgoing.query, query);
    assert_eq!(outgoing.headers["x-trace"], "t");
    assert_eq!(outgoing.cookies, ["id=4"]);
    assert_eq!(body_text(&outgoing), r#"{"id":5}"#);
}

#[tokio::test]
async fn parameters_that_carry_credentials_are_not_arguments() {
    let header = |name: &str, place: &str| json!({ "name": name, "in": place, "schema": { "type": "string" } });
    let parameters = json!([
        header("Authorization", "header"),
        header("X-Api-Key", "header"),
        header("X-Own", "header"),
        header("Host", "header"),
        header("X-Forwarded-For", "header"),
        header("token", "query"),
        header("q", "query"),
    ]);
    let paths = json!({ "/x": { "get": { "parameters": parameters } } });
    let schemes = json!({ "securitySchemes": {
        "key": { "type": "apiKey", "in": "header", "name": "x-api-key" },
        "token": { "type": "apiKey", "in": "query", "name": "token" },
    }});
    let documents = read(&description("3.0.0", paths, schemes)).await;
    let own = http::HeaderName::from_static("x-own");
    let credential = Credential::header(own, &Secret::new("s".to_owned())).unwrap();
    let outcome = derived_with(&documents, &[], &credential);
    assert_eq!(
        outcome.offered[0].input["properties"],
        json!({ "q": { "type": "string" } })
    );
}

#[tokio::test]
async fn a_bad_operation_is_set_aside_by_name_and_the_rest_serve() {
    let paths = json!({
        "/good": { "get": {} },
        "/loose": { "get": { "parameters": [{ "$ref": "#/components/parameters/none" }] } },
        "/odd": { "get": { "parameters": [{ "name": "x", "in": "nowhere" }] } },
        "/typed": { "get": { "parameters": { "name": "x" } }, "post": [] },
        "/away": { "get": { "servers": [{ "url": "https://other.example" }] } },
        "/near": { "get": { "servers": [{ "url": "https://shop.example/v1/beta" }] } },
        "/gone": { "$ref": "#/nowhere" },
        "no-slash": { "get": {} },
        "/files/{open": { "get": {} },
    });
    let outcome = derived(&read(&description("3.0.0", paths, json!({}))).await);
    let names: Vec<_> = outcome
        .offered
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(names, ["get_good", "get_near"]);
    assert_eq!(
        planned(&outcome.offered[1], json!({})).unwrap().path,
        "/beta/near"
    );
    let mut aside: Vec<_> = outcome
        .derivation
        .quarantined
        .iter()
        .map(|one| format!("{}: {}", one.operation, one.reason))
        .collect();
    aside.sort();
    let expected = [
        "/gone: \"#/nowhere\" cannot be resolved: there is nothing at this place",
        "GET /away: it has a server of its own, https://other.example/; offer it by a description and an upstream of its own",
        "GET /files/{open: the path has a brace without end",
        "GET /loose: \"#/components/parameters/none\" cannot be resolved: there is nothing at this place",
        "GET /odd: the parameter \"x\" is in \"nowhere\", which is nowhere",
        "GET /typed: parameters is not a list",
        "GET no-slash: the path does not begin with a slash",
        "POST /typed: the operation is not an object",
    ];
    assert_eq!(aside, expected);
}

#[tokio::test]
async fn names_that_meet_are_told_apart_and_renaming_cannot_take_a_name() {
    let paths = json!({
        "/a": { "get": { "operationId": "get-it" } },
        "/b": { "get": { "operationId": "getIt" } },
        "/c": { "get": { "operationId": "c" } },
        "/d": { "get": { "operationId": "d" } },
    });
    let documents = read(&description("3.0.0", paths, json!({}))).await;
    let rules = json!([{ "operations": ["c", "d"], "rename": "same" }, { "paths": ["/b"], "offer": false }]);
    let rules: Vec<Rule> = serde_json::from_value(rules).unwrap();
    let outcome = derived_with(&documents, &rules, &Credential::None);
    assert!(outcome.offered[0].name.starts_with("get_it_"));
    assert_eq!(outcome.offered[1].name, "same");
    assert_eq!(
        outcome.derivation.quarantined[0].reason,
        "the name \"same\" is taken by GET /c"
    );
    assert_eq!(outcome.derivation.left_out, 1);
}

#[tokio::test]
async fn servers_may_have_variables_and_be_relative() {
    let mut shop = description("3.0.0", json!({ "/x": { "get": {} } }), json!({}));
    shop["servers"] = json!([{
        "url": "https://{region}.shop.example/{base}",
        "variables": { "region": { "default": "eu", "enum": ["eu", "us"] }, "base": { "default": "v2" } }
    }]);
    let documents = read(&shop).await;
    let server = |region: Option<&str>| {
        let variables = region.map(|region| ("region".to_owned(), region.to_owned()));
        let selection = Selection {
            include: &[],
            exclude: &[],
            rules: &[],
            variables: &variables.into_iter().collect(),
            credential: &Credential::None,
            usable_pattern: &|_| true,
        };
        derive(&documents, &selection, &mut |_| Ok(())).server
    };
    assert_eq!(server(None).unwrap().as_str(), "https://eu.shop.example/v2");
    assert_eq!(
        server(Some("us")).unwrap().as_str(),
        "https://us.shop.example/v2"
    );
    assert!(server(Some("evil.example/")).is_err());
    shop["servers"] = json!([{ "url": "/api" }]);
    let nowhere = derived(&read(&shop).await).derivation.server.unwrap_err();
    assert!(
        nowhere.contains("does not say at which address"),
        "{nowhere}"
    );
}

#[tokio::test]
async fn a_path_may_hold_pairs_and_forget_its_parameters() {
    let derived = only_of("get", "/a/{id}?action=list&b=1 2#x", json!({}), json!({})).await;
    assert_eq!(derived.input["required"], json!(["id"]));
    let outgoing = planned(&derived, json!({ "id": "7" })).unwrap();
    assert_eq!(outgoing.path, "/a/7");
    assert_eq!(outgoing.query, ["action=list", "b=1%202"]);
}
