//! Request bodies: which of the described types is sent, and which arguments make it.

use std::collections::BTreeMap;

use http::HeaderValue;
use serde_json::{Map, Value, json};

use super::Problem;
use super::arguments::ArgumentNames;
use super::flatten::members;
use super::reference::{At, Documents};
use super::schema::SchemaWriter;
use super::style::{Manner, Style, pairs};
use crate::http::body::{self, Body, Part, bytes_of};
use crate::template::plain;
use crate::{BackendError, Call};

/// How a body is made.
#[derive(Debug)]
pub(super) struct BodyPlan {
    format: Format,
    shape: Shape,
    required: bool,
}

#[derive(Debug)]
enum Format {
    Json(HeaderValue),
    Form(BTreeMap<String, Manner>),
    Multipart(BTreeMap<String, PartPlan>),
    Text(HeaderValue),
    Bytes(HeaderValue),
}

/// How a member becomes a part.
#[derive(Clone, Debug, Default)]
struct PartPlan {
    is_file: bool,
    content_type: Option<String>,
}

#[derive(Debug)]
enum Shape {
    /// An argument for each member: the argument's name and the member's.
    Members(Vec<(String, String)>),
    /// One argument for all.
    Whole(String),
}

/// What a body adds to the input schema.
pub(super) struct BodyArguments {
    pub(super) plan: BodyPlan,
    /// Arguments and their schemas.
    pub(super) properties: Vec<(String, Value)>,
    /// Those that have to be there.
    pub(super) required: Vec<String>,
    /// Those that have to be there as soon as one of the others is.
    pub(super) required_together: Vec<String>,
}

/// Reads the body of an operation.
pub(super) fn of_operation<'d>(
    documents: &'d Documents,
    operation: &At<'d>,
    names: &mut ArgumentNames,
    writer: &mut SchemaWriter<'d>,
) -> Result<Option<BodyArguments>, Problem> {
    let Some(body) = operation.node.get("requestBody") else {
        return Ok(None);
    };
    let body = documents.resolve(&operation.beside(body))?;
    let content = body.node["content"].as_object();
    let content = content.ok_or(Problem::Type(
        "the content of the body".to_owned(),
        "an object",
    ))?;
    let Some((name, media)) = preferred(content) else {
        return Ok(None);
    };
    let required = body.node["required"] == true;
    let schema = body.beside(&media["schema"]);
    let format = Format::of(documents, name, &body.beside(media))?;
    let by_members = matches!(
        format,
        Format::Json(_) | Format::Form(_) | Format::Multipart(_)
    );
    let members = members(documents, &schema).filter(|_| by_members);
    let Some(members) = members else {
        return whole(format, &schema, required, names, writer).map(Some);
    };
    let mut properties = Vec::new();
    let mut allotted = Vec::new();
    for (member, schema) in members.properties {
        let argument = names.allot(&member, "body");
        let written = match format.part(&member) {
            Some(part) if part.is_file => file_schema(&schema),
            _ => writer.write(&schema)?,
        };
        properties.push((argument.clone(), written));
        allotted.push((argument, member));
    }
    let needed = allotted
        .iter()
        .filter(|(_, member)| members.required.contains(member));
    let needed: Vec<_> = needed.map(|(argument, _)| argument.clone()).collect();
    let (required_names, required_together) = if required {
        (needed, Vec::new())
    } else {
        (Vec::new(), needed)
    };
    Ok(Some(BodyArguments {
        plan: BodyPlan {
            format,
            shape: Shape::Members(allotted),
            required,
        },
        properties,
        required: required_names,
        required_together,
    }))
}

fn whole<'d>(
    format: Format,
    schema: &At<'d>,
    required: bool,
    names: &mut ArgumentNames,
    writer: &mut SchemaWriter<'d>,
) -> Result<BodyArguments, Problem> {
    let argument = names.allot("body", "whole");
    let schema = match (&format, schema.node) {
        (Format::Bytes(_), _) => file_schema(schema),
        (Format::Text(_), _) => json!({ "type": "string" }),
        (_, Value::Null) => json!({}),
        _ => writer.write(schema)?,
    };
    Ok(BodyArguments {
        plan: BodyPlan {
            format,
            shape: Shape::Whole(argument.clone()),
            required,
        },
        properties: vec![(argument.clone(), schema)],
        required: if required { vec![argument] } else { Vec::new() },
        required_together: Vec::new(),
    })
}

/// Bytes travel as base64.
fn file_schema(schema: &At<'_>) -> Value {
    let mut out = json!({ "type": "string", "contentEncoding": "base64" });
    if let Some(words) = schema.node["description"].as_str() {
        out["description"] = words.into();
    }
    out
}

/// The type that is sent: JSON before forms before parts before text before bytes, else the first.
fn preferred(content: &Map<String, Value>) -> Option<(&str, &Value)> {
    let all = || content.iter().map(|(name, media)| (name.as_str(), media));
    all().min_by_key(|(name, _)| match essence(name).as_str() {
        "application/json" => 0,
        name if is_json(name) => 1,
        "application/x-www-form-urlencoded" => 2,
        "multipart/form-data" => 3,
        name if is_text(name) => 4,
        _ => 5,
    })
}

impl Format {
    fn of(documents: &Documents, name: &str, media: &At<'_>) -> Result<Self, Problem> {
        let essence = essence(name);
        // Ranges stand for any type, and JSON is one.
        let name = if essence.contains('*') {
            "application/json"
        } else {
            name
        };
        let header = HeaderValue::from_str(name)
            .map_err(|_| Problem::Unsupported(format!("{name:?} is no media type")))?;
        Ok(match essence.as_str() {
            "application/x-www-form-urlencoded" => Self::Form(form_encoding(media)?),
            "multipart/form-data" => Self::Multipart(part_encoding(documents, media)),
            essence if is_json(essence) => Self::Json(header),
            essence if is_text(essence) => Self::Text(header),
            _ => Self::Bytes(header),
        })
    }

