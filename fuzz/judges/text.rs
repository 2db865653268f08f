//! What people type and read: user codes and names.

use procura_agent_auth::text::{MAX_NAME, clean};
use procura_agent_auth::user_code::UserCode;

/// A code that is read prints as itself, and a cleaned text is clean.
pub(crate) fn judge(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Some(code) = UserCode::parse(text) {
        assert!(UserCode::parse(&code.to_string()) == Some(code));
    }
    if let Some(cleaned) = clean(text, MAX_NAME) {
        assert_eq!(clean(&cleaned, MAX_NAME).as_deref(), Some(cleaned.as_str()));
        assert!(!cleaned.chars().any(char::is_control));
        assert!((1..=MAX_NAME).contains(&cleaned.chars().count()));
    }
}
