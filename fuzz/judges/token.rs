//! Tokens, of hosts and of agents.

use procura_agent_auth::token::FORM;
use procura_agent_auth::token::agent::UnverifiedAgentToken;
use procura_agent_auth::token::host::UnverifiedHostToken;
use procura_keys::digest::{from_base64url, to_base64url};
use procura_keys::jwt::Unverified;
use procura_keys::key::SigningKey;

const ISSUER: &str = "https://bank.example";

/// A text that is read as a token has one spelling, and is signed by nobody who did not sign it.
pub(crate) fn judge(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let is_agent = UnverifiedAgentToken::parse(text, &[ISSUER]).is_ok();
    let is_host = UnverifiedHostToken::parse(text, ISSUER).is_ok();
    assert!(!(is_agent && is_host), "one token, two types");
    let Ok(token) = Unverified::parse(text, FORM) else {
        assert!(!is_agent && !is_host);
        return;
    };
    let parts: Vec<_> = text.split('.').collect();
    assert_eq!(parts.len(), 3);
    for part in parts {
        let spelled = from_base64url(part).map(|bytes| to_base64url(&bytes));
        assert_eq!(spelled.as_deref(), Some(part));
    }
    if let Ok(key) = SigningKey::from_seed(&[99; 32]) {
        assert!(!token.is_signed_by(key.public()));
    }
}
