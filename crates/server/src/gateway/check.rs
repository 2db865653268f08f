//! Trying a description without a service behind it.

use std::collections::BTreeMap;
use std::sync::Arc;

use procura_adapters::http::{Upstream, UpstreamSettings};
use procura_adapters::openapi::Source;
use procura_fetch::FetchPolicy;
use procura_service::catalogue::Catalogue;
use procura_service::system::SystemClock;
use url::Url;

use super::{Described, Report};

/// Says what would become of each operation of a description. Gives the catalogue, too, which is what a server
/// would hold in memory.
pub async fn check(source: &str) -> Result<(Report, Catalogue), String> {
    let nowhere = Url::parse(NOWHERE).map_err(|error| error.to_string())?;
    let settings = UpstreamSettings::new(nowhere);
    let upstream = Upstream::new(settings, &FetchPolicy::server(), Arc::new(SystemClock));
    let described = Described {
        source: Source::from(source),
        reach: FetchPolicy::server(),
        upstream: Arc::new(upstream.map_err(|error| error.to_string())?),
        include: Vec::new(),
        exclude: Vec::new(),
        rules: Vec::new(),
        variables: BTreeMap::new(),
    };
    let mut catalogue = Catalogue::default();
    let report = described.offer(&mut catalogue).await?;
    Ok((report, catalogue))
}

/// Never called.
const NOWHERE: &str = "https://upstream.invalid";
