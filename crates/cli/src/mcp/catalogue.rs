//! The tools as the model sees them: names and meanings of section 6, and honest hints about what each one does.

use rmcp::model::{Tool, ToolAnnotations, object};
use serde_json::{Value, json};

/// All tools that do not stand for a capability. There is nothing to search without a directory.
pub(super) fn tools(has_directory: bool) -> Vec<Tool> {
    let searching = has_directory.then(searching);
    let searching = searching.into_iter().collect();
    [searching, looking(), asking(), working()].concat()
}

fn searching() -> Tool {
    tool(
        "search_providers",
        "Find services by what they are wanted for, in a directory that this client trusts. Prefer this to URLs from \
         elsewhere.",
        &properties(
            &["intent"],
            &json!({ "intent": text("What is wanted, in plain words, such as: send money") }),
        ),
        Effect::Reads(World::Open),
    )
}

/// Finding services and what they offer.
fn looking() -> Vec<Tool> {
    vec![
        tool(
            "list_providers",
            "List the services this client knows. Services not listed can be looked at with discover_provider.",
            &none(),
            Effect::Reads(World::Closed),
        ),
        tool(
            "discover_provider",
            "Look at the service at a URL and remember it. A person may have to permit it.",
            &properties(
                &[],
                &json!({
                    "url": text("The service, for example https://bank.example"),
                    "www_authenticate": text(
                        "Instead of url: the WWW-Authenticate header of a 401 answer, to find the service it names",
                    ),
                }),
            ),
            Effect::Reads(World::Open),
        ),
        tool(
            "list_agents",
            "List the agents this client has connected, with their services, states and capabilities.",
            &none(),
            Effect::Reads(World::Closed),
        ),
        tool(
            "list_capabilities",
            "List what a service offers, in short. With agent_id, say for each whether that agent holds it.",
            &properties(
                &[],
                &json!({
                    "provider": text(PROVIDER),
                    "query": text("Words to search for, such as: send money"),
                    "agent_id": text(AGENT),
                    "cursor": text("next_cursor of the answer before, for the next page"),
                }),
            ),
            Effect::Reads(World::Open),
        ),
        tool(
            "describe_capability",
            "Describe one capability in full, with the JSON Schema of its arguments.",
            &properties(
                &["name"],
                &json!({
                    "provider": text(PROVIDER),
                    "name": text("The capability"),
                    "agent_id": text(AGENT),
                }),
            ),
            Effect::Reads(World::Open),
        ),
    ]
}

/// Getting an agent and capabilities, and whether they were approved.
fn asking() -> Vec<Tool> {
    vec![
        tool(
            "connect_agent",
            "Register an agent of your own at a service and ask for capabilities. When the answer is pending, a \
             person has to approve it: show them where, then call agent_status.",
            &properties(&["provider"], &connect_properties()),
            Effect::Adds,
        ),
        tool(
            "request_capability",
            "Ask for more capabilities, or wider ones, for a connected agent. A person may have to approve them.",
            &properties(&["agent_id", "capabilities"], &request_properties()),
            Effect::Adds,
        ),
        tool(
            "agent_status",
            "Say where an agent stands and what it may do, or whether its approval was given. With wait_seconds, \
             wait that long for a pending decision.",
            &properties(
                &["agent_id"],
                &json!({
                    "agent_id": text(AGENT),
                    "wait_seconds": {
                        "type": "integer", "minimum": 0, "maximum": 300,
                        "description": "How long to wait while something is pending; 0 does not wait",
                    },
                }),
            ),
            Effect::Reads(World::Open),
        ),
    ]
}

