//! How a person comes to a request, and so where its pages lead back to.

use procura_agent_auth::id::ApprovalId;

use super::code::TypedCode;
use crate::web::next;

/// By the code they typed (AAP §7.1), or from their inbox (§7.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Code(TypedCode),
    Inbox(ApprovalId),
}

impl Way {
    /// The page of the request, after the base path.
    pub(super) fn path(&self) -> String {
        match self {
            Self::Code(code) => code.path(),
            Self::Inbox(id) => format!("/inbox/{id}"),
        }
    }

    /// The sign-in page that leads to that page, after the base path.
    pub(super) fn sign_in_path(&self, base: &str) -> String {
        next::sign_in_path(&format!("{base}{}", self.path()))
    }

    /// What was typed, if anything was.
    pub(super) fn code(&self) -> Option<&str> {
        match self {
            Self::Code(code) => Some(code.as_str()),
            Self::Inbox(_) => None,
        }
    }

    /// Where to find other requests: what the link says, and where it leads after the base path.
    pub(super) fn to_others(&self) -> (&'static str, &'static str) {
        match self {
            Self::Code(_) => ("Enter another code", "/device"),
            Self::Inbox(_) => ("Back to your inbox", "/inbox"),
        }
    }

    /// What an administrator types to approve the request, for this person if it is to act for one.
    pub(super) fn approve_command(&self, user: Option<&str>) -> String {
        let reference = match self {
            Self::Code(code) => code.as_code().unwrap_or("CODE"),
            Self::Inbox(id) => id.as_str(),
        };
        let user = user
            .map(|email| format!(" --user {email}"))
            .unwrap_or_default();
        format!("procurad admin approvals approve {reference}{user}")
    }
}
