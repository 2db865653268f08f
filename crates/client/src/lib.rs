//! The agent's side of the Agent Auth Protocol 1.0-draft (§6): discover a provider, connect an agent,
//! wait until a person approves, execute capabilities, ask for more, disconnect.
//!
//! A [`Client`] holds keys and speaks to servers on behalf of agents. It keeps what it learns in a
//! [`Profile`], reaches the network through a [`Transport`] and takes time, randomness and waiting
//! from outside, so that every flow can be played in a test without a network and without waiting.
//!
//! ```
//! # use procura_client::{FetchError, Options, Parts, Request, Response, SystemClock, SystemEntropy, SystemPause, Transport};
//! # /// A bank that registers every agent, wants its person to be asked, and has them agree at once.
//! # struct Bank;
//! # #[async_trait::async_trait]
//! # impl Transport for Bank {
//! #     async fn send(&self, request: Request) -> Result<Response, FetchError> {
//! #         let grants = |status: &str| serde_json::json!([{ "capability": "check_balance", "status": status }]);
//! #         let body = match request.url.path() {
//! #             "/.well-known/agent-configuration" => serde_json::json!({
//! #                 "version": "1.0-draft", "provider_name": "bank", "description": "Accounts",
//! #                 "issuer": "https://bank.example", "algorithms": ["Ed25519"], "modes": ["delegated"],
//! #                 "approval_methods": ["device_authorization"], "endpoints": {},
//! #                 "default_location": "https://bank.example/capability/execute",
//! #             }),
//! #             "/agent/register" => serde_json::json!({
//! #                 "agent_id": "agt_1", "host_id": "hst_1", "mode": "delegated", "status": "pending",
//! #                 "agent_capability_grants": grants("pending"),
//! #                 "approval": {
//! #                     "method": "device_authorization", "verification_uri": "https://bank.example/device",
//! #                     "user_code": "ABCD-1234", "expires_in": 60, "interval": 1,
//! #                 },
//! #             }),
//! #             "/agent/status" => serde_json::json!({
//! #                 "agent_id": "agt_1", "host_id": "hst_1", "mode": "delegated", "status": "active",
//! #                 "agent_capability_grants": grants("active"),
//! #             }),
//! #             "/capability/execute" => serde_json::json!({ "data": { "balance": 4280.13 } }),
//! #             "/capability/describe" => serde_json::json!({ "name": "check_balance", "description": "A balance" }),
//! #             path => panic!("nobody asks for {path}"),
//! #         };
//! #         let mut headers = http::HeaderMap::new();
//! #         headers.insert("content-type", http::HeaderValue::from_static("application/json"));
//! #         Ok(Response { status: http::StatusCode::OK, headers, url: request.url, body: body.to_string().into() })
//! #     }
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), procura_client::ClientError> {
//! use procura_client::{Client, Connect, Connected, Profile};
//!
//! # let client = Client::new(Profile::in_memory(), Options::default(), Parts {
//! #     transport: std::sync::Arc::new(Bank), clock: std::sync::Arc::new(SystemClock),
//! #     entropy: std::sync::Arc::new(SystemEntropy), pause: std::sync::Arc::new(SystemPause),
//! # });
//! # #[cfg(any())]
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
//! assert_eq!(done.into_value()["balance"], 4280.13);
//! # Ok(())
//! # }
//! ```
//!
//! A [`Profile`] in a directory is not encrypted unless a [`Keeper`] is given the key: a passphrase, or the keychain of
//! the system (feature `keychain`).
//!
//! ```
//! use procura_client::{Keeper, Profile, ProfileError, SystemEntropy};
//!
//! # let home = tempfile::tempdir().unwrap();
//! # let directory = home.path().join("my-agent");
//! let keeper = Keeper::passphrase(b"correct horse battery staple")?;
//! let profile = Profile::open_encrypted(&directory, &keeper, &SystemEntropy)?;
//! let better = Keeper::passphrase(b"hunter2 is not a passphrase")?;
//! profile.entrust(&better, &SystemEntropy)?;
//! assert!(Profile::open_encrypted(&directory, &keeper, &SystemEntropy).is_err());
//! # Ok::<(), ProfileError>(())
//! ```
//!
//! What a server sends is untrusted. Names, descriptions and messages may hold anything, control
//! characters included; whoever shows them has to clean or escape them.

mod answer;
mod answers;
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
mod naming;
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
pub use procura_agent_auth::compat::Compat;
#[cfg(feature = "keychain")]
pub use profile::SystemKeychain;
pub use profile::{Connection, Keeper, Keychain, KeychainError, Profile, ProfileError, Protection};
pub use provider::{Provider, ProviderDefect};
pub use request_capability::CapabilityAsk;
pub use revoke_host::{HostIdentity, NewHost, RevokedHost};
pub use rotate_key::{HostRotation, NotRotated, RotatedAgent};
pub use sign_jwt::{BoundJwt, SignedJwt};
pub use system::{SystemClock, SystemEntropy, SystemPause};
pub use transport::{FetchError, FetchTransport, Request, Response, StreamResponse, Transport};
