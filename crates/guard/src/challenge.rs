//! The answers of the layer itself: refusals, and the challenge that tells an agent where to register (§5.14).

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use procura_agent_auth::token::dpop;
use procura_agent_auth::wire::discovery;
use serde_json::{Value, json};

use crate::authority::Denied;

/// The challenge of one authority. `None` where its issuer cannot stand in a header.
pub(crate) fn challenge(issuer: &str) -> Option<HeaderValue> {
    let issuer = issuer.trim_end_matches('/');
    let value = format!("AgentAuth discovery=\"{issuer}{}\"", discovery::PATH);
    HeaderValue::from_str(&value).ok()
}

/// Adds the challenge beside those of other schemes.
pub(crate) fn add_challenge(headers: &mut HeaderMap, challenge: &HeaderValue) {
    headers.append(WWW_AUTHENTICATE, challenge.clone());
}

/// The answer to a call that is not let through.
pub(crate) fn answer(denied: &Denied, challenge: &HeaderValue) -> Response<Full<Bytes>> {
    let (status, body) = match denied {
        Denied::Refused(refusal) => (refusal.code_and_status().1, refusal.body()),
        Denied::Inactive => (401, inactive()),
        Denied::Forbidden { code, body } => (status_of(code), body.clone()),
        Denied::Unavailable(_) => (503, unavailable()),
    };
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if body["error"] == "invalid_dpop_proof" {
        headers.append(WWW_AUTHENTICATE, dpop_challenge());
    }
    match status {
        401 => add_challenge(headers, challenge),
        503 => drop(headers.insert(RETRY_AFTER, HeaderValue::from_static("5"))),
        _ => {}
    }
    response
}

/// What is wrong with a proof, in the words of RFC 9449 §7.1.
fn dpop_challenge() -> HeaderValue {
    let algorithms = dpop::ALGORITHMS.join(" ");
    let value = format!("DPoP error=\"invalid_dpop_proof\", algs=\"{algorithms}\"");
    HeaderValue::from_str(&value).unwrap_or(HeaderValue::from_static("DPoP"))
}

/// The status the protocol gives to a code an authority forbids a call with (§5.11, §5.13). A code that is not
/// known here forbids all the same.
fn status_of(code: &str) -> u16 {
    match code {
        "invalid_request" | "unknown_constraint_operator" => 400,
        "invalid_jwt" | "invalid_dpop_proof" => 401,
        "capability_not_found" => 404,
        "rate_limited" => 429,
        _ => 403,
    }
}

fn inactive() -> Value {
    json!({
        "error": "invalid_jwt",
        "message": "The token is not active: it is too old or was used before, its agent did not sign it, or its \
                    agent may not act now. Sign a new one; if that is refused too, ask for the agent's status.",
    })
}

fn unavailable() -> Value {
    json!({
        "error": "temporarily_unavailable",
        "message": "The server that vouches for agents cannot be asked at present. Try again later.",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // AA-5.14-02
    #[test]
    fn the_challenge_names_the_absolute_url_of_the_discovery_document() {
        for issuer in [
            "https://bank.example/tenant",
            "https://bank.example/tenant/",
        ] {
            assert_eq!(
                challenge(issuer).unwrap(),
                "AgentAuth discovery=\"https://bank.example/tenant/.well-known/agent-configuration\""
            );
        }
        assert_eq!(challenge("https://bank.example/\n"), None);
    }

    #[test]
    fn a_code_nobody_knows_forbids() {
        assert_eq!(status_of("something_new"), 403);
    }
}
