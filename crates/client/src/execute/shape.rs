//! The four shapes of an answer to an execution, of which it has to be exactly one (§5.11).

use serde_json::{Map, Value};

use crate::error::Refused;

/// What an answer says.
#[derive(Debug, PartialEq)]
pub(super) enum Shape {
    /// A result, at once or at last.
    Result(Value),
    /// Not yet.
    Pending {
        /// Where to ask again.
        status_url: String,
    },
    /// Accepted first, failed later.
    Failed(Refused),
}

impl Shape {
    /// Reads a body. An answer that mixes the shapes is none.
    pub(super) fn parse(body: &[u8]) -> Result<Self, String> {
        let value = procura_keys::json::parse_strict(body).map_err(|error| error.to_string())?;
        let Value::Object(mut members) = value else {
            return Err("not a JSON object".to_owned());
        };
        let status = members
            .get("status")
            .map(|it| it.as_str().map(str::to_owned));
        match status {
            None => only(&mut members, "data").map(Self::Result),
            Some(Some(status)) if status == "pending" => pending(&mut members),
            Some(Some(status)) if status == "completed" => {
                only(&mut members, "result").map(Self::Result)
            }
            Some(Some(status)) if status == "failed" => failed(&mut members),
            Some(_) => Err("an unknown status of the execution".to_owned()),
        }
    }
}

fn pending(members: &mut Map<String, Value>) -> Result<Shape, String> {
    match only(members, "status_url")? {
        Value::String(status_url) => Ok(Shape::Pending { status_url }),
        _ => Err("a status_url that is not a string".to_owned()),
    }
}

fn failed(members: &mut Map<String, Value>) -> Result<Shape, String> {
    match only(members, "error")? {
        Value::Object(error) => Ok(Shape::Failed(Refused::from_members(200, error, None))),
        _ => Err("a failed execution without an error object".to_owned()),
    }
}

/// The member that makes the shape. Beside it none of the others may be.
fn only(members: &mut Map<String, Value>, name: &str) -> Result<Value, String> {
    let Some(value) = members.remove(name) else {
        return Err(format!("no member {name:?}"));
    };
    let other = PAYLOADS.into_iter().find(|it| members.contains_key(*it));
    match other {
        Some(other) => Err(format!("both {name:?} and {other:?}")),
        None => Ok(value),
    }
}

const PAYLOADS: [&str; 4] = ["data", "status_url", "result", "error"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_shape_is_read() {
        let parse = |text: &str| Shape::parse(text.as_bytes()).unwrap();
        assert_eq!(parse(r#"{"data":null}"#), Shape::Result(Value::Null));
        assert_eq!(
            parse(r#"{"status":"completed","result":[1]}"#),
            Shape::Result(json!([1]))
        );
        let status_url = "https://bank.example/jobs/1".to_owned();
        assert_eq!(
            parse(r#"{"status":"pending","status_url":"https://bank.example/jobs/1"}"#),
            Shape::Pending { status_url }
        );
        let failed = parse(r#"{"status":"failed","error":{"error":"broke","message":"Sorry"}}"#);
        let Shape::Failed(refused) = failed else {
            panic!("not a failure");
        };
        assert!(refused.is("broke"));
    }

    // AA-5.11-10
    #[test]
    fn an_answer_that_mixes_shapes_is_invalid() {
        for text in [
            "{}",
            "[]",
            "7",
            r#"{"data":1,"result":2}"#,
            r#"{"data":1,"status":"completed","result":1}"#,
            r#"{"data":1,"status":"pending","status_url":"https://x"}"#,
            r#"{"status":"pending"}"#,
            r#"{"status":"pending","status_url":7}"#,
            r#"{"status":"completed"}"#,
            r#"{"status":"completed","result":1,"error":{}}"#,
            r#"{"status":"failed","error":"x"}"#,
            r#"{"status":"done","result":1}"#,
            r#"{"status":null,"data":1}"#,
        ] {
            assert!(Shape::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
