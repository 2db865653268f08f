//! The limits, texts and URLs of `vectors/agent-auth/hostile`, judged by the rules alone, and what holds for all
//! files there. The tokens are judged where their rules are, in `src/token/tests/vectors.rs`.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

#[path = "../../../vectors/agent-auth/hostile/reader.rs"]
mod reader;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use procura_agent_auth::capability::CapabilityName;
use procura_agent_auth::constraint::Constraints;
use procura_agent_auth::id::AgentId;
use procura_agent_auth::jwks::JwksUrl;
use procura_agent_auth::refusal::Refusal;
use procura_agent_auth::text::{MAX_NAME, clean};
use procura_agent_auth::user_code::UserCode;
use procura_keys::json::parse_strict;
use reader::{Corpus, Pieces};
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Deserialize)]
struct Limits {
    name: String,
    constraints: String,
    arguments: Option<String>,
    verdict: String,
}

impl Limits {
    fn judge(&self) -> Result<(), Refusal> {
        let limits = parse_strict(self.constraints.as_bytes());
        let limits = limits.map_err(|error| Refusal::invalid(error.to_string()))?;
        let limits = Constraints::parse(&limits)?.unwrap();
        let Some(arguments) = &self.arguments else {
            return Ok(());
        };
        let arguments: Map<String, Value> = serde_json::from_str(arguments).unwrap();
        let violations = limits.check(&arguments);
        if violations.is_empty() {
            Ok(())
        } else {
            Err(Refusal::ConstraintViolated { violations })
        }
    }
}

// AA-2.13-05, AA-2.13-09, AA-2.13-10, AA-2.13-11, AA-2.13-12, AA-2.13-13
#[test]
fn hostile_limits_and_arguments_get_their_verdicts() {
    let file = include_str!("../../../vectors/agent-auth/hostile/constraints.json");
    let mut wrong = Vec::new();
    for case in Corpus::<Limits>::read(file).unwrap().into_all() {
        let verdict = match case.judge() {
            Ok(()) => "accepted",
            Err(refusal) => refusal.code_and_status().0,
        };
        if verdict != case.verdict {
            wrong.push((case.name, verdict));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[derive(Deserialize)]
struct Words {
    name: String,
    kind: Kind,
    text: Pieces,
    cleaned: Option<String>,
    verdict: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    UserCode,
    Name,
    CapabilityName,
    AgentId,
}

impl Words {
    /// Whether the text is what it claims to be; of a name, what is kept of it.
    fn judge(&self) -> (&'static str, Option<String>) {
        let text = String::from_utf8(self.text.bytes()).unwrap();
        let is_good = match self.kind {
            Kind::Name => {
                let cleaned = clean(&text, MAX_NAME);
                let verdict = cleaned.as_ref().map_or("refused", |_| "cleaned");
                return (verdict, cleaned);
            }
            Kind::UserCode => UserCode::parse(&text).is_some(),
            Kind::CapabilityName => CapabilityName::try_from(text).is_ok(),
            Kind::AgentId => AgentId::try_from(text).is_ok(),
        };
        (if is_good { "accepted" } else { "refused" }, None)
    }
}

// AA-8.10-03
#[test]
fn hostile_texts_are_refused_or_made_harmless() {
    let file = include_str!("../../../vectors/agent-auth/hostile/texts.json");
    let mut wrong = Vec::new();
    for case in Corpus::<Words>::read(file).unwrap().into_all() {
        let judged = case.judge();
        if judged != (case.verdict.as_str(), case.cleaned.clone()) {
            wrong.push((case.name, judged));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[derive(Deserialize)]
struct Location {
    name: String,
    url: Pieces,
    verdict: String,
}

// AA-8.12-03
#[test]
fn a_hostile_text_is_no_url_of_a_key_set_unless_only_its_host_is_wrong() {
    let file = include_str!("../../../vectors/agent-auth/hostile/urls.json");
    let mut wrong = Vec::new();
    for case in Corpus::<Location>::read(file).unwrap().into_all() {
        let text = String::from_utf8(case.url.bytes()).unwrap();
        let is_url = JwksUrl::try_from(text).is_ok();
        let may_be = matches!(case.verdict.as_str(), "accepted" | "forbidden_address");
        if is_url != may_be {
            wrong.push((case.name, is_url));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What stands beside a case without being its input.
const REMARKS: [&str; 3] = ["name", "verdict", "why"];

#[test]
fn every_case_has_a_name_an_input_and_a_reason_of_its_own() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/agent-auth/hostile");
    let readme = fs::read_to_string(folder.join("README.md")).unwrap();
    let mut count = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension() != Some("json".as_ref()) {
            continue;
        }
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(
            readme.contains(&format!("`{file}`")),
            "README.md lacks {file}"
        );
        let document: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        assert!(document["about"].is_array(), "{file}");
        let lists = ["controls", "cases", "resolved", "redirects"];
        let cases = lists.iter().filter_map(|list| document[list].as_array());
        let (mut names, mut inputs) = (BTreeSet::new(), BTreeSet::new());
        for case in cases.flatten() {
            let name = case["name"].as_str().unwrap();
            let why = case["why"].as_str().unwrap();
            assert!(
                why.ends_with('.') && why.contains(' '),
                "{file}: {name}: {why}"
            );
            assert!(names.insert(name.to_owned()), "{file}: {name} twice");
            let mut input = case.as_object().unwrap().clone();
            input.retain(|member, _| !REMARKS.contains(&member.as_str()));
            assert!(
                inputs.insert(Value::Object(input).to_string()),
                "{file}: {name} repeats an input"
            );
        }
        count += document["cases"].as_array().unwrap().len();
    }
    assert!(count >= 500, "{count}");
}
