//! Schemas of a description as self-contained JSON Schema 2020-12.
//!
//! References become `#/$defs/…`, however deep and recursive, and what they lead to is taken along. OpenAPI 3.0 is
//! raised to 3.1 on the way (`nullable`, boolean `exclusiveMinimum`), keywords that only document are left out, and
//! keywords of a wrong type are left out with a note, since a validator would refuse the whole schema for them.

mod circle;
mod keyword;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use serde_json::{Map, Value, json};

use self::keyword::{Kind, kind_of};
use super::Problem;
use super::reference::{At, Documents};

/// Which way values of a schema go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// To the service: read-only members are left out.
    Request,
    /// From it: write-only members are left out.
    Response,
}

/// What may be asked about a pattern: whether it can be checked in linear time.
pub(super) type PatternCheck<'p> = &'p dyn Fn(&str) -> bool;

/// Writes the schemas of one operation and one direction, and collects what they refer to.
pub(super) struct SchemaWriter<'d> {
    documents: &'d Documents,
    direction: Direction,
    usable: PatternCheck<'d>,
    /// The name of each place that is referred to.
    names: HashMap<(String, String), String>,
    taken: HashSet<String>,
    waiting: VecDeque<(String, At<'d>)>,
    definitions: BTreeMap<String, Value>,
    nodes_left: usize,
    /// What had to be left out.
    pub(super) notes: Vec<String>,
}

impl<'d> SchemaWriter<'d> {
    pub(super) fn new(
        documents: &'d Documents,
        direction: Direction,
        usable: PatternCheck<'d>,
    ) -> Self {
        let nodes_left = match direction {
            Direction::Request => MAX_REQUEST_NODES,
            Direction::Response => MAX_RESPONSE_NODES,
        };
        Self {
            documents,
            direction,
            usable,
            names: HashMap::new(),
            taken: HashSet::new(),
            waiting: VecDeque::new(),
            definitions: BTreeMap::new(),
            nodes_left,
            notes: Vec::new(),
        }
    }

    /// Writes one schema. What it refers to is written by [`finish`](Self::finish).
    pub(super) fn write(&mut self, at: &At<'d>) -> Result<Value, Problem> {
        self.nodes_left = self.nodes_left.saturating_sub(1);
        match at.node {
            Value::Bool(all) => Ok(Value::Bool(*all)),
            Value::Object(members) => self.write_members(at, members),
            _ => Err(Problem::Type("a schema".to_owned(), "an object")),
        }
    }

    /// Completes a schema made of written ones with all that they refer to.
    pub(super) fn finish(
        mut self,
        mut schema: Map<String, Value>,
    ) -> Result<(Value, Vec<String>), Problem> {
        while let Some((name, at)) = self.waiting.pop_front() {
            let definition = if self.nodes_left == 0 {
                self.note("parts of the schema are left out, since it is too large".to_owned());
                json!({ "description": "Not shown: the schema is too large." })
            } else {
                self.write(&at)?
            };
            self.definitions.insert(name, definition);
        }
        if circle::break_circles(&mut self.definitions) {
            self.note("a schema that includes itself is checked in part".to_owned());
        }
        if !self.definitions.is_empty() {
            schema.insert("$defs".to_owned(), json!(self.definitions));
        }
        Ok((Value::Object(schema), self.notes))
    }

    fn write_members(
        &mut self,
        at: &At<'d>,
        members: &'d Map<String, Value>,
    ) -> Result<Value, Problem> {
        let mut out = Map::new();
        if let Some(reference) = members.get("$ref") {
            let reference = reference
                .as_str()
                .ok_or(Problem::Type("$ref".to_owned(), "a text"))?;
            out.insert("$ref".to_owned(), self.refer(at, reference)?.into());
            // Beside a reference only words are common ground of 3.0 and 3.1.
            let words = ["title", "description"];
            let words = words
                .iter()
                .filter_map(|word| Some((*word, members.get(*word)?)));
            out.extend(words.map(|(word, value)| (word.to_owned(), value.clone())));
            return Ok(Value::Object(out));
        }
        for (name, value) in members {
            self.write_keyword(at, name, value, &mut out)?;
        }
        keyword::raise(members, &mut out);
        self.leave_out_one_way_members(at, members, &mut out);
        Ok(Value::Object(out))
    }

