//! People: who they are, how they sign in, what their presence proves, and what they are asked to decide.
//!
//! Pure rules: time, salts and records are arguments. Protocols meet people only through [`consent`].

pub mod account;
pub mod challenge;
pub mod consent;
pub mod invitation;
pub mod limit;
pub mod lookalike;
pub mod mail;
pub mod openid;
pub mod passkey;
pub mod password;
pub mod person;
pub mod presence;
pub mod push;
pub mod recovery;
pub mod session;
pub mod vault;
pub mod warning;
pub mod webauthn;
