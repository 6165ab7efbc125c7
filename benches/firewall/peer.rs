//! Who publishes ports. Each has a host of its own.

mod docker;
mod netdns;

use super::host::Unable;
use std::path::PathBuf;
use std::time::Duration;

/// The program that is measured.
pub const BINARY: &str = env!("CARGO_BIN_EXE_netdns");

/// One that publishes ports.
pub trait Peer {
    /// Returns the versions of its programs.
    fn version(&self) -> String;

    /// Starts a sandbox that publishes ports (`-p`), in the background. Returns how long the command took.
    fn start(&self, name: &str, publish: &[String]) -> Result<Duration, Unable>;

    /// Ends one. Returns how long the command took.
    fn end(&self, name: &str) -> Result<Duration, Unable>;

    /// Returns by what the command lines of its long-running programs are known, those of sandboxes left out.
    fn programs(&self) -> &'static [&'static str];

    /// Returns how many ports a sandbox, and how many sandboxes, are tried at most.
    fn most(&self) -> (usize, usize);
}

type Start = fn() -> Result<Box<dyn Peer>, Unable>;

/// Both: the name in the table, and how it is started.
pub const ALL: [(&str, Start); 2] = [
    ("netdns", || Ok(Box::new(netdns::Netdns::start()?))),
    ("docker", || Ok(Box::new(docker::Docker::start()?))),
];

/// Returns where a file of a package is: below the directory that the user named, or below the root.
pub fn packaged(path: &str, package: &str) -> Result<String, Unable> {
    let root = std::env::var("NETDNS_BENCH_PACKAGES").unwrap_or_default();
    let candidates = [PathBuf::from(format!("{root}{path}")), PathBuf::from(path)];
    let found = candidates.into_iter().find(|candidate| candidate.exists());
    let found = found.ok_or_else(|| format!("{path} is not there (package {package})"))?;
    Ok(found.display().to_string())
}

/// Returns a command's words with a `-p` for each port or range.
fn with_ports<'a>(words: &[&'a str], publish: &'a [String], rest: &[&'a str]) -> Vec<&'a str> {
    let flags = publish.iter().flat_map(|publish| ["-p", publish.as_str()]);
    words.iter().copied().chain(flags).chain(rest.iter().copied()).collect()
}
