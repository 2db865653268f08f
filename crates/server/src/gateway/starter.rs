//! A configuration to begin with, made from a description alone.

use std::collections::BTreeMap;

use procura_adapters::http::Credential;
use procura_adapters::openapi::{Selection, Source, derive, load};
use procura_fetch::{AddressVerdict, FetchPolicy};
use url::Url;

/// Writes a configuration for a description. The upstream is the given one, else the one the description names.
pub async fn starter(source: &str, upstream: Option<&Url>) -> Result<String, String> {
    let documents = load(&Source::from(source), reach(source)).await;
    let documents = documents.map_err(|error| error.to_string())?;
    // Which operations there are is judged later; here only the words about the whole count.
    let derivation = derive(
        &documents,
        &Selection {
            include: &[],
            exclude: &["*".to_owned()],
            rules: &[],
            variables: &BTreeMap::new(),
            credential: &Credential::None,
            usable_pattern: &|_| true,
        },
        &mut |_| Ok(()),
    );
    let upstream = match (upstream, derivation.server) {
        (Some(given), _) => given.clone(),
        (None, Ok(named)) => named,
        (None, Err(problem)) => {
            return Err(format!("{source}: {problem}; name it with --upstream URL"));
        }
    };
    let words = match (derivation.description.as_str(), derivation.title.as_str()) {
        ("", "") => "A service",
        ("", title) => title,
        (description, _) => description,
    };
    let words: String = words.chars().take(MAX_DESCRIPTION).collect();
    Ok(write(
        &provider_name(&derivation.title),
        &words,
        source,
        &upstream,
    ))
}

fn write(name: &str, description: &str, source: &str, upstream: &Url) -> String {
    let internal = if is_public(upstream) {
        "# internal = true             # for a service of your own network"
    } else {
        "internal = true"
    };
    format!(
        r#"# Every key is described in docs/configuration.md.
[provider]
name = {name}
description = {description}
# issuer = "https://agents.example.com"   # needed unless listening on loopback

[[upstream]]
name = {name}
url = {url}
{internal}
# [upstream.credential]       # how this server proves itself to the service
# kind = "bearer"
# file = "/run/secrets/token"

[[openapi]]
source = {source}
upstream = {name}
# exclude = ["admin_*"]

# The last rule that says something about an operation decides.
[[openapi.rule]]
methods = ["GET", "HEAD", "OPTIONS"]
approval = "session"          # a person who has just signed in

[[openapi.rule]]
methods = ["POST", "PUT", "PATCH", "DELETE"]
approval = "presence"         # a passkey, or an administrator
"#,
        name = quoted(name),
        description = quoted(description),
        url = quoted(upstream.as_str()),
        source = quoted(source),
    )
}

/// Writes a configuration for an MCP server: one at a URL, or one that a command line starts.
pub fn mcp_starter(server: &str) -> Result<String, String> {
    let way = match Url::parse(server) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => called(&url),
        _ => started(server)?,
    };
    Ok(format!(
        r#"# Every key is described in docs/configuration.md.
[provider]
name = "tools"
description = "Tools for agents"
# issuer = "https://agents.example.com"   # needed unless listening on loopback

[[mcp]]
name = {name}
{way}

# The last rule that says something about a tool decides.
[[mcp.rule]]
read_only = true
approval = "session"          # a person who has just signed in

[[mcp.rule]]
read_only = false
approval = "presence"         # a passkey, or an administrator
"#,
        name = quoted(server),
    ))
}

fn called(url: &Url) -> String {
    let internal = if is_public(url) {
        "# internal = true             # for a server of your own network"
    } else {
        "internal = true"
    };
    format!(
        r#"url = {url}
{internal}
# exclude = ["delete_*"]
# [mcp.credential]            # how this server proves itself to the other
# kind = "bearer"
# file = "/run/secrets/token""#,
        url = quoted(url.as_str()),
    )
}

