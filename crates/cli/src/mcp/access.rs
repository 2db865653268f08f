//! Which services an agent may contact without a person saying so (§6.2.3, §8.9).

use procura_client::Client;
use url::{Origin, Url};

use crate::error::CommandError;

/// Where an agent's model may send this process.
#[derive(Clone, Debug)]
pub(crate) enum Access {
    /// Wherever it wants.
    Anywhere,
    /// To these origins, and to services the profile knows.
    To(Vec<Origin>),
}

impl Access {
    /// To the services at these URLs.
    pub(crate) fn to(urls: &[String]) -> Result<Self, CommandError> {
        let origin = |text: &String| match Url::parse(text).map(|url| url.origin()) {
            Ok(origin) if origin.is_tuple() => Ok(origin),
            _ => Err(CommandError::Usage(format!(
                "--allow takes a URL such as https://bank.example, not {text:?}"
            ))),
        };
        urls.iter()
            .map(origin)
            .collect::<Result<_, _>>()
            .map(Self::To)
    }

    /// Whether `provider`, a URL or a name, may be contacted unasked. A name can only be that of a service
    /// somebody has looked at before.
    pub(crate) fn permits(&self, provider: &str, client: &Client) -> bool {
        let allowed = match self {
            Self::Anywhere => return true,
            Self::To(allowed) => allowed,
        };
        let Ok(url) = Url::parse(provider) else {
            return true;
        };
        let origin = url.origin();
        let known = client.providers().unwrap_or_default();
        let mut known = known.iter().filter_map(|it| Url::parse(it.issuer()).ok());
        allowed.contains(&origin) || known.any(|issuer| issuer.origin() == origin)
    }
}

#[cfg(test)]
mod tests {
    use procura_client::{Options, Profile};

    use super::*;

    /// AA-8.9-01, AA-8.9-02
    #[test]
    fn only_listed_origins_are_contacted_unasked() {
        let client = Client::system(Profile::in_memory(), Options::default()).unwrap();
        let listed = Access::to(&["https://bank.example/tenant".to_owned()]).unwrap();
        for (url, permitted) in [
            ("https://bank.example", true),
            ("https://bank.example/other", true),
            ("https://bank.example:444", false),
            ("http://bank.example", false),
            ("https://evil.example/https://bank.example", false),
            ("https://bank.example@evil.example", false),
            ("bank", true),
        ] {
            assert_eq!(listed.permits(url, &client), permitted, "{url}");
        }
        assert!(Access::Anywhere.permits("https://evil.example", &client));
        assert!(Access::to(&["bank".to_owned()]).is_err());
        assert!(Access::to(&["data:x".to_owned()]).is_err());
    }
}
