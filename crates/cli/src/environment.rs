//! What the command line learns from its surroundings: where the user's data goes and what the machine is called.

use std::path::PathBuf;

/// Where data goes unless the command line says otherwise: the XDG base directory, or its default.
pub(crate) fn data_directory() -> Option<PathBuf> {
    directory_from(variable("XDG_DATA_HOME"), variable("HOME"))
}

/// What this machine is called, for the people who approve its agents (Agent Auth §3.1).
pub(crate) fn host_name() -> Option<String> {
    let from_file = || std::fs::read_to_string("/etc/hostname").ok();
    let name = variable("HOSTNAME").or_else(|| variable("COMPUTERNAME"));
    let name = name.or_else(from_file)?;
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

fn directory_from(data_home: Option<String>, home: Option<String>) -> Option<PathBuf> {
    // The XDG specification has relative paths ignored.
    let data_home = data_home.map(PathBuf::from).filter(|it| it.is_absolute());
    let in_home = || Some(PathBuf::from(home?).join(".local/share"));
    Some(data_home.or_else(in_home)?.join("procura"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the command line reads the environment"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_directory_follows_the_base_directory_rules() {
        let directory = |data_home: Option<&str>, home: Option<&str>| {
            directory_from(data_home.map(Into::into), home.map(Into::into))
        };
        assert_eq!(
            directory(Some("/data"), Some("/home/a")),
            Some("/data/procura".into())
        );
        assert_eq!(
            directory(Some("data"), Some("/home/a")),
            Some("/home/a/.local/share/procura".into())
        );
        assert_eq!(
            directory(None, Some("/home/a")),
            Some("/home/a/.local/share/procura".into())
        );
        assert_eq!(directory(None, None), None);
    }
}