fn started(command_line: &str) -> Result<String, String> {
    let words = words(command_line)?;
    let Some((command, args)) = words.split_first() else {
        return Err("the command line is empty".to_owned());
    };
    let args: Vec<_> = args.iter().map(|word| quoted(word)).collect();
    Ok(format!(
        r#"command = {command}
args = [{args}]
# env = ["API_TOKEN"]         # variables of this server's environment that it needs
# exclude = ["delete_*"]"#,
        command = quoted(command),
        args = args.join(", "),
    ))
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// The words of a command line; quotes hold words together, and nothing else has a meaning.
fn words(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for letter in line.chars() {
        match (letter, quote) {
            (letter, Some(open)) if letter == open => quote = None,
            ('"' | '\'', None) => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (letter, None) if letter.is_whitespace() => words.extend(word.take()),
            (letter, _) => word.get_or_insert_default().push(letter),
        }
    }
    if quote.is_some() {
        return Err("the command line has a quote without end".to_owned());
    }
    words.extend(word);
    Ok(words)
}

/// Whether a service needs no word of the operator to be called: https to a public host, or this machine.
fn is_public(url: &Url) -> bool {
    match AddressVerdict::of_host(url) {
        Some(AddressVerdict::Loopback) => true,
        Some(AddressVerdict::Public) | None => url.scheme() == "https",
        Some(_) => false,
    }
}

/// What may be called to read a description whose address was given on the command line.
fn reach(source: &str) -> FetchPolicy {
    let own = match Source::from(source) {
        Source::Url(url) => AddressVerdict::of_host(&url) == Some(AddressVerdict::Loopback),
        Source::File(_) => false,
    };
    FetchPolicy {
        allow_loopback_http: own,
        ..FetchPolicy::server()
    }
}

/// A title as a name: words in lower case, joined by dashes.
fn provider_name(title: &str) -> String {
    let words = title
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let name = words
        .take(4)
        .collect::<Vec<_>>()
        .join("-")
        .to_ascii_lowercase();
    if name.is_empty() {
        "service".to_owned()
    } else {
        name
    }
}

const MAX_DESCRIPTION: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn a_command_line_is_a_short_configuration_that_is_good() {
        let text = mcp_starter("npx -y 'my server' --say \"it's\"").unwrap();
        assert!(text.lines().count() <= 40);
        let config = Config::parse(&text, None).unwrap();
        assert_eq!(config.tool_servers.len(), 1);
        let told = r#"args = ["-y", "my server", "--say", "it's"]"#;
        assert!(text.contains(told), "{text}");
        for wrong in ["", "  ", "a 'b"] {
            assert!(mcp_starter(wrong).is_err());
        }
    }

    #[test]
    fn the_address_of_an_mcp_server_is_a_short_configuration_that_is_good() {
        for (url, internal) in [
            ("https://tools.example/mcp", "# internal = true"),
            ("http://127.0.0.1:3001/mcp", "# internal = true"),
            ("http://tools:3001/mcp", "\ninternal = true"),
        ] {
            let text = mcp_starter(url).unwrap();
            assert!(text.lines().count() <= 40);
            assert!(text.contains(internal), "{text}");
            let config = Config::parse(&text, None).unwrap();
            assert_eq!(config.tool_servers.len(), 1);
        }
    }

    async fn described(title: &str, upstream: Option<&str>) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.yaml");
        let text = format!(
            "openapi: 3.0.0\ninfo:\n  title: {title:?}\nservers: [{{ url: 'https://shop.example/v1' }}]\npaths: {{}}\n"
        );
        std::fs::write(&file, text).unwrap();
        let upstream = upstream.map(|url| Url::parse(url).unwrap());
        starter(file.to_str().unwrap(), upstream.as_ref()).await
    }

    #[tokio::test]
    async fn what_it_writes_is_a_short_configuration_that_is_good() {
        for (title, upstream, name) in [
            ("The \"Shop\" API\n= 1", None, "name = \"the-shop-api-1\""),
            ("", Some("http://127.0.0.1:3000"), "name = \"service\""),
            ("Größe", Some("http://orders:3000/api"), "\ninternal = true"),
        ] {
            let text = described(title, upstream).await.unwrap();
            assert!(text.lines().count() <= 40);
            assert!(text.contains(name), "{text}");
            let config = Config::parse(&text, None).unwrap();
            assert_eq!(config.described.len(), 1);
        }
    }
}
