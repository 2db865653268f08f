//! From a description to capabilities.

use std::collections::BTreeMap;

use procura_agent_auth::capability::ApprovalStrength;
use serde_json::Value;
use url::Url;

use super::arguments::ArgumentNames;
use super::found::{Found, described, first_paragraph, full_text, operations};
use super::input::{InputParts, with_path};
use super::operation::{Operation, Piece, Sent, template};
use super::parameter::Guarded;
use super::reference::Documents;
use super::rule::{Rule, Subject, Verdict, judge};
use super::schema::{Direction, PatternCheck, SchemaWriter};
use super::{Problem, body, name, parameter, server};
use crate::http::Credential;
use crate::http::encode::path_literal;

/// What an operator chose.
pub struct Selection<'s> {
    /// Patterns for names, ids or paths of what is offered; all, if empty.
    pub include: &'s [String],
    /// Patterns of what is not.
    pub exclude: &'s [String],
    /// Rules, the last of which decide.
    pub rules: &'s [Rule],
    /// Values of server variables.
    pub variables: &'s BTreeMap<String, String>,
    /// The credential of the upstream, whose place no argument may take.
    pub credential: &'s Credential,
    /// Whether a pattern can be checked in linear time.
    pub usable_pattern: PatternCheck<'s>,
}

/// What became of a description.
#[derive(Debug)]
pub struct Derivation {
    /// Its title.
    pub title: String,
    /// The first paragraph of its description.
    pub description: String,
    /// Where it says its service is.
    pub server: Result<Url, String>,
    /// What cannot be offered.
    pub quarantined: Vec<Quarantined>,
    /// How many operations the operator left out.
    pub left_out: usize,
}

/// An operation as a capability.
#[derive(Debug)]
pub struct Derived {
    /// Method and path, as the description writes them.
    pub operation: String,
    /// The capability's name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// The schema of its arguments.
    pub input: Value,
    /// The schema of its result, if one is described.
    pub output: Option<Value>,
    /// What approving it takes.
    pub approval: ApprovalStrength,
    /// Whether new hosts have it as a default.
    pub default: bool,
    /// Limits on every grant of it.
    pub constraints: Option<Value>,
    /// Whether results have to fit their schema.
    pub check_output: bool,
    /// What of the description is not checked.
    pub notes: Vec<String>,
    /// What carries it out.
    pub plan: Operation,
}

/// An operation that is not offered, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// Method and path, as the description writes them.
    pub operation: String,
    /// Why.
    pub reason: String,
}

/// Turns each operation of a description into a capability and hands it on at once, since a thousand of them take
/// much memory; or says why it cannot be one. Whoever takes one may refuse it, with the reason.
pub fn derive(
    documents: &Documents,
    selection: &Selection<'_>,
    take: &mut dyn FnMut(Derived) -> Result<(), String>,
) -> Derivation {
    let root = documents.root();
    let main = server::main(documents, selection.variables);
    let work = Work {
        documents,
        selection,
        guarded: Guarded::new(documents, selection.credential),
        main: main.as_ref().ok(),
    };
    let (found, broken) = operations(documents, &root);
    let info = &root.node["info"];
    let text = |member: &str| info[member].as_str().unwrap_or("").trim().to_owned();
    let mut derivation = Derivation {
        title: text("title"),
        description: first_paragraph(&text("description")),
        server: main.clone().map_err(|problem| problem.to_string()),
        quarantined: broken,
        left_out: 0,
    };
    let names: Vec<_> = found
        .iter()
        .map(|one| (one.name(), one.method.as_str(), one.path))
        .collect();
    let mut taken = BTreeMap::new();
    for (one, name) in found.iter().zip(name::told_apart(&names)) {
        let verdict = work.judge(one, &name);
        if !verdict.offer {
            derivation.left_out += 1;
            continue;
        }
        let derived = work.derive(one, name, verdict);
        let kept = derived
            .map_err(|problem| problem.to_string())
            .and_then(|derived| claim(&mut taken, derived))
            .and_then(&mut *take);
        if let Err(reason) = kept {
            let operation = one.to_string();
            derivation
                .quarantined
                .push(Quarantined { operation, reason });
        }
    }
    derivation
}

/// Renaming may make names meet; the first keeps its own.
fn claim(taken: &mut BTreeMap<String, String>, derived: Derived) -> Result<Derived, String> {
    if let Some(first) = taken.get(&derived.name) {
        return Err(format!("the name {:?} is taken by {first}", derived.name));
    }
    taken.insert(derived.name.clone(), derived.operation.clone());
    Ok(derived)
}

