//! People's accounts and sessions.

mod accounts;
mod sign_in;

pub use accounts::{AccountError, add_person, disable_person, list_people, remove_person};
pub use sign_in::{SignInError, SignedIn, session, sign_in, sign_out};