    fn part(&self, member: &str) -> Option<&PartPlan> {
        match self {
            Self::Multipart(parts) => parts.get(member),
            _ => None,
        }
    }
}

fn form_encoding(media: &At<'_>) -> Result<BTreeMap<String, Manner>, Problem> {
    let mut manners = BTreeMap::new();
    for (member, encoding) in media.node["encoding"].as_object().into_iter().flatten() {
        let style = encoding["style"].as_str().unwrap_or("form");
        let style = Style::named(style).ok_or_else(|| {
            Problem::Unsupported(format!("the member {member:?} has the style {style:?}"))
        })?;
        let manner = Manner {
            style,
            explode: encoding["explode"]
                .as_bool()
                .unwrap_or(style == Style::Form),
            allow_reserved: encoding["allowReserved"] == true,
        };
        manners.insert(member.clone(), manner);
    }
    Ok(manners)
}

/// Which members are files: those that are binary, or whose encoding names a type that is neither text nor JSON.
fn part_encoding(documents: &Documents, media: &At<'_>) -> BTreeMap<String, PartPlan> {
    let schema = media.beside(&media.node["schema"]);
    let Some(members) = members(documents, &schema) else {
        return BTreeMap::new();
    };
    let plan = |(member, schema): (String, At<'_>)| {
        let node = documents.resolve(&schema).map_or(schema.node, |at| at.node);
        let told = media.node["encoding"][&member]["contentType"].as_str();
        let told = told
            .and_then(|types| types.split(',').next())
            .map(str::trim);
        let told = told.filter(|name| !name.contains('*')).map(essence);
        let is_text = told
            .as_deref()
            .is_some_and(|name| is_text(name) || is_json(name));
        let is_binary = node["format"] == "binary" || node["contentMediaType"].is_string();
        let is_file = (is_binary || told.is_some()) && !is_text && node["type"] != "object";
        let content_type = match (told, is_file) {
            (Some(told), _) => Some(told),
            (None, true) => Some("application/octet-stream".to_owned()),
            (None, false) => None,
        };
        (
            member,
            PartPlan {
                is_file,
                content_type,
            },
        )
    };
    members.properties.into_iter().map(plan).collect()
}

impl BodyPlan {
    /// The body that arguments make; none when they make none and none is needed.
    pub(super) fn fill(&self, call: Call<'_>) -> Result<Option<Body>, BackendError> {
        let value = match &self.shape {
            Shape::Whole(argument) => call.arguments.get(argument).cloned(),
            Shape::Members(members) => {
                let given = members.iter().filter_map(|(argument, member)| {
                    Some((member.clone(), call.arguments.get(argument)?.clone()))
                });
                let given: Map<_, _> = given.collect();
                (self.required || !given.is_empty()).then_some(Value::Object(given))
            }
        };
        value.map(|value| self.format.write(&value)).transpose()
    }
}

impl Format {
    fn write(&self, value: &Value) -> Result<Body, BackendError> {
        let members = || match value {
            Value::Object(members) => Ok(members),
            _ => Err(BackendError::Arguments(
                "The body has to be an object.".to_owned(),
            )),
        };
        match self {
            Self::Json(content_type) => Ok(body::json(content_type, value)),
            Self::Form(manners) => {
                let all = members()?.iter().flat_map(|(name, value)| {
                    pairs(name, value, manners.get(name).copied().unwrap_or(USUAL))
                });
                Ok(body::form(&all.collect::<Vec<_>>()))
            }
            Self::Multipart(plans) => {
                let mut parts = Vec::new();
                for (name, value) in members()? {
                    let plan = plans.get(name).cloned().unwrap_or_default();
                    write_parts(name, value, &plan, &mut parts)?;
                }
                body::multipart(&parts)
            }
            Self::Text(content_type) => Ok((content_type.clone(), plain(value).into())),
            Self::Bytes(content_type) => {
                Ok((content_type.clone(), bytes_of("body", value)?.into()))
            }
        }
    }
}

/// A part, or one for each item of a list.
fn write_parts(
    name: &str,
    value: &Value,
    plan: &PartPlan,
    parts: &mut Vec<Part>,
) -> Result<(), BackendError> {
    let items = match value {
        Value::Array(items) => items.as_slice(),
        other => std::slice::from_ref(other),
    };
    for item in items {
        let as_json = item.is_object() || item.is_array();
        let content = if plan.is_file {
            bytes_of(name, item)?
        } else {
            plain(item).into_bytes()
        };
        parts.push(Part {
            name: name.to_owned(),
            content,
            content_type: plan
                .content_type
                .clone()
                .or(as_json.then(|| "application/json".to_owned())),
            is_file: plan.is_file,
        });
    }
    Ok(())
}

fn essence(name: &str) -> String {
    let essence = name.split(';').next().unwrap_or("");
    essence.trim().to_ascii_lowercase()
}

fn is_json(essence: &str) -> bool {
    essence == "application/json" || essence.ends_with("+json") || essence.contains('*')
}

fn is_text(essence: &str) -> bool {
    essence.starts_with("text/") || essence.ends_with("xml") || essence.ends_with("yaml")
}

const USUAL: Manner = Manner {
    style: Style::Form,
    explode: true,
    allow_reserved: false,
};
