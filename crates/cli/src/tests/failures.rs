use super::bank::{document, refusal};
use super::*;

#[tokio::test]
async fn what_is_unknown_is_answered_with_what_is_known() {
    let wrong = json!({
        "error": "invalid_capabilities", "message": "Not offered here: fly.", "invalid_capabilities": ["fly"],
    });
    let bank = Bank::open().but("POST /agent/register", 400, &wrong);
    let terminal = Terminal::new(bank);
    insta::assert_snapshot!(terminal.run(&["connect", "bank"]).await, @r#"
    exit 2
    -- out --
    -- err --
    error: no provider named "bank" is known. None is known yet; give a URL.
    "#);
    let fly = ["connect", "https://bank.example", "-c", "fly"];
    insta::assert_snapshot!(terminal.run(&fly).await, @r"
    exit 3
    -- out --
    -- err --
    error: Not offered here: fly. (invalid_capabilities, HTTP 400)
      available: check_balance, transfer
    ");
    insta::assert_snapshot!(terminal.run(&["connect", "shop"]).await, @r#"
    exit 2
    -- out --
    -- err --
    error: no provider named "shop" is known. Known are: bank. Or give a URL.
    "#);
    insta::assert_snapshot!(terminal.run(&["status"]).await, @r"
    exit 2
    -- out --
    -- err --
    error: no agent is connected yet; 'procura connect PROVIDER' connects one
    ");
    insta::assert_snapshot!(terminal.run(&["status", "agt_9"]).await, @r#"
    exit 2
    -- out --
    -- err --
    error: no connected agent's id starts with "agt_9"
    hint: 'procura connections' lists the agents
    "#);
}

#[tokio::test]
async fn a_server_that_cannot_be_used_is_named() {
    let terminal = Terminal::new(Bank::default());
    insta::assert_snapshot!(terminal.run(&["discover", "https://bank.example"]).await, @r"
    exit 5
    -- out --
    -- err --
    error: bank.example did not answer in time
    ");
    let mut newer = document();
    newer["version"] = json!("2.0");
    let bank = Bank::default().on("GET /.well-known/agent-configuration", 200, &newer);
    let terminal = Terminal::new(bank);
    insta::assert_snapshot!(terminal.run(&["discover", "https://bank.example", "--json"]).await, @r#"
    exit 5
    -- out --
    -- err --
    {"error":"server","exit_code":5,"message":"https://bank.example is not a usable provider: it speaks protocol version 2.0, and this client speaks versions 1.x only"}
    "#);
    insta::assert_snapshot!(terminal.run(&["discover", "bank.example"]).await, @r#"
    exit 2
    -- out --
    -- err --
    error: "bank.example" is not a URL such as https://bank.example
    "#);
}

#[tokio::test]
async fn arguments_that_do_not_fit_are_explained() {
    let terminal = Terminal::new(Bank::open());
    let connect = ["connect", "https://bank.example"];
    for words in [
        &[&connect[..], &["--constraints", "5"]].concat()[..],
        &[&connect[..], &["--constraints", r#"{"pay": {}}"#]].concat(),
        &["request"],
        &["execute", "pay", "5"],
        &["execute", "a", "pay", "5"],
        &["execute", "{}"],
        &["execute", "pay", "{"],
        &["execute", "pay", "--arg", "amount"],
        &["execute", "pay", "{\"a\":1}", "--arg", "a=2"],
    ] {
        let words: Vec<&str> = words.to_vec();
        let answer = terminal.run(&words).await;
        assert!(
            answer.starts_with("exit 2\n-- out --\n-- err --\nerror: "),
            "{words:?} {answer}"
        );
    }
}

#[tokio::test]
async fn a_wrong_command_line_is_exit_code_two() {
    let terminal = Terminal::new(Bank::open());
    for words in [
        &["fly"][..],
        &[],
        &["execute"],
        &["connect", "x", "--mode", "free"],
    ] {
        let answer = terminal.run(words).await;
        assert!(answer.starts_with("exit 2\n"), "{words:?} {answer}");
    }
    assert!(terminal.run(&["--help"]).await.starts_with("exit 0\n"));
}

#[tokio::test]
async fn a_server_s_text_cannot_drive_the_terminal() {
    let mut body = refusal("moon_phase");
    body["message"] = json!("Not\u{1b}]0;pwned\u{7} today\r\nroot# ");
    let bank = Bank::open().but("POST /agent/register", 403, &body);
    let terminal = Terminal::new(bank);
    insta::assert_snapshot!(terminal.run(&["connect", "https://bank.example"]).await, @r"
    exit 3
    -- out --
    -- err --
    error: Not ]0;pwned today root# (moon_phase, HTTP 403)
    ");
}

/// Refuses to take anything, like a pipe whose reader has gone, or a full disk.
struct Closed(io::ErrorKind);

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_reader_that_has_gone_is_success_and_a_full_disk_is_not() {
    let terminal = Terminal::new(Bank::open());
    for (kind, exit) in [
        (io::ErrorKind::BrokenPipe, Exit::Done),
        (io::ErrorKind::StorageFull, Exit::LocalState),
    ] {
        let arguments = Arguments::try_parse_from(["procura", "providers"]).unwrap();
        let printer = Printer::new(Closed(kind), io::sink(), false, false);
        assert_eq!(run_with(arguments, &terminal.client, &printer).await, exit);
    }
}

#[test]
fn the_help_of_every_command_is_well_formed() {
    use clap::CommandFactory as _;
    Arguments::command().debug_assert();
}
