//! The agent's side of the Agent Auth Protocol 1.0-draft (§6): discover a provider, connect an agent,
//! wait until a person approves, execute capabilities, ask for more, disconnect.
//!
//! A [`Client`] holds keys and speaks to servers on behalf of agents. It keeps what it learns in a
//! [`Profile`], reaches the network through a [`Transport`] and takes time, randomness and waiting
//! from outside, so that every flow can be played in a test without a network and without waiting.
//!
//! ```no_run
//! # async fn example() -> Result<(), procura_client::ClientError> {
//! use procura_client::{Client, Connect, Connected, Options, Profile};
//!
//! let client = Client::system(Profile::open("/var/lib/my-agent")?, Options::default())?;
//! let request = Connect::new("Balance checker").with_capability("check_balance", None);
//! let agent = match client.connect("https://bank.example", request).await? {
//!     Connected::Active(agent) => agent,
//!     Connected::Pending(pending) => {
//!         // Show pending.approval to the person who decides, then wait.
//!         client.wait_for_approval(&pending, &mut |_| {}).await?
//!     }
//! };
//! let arguments = serde_json::json!({ "account_id": "acc_123" });
//! let done = client
//!     .execute(&agent.agent_id, "check_balance", arguments.as_object().cloned())
//!     .await?;
//! println!("{}", done.into_value());
//! # Ok(())
//! # }
//! ```
//!
//! What a server sends is untrusted. Names, descriptions and messages may hold anything, control
//! characters included; whoever shows them has to clean or escape them.

mod answer;
mod approval;
mod binding;
mod call;
mod capabilities;
mod challenge;
mod client;
mod connect;
mod constraints;
mod directory;
mod disconnect;
mod discover;
mod error;
mod examine;
mod execute;
#[cfg(test)]
mod fake;
mod http_date;
mod key_choice;
mod pause;
mod profile;
mod provider;
mod reactivate;
mod request_capability;
mod revoke_host;
mod rotate_key;
mod sign_jwt;
mod sse;
mod status;
mod system;
mod token;
mod transport;

pub use answer::AgentStanding;
pub use approval::{Approval, Awaited, Pending, Progress};
pub use challenge::Challenge;
pub use client::{Client, Notice, NoticeListener, Options, Parts};
pub use connect::{Connect, Connected};
pub use constraints::WiderGrant;
pub use directory::{Found, RefusedEntry};
pub use error::{CallerError, ClientError, Hint, NotApproved, Reaction, Refused};
pub use examine::{Hop, HopState};
pub use execute::{BatchItem, ChunkListener, Executed};
pub use pause::Pause;
pub use profile::{Connection, Profile, ProfileError};
pub use provider::{Provider, ProviderDefect};
pub use request_capability::CapabilityAsk;
pub use revoke_host::{HostIdentity, NewHost, RevokedHost};
pub use rotate_key::{HostRotation, NotRotated, RotatedAgent};
pub use sign_jwt::SignedJwt;
pub use system::{SystemClock, SystemEntropy, SystemPause};
pub use transport::{FetchError, FetchTransport, Request, Response, StreamResponse, Transport};