    fn write_keyword(
        &mut self,
        at: &At<'d>,
        name: &str,
        value: &'d Value,
        out: &mut Map<String, Value>,
    ) -> Result<(), Problem> {
        let written = match (kind_of(name), value) {
            (Kind::Schema, Value::Object(_) | Value::Bool(_)) => self.write(&at.beside(value))?,
            // Lists of items were how tuples were written once.
            (Kind::Schema | Kind::Schemas, Value::Array(items)) => {
                let items = items.iter().map(|item| self.write(&at.beside(item)));
                let items: Value = items.collect::<Result<Vec<_>, _>>()?.into();
                let name = if name == "items" { "prefixItems" } else { name };
                if items != json!([]) {
                    out.insert(name.to_owned(), items);
                }
                return Ok(());
            }
            (Kind::SchemaMap, Value::Object(members)) => {
                let each = members
                    .iter()
                    .map(|(member, schema)| Ok((member.clone(), self.write(&at.beside(schema))?)));
                Value::Object(each.collect::<Result<_, Problem>>()?)
            }
            (Kind::Plain(fits), value) if fits(value) => value.clone(),
            (Kind::Pattern, Value::String(pattern)) if (self.usable)(pattern) => value.clone(),
            (Kind::Pattern, Value::String(_)) => {
                self.note(format!(
                    "{name} is not checked: it needs more than linear time"
                ));
                return Ok(());
            }
            (Kind::LeftOut, _) => return Ok(()),
            _ => {
                self.note(format!(
                    "{name} is not checked: its value is of a wrong type"
                ));
                return Ok(());
            }
        };
        out.insert(name.to_owned(), written);
        Ok(())
    }

    /// Names the place a reference leads to, and has it written later.
    fn refer(&mut self, at: &At<'d>, reference: &str) -> Result<String, Problem> {
        let target = self.documents.follow(&at.document, reference)?;
        let key = (target.document.to_string(), target.pointer.clone());
        if let Some(name) = self.names.get(&key) {
            return Ok(format!("#/$defs/{name}"));
        }
        let name = self.new_name(&target);
        self.taken.insert(name.clone());
        self.names.insert(key, name.clone());
        let reference = format!("#/$defs/{name}");
        self.waiting.push_back((name, target));
        Ok(reference)
    }

    /// The last part of the place, made fit for a pointer and unlike the others.
    fn new_name(&self, target: &At<'_>) -> String {
        let last = target.pointer.rsplit('/').next().unwrap_or("");
        let last = if last.is_empty() {
            let file = target.document.path().rsplit('/').next().unwrap_or("");
            file.split('.').next().unwrap_or("")
        } else {
            last
        };
        let plain = |c: char| {
            if c.is_ascii_alphanumeric() || "_-.".contains(c) {
                c
            } else {
                '_'
            }
        };
        let base: String = last.chars().map(plain).collect();
        let mut name = base.clone();
        let mut count = 2;
        while name.is_empty() || self.taken.contains(&name) {
            name = format!("{base}_{count}");
            count += 1;
        }
        name
    }

    /// Takes out members that do not go this way.
    fn leave_out_one_way_members(
        &self,
        at: &At<'d>,
        members: &'d Map<String, Value>,
        out: &mut Map<String, Value>,
    ) {
        let Some(properties) = members.get("properties").and_then(Value::as_object) else {
            return;
        };
        let flag = match self.direction {
            Direction::Request => "readOnly",
            Direction::Response => "writeOnly",
        };
        for (name, schema) in properties {
            if !is_flagged(self.documents, &at.beside(schema), flag) {
                continue;
            }
            if let Some(Value::Object(kept)) = out.get_mut("properties") {
                kept.remove(name);
            }
            if let Some(Value::Array(required)) = out.get_mut("required") {
                required.retain(|one| one != name);
            }
        }
    }

    fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}

/// Whether a schema, or the one it refers to, says this of itself.
pub(super) fn is_flagged(documents: &Documents, at: &At<'_>, flag: &str) -> bool {
    at.node[flag] == true
        || documents
            .resolve(at)
            .is_ok_and(|target| target.node[flag] == true)
}

/// How many schemas the arguments of one operation may consist of before the rest is left out.
const MAX_REQUEST_NODES: usize = 20_000;
/// The same for its result, which is shown and seldom checked.
const MAX_RESPONSE_NODES: usize = 1_500;
