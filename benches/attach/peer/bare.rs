//! The same netlink operations by two `ip -batch` processes: no IPAM, no record, no firewall, no names.

use super::{Peer, address};
use crate::host::{Host, Unable, discard_all, many_prepared, prepared};
use crate::measure::{Act, Samples};
use std::time::Duration;

const ATTACHMENTS: usize = 20;

pub struct Bare {
    host: Host,
    endpoints: usize,
    measured: usize,
}

impl Bare {
    pub fn start() -> Result<Self, Unable> {
        let host = Host::new("bare")?;
        let bridge = "link add bench0 type bridge
                      addr add 10.88.0.1/16 dev bench0
                      link set bench0 up\n";
        host.run_with(&["ip", "-batch", "-"], bridge)?;
        Ok(Self { host, endpoints: 0, measured: 0 })
    }

    fn attach(&self, name: &str, address: &str) -> Result<Duration, Unable> {
        let outside = format!(
            "link add {name} group 7 mtu 1500 type veth peer name eth0 mtu 1500 netns {name}
             link set {name} master bench0 alias bench up
             link set {name} type bridge_slave hairpin on\n"
        );
        let inside = format!(
            "addr add {address}/16 dev eth0
             link set eth0 up
             link set lo up
             route add default via 10.88.0.1\n"
        );
        let outside = self.host.run_with(&["ip", "-batch", "-"], &outside)?;
        let inside = self.host.run_with(&["ip", "-n", name, "-batch", "-"], &inside)?;
        Ok(outside.took + inside.took)
    }
}

impl Peer for Bare {
    fn versions(&self) -> String {
        self.host.run(&["ip", "-V"]).map_or_else(|why| why, |ran| ran.out)
    }

    fn fill(&mut self, endpoints: usize) -> Result<(), Unable> {
        while self.endpoints < endpoints {
            let name = format!("bare-f{}", self.endpoints);
            prepared(&name)?;
            self.attach(&name, &address("10.88", self.endpoints))?;
            self.endpoints += 1;
        }
        Ok(())
    }

    fn round(&mut self, samples: &mut Samples) -> Result<(), Unable> {
        let names = many_prepared("bare-m", self.measured, ATTACHMENTS)?;
        for name in &names {
            self.measured += 1;
            let attached = self.attach(name, &address("10.88", 20_000 + self.measured))?;
            let detached = self.host.run(&["ip", "link", "del", name])?;
            samples.entry(Act::Attach).or_default().push(attached);
            samples.entry(Act::Detach).or_default().push(detached.took);
        }
        discard_all(&names);
        Ok(())
    }

    fn programs(&self) -> Vec<(&'static str, &'static str)> {
        Vec::new()
    }
}
