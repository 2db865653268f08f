//! Parameters: what an argument of each looks like, and where it goes.

use std::collections::BTreeSet;

use http::HeaderName;
use serde_json::{Map, Value, json};

use super::Problem;
use super::reference::{At, Documents};
use super::schema::SchemaWriter;
use super::style::{Manner, Style};
use crate::http::Credential;
use crate::http::outgoing::is_reserved_header;

/// Where a parameter goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Path,
    Query,
    Header,
    Cookie,
}

impl Place {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
            Self::Cookie => "cookie",
        }
    }

    fn named(name: &str) -> Option<Self> {
        let all = [Self::Path, Self::Query, Self::Header, Self::Cookie];
        all.into_iter().find(|place| place.as_str() == name)
    }
}

/// A parameter as a description declares it.
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) required: bool,
    pub(super) schema: Value,
    pub(super) manner: Manner,
    /// Whether its value is written as JSON.
    pub(super) is_json: bool,
}

/// What no argument may set: the credential's place, and those the description's security schemes name.
pub(super) struct Guarded<'c> {
    pub(super) credential: &'c Credential,
    /// Place and name, in lower case.
    pub(super) schemes: BTreeSet<(Place, String)>,
}

impl<'c> Guarded<'c> {
    pub(super) fn new(documents: &Documents, credential: &'c Credential) -> Self {
        let schemes = documents.root().node["components"]["securitySchemes"].as_object();
        let schemes = schemes.into_iter().flat_map(Map::values);
        let keys = schemes.filter_map(|scheme| {
            let place = Place::named(scheme["in"].as_str()?)?;
            Some((place, scheme["name"].as_str()?.to_ascii_lowercase()))
        });
        Self {
            credential,
            schemes: keys.collect(),
        }
    }

    fn holds(&self, place: Place, name: &str) -> bool {
        let own = match place {
            Place::Path => false,
            Place::Query => self.credential.owns_query(name),
            Place::Cookie => self.credential.owns_cookie(name),
            Place::Header => HeaderName::try_from(name).map_or(true, |name| {
                is_reserved_header(&name) || self.credential.owns_header(&name)
            }),
        };
        own || self.schemes.contains(&(place, name.to_ascii_lowercase()))
    }
}

/// The parameters of an operation and of its path, by place, the operation's own going before; without those that
/// arguments may not set.
pub(super) fn of_operation<'d>(
    documents: &'d Documents,
    item: &At<'d>,
    operation: &At<'d>,
    guarded: &Guarded<'_>,
    writer: &mut SchemaWriter<'d>,
) -> Result<Vec<Parameter>, Problem> {
    let mut found: Vec<Parameter> = Vec::new();
    for owner in [operation, item] {
        let listed = match &owner.node["parameters"] {
            Value::Null => continue,
            Value::Array(listed) => listed,
            _ => return Err(Problem::Type("parameters".to_owned(), "a list")),
        };
        let mut own: Vec<Parameter> = Vec::new();
        for parameter in listed {
            let at = documents.resolve(&owner.beside(parameter))?;
            let (name, place) = identity(&at)?;
            let same = |one: &Parameter| one.name == name && one.place == place;
            if guarded.holds(place, &name) || found.iter().any(same) || own.iter().any(same) {
                continue;
            }
            own.push(read(&at, name, place, writer)?);
        }
        found.extend(own);
    }
    found.sort_by_key(|parameter| parameter.place);
    Ok(found)
}

fn identity(at: &At<'_>) -> Result<(String, Place), Problem> {
    let name = at.node["name"].as_str().filter(|name| !name.is_empty());
    let name = name.ok_or(Problem::Type(
        "the name of a parameter".to_owned(),
        "a text",
    ))?;
    let place = at.node["in"].as_str().unwrap_or("");
    let place = Place::named(place).ok_or_else(|| {
        Problem::Unsupported(format!(
            "the parameter {name:?} is in {place:?}, which is nowhere"
        ))
    })?;
    Ok((name.to_owned(), place))
}

fn read<'d>(
    at: &At<'d>,
    name: String,
    place: Place,
    writer: &mut SchemaWriter<'d>,
) -> Result<Parameter, Problem> {
    let content = at.node["content"]
        .as_object()
        .and_then(|media| media.values().next());
    let schema = content.map_or(&at.node["schema"], |media| &media["schema"]);
    let mut schema = match schema {
        Value::Null => json!({}),
        schema => writer.write(&at.beside(schema))?,
    };
    if let (Some(words), Value::Object(members)) = (at.node["description"].as_str(), &mut schema) {
        members.insert("description".to_owned(), words.into());
    }
    let style = match at.node["style"].as_str() {
        None => usual_style(place),
        Some(named) => Style::named(named)
            .filter(|style| is_possible(place, *style))
            .ok_or_else(|| {
                Problem::Unsupported(format!("the parameter {name:?} has the style {named:?}"))
            })?,
    };
    let explode = at.node["explode"].as_bool();
    Ok(Parameter {
        required: place == Place::Path || at.node["required"] == true,
        schema,
        manner: Manner {
            style,
            explode: explode.unwrap_or(style == Style::Form),
            allow_reserved: at.node["allowReserved"] == true,
        },
        is_json: content.is_some(),
        name,
        place,
    })
}

fn usual_style(place: Place) -> Style {
    match place {
        Place::Path | Place::Header => Style::Simple,
        Place::Query | Place::Cookie => Style::Form,
    }
}

fn is_possible(place: Place, style: Style) -> bool {
    match place {
        Place::Path => matches!(style, Style::Simple | Style::Label | Style::Matrix),
        Place::Query => matches!(
            style,
            Style::Form | Style::SpaceDelimited | Style::PipeDelimited | Style::DeepObject
        ),
        Place::Header => style == Style::Simple,
        Place::Cookie => style == Style::Form,
    }
}
