//! Whether everything the pages say is there in each language.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use procura_agent_auth::approval::ApprovalError;
use procura_people::passkey::NotAPasskeyName;
use procura_people::password::PasswordError;
use procura_people::person::Email;
use procura_people::presence::Lacking;
use procura_people::vault::BadSecret;
use procura_people::warning::Warning;
use procura_people::webauthn::WebauthnError;
use procura_service::agent_auth::connected::rename::Label;
use procura_service::agent_auth::consent::ConsentError;
use procura_service::people::push::DeviceError;
use procura_service::people::{ArrivalError, PasskeyError, SignInError};

use super::*;
use crate::web::account::sentence;
use crate::web::device::Mistake;

#[test]
fn german_says_everything_and_nothing_else() {
    let german = read_german();
    let (said, written) = (said(), written());
    let unknown: Vec<_> = said
        .iter()
        .filter(|text| !german.contains_key(*text))
        .collect();
    assert!(unknown.is_empty(), "missing in de.toml: {unknown:#?}");
    let unused: Vec<_> = german
        .keys()
        .filter(|text| !said.contains(*text) && !written.contains(*text))
        .collect();
    assert!(unused.is_empty(), "said nowhere: {unused:#?}");
}

#[test]
fn a_translation_has_the_same_places_for_values() {
    for (english, german) in read_german() {
        assert_eq!(
            places(&english),
            places(&german),
            "{english:?} and {german:?}"
        );
        for letters in [&english, &german] {
            assert!(!letters.contains(['<', '>']), "no markup: {letters:?}");
        }
    }
}

#[test]
fn no_template_says_anything_by_itself() {
    for (path, text) in templates() {
        let bare = outside_of_tags(&text);
        let words = bare.split_whitespace().filter(|word| {
            word.len() > 1
                && word
                    .chars()
                    .all(|c| c.is_alphabetic() || ",.:;!?’".contains(c))
        });
        let words: Vec<_> = words.filter(|word| !WIDTHS.contains(word)).collect();
        assert!(words.is_empty(), "{path}: {words:?}");
        for attribute in ["aria-label=\"", "placeholder=\"", "title=\"", "alt=\""] {
            for value in text.split(attribute).skip(1) {
                let value = value.split('"').next().unwrap();
                let is_bare = value.starts_with(char::is_alphabetic) && !SAMPLES.contains(&value);
                assert!(!is_bare, "{path}: {attribute}{value}");
            }
        }
    }
}

#[tokio::test]
async fn the_words_of_a_page_are_in_the_language_of_its_reader() {
    let words = || say("Try again in {wait}.").with("wait", "{wait}");
    assert_eq!(words().to_string(), "Try again in {wait}.");
    CURRENT
        .scope(Language::German, async {
            assert_eq!(
                words().to_string(),
                "Versuchen Sie es in {wait} noch einmal."
            );
            for odd in ["{", "}", "{}", "a{b", "{c} d", "nobody said this"] {
                assert_eq!(Words::from(odd.to_owned()).to_string(), odd);
            }
        })
        .await;
}

fn read_german() -> Catalogue {
    toml::from_str(DE).unwrap()
}

/// What templates, the code of the pages and the rules say.
fn said() -> BTreeSet<String> {
    let mut said = BTreeSet::new();
    for (_, text) in templates() {
        said.extend(literals_after(&text, "shell.say("));
        for call in text.split("call text_field(").skip(1) {
            let arguments = call.split("%}").next().unwrap();
            let texts = literals(arguments).into_iter().skip(1);
            said.extend(texts.filter(|text| text.starts_with(char::is_uppercase)));
        }
    }
    for text in sources() {
        said.extend(
            literals(&text)
                .into_iter()
                .filter(|text| reads_like_words(text)),
        );
    }
    said.extend(of_the_rules());
    said
}

/// Every text in quotes next to the pages: single words are told from names of fields by nobody.
fn written() -> BTreeSet<String> {
    sources().iter().flat_map(|text| literals(text)).collect()
}

/// What rules and use cases say that a page shows as it is.
fn of_the_rules() -> Vec<String> {
    let label = "\u{0}".parse::<Label>().unwrap_err().to_string();
    let texts = [
        SignInError::NoMatch.to_string(),
        PasskeyError::Unavailable.to_string(),
        PasskeyError::Answer(WebauthnError::Presence).to_string(),
        PasskeyError::Name(NotAPasskeyName).to_string(),
        PasskeyError::UnknownPasskey.to_string(),
        PasskeyError::Known.to_string(),
        PasskeyError::TooMany.to_string(),
        DeviceError::Unusable.to_string(),
        DeviceError::TooMany.to_string(),
        BadSecret::Empty.to_string(),
        BadSecret::TooLong.to_string(),
        BadSecret::Characters.to_string(),
        ArrivalError::Gone.to_string(),
        ArrivalError::Closed.to_string(),
        ArrivalError::Name.to_string(),
        ArrivalError::Taken.to_string(),
        Lacking::Freshness.to_string(),
        Lacking::Presence.to_string(),
        Lacking::FirstPasskey.to_string(),
        ConsentError::Unknown.to_string(),
        ConsentError::Changed.to_string(),
        ApprovalError::AtTheDesk.to_string(),
        ApprovalError::ForeignGrant.to_string(),
        ApprovalError::EndsBeforeItBegins.to_string(),
        Warning::MixedAlphabets.to_string(),
        Warning::Unlimited.to_string(),
        Warning::Endless.to_string(),
        Mistake::NoDecision.to_string(),
        Mistake::NothingChosen.to_string(),
        Mistake::Reason.to_string(),
        Mistake::Bounds(BTreeMap::new()).to_string(),
        sentence(&"nobody".parse::<Email>().unwrap_err().to_string()),
        label,
    ];
    let passwords = [
        PasswordError::TooShort,
        PasswordError::TooLong,
        PasswordError::TooPlain,
        PasswordError::Guessable,
        PasswordError::Hash,
    ];
    let passwords = passwords.iter().map(|error| sentence(&error.to_string()));
    texts.into_iter().chain(passwords).collect()
}

