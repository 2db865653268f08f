use std::fs;
use std::path::Path;

use super::*;

async fn loaded(file: &Path) -> Result<Documents, LoadError> {
    load(&Source::File(file.to_owned()), FetchPolicy::server()).await
}

fn shop_of(reference: &str) -> String {
    description(
        "3.0.0",
        json!({ "/x": { "get": { "parameters": [{ "$ref": reference }] } }, "/y": { "get": {} } }),
        json!({}),
    )
    .to_string()
}

#[tokio::test]
async fn a_description_may_lie_in_many_files_that_refer_to_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("parts")).unwrap();
    fs::write(at("shop.json"), shop_of("parts/limit.yaml#/Limit")).unwrap();
    fs::write(
        at("parts/limit.yaml"),
        "Limit:\n  name: limit\n  in: query\n  schema:\n    $ref: './types.yaml'\n",
    )
    .unwrap();
    fs::write(at("parts/types.yaml"), "type: integer\nnullable: true\n").unwrap();
    let outcome = derived(&loaded(&at("shop.json")).await.unwrap());
    assert_eq!(outcome.derivation.quarantined, []);
    let input = &outcome.offered[0].input;
    assert_eq!(
        input["properties"]["limit"],
        json!({ "$ref": "#/$defs/types" })
    );
    assert_eq!(
        input["$defs"]["types"],
        json!({ "type": ["integer", "null"] })
    );
}

#[tokio::test]
async fn nothing_outside_of_the_folder_is_read_and_the_rest_serves() {
    let outside = tempfile::tempdir().unwrap();
    let folder = outside.path().join("shop");
    fs::create_dir(&folder).unwrap();
    fs::write(
        outside.path().join("secret.yaml"),
        "name: limit\nin: query\n",
    )
    .unwrap();
    std::os::unix::fs::symlink(outside.path().join("secret.yaml"), folder.join("link.yaml"))
        .unwrap();
    let file = folder.join("shop.json");
    for (reference, why) in [
        ("../secret.yaml", "lies outside of the folder"),
        ("link.yaml", "lies outside of the folder"),
        ("/etc/passwd", "lies outside of the folder"),
        ("file:///etc/passwd", "lies outside of the folder"),
        ("http://127.0.0.1/x.yaml", "a file refers to files only"),
        ("missing.yaml", "cannot be read"),
        ("#anchor", "named anchors"),
    ] {
        fs::write(&file, shop_of(reference)).unwrap();
        let outcome = derived(&loaded(&file).await.unwrap());
        assert_eq!(outcome.offered.len(), 1, "{reference}");
        let reason = &outcome.derivation.quarantined[0].reason;
        assert!(reason.contains(why), "{reference}: {reason}");
    }
}

#[tokio::test]
async fn what_is_no_description_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shop.json");
    for (text, why) in [
        (r#"{"swagger":"2.0"}"#, "Swagger 2.0"),
        (r#"{"openapi":"4.0.0"}"#, "OpenAPI 4.0.0"),
        ("{}", "not an OpenAPI description"),
        ("[1]", "not an OpenAPI description"),
        ("{", "not JSON"),
    ] {
        fs::write(&file, text).unwrap();
        let refused = loaded(&file).await.unwrap_err().to_string();
        assert!(refused.contains(why), "{refused}");
    }
    let large = fs::File::create(&file).unwrap();
    large.set_len(50 * 1024 * 1024).unwrap();
    let refused = loaded(&file).await.unwrap_err().to_string();
    assert!(refused.contains("larger than 40 MiB"), "{refused}");
}

#[tokio::test]
async fn a_description_at_a_private_address_is_read_only_where_the_operator_names_it() {
    let url = "http://127.0.0.1:9/shop.json";
    let refused = load(&Source::from(url), FetchPolicy::server())
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("https"), "{refused}");
}

#[tokio::test]
async fn references_in_a_circle_end() {
    let parameters = json!({ "A": { "$ref": "#/components/parameters/B" }, "B": { "$ref": "#/components/parameters/A" } });
    let paths =
        json!({ "/x": { "get": { "parameters": [{ "$ref": "#/components/parameters/A" }] } } });
    let outcome = derived(
        &read(&description(
            "3.0.0",
            paths,
            json!({ "parameters": parameters }),
        ))
        .await,
    );
    assert!(outcome.derivation.quarantined[0].reason.contains("circle"));
}
