//! From a list of tools to capabilities.

use std::collections::BTreeMap;

use procura_agent_auth::capability::ApprovalStrength;
use serde_json::{Value, json};

use super::form::form;
use super::rule::{Rule, Subject, Verdict, judge};
use crate::openapi::Quarantined;
use crate::openapi::found::{MAX_DESCRIPTION, first_paragraph, full_text};
use crate::openapi::name;

/// What an operator chose.
pub struct Selection<'s> {
    /// The server's name.
    pub server: &'s str,
    /// What names begin with.
    pub prefix: &'s str,
    /// Patterns for what is offered; all, if empty.
    pub include: &'s [String],
    /// Patterns for what is not.
    pub exclude: &'s [String],
    /// Rules, the last of which decide.
    pub rules: &'s [Rule],
    /// Whether a pattern can be checked in linear time.
    pub usable_pattern: &'s dyn Fn(&str) -> bool,
}

/// What became of a list of tools.
#[derive(Debug, Default)]
pub struct Derivation {
    /// What can be offered.
    pub derived: Vec<Derived>,
    /// What cannot.
    pub quarantined: Vec<Quarantined>,
    /// How many the operator left out.
    pub left_out: usize,
}

/// A tool as a capability.
#[derive(Clone, Debug, PartialEq)]
pub struct Derived {
    /// The tool, as the server calls it.
    pub tool: String,
    /// The capability's name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// What it is apart from words: see [`form`](super::form()).
    pub form: [u8; 32],
    /// The schema of its arguments.
    pub input: Value,
    /// The schema of its structured result, if it has one.
    pub output: Option<Value>,
    /// What approving it takes.
    pub approval: ApprovalStrength,
    /// Whether new hosts have it as a default.
    pub default: bool,
    /// Limits on every grant of it.
    pub constraints: Option<Value>,
    /// Whether results have to fit their schema.
    pub check_output: bool,
    /// What of its schemas is not checked.
    pub notes: Vec<String>,
}

/// Turns each tool into a capability, or says why it cannot be one.
pub fn derive(tools: &[Value], selection: &Selection<'_>) -> Derivation {
    let mut derivation = Derivation::default();
    let mut named = Vec::new();
    for (at, tool) in tools.iter().enumerate() {
        match tool["name"].as_str() {
            Some(name) if !name.is_empty() => named.push((name, tool)),
            _ => derivation.quarantined.push(Quarantined {
                operation: format!("tool number {}", at + 1),
                reason: "it has no name".to_owned(),
            }),
        }
    }
    let before: Vec<_> = named
        .iter()
        .map(|(tool, _)| (own_name(selection.prefix, tool), KIND, *tool))
        .collect();
    let mut taken = BTreeMap::new();
    for ((tool, node), name) in named.into_iter().zip(name::told_apart(&before)) {
        let verdict = decide(selection, tool, node, &name);
        if !verdict.offer {
            derivation.left_out += 1;
            continue;
        }
        let derived = capability(tool, node, name, verdict, selection);
        match derived.and_then(|derived| claim(&mut taken, derived)) {
            Ok(derived) => derivation.derived.push(derived),
            Err(reason) => derivation.quarantined.push(Quarantined {
                operation: tool.to_owned(),
                reason,
            }),
        }
    }
    derivation
}

/// The name a tool has unless another one has it too.
fn own_name(prefix: &str, tool: &str) -> String {
    name::of_operation(Some(&format!("{prefix}{tool}")), KIND, tool)
}

fn decide(selection: &Selection<'_>, tool: &str, node: &Value, name: &str) -> Verdict {
    let read_only = node["annotations"]["readOnlyHint"] == true;
    let subject = Subject {
        tool,
        name,
        read_only,
    };
    let mut verdict = judge(selection.rules, subject);
    let meant = |pattern: &String| subject.is_meant(pattern);
    let include = selection.include;
    verdict.offer &=
        (include.is_empty() || include.iter().any(meant)) && !selection.exclude.iter().any(meant);
    verdict
}

/// Names that meet: of the tools a server lists twice, and of those that were renamed, the first keeps its own.
fn claim(taken: &mut BTreeMap<String, String>, derived: Derived) -> Result<Derived, String> {
    if let Some(first) = taken.get(&derived.name) {
        return Err(format!("the name {:?} is taken by {first}", derived.name));
    }
    taken.insert(derived.name.clone(), derived.tool.clone());
    Ok(derived)
}

fn capability(
    tool: &str,
    node: &Value,
    name: String,
    verdict: Verdict,
    selection: &Selection<'_>,
) -> Result<Derived, String> {
    let mut notes = Vec::new();
    let usable = selection.usable_pattern;
    let mut input = node["inputSchema"].clone();
    if input["type"] != "object" {
        return Err("its inputSchema is not one of an object".to_owned());
    }
    drop_patterns(&mut input, usable, &mut notes);
    if let (Some(text), None) = (full_text(node), input.get("description")) {
        input["description"] = json!(text);
    }
    let mut output = node
        .get("outputSchema")
        .filter(|schema| schema.is_object())
        .cloned();
    if let Some(output) = &mut output {
        drop_patterns(output, usable, &mut notes);
    }
    Ok(Derived {
        tool: tool.to_owned(),
        form: form(selection.server, node),
        description: verdict.describe.unwrap_or_else(|| described(node, &name)),
        name: verdict.rename.unwrap_or(name),
        input,
        output,
        approval: verdict.approval,
        default: verdict.default,
        constraints: verdict.constraints,
        check_output: verdict.check_output,
        notes,
    })
}

