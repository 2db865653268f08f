use super::*;

// AA-6.2.3-01, AA-6.2.1-01
#[tokio::test]
async fn a_provider_is_discovered_and_listed() {
    let terminal = Terminal::new(Bank::open());
    insta::assert_snapshot!(terminal.run(&["providers"]).await, @r"
    exit 0
    -- out --
    No provider is known yet. 'procura discover URL' finds one.
    -- err --
    ");
    insta::assert_snapshot!(terminal.run(&["discover", "https://bank.example"]).await, @r"
    exit 0
    -- out --
    Name         bank
    Description  Accounts and transfers
    Issuer       https://bank.example
    Version      1.0-draft
    Modes        delegated, autonomous
    Approval     device_authorization
    Keys         Ed25519
    -- err --
    ");
    insta::assert_snapshot!(terminal.run(&["providers"]).await, @r"
    exit 0
    -- out --
    NAME  ISSUER                DESCRIPTION
    bank  https://bank.example  Accounts and transfers
    -- err --
    ");
    insta::assert_snapshot!(terminal.run(&["providers", "--json"]).await, @r#"
    exit 0
    -- out --
    [{"description":"Accounts and transfers","issuer":"https://bank.example","name":"bank"}]
    -- err --
    "#);
}

#[tokio::test]
async fn capabilities_are_listed_and_described() {
    let terminal = Terminal::new(Bank::open());
    let url = "https://bank.example";
    insta::assert_snapshot!(terminal.run(&["capabilities", url]).await, @r"
    exit 0
    -- out --
    NAME           DESCRIPTION
    check_balance  Check a balance
    transfer       Move money
    -- err --
    ");
    insta::assert_snapshot!(terminal.run(&["capabilities", "bank", "--json"]).await, @r#"
    exit 0
    -- out --
    {"capabilities":[{"description":"Check a balance","name":"check_balance"},{"description":"Move money","name":"transfer"}]}
    -- err --
    "#);
    insta::assert_snapshot!(terminal.run(&["describe", "bank", "transfer"]).await, @r#"
    exit 0
    -- out --
    transfer: Move money
    Arguments (JSON Schema):
    {
      "required": [
        "amount"
      ],
      "type": "object"
    }
    -- err --
    "#);
}

#[tokio::test]
async fn the_creation_of_keys_is_said_once() {
    let terminal = Terminal::new(Bank::open());
    for _ in 0..3 {
        terminal
            .run(&["capabilities", "https://bank.example"])
            .await;
    }
    insta::assert_snapshot!(
        terminal.notices.text(),
        @"Created a key pair for this host. It is kept in memory only."
    );
}
