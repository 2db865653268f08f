//! The keys and key sets of `vectors/agent-auth/hostile`: none is taken, and each for its own reason.

#[path = "../../../vectors/agent-auth/hostile/reader.rs"]
mod reader;

use procura_keys::jwk::{JwkError, PublicJwk};
use procura_keys::jwk_set::{JwkSet, JwkSetError, KeyName, MemberDefect};
use reader::{Corpus, Pieces};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Key {
    name: String,
    jwk: Value,
    verdict: String,
}

// AA-4.1-02, AA-4.1-05
#[test]
fn each_hostile_key_gets_its_verdict() {
    let file = include_str!("../../../vectors/agent-auth/hostile/keys.json");
    let mut wrong = Vec::new();
    for case in Corpus::<Key>::read(file).unwrap().into_all() {
        let verdict = match PublicJwk::parse(&case.jwk) {
            Ok(_) => "accepted",
            Err(JwkError::UnsupportedType(_)) => "unsupported_algorithm",
            Err(_) => "invalid_request",
        };
        if verdict != case.verdict {
            wrong.push((case.name, verdict));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[derive(Deserialize)]
struct KeySet {
    name: String,
    #[serde(rename = "set")]
    document: Pieces,
    verdict: String,
}

// AA-8.12-08
#[test]
fn each_hostile_key_set_gets_its_verdict() {
    let file = include_str!("../../../vectors/agent-auth/hostile/key-sets.json");
    let mut wrong = Vec::new();
    for case in Corpus::<KeySet>::read(file).unwrap().into_all() {
        let verdict = match JwkSet::parse(&case.document.bytes()) {
            Ok(set) if set.find(KeyName::Kid("a")).is_some() => "accepted",
            Ok(_) => "no_usable_key",
            Err(error) => rule(&error),
        };
        if verdict != case.verdict {
            wrong.push((case.name, verdict));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The rule that a set breaks, in the words of the file.
fn rule(error: &JwkSetError) -> &'static str {
    match error {
        JwkSetError::NotJson => "not_json",
        JwkSetError::NotASet => "not_a_set",
        JwkSetError::Empty => "empty",
        JwkSetError::TooManyKeys => "too_many_keys",
        JwkSetError::RepeatedKid { .. } => "repeated_kid",
        JwkSetError::Member { defect, .. } => match defect {
            MemberDefect::Symmetric => "symmetric",
            MemberDefect::BadEncoding(_) => "bad_encoding",
            MemberDefect::Key(JwkError::PrivateMember) => "private",
            MemberDefect::Key(_) => "bad_member",
        },
    }
}
