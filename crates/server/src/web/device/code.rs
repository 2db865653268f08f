//! The code a person types, on its way through addresses and forms.

use procura_agent_auth::user_code::UserCode;

/// What was typed: in the form the app shows it, if it can be a code at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TypedCode {
    text: String,
    is_code: bool,
}

impl TypedCode {
    pub(super) fn read(typed: &str) -> Self {
        match UserCode::parse(typed) {
            Some(code) => Self {
                text: code.to_string(),
                is_code: true,
            },
            None => Self {
                text: typed.trim().chars().take(MAX_CHARS).collect(),
                is_code: false,
            },
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// The code, if it can be one.
    pub(super) fn as_code(&self) -> Option<&str> {
        self.is_code.then_some(&self.text)
    }

    pub(super) fn is_blank(&self) -> bool {
        self.text.is_empty()
    }

    /// The page of the request with this code, after the base path.
    pub(super) fn path(&self) -> String {
        if self.is_code {
            format!("/device?code={}", self.text)
        } else {
            "/device".to_owned()
        }
    }
}

/// What cannot be a code is shown again, but not without end.
const MAX_CHARS: usize = 40;

#[cfg(test)]
mod tests {
    use super::super::way::Way;
    use super::*;

    #[test]
    fn a_code_is_carried_in_the_form_the_app_shows() {
        let code = TypedCode::read(" wdjb mjht");
        assert_eq!(code.as_str(), "WDJB-MJHT");
        assert_eq!(code.path(), "/device?code=WDJB-MJHT");
        assert_eq!(
            Way::Code(code).sign_in_path("/auth"),
            "/login?next=%2Fauth%2Fdevice%3Fcode%3DWDJB-MJHT"
        );
    }

    #[test]
    fn what_is_no_code_is_kept_out_of_addresses() {
        let typed = TypedCode::read(" \"><script>&next=//evil.example ");
        assert_eq!(typed.as_str(), "\"><script>&next=//evil.example");
        assert_eq!(typed.path(), "/device");
        assert_eq!(TypedCode::read(&"a".repeat(1000)).as_str().len(), MAX_CHARS);
        assert!(TypedCode::read(" \t ").is_blank());
    }
}
