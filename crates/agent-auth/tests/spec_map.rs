//! Draws `docs/spec-map.md`: which tests name which requirement of the specification.
//!
//! A test names a requirement by its identifier in `docs/requirements/agent-auth.csv`, in a comment or in its
//! text. Test code is every file below a `tests` folder or called `tests.rs`, and what follows the first
//! `#[cfg(test)]` of any other source.
//!
//! What is optional and not there is declined in `docs/requirements/declined.csv`, with the reason.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

#[test]
fn the_map_fits_the_tests() -> io::Result<()> {
    let drawn = draw(&requirements()?, &named_in_tests()?, &declined()?);
    let file = root().join(MAP);
    if is_to_be_renewed() {
        fs::write(&file, &drawn)?;
    }
    let kept = fs::read_to_string(&file)?;
    assert!(
        kept == drawn,
        "{MAP} is out of date. Renew it with: {COMMAND}"
    );
    Ok(())
}

#[test]
fn tests_name_only_requirements_that_exist() -> io::Result<()> {
    let known: BTreeSet<_> = requirements()?.into_iter().map(|row| row.id).collect();
    let unknown: Vec<_> = named_in_tests()?
        .into_iter()
        .filter(|(id, _)| !known.contains(id))
        .collect();
    assert!(
        unknown.is_empty(),
        "{REQUIREMENTS} lacks what these tests name: {unknown:?}"
    );
    Ok(())
}

#[test]
fn only_options_are_declined_each_for_a_reason_and_none_that_a_test_shows() -> io::Result<()> {
    let (rows, named) = (requirements()?, named_in_tests()?);
    for (id, reason) in declined()? {
        let row = rows.iter().find(|row| row.id == id);
        let level = row.map_or("unknown", |row| row.level.as_str());
        assert!(
            matches!(level, "SHOULD" | "MAY"),
            "{DECLINED}: {id} is {level}, which cannot be declined"
        );
        assert!(
            reason.ends_with('.'),
            "{DECLINED}: {id} needs a sentence that says why"
        );
        assert!(
            !named.contains_key(&id),
            "{DECLINED}: {id} is declined, and shown by {:?}",
            named[&id]
        );
    }
    Ok(())
}

#[test]
fn a_server_shows_or_declines_everything() -> io::Result<()> {
    let (named, declined) = (named_in_tests()?, declined()?);
    let rows = requirements()?.into_iter();
    let open: Vec<_> = rows
        .filter(|row| row.party.split('+').any(|party| party == "server"))
        .filter(|row| !named.contains_key(&row.id) && !declined.contains_key(&row.id))
        .map(|row| row.id)
        .collect();
    assert!(open.is_empty(), "neither shown nor declined: {open:?}");
    Ok(())
}

#[test]
fn identifiers_are_found_whole() {
    // Underscores, so that this file does not name requirements itself.
    let text = "// AA_4.5-03, AA_4.5.1-07.\nxAA_1.1-1 AA_2-x AA_4.5-03x AA_5.13-12 (AA_8.1-2)";
    let found = identifiers(&text.replace('_', "-"));
    let expected = ["AA_4.5-03", "AA_4.5.1-07", "AA_5.13-12", "AA_8.1-2"];
    assert_eq!(found, expected.map(|id| id.replace('_', "-")));
}

#[test]
fn quoted_cells_may_hold_commas_and_quotes() {
    let cells = cells("a,\"b, c\",,\"say \"\"d\"\"\"");
    assert_eq!(cells, ["a", "b, c", "", "say \"d\""]);
}

#[test]
fn only_what_follows_the_first_test_attribute_of_a_source_is_test_code() {
    let source = "fn f() {} // AA_1\n#[cfg(test)]\nmod tests { /* AA_2 */ }";
    assert_eq!(
        test_code("crates/x/src/f.rs", source),
        &source[source.find("#[").unwrap_or(0)..]
    );
    assert_eq!(test_code("crates/x/src/f.rs", "fn f() {}"), "");
    assert_eq!(test_code("crates/x/src/f/tests.rs", source), source);
    assert_eq!(test_code("crates/x/tests/f/g.rs", source), source);
}

/// One row of the table of requirements.
struct Requirement {
    id: String,
    section: String,
    level: String,
    party: String,
}

/// All requirements, in the order of the specification.
fn requirements() -> io::Result<Vec<Requirement>> {
    let text = fs::read_to_string(root().join(REQUIREMENTS))?;
    let rows = text.lines().skip(1).map(|line| {
        let mut cells = cells(line).into_iter();
        let mut next = || cells.next().unwrap_or_default();
        Requirement {
            id: next(),
            section: next(),
            level: next(),
            party: next(),
        }
    });
    Ok(rows.collect())
}

/// What is declined, and why.
fn declined() -> io::Result<BTreeMap<String, String>> {
    let text = fs::read_to_string(root().join(DECLINED))?;
    let rows = text.lines().skip(1).map(|line| {
        let mut cells = cells(line).into_iter();
        let mut next = || cells.next().unwrap_or_default();
        (next(), next())
    });
    Ok(rows.collect())
}

/// The cells of one line of comma-separated values.
fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut is_quoted = false;
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if is_quoted && characters.next_if_eq(&'"').is_some() => push(&mut cells, '"'),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => cells.push(String::new()),
            other => push(&mut cells, other),
        }
    }
    cells
}

fn push(cells: &mut [String], character: char) {
    if let Some(cell) = cells.last_mut() {
        cell.push(character);
    }
}

