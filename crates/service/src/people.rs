//! People's accounts and sessions, and the ways in which they sign in.

mod accounts;
pub mod application;
mod ceremony;
mod invitations;
pub mod mail;
pub mod openid;
pub mod passkeys;
pub mod push;
mod recovery;
mod sessions;
mod sign_in;
pub mod vault;

pub use accounts::{
    AccountError, add_person, disable_person, list_people, remove_person, set_own_password,
};
pub use ceremony::{PasskeyError, new_ticket, relying_party};
pub use invitations::{
    Arrival, ArrivalError, Door, Means, arrive, ask_to_register, find_invitation, invite,
    invite_first_administrator,
};
pub use recovery::{count_recovery_codes, make_recovery_codes, sign_in_by_recovery_code};
pub use sessions::{end_other_sessions, end_session, list_sessions};
pub use sign_in::{SignInError, SignedIn, session, sign_in, sign_out};