/// Using an agent, and ending it.
fn working() -> Vec<Tool> {
    vec![
        tool(
            "execute_capability",
            "Run a granted capability and return its result. What that does depends on the capability.",
            &properties(
                &["agent_id", "capability"],
                &json!({
                    "agent_id": text(AGENT),
                    "capability": text("The capability"),
                    "arguments": { "type": "object", "description": "Its arguments, as describe_capability shows" },
                }),
            ),
            Effect::Acts,
        ),
        tool(
            "sign_jwt",
            "Sign a token for one request to a service that is not reached through execute_capability. Whoever \
             holds it can act as the agent for a minute: hand it to that service and to nobody else.",
            &properties(
                &["agent_id"],
                &json!({
                    "agent_id": text(AGENT),
                    "aud": text("The URL the token is meant for; the service's issuer if left out"),
                    "capabilities": {
                        "type": "array", "items": { "type": "string" },
                        "description": "The only capabilities the token is good for",
                    },
                }),
            ),
            Effect::Adds,
        ),
        tool(
            "reactivate_agent",
            "Bring an expired agent back. It keeps its identity and holds only its host's default capabilities.",
            &properties(&["agent_id"], &json!({ "agent_id": text(AGENT) })),
            Effect::Adds,
        ),
        tool(
            "disconnect_agent",
            "End an agent for good, at the service and here. It cannot be brought back.",
            &properties(&["agent_id"], &json!({ "agent_id": text(AGENT) })),
            Effect::Ends,
        ),
    ]
}

/// What calling a tool does to the world, which clients use to decide whether to ask their person.
#[derive(Clone, Copy)]
enum Effect {
    /// Nothing.
    Reads(World),
    /// It leaves something behind that can be taken back.
    Adds,
    /// Whatever the service does: nobody here knows.
    Acts,
    /// It ends something for good, and once is as good as twice.
    Ends,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum World {
    /// This client's own records.
    Closed,
    /// Services elsewhere.
    Open,
}

impl Effect {
    fn annotations(self) -> ToolAnnotations {
        let hints = ToolAnnotations::new();
        match self {
            Self::Reads(world) => hints
                .read_only(true)
                .destructive(false)
                .idempotent(true)
                .open_world(world == World::Open),
            Self::Adds => hints
                .read_only(false)
                .destructive(false)
                .idempotent(false)
                .open_world(true),
            Self::Acts => hints
                .read_only(false)
                .destructive(true)
                .idempotent(false)
                .open_world(true),
            Self::Ends => hints
                .read_only(false)
                .destructive(true)
                .idempotent(true)
                .open_world(true),
        }
    }
}

/// The hints of a tool that stands for a capability.
pub(super) fn acts() -> ToolAnnotations {
    Effect::Acts.annotations()
}

fn tool(name: &'static str, description: &'static str, schema: &Value, effect: Effect) -> Tool {
    Tool::new(name, description, object(schema.clone())).with_annotations(effect.annotations())
}

fn connect_properties() -> Value {
    let mut properties = json!({
        "provider": text("The service: a name from list_providers, or its URL"),
        "name": text("What to call the agent, for the person who approves it and looks at it later"),
        "capabilities": capabilities(),
        "mode": {
            "type": "string", "enum": ["delegated", "autonomous"],
            "description": "delegated (the default): for a person. autonomous: for nobody but yourself",
        },
    });
    add_hints(&mut properties);
    properties
}

fn request_properties() -> Value {
    let mut properties = json!({ "agent_id": text(AGENT), "capabilities": capabilities() });
    add_hints(&mut properties);
    properties
}

fn add_hints(properties: &mut Value) {
    properties["reason"] = text("Why, in a sentence for the person who approves");
    properties["preferred_method"] =
        text("How to reach that person: device_authorization or ciba; the service decides");
    properties["login_hint"] = text("Who that person is at the service, for ciba");
    properties["binding_message"] = text("A short text shown to that person, for ciba");
}

fn capabilities() -> Value {
    json!({
        "type": "array",
        "description": "What to ask for: names, or names with constraints on their arguments. An argument's \
                        constraint is a fixed value, or an object of max, min, in and not_in",
        "items": { "anyOf": [
            { "type": "string" },
            {
                "type": "object",
                "required": ["name"],
                "additionalProperties": false,
                "properties": {
                    "name": { "type": "string" },
                    "constraints": { "type": "object" },
                },
            },
        ] },
    })
}

fn none() -> Value {
    properties(&[], &json!({}))
}

fn properties(required: &[&str], properties: &Value) -> Value {
    json!({
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": false,
    })
}

fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

const PROVIDER: &str = "The service: a name from list_providers, or its URL. It may be left out while there is only one";
const AGENT: &str = "The agent: an identifier from connect_agent or list_agents";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_directory_there_is_nothing_to_search_with() {
        let searches = |tool: &Tool| tool.name == "search_providers";
        assert!(!tools(false).iter().any(searches));
        assert!(tools(true).iter().any(searches));
        assert_eq!(tools(true).len(), tools(false).len() + 1);
    }
}
