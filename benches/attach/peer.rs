//! Who is measured. Each has a host of its own and fills a network there; an asker is its first endpoint.

mod bare;
mod docker;
mod netavark;
mod netdns;

use super::host::Unable;
use super::measure::Samples;
use std::path::PathBuf;

/// One that can be measured.
pub trait Peer {
    /// Returns the versions of its programs.
    fn versions(&self) -> String;

    /// Adds endpoints until so many are present.
    fn fill(&mut self, endpoints: usize) -> Result<(), Unable>;

    /// Measures some attachments, each of which is undone before the next.
    fn round(&mut self, samples: &mut Samples) -> Result<(), Unable>;

    /// Returns its long-running programs, and by what their command lines are known.
    fn programs(&self) -> Vec<(&'static str, &'static str)>;
}

type Start = fn() -> Result<Box<dyn Peer>, Unable>;

/// All of them: the name in the table, and how it is started.
pub const ALL: [(&str, Start); 4] = [
    ("netdns", || Ok(Box::new(netdns::Netdns::start()?))),
    ("netavark", || Ok(Box::new(netavark::Netavark::start()?))),
    ("docker", || Ok(Box::new(docker::Docker::start()?))),
    ("ip -batch", || Ok(Box::new(bare::Bare::start()?))),
];

/// Returns where a file of a package is: below the directory that the user named, or below the root.
fn packaged(path: &str, package: &str) -> Result<String, Unable> {
    let root = std::env::var("NETDNS_BENCH_PACKAGES").unwrap_or_default();
    let candidates = [PathBuf::from(format!("{root}{path}")), PathBuf::from(path)];
    let found = candidates.into_iter().find(|candidate| candidate.exists());
    let found = found.ok_or_else(|| format!("{path} is not there (package {package})"))?;
    Ok(found.display().to_string())
}

/// Returns the host part of a /16 for endpoint number `index`; the first addresses are left to gateways.
fn address(prefix: &str, index: usize) -> String {
    format!("{prefix}.{}.{}", index / 200, index % 200 + 10)
}
