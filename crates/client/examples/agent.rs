//! An agent's whole life at the example bank: it is registered, waits until a person approves, looks at a balance, is
//! told where its limits are, and leaves.
//!
//! ```sh
//! procurad serve --config examples/bank/procura.toml --listen 127.0.0.1:8080 --data bank-data
//! cargo run -p procura-client --example agent -- http://127.0.0.1:8080
//! ```
//!
//! Sign in as one of the people at the end of that configuration, or let the operator approve:
//! `procurad admin --data bank-data approvals approve CODE`.
#![expect(
    clippy::print_stdout,
    reason = "an example shows its results on standard output"
)]

use std::error::Error;

use procura_client::{
    AgentStanding, Client, ClientError, Connect, Connected, Options, Pending, Profile, Progress,
};
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let service = std::env::args().nth(1);
    let service = service.unwrap_or_else(|| "http://127.0.0.1:8080".to_owned());
    let options = Options {
        // For the bank on this machine. Everything else is https.
        allow_loopback_http: true,
        ..Options::default()
    };
    // An agent that should be known again next time keeps its keys: Profile::open or Profile::open_encrypted.
    let client = Client::system(Profile::in_memory(), options)?;

    let request = Connect::new("Balance checker")
        .with_capability("check_balance", None)
        .with_capability("echo", None);
    let agent = match client.connect(&service, request).await? {
        Connected::Active(agent) => agent,
        Connected::Pending(pending) => approved(&client, &pending).await?,
    };
    println!("{} is {}.", agent.agent_id, agent.status);

    let account = json!({ "account_id": "acc_123" });
    let done = client.execute(
        &agent.agent_id,
        "check_balance",
        account.as_object().cloned(),
    );
    println!("The balance: {}", done.await?.into_value());

    // What was not granted is refused, in words that can be acted on.
    match client.execute(&agent.agent_id, "list_accounts", None).await {
        Err(ClientError::Refused(refused)) => println!("As it should be: {refused}"),
        other => println!("Not expected: {other:?}"),
    }

    client.disconnect(&agent.agent_id).await?;
    println!("Disconnected; the key is gone.");
    Ok(())
}

/// Shows the person where to decide, and waits until they have.
async fn approved(client: &Client, pending: &Pending) -> Result<AgentStanding, ClientError> {
    let approval = &pending.approval;
    if let (Some(page), Some(code)) = (&approval.verification_uri, &approval.user_code) {
        println!("Go to {page} and enter {code}.");
    }
    client
        .wait_for_approval(pending, &mut |progress| {
            if let Progress::StillPending { remaining } = progress {
                println!("Not decided yet; {} s are left.", remaining.as_secs());
            }
        })
        .await
}
