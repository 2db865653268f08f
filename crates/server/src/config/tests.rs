use super::*;

mod edge;

const MINIMAL: &str = r#"
[provider]
name = "bank"
description = "A bank"

[[capability]]
name = "echo"
description = "Returns its arguments"
approval = "none"
respond = { value = "${arguments}" }
"#;

fn problem(text: &str) -> String {
    Config::parse(text, None).unwrap_err()
}

#[test]
fn defaults_fill_everything_but_who_and_what() {
    let config = Config::parse(MINIMAL, None).unwrap();
    assert_eq!(config.provider.issuer, "http://127.0.0.1:8080");
    assert_eq!(config.listen, "127.0.0.1:8080");
    assert_eq!(config.catalogue.iter().count(), 1);
}

#[test]
fn a_listen_address_from_the_command_line_makes_the_issuer_unless_the_file_names_one() {
    let made = Config::parse(MINIMAL, Some("127.0.0.1:9999")).unwrap();
    assert_eq!(made.provider.issuer, "http://127.0.0.1:9999");
    let named = MINIMAL.replace(
        "name = \"bank\"",
        "name = \"bank\"\nissuer = \"https://bank.example\"",
    );
    assert_eq!(
        Config::parse(&named, Some("127.0.0.1:9999"))
            .unwrap()
            .provider
            .issuer,
        "https://bank.example"
    );
}

#[test]
fn a_mistake_is_answered_with_the_key_and_what_is_allowed() {
    let with = |more: &str| format!("{MINIMAL}\n{more}");
    let cases = [
        (
            MINIMAL.replace("approval = \"none\"", "approval = \"yes\""),
            "approval",
        ),
        (
            MINIMAL.replace("approval = \"none\"", "aproval = \"none\""),
            "expected one of `name`, `description`, `approval`",
        ),
        (
            MINIMAL.replace("${arguments}", "${argument}"),
            "${argument} means nothing",
        ),
        (MINIMAL.replace("respond =", "# respond ="), "no backend"),
        (
            MINIMAL.replace("{ value", "{ delay = \"1x\", value"),
            "500ms, 30s, 15m",
        ),
        (
            MINIMAL.replace(
                "approval = \"none\"",
                "approval = \"presence\"\ndefault = true",
            ),
            "default:",
        ),
        (
            MINIMAL.replace(
                "approval = \"none\"",
                "approval = \"none\"\ninput = { type = \"nonsense\" }",
            ),
            "input:",
        ),
        (
            MINIMAL.replace(
                "approval = \"none\"",
                "approval = \"none\"\nconstraints = { a = { regex = 1 } }",
            ),
            "max, min, in, not_in",
        ),
        (
            MINIMAL.replace(
                "approval = \"none\"",
                "approval = \"none\"\nlocation = \"http://x\"",
            ),
            "not an https URL",
        ),
        (with("[approval]\ninterval = \"10m\""), "approval.interval"),
        (with("[approval]\nmethods = [\"ciba\"]"), "approval.methods"),
        (
            with("[approval]\nmethods = [\"sms\"]"),
            "`device_authorization` or `ciba`",
        ),
        (with("[approval]\ninbox_per_host = 0"), "inbox_per_host"),
        (
            with("[approval.custom.ciba]\ninstructions = \"x\""),
            "approval.custom.ciba: a name",
        ),
        (
            with("[approval.custom.desk]\ninstructions = \" \""),
            "approval.custom.desk.instructions",
        ),
        (
            with("[approval.custom.desk]\ninstructions = \"x\"\nurl = \"http://x\""),
            "approval.custom.desk.url",
        ),
        (
            with("[autonomous]\nunknown_hosts = \"allow\""),
            "`pending`, `activate`, `refuse`",
        ),
        (with("[limits]\nagent = \"60\""), "60/1m"),
        (with("[server]\nlisten = \"8080\""), "server.listen"),
        (with("[provder]"), "unknown field `provder`"),
        (with(&MINIMAL[MINIMAL.find("[[").unwrap()..]), "used twice"),
        ("[provider]\nname = \"x\"".to_owned(), "description"),
    ];
    for (text, expected) in cases {
        let problem = problem(&text);
        assert!(problem.contains(expected), "{expected:?} not in: {problem}");
    }
}

#[test]
fn an_unreadable_file_is_named() {
    let error = Config::load(Path::new("/nowhere/procura.toml"), None)
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("/nowhere/procura.toml: cannot be read"),
        "{error}"
    );
}

// AA-2.14-03
#[test]
fn the_examples_names_are_words_of_lower_case_letters_and_underscores() {
    let bank = include_str!("../../../../examples/bank/procura.toml");
    let config = Config::parse(bank, None).unwrap();
    for offered in config.catalogue.iter() {
        let name = offered.shown.name.as_str();
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        assert!(name.chars().all(fits), "{name}");
    }
}
