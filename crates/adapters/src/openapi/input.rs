//! The input schema of an operation, put together from its parameters and its body.

use serde_json::{Map, Value, json};

use super::body::{BodyArguments, BodyPlan};
use super::operation::Piece;
use super::parameter::{Parameter, Place};
use super::style::{Manner, Style};

/// The members of an input schema as they come together.
#[derive(Default)]
pub(super) struct InputParts {
    properties: Map<String, Value>,
    required: Vec<String>,
    dependent: Map<String, Value>,
}

impl InputParts {
    pub(super) fn add(&mut self, argument: &str, schema: Value, required: bool) {
        self.properties.insert(argument.to_owned(), schema);
        if required {
            self.required.push(argument.to_owned());
        }
    }

    pub(super) fn add_body(&mut self, body: BodyArguments) -> BodyPlan {
        for (argument, schema) in body.properties {
            if !body.required_together.is_empty() {
                self.dependent
                    .insert(argument.clone(), json!(body.required_together));
            }
            self.properties.insert(argument, schema);
        }
        self.required.extend(body.required);
        body.plan
    }

    pub(super) fn into_schema(self, words: Option<String>) -> Map<String, Value> {
        let mut schema = Map::new();
        schema.insert("type".to_owned(), "object".into());
        schema.insert("properties".to_owned(), Value::Object(self.properties));
        schema.insert("additionalProperties".to_owned(), false.into());
        if !self.required.is_empty() {
            schema.insert("required".to_owned(), json!(self.required));
        }
        if !self.dependent.is_empty() {
            schema.insert(
                "dependentRequired".to_owned(),
                Value::Object(self.dependent),
            );
        }
        if let Some(words) = words {
            schema.insert("description".to_owned(), words.into());
        }
        schema
    }
}

/// The parameters, without those of a path that has no place for them, and with those it forgot to declare.
pub(super) fn with_path(parameters: Vec<Parameter>, path: &[Piece]) -> Vec<Parameter> {
    let has_place = |name: &str| path.contains(&Piece::Variable(name.to_owned()));
    let mut kept: Vec<_> = parameters
        .into_iter()
        .filter(|one| one.place != Place::Path || has_place(&one.name))
        .collect();
    for piece in path.iter().rev() {
        let Piece::Variable(name) = piece else {
            continue;
        };
        if kept
            .iter()
            .any(|one| one.place == Place::Path && one.name == *name)
        {
            continue;
        }
        let forgotten = Parameter {
            name: name.clone(),
            place: Place::Path,
            required: true,
            schema: json!({ "type": "string" }),
            manner: Manner {
                style: Style::Simple,
                explode: false,
                allow_reserved: false,
            },
            is_json: false,
        };
        kept.insert(0, forgotten);
    }
    kept
}