/// Each identifier that test code names, with the files that do, relative to the root.
fn named_in_tests() -> io::Result<BTreeMap<String, BTreeSet<String>>> {
    let mut named: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, path) in sources()? {
        let text = fs::read_to_string(path)?;
        for id in identifiers(test_code(&name, &text)) {
            named.entry(id).or_default().insert(name.clone());
        }
    }
    Ok(named)
}

/// Every Rust source of the repository: its name relative to the root, and where it is.
fn sources() -> io::Result<Vec<(String, PathBuf)>> {
    let mut sources = Vec::new();
    let mut folders = vec![(String::new(), root())];
    while let Some((prefix, folder)) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_folder = entry.file_type()?.is_dir();
            if is_folder && !name.starts_with('.') && name != "target" {
                folders.push((format!("{prefix}{name}/"), entry.path()));
            } else if !is_folder && entry.path().extension() == Some("rs".as_ref()) {
                sources.push((format!("{prefix}{name}"), entry.path()));
            }
        }
    }
    Ok(sources)
}

fn test_code<'a>(name: &str, text: &'a str) -> &'a str {
    let is_all_test = name.contains("/tests/") || name.ends_with("/tests.rs");
    let start = if is_all_test {
        Some(0)
    } else {
        text.find("#[cfg(test)]")
    };
    start.map_or("", |start| &text[start..])
}

/// The identifiers in a text, such as the letters AA, a section and a number, joined by hyphens.
fn identifiers(text: &str) -> Vec<String> {
    let words =
        text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-' || c == '.'));
    let trimmed = words.map(|word| word.trim_end_matches('.'));
    trimmed
        .filter(|word| is_identifier(word))
        .map(str::to_owned)
        .collect()
}

fn is_identifier(word: &str) -> bool {
    let parts: Vec<_> = word.split('-').collect();
    let [prefix, section, number] = parts[..] else {
        return false;
    };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    prefix == "AA" && section.split('.').all(is_number) && is_number(number)
}

fn draw(
    rows: &[Requirement],
    named: &BTreeMap<String, BTreeSet<String>>,
    declined: &BTreeMap<String, String>,
) -> String {
    let mut out = format!("{HEAD}\n    {COMMAND}\n\n## Counts\n\n");
    out.push_str(&counts(rows, named));
    let mut section = "";
    for row in rows {
        if row.section != section {
            section = &row.section;
            let of_section: Vec<_> = rows.iter().filter(|row| row.section == section).collect();
            // Writing to a string cannot fail.
            let _ = write!(
                out,
                "\n## §{section}: {}\n\n| id | level | party | tests |\n|---|---|---|---|\n",
                share(&of_section, named)
            );
        }
        let tests: Vec<_> = named.get(&row.id).into_iter().flatten().collect();
        let links: Vec<_> = tests.into_iter().map(|name| link(name)).collect();
        let shown = match declined.get(&row.id) {
            Some(reason) => format!("declined: {reason}"),
            None => links.join(", "),
        };
        let _ = writeln!(
            out,
            "| {} | {} | {} | {shown} |",
            row.id, row.level, row.party,
        );
    }
    out
}

/// How many requirements are named, by level and party.
fn counts(rows: &[Requirement], named: &BTreeMap<String, BTreeSet<String>>) -> String {
    let mut out = "| level | all".to_owned();
    for party in PARTIES {
        let _ = write!(out, " | {party}");
    }
    let _ = writeln!(out, " |\n|---|---{}|", "|---".repeat(PARTIES.len()));
    for level in ["MUST", "SHOULD", "MAY", "all"] {
        let of_level: Vec<_> = rows
            .iter()
            .filter(|row| level == "all" || row.level == level)
            .collect();
        let _ = write!(out, "| {level} | {}", share(&of_level, named));
        for party in PARTIES {
            let of_party: Vec<_> = of_level
                .iter()
                .copied()
                .filter(|row| row.party.split('+').any(|it| it == party))
                .collect();
            let _ = write!(out, " | {}", share(&of_party, named));
        }
        out.push_str(" |\n");
    }
    out
}

fn share(rows: &[&Requirement], named: &BTreeMap<String, BTreeSet<String>>) -> String {
    let hits = rows.iter().filter(|row| named.contains_key(&row.id));
    format!("{} of {}", hits.count(), rows.len())
}

fn link(name: &str) -> String {
    let short = name.strip_prefix("crates/").unwrap_or(name);
    format!("[{short}](../{name})")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[expect(
    clippy::disallowed_methods,
    reason = "whether to write the file is for whoever runs the test to say"
)]
fn is_to_be_renewed() -> bool {
    std::env::var_os("UPDATE_SPEC_MAP").is_some_and(|value| value == "1")
}
const PARTIES: [&str; 4] = ["server", "client", "resource-server", "directory"];
const HEAD: &str = "\
# Specification map

Which tests name which requirement of the Agent Auth Protocol 1.0-draft. What an id demands stands in
[requirements/agent-auth.csv](requirements/agent-auth.csv). A row without a test is either not there yet or not
shown by a test that names it; a row with one is shown at least in part. What is optional and left out is declined
in [requirements/declined.csv](requirements/declined.csv), and the reason stands in its row.

This file is generated. After naming a requirement in a test, renew it with:
";

const REQUIREMENTS: &str = "docs/requirements/agent-auth.csv";
const DECLINED: &str = "docs/requirements/declined.csv";
const MAP: &str = "docs/spec-map.md";
const COMMAND: &str = "UPDATE_SPEC_MAP=1 cargo test -p procura-agent-auth --test spec_map";
