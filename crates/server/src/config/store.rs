//! Where records are kept.

use std::fmt;
use std::fs;
use std::path::PathBuf;

use serde::Deserialize;

/// The environment variable that goes before the file.
pub(super) const VARIABLE: &str = "PROCURA_STORE_URL";

/// `[store]`: where records are kept.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct StoreSection {
    url: Option<StoreUrl>,
    url_file: Option<PathBuf>,
    nodes: Nodes,
}

/// How many processes use the records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nodes {
    /// This one alone, which makes sure of it.
    #[default]
    One,
    /// Several with the same configuration.
    Several,
}

/// Where records are kept.
#[derive(Debug)]
pub enum StoreChoice {
    /// In one file of the data directory.
    Embedded,
    /// In a PostgreSQL database, which so many processes use.
    Postgres(StoreUrl, Nodes),
}

/// A URL that may hold a password, which `Debug` does not show.
#[derive(Deserialize)]
#[serde(transparent)]
pub struct StoreUrl(String);

impl StoreUrl {
    /// The URL, password and all.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreUrl(hidden)")
    }
}

impl StoreSection {
    /// Finds the URL, which `environment` gives if the variable is set.
    pub(super) fn choose(self, environment: Option<String>) -> Result<StoreChoice, String> {
        if self.url.is_some() && self.url_file.is_some() {
            return Err("store: give url or url_file, not both".to_owned());
        }
        let given = match (environment, self.url, self.url_file) {
            (Some(url), _, _) => (VARIABLE, url),
            (None, Some(url), _) => ("store.url", url.0),
            (None, None, Some(file)) => ("store.url_file", read(&file)?),
            (None, None, None) if self.nodes == Nodes::Several => {
                return Err("store.nodes: several need a PostgreSQL database: give url".to_owned());
            }
            (None, None, None) => return Ok(StoreChoice::Embedded),
        };
        let (key, url) = given;
        if SCHEMES.iter().any(|scheme| url.starts_with(scheme)) {
            Ok(StoreChoice::Postgres(StoreUrl(url), self.nodes))
        } else {
            Err(format!("{key}: has to begin with postgres://"))
        }
    }
}

fn read(file: &PathBuf) -> Result<String, String> {
    let text = fs::read_to_string(file).map_err(|error| {
        let file = file.display();
        format!("store.url_file: {file} cannot be read: {error}")
    })?;
    Ok(text.trim().to_owned())
}

const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "postgres://procura:hunter2@db.example/procura";

    fn choose(section: &str, environment: Option<&str>) -> Result<StoreChoice, String> {
        let section: StoreSection = toml::from_str(section).unwrap();
        section.choose(environment.map(str::to_owned))
    }

    fn chosen(section: &str, environment: Option<&str>) -> String {
        match choose(section, environment).unwrap() {
            StoreChoice::Postgres(url, _) => url.expose().to_owned(),
            StoreChoice::Embedded => "embedded".to_owned(),
        }
    }

    #[test]
    fn records_are_kept_in_the_data_directory_unless_a_url_is_given() {
        assert_eq!(chosen("", None), "embedded");
        assert_eq!(chosen(&format!("url = {URL:?}"), None), URL);
    }

    #[test]
    fn a_file_may_hold_the_url() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("url");
        fs::write(&file, format!("{URL}\n")).unwrap();
        assert_eq!(chosen(&format!("url_file = {file:?}"), None), URL);
        let missing = choose("url_file = '/nowhere/url'", None).unwrap_err();
        assert!(missing.starts_with("store.url_file: /nowhere/url cannot be read"));
    }

    #[test]
    fn the_environment_goes_before_the_file() {
        assert_eq!(chosen("", Some(URL)), URL);
        assert_eq!(chosen("url = 'postgres://other'", Some(URL)), URL);
        assert_eq!(chosen("url_file = '/nowhere/url'", Some(URL)), URL);
    }

    #[test]
    fn a_url_of_something_else_is_refused_without_being_shown() {
        let other = "mysql://procura:hunter2@db.example/procura";
        let refused = choose(&format!("url = {other:?}"), None).unwrap_err();
        assert_eq!(refused, "store.url: has to begin with postgres://");
        let refused = choose("", Some(other)).unwrap_err();
        assert_eq!(refused, "PROCURA_STORE_URL: has to begin with postgres://");
        let both = choose("url = 'postgres://a'\nurl_file = 'b'", None).unwrap_err();
        assert_eq!(both, "store: give url or url_file, not both");
    }

    #[test]
    fn several_nodes_are_asked_for_and_need_a_database_that_they_can_share() {
        let nodes = |section: &str| match choose(section, Some(URL)).unwrap() {
            StoreChoice::Postgres(_, nodes) => nodes,
            StoreChoice::Embedded => panic!("a URL was given"),
        };
        assert_eq!(nodes(""), Nodes::One);
        assert_eq!(nodes("nodes = 'one'"), Nodes::One);
        assert_eq!(nodes("nodes = 'several'"), Nodes::Several);
        let alone = choose("nodes = 'several'", None).unwrap_err();
        assert!(alone.starts_with("store.nodes: several need"), "{alone}");
        assert_eq!(chosen("nodes = 'one'", None), "embedded");
    }

    #[test]
    fn a_password_is_not_shown_by_accident() {
        let shown = format!("{:?}", choose("", Some(URL)).unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