/// Whether a text in quotes is for people rather than for the machine.
fn reads_like_words(text: &str) -> bool {
    let has_sentence = text.split(' ').filter(|word| is_word(word)).count() > 1;
    let is_title = text.starts_with(char::is_uppercase) && is_word(text);
    (has_sentence || is_title)
        && !text.contains([';', '=', '/'])
        && !text.starts_with([' ', '-'])
        && !text.starts_with("procurad ")
        && !text.starts_with("accept-")
        && text.contains(char::is_lowercase)
        && !TO_THE_LOG.contains(&text)
        && !OWN_NAMES.contains(&text)
}

fn is_word(text: &str) -> bool {
    let letters = text.trim_matches(|c: char| !c.is_alphabetic());
    letters.len() > 1
        && letters
            .chars()
            .all(|c| c.is_alphabetic() || "’'-".contains(c))
}

/// The texts in quotes of the code, without its tests and comments.
fn literals(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(start) = rest.find('"') {
        rest = &rest[start + 1..];
        let mut text = String::new();
        let mut chars = rest.char_indices();
        let end = loop {
            match chars.next() {
                None => return found,
                Some((at, '"')) => break at,
                Some((_, '\\')) => match chars.next() {
                    // A line that goes on begins at its first word.
                    Some((at, '\n')) => {
                        let blank = rest[at..].find(|c: char| !c.is_whitespace()).unwrap_or(0);
                        while chars
                            .clone()
                            .next()
                            .is_some_and(|(next, _)| next < at + blank)
                        {
                            chars.next();
                        }
                    }
                    Some((_, escaped)) => text.push(escaped),
                    None => return found,
                },
                Some((_, c)) => text.push(c),
            }
        };
        rest = &rest[end + 1..];
        found.push(text);
    }
    found
}

fn literals_after(text: &str, call: &str) -> Vec<String> {
    let calls = text
        .split(call)
        .skip(1)
        .filter(|rest| rest.starts_with('"'));
    calls
        .filter_map(|rest| literals(rest).into_iter().next())
        .collect()
}

fn places(text: &str) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    let mut rest = text;
    while let Some((_, (name, after))) = next_place(rest) {
        found.insert(name);
        rest = after;
    }
    found
}

/// A template without its tags and what stands in braces.
fn outside_of_tags(template: &str) -> String {
    let (mut out, mut rest) = (String::new(), template);
    while let Some(start) = rest.find(['{', '<']) {
        out.push_str(&rest[..start]);
        out.push(' ');
        let close = match &rest[start..] {
            block if block.starts_with("{%") => "%}",
            block if block.starts_with("{{") => "}}",
            tag if tag.starts_with('<') => ">",
            _ => "{",
        };
        let Some(end) = end_of(&rest[start..], close) else {
            break;
        };
        rest = &rest[start + end..];
    }
    out + rest
}

/// Where a piece ends. A tag may hold blocks, and quotes with anything in them.
fn end_of(piece: &str, close: &str) -> Option<usize> {
    if close != ">" {
        return piece.find(close).map(|at| at + close.len());
    }
    let mut at = 1;
    let mut quoted = false;
    loop {
        let rest = piece.get(at..)?;
        if let Some(inner) = ["{%", "{{"].into_iter().find(|open| rest.starts_with(open)) {
            at += rest.find(if inner == "{%" { "%}" } else { "}}" })? + 2;
            continue;
        }
        let c = rest.chars().next()?;
        at += c.len_utf8();
        match c {
            '"' => quoted = !quoted,
            '>' if !quoted => return Some(at),
            _ => {}
        }
    }
}

fn templates() -> Vec<(String, String)> {
    // Messages are sent when nobody is there whose language could be asked for.
    let files = files("templates", "html").into_iter();
    files.filter(|(path, _)| !path.contains("/mail/")).collect()
}

/// The code of the pages, without tests and comments.
fn sources() -> Vec<String> {
    let files = files("src/web", "rs").into_iter();
    let code = files
        .filter(|(path, _)| !path.ends_with("tests.rs"))
        .map(|(_, text)| {
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            let lines = code.lines().filter(|line| {
                let line = line.trim_start();
                !line.starts_with("//") && !line.starts_with("#[") && !line.starts_with("reason =")
            });
            lines.collect::<Vec<_>>().join("\n")
        });
    code.collect()
}

fn files(folder: &str, extension: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path.to_string_lossy().into_owned(), text));
            }
        }
    }
    found
}

/// What goes into the log, which is in English.
const TO_THE_LOG: [&str; 8] = [
    "a sign-in failed at its provider",
    "a message to confirm an address did not go",
    "a page could not be rendered",
    "a page failed",
    "an export of activity broke off",
    "an export of the audit log broke off",
    "an inbox could not be listed",
    "not ready",
];
/// What is the same in every language.
const OWN_NAMES: [&str; 2] = ["English", "Deutsch"];
/// Classes of the style sheet that a template gives to the frame.
const WIDTHS: [&str; 3] = ["narrow", "medium", "wide"];
/// What stands for something that somebody types.
const SAMPLES: [&str; 3] = ["XXXX-XXXX", "XXXX-XXXX-XXXX-XXXX", "name@example.com"];
