//! Published key sets and single keys.

use procura_keys::json::parse_strict;
use procura_keys::jwk::PublicJwk;
use procura_keys::jwk_set::{JwkSet, KeyName};
use procura_keys::thumbprint::Thumbprint;
use serde_json::Value;

/// A key that is read prints as itself, and a set that is read has only such keys.
pub(crate) fn judge(bytes: &[u8]) {
    let set = JwkSet::parse(bytes);
    let Ok(document) = parse_strict(bytes) else {
        assert!(set.is_err());
        return;
    };
    if let Ok(jwk) = PublicJwk::parse(&document) {
        assert_eq!(PublicJwk::parse(&jwk.to_value()), Ok(jwk));
    }
    let Ok(set) = set else { return };
    for member in document["keys"].as_array().into_iter().flatten() {
        let kid = member["kid"].as_str().unwrap_or_default();
        if let Some(key) = set.find(KeyName::Kid(kid)) {
            let thumbprint = Thumbprint::of(key);
            let thumbprint = thumbprint.as_str();
            assert!(set.find(KeyName::Both { kid, thumbprint }).is_some());
            assert!(member.get("d").is_none());
            assert_eq!(member["crv"], Value::from("Ed25519"));
        }
    }
}
