//! netdns itself: the release binary, its daemon with default settings.

use super::{BINARY, Peer, with_ports};
use crate::host::{Host, Unable};
use std::time::Duration;

pub struct Netdns {
    host: Host,
}

impl Netdns {
    pub fn start() -> Result<Self, Unable> {
        let host = Host::new("netdns")?;
        std::fs::write("/run/bench/resolv.conf", "nameserver 192.0.2.1\n")
            .map_err(|error| format!("resolv.conf: {error}"))?;
        host.serve(&[BINARY, "daemon"], "ready ")?;
        host.run(&[BINARY, "network", "create", "bench"])?;
        Ok(Self { host })
    }
}

impl Peer for Netdns {
    fn version(&self) -> String {
        self.host.run(&[BINARY, "--version"]).map_or_else(|why| why, |ran| ran.out)
    }

    fn start(&self, name: &str, publish: &[String]) -> Result<Duration, Unable> {
        let words = [BINARY, "run", "-d", "--name", name, "--network", "bench"];
        Ok(self.host.run(&with_ports(&words, publish, &["sleep", "3600"]))?.took)
    }

    fn end(&self, name: &str) -> Result<Duration, Unable> {
        Ok(self.host.run(&[BINARY, "rm", "-f", name])?.took)
    }

    fn programs(&self) -> &'static [&'static str] {
        &["netdns daemon", "netdns resolver"]
    }

    fn most(&self) -> (usize, usize) {
        (usize::MAX, usize::MAX)
    }
}
