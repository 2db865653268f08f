//! Why e-mail did not go, for the delivery log: without passwords, addresses and whatever else a server says.

use std::error::Error as _;

use lettre::transport::smtp;
use procura_agent_auth::notice::Undelivered;

/// Another attempt may succeed.
pub(super) fn passing(why: String) -> Undelivered {
    Undelivered {
        why,
        for_good: false,
    }
}

/// No other attempt would.
pub(super) fn for_good(why: String) -> Undelivered {
    Undelivered {
        why,
        for_good: true,
    }
}

/// There is no address to send to.
pub(super) fn nobody() -> Undelivered {
    for_good("there is nobody to send it to".to_owned())
}

/// What became of an attempt. 5xx is for good (RFC 5321 §4.2.1), unless it is about this server's own account there,
/// which its operator can mend.
pub(super) fn of(error: &smtp::Error) -> Undelivered {
    let Some(code) = error.status() else {
        return passing(without_code(error));
    };
    let code = u16::from(code);
    let why = format!("answered {code}{}", enhanced(error).unwrap_or_default());
    if error.is_permanent() && !ABOUT_THE_ACCOUNT.contains(&code) {
        for_good(why)
    } else {
        passing(why)
    }
}

fn without_code(error: &smtp::Error) -> String {
    // What the server itself said does not get into the log; what the library says does.
    let why = error.source().map(ToString::to_string).unwrap_or_default();
    let what = if error.is_timeout() {
        return "no answer in time".to_owned();
    } else if error.is_response() {
        return "the answer is not SMTP".to_owned();
    } else if error.is_tls() {
        "no TLS"
    } else if error.is_client() {
        "the server lacks what is needed"
    } else {
        "no connection"
    };
    let why: String = why
        .chars()
        .filter(|c| !c.is_control())
        .take(LONGEST)
        .collect();
    format!("{what}: {why}")
}

/// The enhanced status code (RFC 3463) that most servers begin their answer with, such as ` 5.1.1`.
fn enhanced(error: &smtp::Error) -> Option<String> {
    let text = error.source()?.to_string();
    let word = text.split_whitespace().next()?;
    let parts: Vec<_> = word.split('.').collect();
    let is_number = |part: &&str| {
        (1..=3).contains(&part.len()) && part.chars().all(|digit| digit.is_ascii_digit())
    };
    let is_code = parts.len() == 3 && parts.iter().all(is_number);
    is_code.then(|| format!(" {word}"))
}

/// Authentication required, too weak, failed, or only over TLS (RFC 4954 §6).
const ABOUT_THE_ACCOUNT: [u16; 4] = [530, 534, 535, 538];
/// In characters.
const LONGEST: usize = 200;
