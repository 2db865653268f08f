//! From a code to what the provider says of a person (OpenID Connect Core §3.1.3).

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode};
use procura_adapters::http::{Credential, Secret};
use procura_fetch::Request;
use procura_keys::clock::Timestamp;
use procura_keys::issuer_keys::ALGORITHMS;
use procura_keys::json::parse_strict;
use procura_keys::jwt::Unverified;
use procura_people::openid::{Expected, FlowSecret, IdToken, Provider};
use serde_json::{Map, Value};
use url::form_urlencoded::{Serializer, byte_serialize};

use super::provider::OpenIdProvider;
use super::{OpenIdError, ProviderError};
use crate::context::Context;

/// What a provider was asked.
pub(super) struct Asked<'a> {
    pub(super) provider: &'a OpenIdProvider,
    pub(super) document: &'a Provider,
    pub(super) secret: &'a FlowSecret,
    pub(super) redirect_uri: &'a str,
    /// Since when the person has to have signed in.
    pub(super) signed_in_since: Option<Timestamp>,
}

/// What it said.
pub(super) struct Answer {
    pub(super) id_token: IdToken,
    /// Good for saying more.
    access_token: String,
}

/// Exchanges a code, and judges the ID token that comes for it.
pub(super) async fn exchange(
    ctx: &Context,
    asked: &Asked<'_>,
    code: &str,
) -> Result<Answer, OpenIdError> {
    let said = redeem(asked, code).await?;
    let text = |name: &str| said.get(name).and_then(Value::as_str);
    let token = text("id_token").ok_or(ProviderError::NoIdToken)?;
    let access_token = text("access_token").unwrap_or_default();
    let token =
        Unverified::parse_any(token, &ALGORITHMS, MAX_TOKEN).map_err(ProviderError::from)?;
    asked.provider.judge(&token, ctx.now()).await?;
    let settings = asked.provider.settings();
    let expected = Expected {
        issuer: &settings.issuer,
        client_id: &settings.client_id,
        nonce: &asked.secret.nonce(),
        algorithm: token.algorithm,
        access_token,
        signed_in_since: asked.signed_in_since,
    };
    Ok(Answer {
        id_token: IdToken::judge(&token.claims, expected, ctx.now())?,
        access_token: access_token.to_owned(),
    })
}

/// The ID token, with what the provider says beside it if it has no address.
pub(super) async fn with_address(
    asked: &Asked<'_>,
    answer: Answer,
) -> Result<IdToken, OpenIdError> {
    let (token, endpoint) = (answer.id_token, &asked.document.userinfo_endpoint);
    let Some(endpoint) = endpoint.as_ref().filter(|_| token.email.is_none()) else {
        return Ok(token);
    };
    let bearer = Credential::bearer(&Secret::new(answer.access_token));
    let Ok(Credential::Header { value, .. }) = bearer else {
        return Ok(token);
    };
    let mut request = Request::get(endpoint.clone());
    request.headers.insert(AUTHORIZATION, value);
    let response = asked.provider.send(request).await?;
    let said = (response.status == StatusCode::OK).then(|| object(&response.body));
    Ok(match said.flatten() {
        Some(claims) => token.with_userinfo(&claims),
        None => token,
    })
}

async fn redeem(asked: &Asked<'_>, code: &str) -> Result<Map<String, Value>, ProviderError> {
    let response = asked.provider.send(request(asked, code)?).await?;
    // The body may hold tokens, so no part of it but the name of an error becomes one.
    let said = object(&response.body);
    if response.status == StatusCode::OK {
        return said.ok_or(ProviderError::NoIdToken);
    }
    let said = said.unwrap_or_default();
    let name = said.get("error").and_then(Value::as_str);
    let plain = |name: &&str| {
        name.len() <= MAX_ERROR
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    match name.filter(plain) {
        Some(name) => Err(ProviderError::Refused(name.to_owned())),
        None => Err(ProviderError::Status {
            what: "its token endpoint",
            status: response.status,
        }),
    }
}

fn request(asked: &Asked<'_>, code: &str) -> Result<Request, ProviderError> {
    let settings = asked.provider.settings();
    let mut form = Serializer::new(String::new());
    form.append_pair("grant_type", "authorization_code")
        .append_pair("code", code)
        .append_pair("redirect_uri", asked.redirect_uri)
        .append_pair("code_verifier", &asked.secret.verifier());
    let mut request = Request {
        method: Method::POST,
        ..Request::get(asked.document.token_endpoint.clone())
    };
    match &settings.client_secret {
        Some(secret) if asked.document.takes_basic => {
            let coded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
            let secret = Secret::new(coded(secret.expose()));
            let basic = Credential::basic(&coded(&settings.client_id), &secret);
            let Ok(Credential::Header { name, value }) = basic else {
                return Err(ProviderError::UnusableSecret);
            };
            request.headers.insert(name, value);
        }
        Some(secret) => {
            form.append_pair("client_id", &settings.client_id)
                .append_pair("client_secret", secret.expose());
        }
        None => {
            form.append_pair("client_id", &settings.client_id);
        }
    }
    let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
    request.headers.insert(CONTENT_TYPE, form_type);
    let json = HeaderValue::from_static("application/json");
    request.headers.insert(ACCEPT, json);
    request.body = Some(form.finish().into());
    Ok(request)
}

fn object(body: &[u8]) -> Option<Map<String, Value>> {
    match parse_strict(body) {
        Ok(Value::Object(members)) => Some(members),
        _ => None,
    }
}

/// The longest ID token, in bytes.
const MAX_TOKEN: usize = 16 * 1024;
/// The longest name of an error that is logged, in bytes.
const MAX_ERROR: usize = 40;
