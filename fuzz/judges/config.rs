//! The configuration file of the server.

use procura_server::config::Config;

/// A file is a configuration or an error that says why not.
pub(crate) fn judge(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    // Such a key names a file, and reading the files of this machine is not the point.
    if text.contains("_file") {
        return;
    }
    match Config::parse(text, None) {
        Ok(config) => assert!(config.provider.issuer.starts_with("http")),
        Err(problem) => assert!(!problem.is_empty()),
    }
}
