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
fn several_nodes_go_on_for_a_while_when_they_are_told_to_stop() {
    let drain = |more: &str| {
        Config::parse(&format!("{MINIMAL}\n{more}"), None)
            .unwrap()
            .drain
    };
    let several = "[store]\nurl = \"postgres://db.example/procura\"\nnodes = \"several\"\n";
    assert_eq!(drain(""), Duration::ZERO);
    assert_eq!(drain(several), Duration::from_secs(5));
    let named = format!("[server]\ndrain = \"700ms\"\n{several}");
    assert_eq!(drain(&named), Duration::from_millis(700));
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
fn a_mistake_in_a_capability_is_answered_with_the_key_and_what_is_allowed() {
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
    ];
    require_mistakes(&cases);
}

#[test]
fn a_mistake_in_a_section_is_answered_the_same_way() {
    let with = |more: &str| format!("{MINIMAL}\n{more}");
    let cases = [
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
        (
            format!("compat = \"worse-auth\"\n{MINIMAL}"),
            "`strict` or `better-auth`",
        ),
        (
            with("[housekeeping]\nevery = \"10ms\""),
            "housekeeping.every",
        ),
        (
            with("[audit]\nkeep_activity = \"9d\"\nkeep_records = \"8d\""),
            "audit.keep_records",
        ),
        (
            with("[audit]\nremoved_people = \"eat\""),
            "`erase` or `keep`",
        ),
        (with("[jwks]\nmax_age = \"1m\""), "jwks.max_age"),
        (with("[jwks]\nretry_after = \"1ms\""), "jwks.retry_after"),
        (
            with("[jwks]\ntotal_timeout = \"1s\""),
            "jwks.connect_timeout",
        ),
        (with("[jwks]\nmax_bytes = 7"), "jwks.max_bytes"),
        (with("[server]\nlisten = \"8080\""), "server.listen"),
        (with("[provder]"), "unknown field `provder`"),
        (with(&MINIMAL[MINIMAL.find("[[").unwrap()..]), "used twice"),
        ("[provider]\nname = \"x\"".to_owned(), "description"),
    ];
    require_mistakes(&cases);
}

fn require_mistakes(cases: &[(String, &str)]) {
    for (text, expected) in cases {
        let problem = problem(text);
        assert!(problem.contains(expected), "{expected:?} not in: {problem}");
    }
}

#[test]
fn how_published_keys_are_fetched_and_kept_comes_from_the_file() {
    let default = Config::parse(MINIMAL, None).unwrap();
    assert_eq!(default.jwks_cache, JwksPolicy::default());
    assert_eq!(default.jwks_fetch, FetchPolicy::server());
    let jwks = "[jwks]\nmin_refresh = \"1m\"\nmax_age = \"1h\"\nconnect_timeout = \"1s\"
        total_timeout = \"2s\"\nmax_bytes = 2048";
    let config = Config::parse(&format!("{MINIMAL}\n{jwks}"), None).unwrap();
    assert_eq!(config.jwks_cache.min_refresh, Duration::from_mins(1));
    assert_eq!(config.jwks_cache.max_age, Duration::from_hours(1));
    let fetch = FetchPolicy {
        connect_timeout: Duration::from_secs(1),
        total_timeout: Duration::from_secs(2),
        max_response_bytes: 2048,
        ..FetchPolicy::server()
    };
    assert_eq!(config.jwks_fetch, fetch);
}

#[test]
fn a_capability_may_be_a_request_to_an_upstream() {
    let service = |more: &str| {
        let respond = "respond = { value = \"${arguments}\" }";
        let upstream = "[[upstream]]\nname = \"shop\"\nurl = \"http://127.0.0.1:3000\"\n";
        let credential = "credential = { kind = \"header\", name = \"X-Key\", env = \"PATH\" }\n";
        let capability = MINIMAL.replace(respond, more);
        let at = capability.find("[[capability]]").unwrap();
        let (before, after) = capability.split_at(at);
        Config::parse(&format!("{before}{upstream}{credential}{after}"), None)
    };
    let good = "http = { upstream = \"shop\", method = \"POST\", path = \"/x/${arguments.id}\", json = \"${arguments}\" }";
    assert_eq!(service(good).unwrap().catalogue.iter().count(), 1);
    let cases = [
        (
            good.replace("shop", "store"),
            "no [[upstream]] is named \"store\"",
        ),
        (good.replace("POST", "CONNECT"), "method: \"CONNECT\""),
        (good.replace("\"/x", "\"x"), "has to begin with a slash"),
        (good.replace("json", "yaml"), "unknown field `yaml`"),
        (good.replace("json", "form = {}, json"), "at most one of"),
        (
            good.replace("json", "headers = { x-key = \"${arguments.k}\" }, json"),
            "credential",
        ),
        (
            good.replace("json", "headers = { Cookie = \"${arguments.k}\" }, json"),
            "\"Cookie\"",
        ),
        (
            format!("{good}\nlocation = \"https://x.example\""),
            "and no two",
        ),
    ];
    for (text, expected) in cases {
        let problem = service(&text).unwrap_err();
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
