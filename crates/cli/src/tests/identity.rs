use super::bank::{document, refusal};
use super::*;

const CONNECT: [&str; 4] = ["connect", "https://bank.example", "-c", "check_balance"];

fn results() -> Value {
    let mut elsewhere = document();
    elsewhere["issuer"] = json!("https://evil.example");
    json!({ "providers": [document(), elsewhere], "intent": "money", "count": 2 })
}

// AA-6.2.2-01, AA-6.11-11
#[tokio::test]
async fn the_directory_is_searched_and_what_it_lists_is_checked() {
    let terminal = Terminal::new(Bank::open().on("GET /api/search", 200, &results()));
    insta::assert_snapshot!(terminal.run(&["search", "send money"]).await, @r"
    exit 0
    -- out --
    NAME  ISSUER                DESCRIPTION
    bank  https://bank.example  Accounts and transfers
    -- err --
    ");
    assert!(terminal.notices.text().contains("evil.example"));
    let listed = terminal
        .run(&["--json", "search", "money", "--limit", "1"])
        .await;
    insta::assert_snapshot!(listed, @r#"
    exit 0
    -- out --
    {"providers":[{"description":"Accounts and transfers","issuer":"https://bank.example","name":"bank"}],"refused":[]}
    -- err --
    "#);
}

#[tokio::test]
async fn keys_are_rotated() {
    let rotated = json!({ "agent_id": "agt_1", "status": "active" });
    let bank = Bank::open().on("POST /agent/rotate-key", 200, &rotated).on(
        "POST /host/rotate-key",
        200,
        &json!({ "host_id": "hst_1", "status": "active" }),
    );
    let terminal = Terminal::new(bank);
    terminal.run(&CONNECT).await;
    let agent = terminal.run(&["rotate", "agt_1"]).await;
    assert!(
        agent.starts_with("exit 0\n-- out --\nAgent agt_1 has a new key, "),
        "{agent}"
    );
    insta::assert_snapshot!(terminal.run(&["rotate", "--host"]).await, @r"
    exit 0
    -- out --
    This machine has a new key. Services that know it: 1.
    -- err --
    ");
    assert!(terminal.run(&["rotate"]).await.starts_with("exit 2\n"));
    assert!(
        terminal
            .run(&["rotate", "agt_1", "--host"])
            .await
            .starts_with("exit 2\n")
    );
}

#[tokio::test]
async fn a_rotation_that_is_not_complete_says_so() {
    let terminal = Terminal::new(Bank::open());
    terminal.run(&CONNECT).await;
    insta::assert_snapshot!(terminal.run(&["rotate", "--host"]).await, @r"
    exit 5
    -- out --
    0 services know the new key. The old one is kept for the others; run this again when they can be reached.
    -- err --
    warning: https://bank.example was not told: bank.example did not answer in time
    ");
}

// AA-8.8.1-02
#[tokio::test]
async fn a_host_is_shown_revoked_and_begun_anew() {
    let revoked = json!({ "host_id": "hst_1", "status": "revoked", "agents_revoked": 1 });
    let bank = Bank::open().on("POST /host/revoke", 200, &revoked);
    let terminal = Terminal::new(bank);
    assert!(
        terminal
            .run(&["host", "show"])
            .await
            .starts_with("exit 2\n")
    );
    terminal.run(&CONNECT).await;
    let before = terminal.run(&["--json", "host", "show"]).await;
    assert!(
        before.contains(r#""public_key":{"crv":"Ed25519","#),
        "{before}"
    );
    insta::assert_snapshot!(terminal.run(&["host", "revoke", "--all"]).await, @r"
    exit 0
    -- out --
    This machine is revoked at 1 services.
    -- err --
    ");
    assert!(terminal.run(&["host", "new"]).await.starts_with("exit 2\n"));
    let new = terminal.run(&["host", "new", "--yes"]).await;
    assert!(
        new.starts_with("exit 0\n-- out --\nThis machine has a new identity, "),
        "{new}"
    );
    assert_ne!(terminal.run(&["--json", "host", "show"]).await, before);
    insta::assert_snapshot!(terminal.run(&["host", "new", "--yes", "--per-server"]).await, @r"
    exit 0
    -- out --
    This machine has a new identity, a different one for each service. 0 agents are forgotten.
    -- err --
    ");
}

#[tokio::test]
async fn a_revoked_host_is_told_the_way_out() {
    let bank = Bank::open().but("POST /agent/register", 403, &refusal("host_revoked"));
    let terminal = Terminal::new(bank);
    let refused = terminal.run(&CONNECT).await;
    assert!(
        refused.contains("'procura host new' makes a new identity"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_token_is_signed_and_is_all_there_is_on_standard_output() {
    let terminal = Terminal::new(Bank::open());
    terminal.run(&CONNECT).await;
    let signed = terminal
        .run(&["sign", "--aud", "https://api.bank.example"])
        .await;
    let token = signed.strip_prefix("exit 0\n-- out --\n").unwrap();
    let token = token.strip_suffix("\n-- err --\n").unwrap();
    assert_eq!(token.split('.').count(), 3);
    assert!(
        terminal
            .run(&["sign", "-c", "fly"])
            .await
            .starts_with("exit 2\n")
    );
}

#[tokio::test]
async fn the_configuration_is_shown() {
    let terminal = Terminal::new(Bank::open());
    insta::assert_snapshot!(terminal.run(&["config"]).await, @r"
    exit 0
    -- out --
    Version     0.1.0
    Data        in memory
    Keys        not encrypted
    Directory   https://directory.example
    Host name   laptop
    Agents      0
    Providers   0
    -- err --
    ");
}

#[tokio::test]
async fn shells_get_their_scripts() {
    let terminal = Terminal::new(Bank::open());
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = terminal.run(&["completions", shell]).await;
        assert!(
            script.starts_with("exit 0\n") && script.contains("doctor"),
            "{shell}"
        );
    }
}

#[tokio::test]
async fn the_doctor_names_the_broken_hop() {
    let terminal = Terminal::new(Bank::open());
    terminal.run(&CONNECT).await;
    insta::assert_snapshot!(terminal.run(&["doctor", "https://bank.example"]).await, @r#"
    exit 0
    -- out --
    ok       network       bank.example answers.
    note     clock         It does not say what time it is.
                           hint: tokens are dated by this machine's clock; make sure that it is right
    ok       discovery     It is "bank", speaks version 1.0-draft, and takes delegated and autonomous agents.
    ok       issuer        Its issuer is https://bank.example, and its endpoints are there.
    ok       keys          It accepts Ed25519 keys.
    ok       host          It reads this host's tokens, and offers 2 capabilities.
    ok       registration  Agent agt_1 is connected.
    ok       status        Agent agt_1 is active.
    ok       agent         It accepts the agent's tokens for its issuer.
    ok       execution     check_balance is executed at https://bank.example/capability/execute, which is the audience of its tokens.
    No hop is broken.
    -- err --
    "#);
    let mut newer = document();
    newer["version"] = json!("2.0");
    let bank = Bank::default().on("GET /.well-known/agent-configuration", 200, &newer);
    let terminal = Terminal::new(bank);
    insta::assert_snapshot!(terminal.run(&["doctor", "https://bank.example"]).await, @r"
    exit 5
    -- out --
    ok       network       bank.example answers.
    note     clock         It does not say what time it is.
                           hint: tokens are dated by this machine's clock; make sure that it is right
    BROKEN   discovery     https://bank.example is not a usable provider: it speaks protocol version 2.0, and this client speaks versions 1.x only
                           hint: tell the server's operator; its discovery document has to be put right
    The discovery hop is broken.
    -- err --
    ");
}

#[tokio::test]
async fn a_bound_token_is_printed_as_the_two_headers_to_send() {
    let terminal = Terminal::new(Bank::open());
    terminal.run(&["connect", "https://bank.example"]).await;
    let url = "https://api.bank.example/run";
    let signed = terminal
        .run(&["sign", "--dpop", url, "--method", "GET"])
        .await;
    let lines: Vec<_> = signed.lines().collect();
    assert_eq!(lines[0], "exit 0");
    assert!(lines[2].starts_with("Authorization: DPoP ey"), "{signed}");
    assert!(lines[3].starts_with("DPoP: ey"), "{signed}");
    let refused = terminal.run(&["sign", "--method", "GET"]).await;
    assert!(refused.starts_with("exit 2"), "{refused}");
}