struct Work<'w, 'd> {
    documents: &'d Documents,
    selection: &'w Selection<'d>,
    guarded: Guarded<'w>,
    main: Option<&'w Url>,
}

impl<'d> Work<'_, 'd> {
    fn judge(&self, found: &Found<'d>, name: &str) -> Verdict {
        let node = found.operation.node;
        let tags = node["tags"].as_array().into_iter().flatten();
        let subject = Subject {
            method: &found.method,
            path: found.path,
            id: found.id(),
            name,
            tags: tags.filter_map(Value::as_str).collect(),
            deprecated: node["deprecated"] == true,
        };
        let mut verdict = judge(self.selection.rules, &subject);
        let meant = |pattern: &String| subject.is_meant(pattern);
        let include = self.selection.include;
        verdict.offer &= (include.is_empty() || include.iter().any(meant))
            && !self.selection.exclude.iter().any(meant);
        verdict
    }

    fn derive(
        &self,
        found: &Found<'d>,
        name: String,
        verdict: Verdict,
    ) -> Result<Derived, Problem> {
        if !found.operation.node.is_object() {
            return Err(Problem::Type("the operation".to_owned(), "an object"));
        }
        let usable = self.selection.usable_pattern;
        let mut writer = SchemaWriter::new(self.documents, Direction::Request, usable);
        let (mut path, fixed_query) = template(found.path)?;
        path.insert(0, Piece::Literal(path_literal(&self.below(found)?)));
        let parameters = parameter::of_operation(
            self.documents,
            &found.item,
            &found.operation,
            &self.guarded,
            &mut writer,
        )?;
        let parameters = with_path(parameters, &path);
        let mut names = ArgumentNames::default();
        let mut input = InputParts::default();
        let mut sent = Vec::new();
        for parameter in parameters {
            let argument = names.allot(&parameter.name, parameter.place.as_str());
            input.add(&argument, parameter.schema, parameter.required);
            sent.push(Sent {
                argument,
                name: parameter.name,
                place: parameter.place,
                manner: parameter.manner,
                is_json: parameter.is_json,
            });
        }
        let body = body::of_operation(self.documents, &found.operation, &mut names, &mut writer)?;
        let body = body.map(|body| input.add_body(body));
        let (input, mut notes) =
            writer.finish(input.into_schema(full_text(found.operation.node)))?;
        let output = self.output(found, &mut notes);
        let method = found.method.clone();
        let description = verdict.describe.unwrap_or_else(|| described(found, &name));
        Ok(Derived {
            operation: found.to_string(),
            name: verdict.rename.unwrap_or(name),
            description,
            input,
            output,
            approval: verdict.approval,
            default: verdict.default,
            constraints: verdict.constraints,
            check_output: verdict.check_output,
            notes,
            plan: Operation {
                method,
                path,
                fixed_query,
                parameters: sent,
                body,
            },
        })
    }

    fn below(&self, found: &Found<'d>) -> Result<String, Problem> {
        let Some(main) = self.main else {
            return Ok(String::new());
        };
        let owner = [found.operation.node, found.item.node]
            .into_iter()
            .find(|node| node.get("servers").is_some());
        match owner {
            Some(owner) => server::below(owner, main, self.documents, self.selection.variables),
            None => Ok(String::new()),
        }
    }

    /// The schema of the first good answer that has one. A bad one costs the schema, not the operation.
    fn output(&self, found: &Found<'d>, notes: &mut Vec<String>) -> Option<Value> {
        let responses = found.operation.node["responses"].as_object()?;
        let good = ["200", "201", "202", "203", "206", "2XX", "2xx", "default"];
        let response = good.iter().find_map(|status| responses.get(*status))?;
        let written = self
            .documents
            .resolve(&found.operation.beside(response))
            .and_then(|response| {
                let content = response.node["content"].as_object();
                let json = content
                    .into_iter()
                    .flatten()
                    .find(|(media, _)| media.contains("json"));
                let Some(schema) = json.and_then(|(_, media)| media.get("schema")) else {
                    return Ok(None);
                };
                let usable = self.selection.usable_pattern;
                let mut writer = SchemaWriter::new(self.documents, Direction::Response, usable);
                match writer.write(&response.beside(schema))? {
                    Value::Object(schema) => writer.finish(schema).map(|(schema, _)| Some(schema)),
                    other => Ok(Some(other)),
                }
            });
        written.unwrap_or_else(|problem| {
            notes.push(format!("the result is not described: {problem}"));
            None
        })
    }
}
