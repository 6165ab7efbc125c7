//! Debian's netavark with aardvark-dns, as podman calls it: JSON on stdin.

use super::{Peer, address, packaged};
use crate::asker::Asker;
use crate::host::{Host, Ran, Unable, discard_all, many_prepared, prepared};
use crate::measure::{Act, Samples};
use serde_json::{Value, json};

const ATTACHMENTS: usize = 4;

pub struct Netavark {
    host: Host,
    netavark: String,
    aardvark: String,
    asker: Option<Asker>,
    endpoints: usize,
    measured: usize,
}

impl Netavark {
    pub fn start() -> Result<Self, Unable> {
        let netavark = packaged("/usr/lib/podman/netavark", "netavark")?;
        let aardvark = packaged("/usr/lib/podman/aardvark-dns", "aardvark-dns")?;
        let host = Host::new("netavark")?;
        Ok(Self { host, netavark, aardvark, asker: None, endpoints: 0, measured: 0 })
    }

    fn call(&self, verb: &str, name: &str, address: &str) -> Result<Ran, Unable> {
        let config = self.host.dir.display().to_string();
        let words = ["--config", &config, "--aardvark-binary", &self.aardvark];
        let ns = format!("/run/netns/{name}");
        let words = [&[self.netavark.as_str()], &words[..], &[verb, ns.as_str()]].concat();
        self.host.run_with(&words, &request(name, address).to_string())
    }
}

impl Peer for Netavark {
    fn versions(&self) -> String {
        let version = |program: &str| self.host.run(&[program, "--version"]).map(|ran| ran.out);
        let versions = [&self.netavark, &self.aardvark].map(|program| version(program));
        versions.map(|version| version.unwrap_or_else(|why| why)).join(", ")
    }

    fn fill(&mut self, endpoints: usize) -> Result<(), Unable> {
        while self.endpoints < endpoints {
            let name = format!("netavark-f{}", self.endpoints);
            let ns = prepared(&name)?;
            self.call("setup", &name, &address("10.89", self.endpoints))?;
            self.endpoints += 1;
            if self.asker.is_none() {
                self.asker = Some(Asker::inside(&ns, "10.89.0.1:53")?);
            }
        }
        Ok(())
    }

    fn round(&mut self, samples: &mut Samples) -> Result<(), Unable> {
        let names = many_prepared("netavark-m", self.measured, ATTACHMENTS)?;
        for name in &names {
            self.measured += 1;
            let address = address("10.89", 20_000 + self.measured);
            let attached = self.call("setup", name, &address)?;
            // A name outside its domain that is asked for too early is forwarded, and the asker waits for a timeout.
            let domain_name = format!("{name}.dns.podman");
            self.asker.as_ref().ok_or("nobody asks")?.until_known(&domain_name)?;
            let known = attached.started.elapsed();
            let detached = self.call("teardown", name, &address)?;
            samples.entry(Act::Attach).or_default().push(attached.took);
            samples.entry(Act::Known).or_default().push(known);
            samples.entry(Act::Detach).or_default().push(detached.took);
        }
        discard_all(&names);
        Ok(())
    }

    fn programs(&self) -> Vec<(&'static str, &'static str)> {
        vec![("aardvark-dns", "aardvark-dns --config")]
    }
}

/// What podman hands over for one container on one network with names.
fn request(name: &str, address: &str) -> Value {
    json!({
        "container_id": name,
        "container_name": name,
        "networks": {"bench": {
            "static_ips": [address], "interface_name": "eth0", "aliases": [name],
        }},
        "network_info": {"bench": {
            "name": "bench",
            "id": "53ce4390f2adb1681eb1a90ec8b48c49c015e0a8d336c197637e7f65e365fa9e",
            "driver": "bridge",
            "network_interface": "podman1",
            "created": "2026-01-01T00:00:00Z",
            "subnets": [{"subnet": "10.89.0.0/16", "gateway": "10.89.0.1"}],
            "ipv6_enabled": false,
            "internal": false,
            "dns_enabled": true,
            "ipam_options": {"driver": "host-local"},
        }},
    })
}