/// What a tool does, short enough for a list and for people who approve it.
fn described(node: &Value, name: &str) -> String {
    let titles = [
        &node["description"],
        &node["title"],
        &node["annotations"]["title"],
    ];
    let words = titles
        .into_iter()
        .filter_map(Value::as_str)
        .map(first_paragraph);
    let words = words.into_iter().find(|words| !words.is_empty());
    let words = words.unwrap_or_else(|| name.replace('_', " "));
    words.chars().take(MAX_DESCRIPTION).collect()
}

/// Takes out patterns that cannot be checked in linear time, wherever schemas are; the rest of the schema stays.
fn drop_patterns(schema: &mut Value, usable: &dyn Fn(&str) -> bool, notes: &mut Vec<String>) {
    match schema {
        Value::Array(items) => {
            for item in items {
                drop_patterns(item, usable, notes);
            }
        }
        Value::Object(members) => {
            if let Some(Value::String(pattern)) = members.get("pattern")
                && !usable(pattern)
            {
                notes.push(format!("the pattern {pattern:?} is not checked"));
                members.remove("pattern");
            }
            let schemas = members
                .iter_mut()
                .filter(|(keyword, _)| !VALUES.contains(&keyword.as_str()));
            for (_, member) in schemas {
                drop_patterns(member, usable, notes);
            }
        }
        _ => {}
    }
}

/// What names are told apart by, beside the tool.
const KIND: &str = "tool";
/// Keywords that hold values and no schemas.
const VALUES: [&str; 4] = ["const", "enum", "default", "examples"];

#[cfg(test)]
mod tests {
    use super::*;

    fn derived(tools: &Value, rules: Value) -> Derivation {
        let rules: Vec<Rule> = serde_json::from_value(rules).unwrap();
        let selection = Selection {
            server: "shop",
            prefix: "",
            include: &[],
            exclude: &["hidden*".to_owned()],
            rules: &rules,
            usable_pattern: &|pattern| !pattern.contains("(?"),
        };
        derive(tools.as_array().unwrap(), &selection)
    }

    fn tool(name: &str) -> Value {
        json!({ "name": name, "inputSchema": { "type": "object" } })
    }

    #[test]
    fn a_tool_becomes_a_capability_with_its_schemas_and_words() {
        let list = json!([{
            "name": "readFile",
            "title": "Read a file",
            "description": "Reads a\n file.\n\nFolders cannot be read.",
            "annotations": { "readOnlyHint": true },
            "inputSchema": { "type": "object", "properties": { "path": { "type": "string" } } },
            "outputSchema": { "type": "object" }
        }]);
        let derivation = derived(&list, json!([]));
        let [one] = derivation.derived.as_slice() else {
            panic!("{derivation:?}")
        };
        assert_eq!(
            (one.name.as_str(), one.tool.as_str()),
            ("read_file", "readFile")
        );
        assert_eq!(one.description, "Reads a file.");
        assert_eq!(
            one.input["description"],
            "Reads a\n file.\n\nFolders cannot be read."
        );
        assert_eq!(one.output, Some(json!({ "type": "object" })));
        assert_eq!(one.approval, ApprovalStrength::Session);
    }

    // AA-2.14-01
    #[test]
    fn names_depend_on_the_tool_alone_and_are_told_apart_where_they_meet() {
        let names = |tools: Value| {
            let mut names: Vec<_> = derived(&tools, json!([]))
                .derived
                .into_iter()
                .map(|one| (one.tool, one.name))
                .collect();
            names.sort();
            names
        };
        let forward = names(json!([tool("get-x"), tool("getX"), tool("other")]));
        let backward = names(json!([tool("other"), tool("getX"), tool("get-x")]));
        assert_eq!(forward, backward);
        assert!(forward[0].1.starts_with("get_x_") && forward[1].1.starts_with("get_x_"));
        assert_ne!(forward[0].1, forward[1].1);
        assert_eq!(forward[2].1, "other");
    }

    #[test]
    fn a_bad_tool_is_set_aside_with_its_reason_and_the_rest_serve() {
        let list = json!([
            tool("good"),
            { "inputSchema": { "type": "object" } },
            { "name": "listless", "inputSchema": { "type": "array" } },
            { "name": "schemaless" },
            "nonsense",
            tool("good"),
            tool("hidden_one"),
            tool("renamed")
        ]);
        let derivation = derived(&list, json!([{ "tools": ["renamed"], "rename": "good" }]));
        let told: Vec<_> = derivation
            .quarantined
            .iter()
            .map(|one| one.operation.as_str())
            .collect();
        assert_eq!(
            told,
            [
                "tool number 2",
                "tool number 5",
                "listless",
                "schemaless",
                "good"
            ]
        );
        assert_eq!(derivation.left_out, 1);
    }

    #[test]
    fn a_pattern_nobody_can_check_in_linear_time_is_left_out_and_told() {
        let pattern = "^(?!a)b";
        let list = json!([{
            "name": "mail",
            "inputSchema": {
                "type": "object",
                "properties": {
                    "to": { "type": "string", "pattern": pattern, "minLength": 3 },
                    "pattern": { "type": "string", "const": { "pattern": pattern } }
                }
            }
        }]);
        let derivation = derived(&list, json!([]));
        let one = &derivation.derived[0];
        assert_eq!(
            one.input["properties"],
            json!({
                "to": { "type": "string", "minLength": 3 },
                "pattern": { "type": "string", "const": { "pattern": pattern } }
            })
        );
        assert_eq!(one.notes.len(), 1);
    }
}
