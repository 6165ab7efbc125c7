//! The rules that serve one network, as text with comments: what `network inspect --ruleset` prints.
//!
//! It is the text of the whole tables without what is there for other networks alone, and `nft -f` reads it.

use super::firewall;
use crate::model::{DriverKind, IfName, Network, State};
use crate::plan::nft::{Datum, Key, Table, Value};
use std::collections::BTreeSet;
use std::fmt::Write;

/// What each chain, map and set is for; those of one network are named by what stands before its id.
const PURPOSES: &[(&str, &str)] = &[
    ("discovery", "no sandbox is a router, or answers for another"),
    ("entering", "what is passed on into the network, by its bridge"),
    ("exposed4", "the ports that neighbours reach where exposing is enforced"),
    ("exposed6", "the same of IPv6"),
    ("forward", "what the host passes on: first out of a network, then into one"),
    ("free", "ports that may send as anybody"),
    ("hostward", "what sandboxes send to the host itself"),
    ("input", "what is for the host itself"),
    ("leaving", "what is passed on out of the network"),
    ("loopback", "who was asked from 127.0.0.0/8 may answer"),
    ("nat-early", "nobody but the host itself begins anything with 127.0.0.0/8"),
    ("nat-output", "published ports, asked for by the host itself"),
    ("nat-postrouting", "whose address the other side sees"),
    ("nat-prerouting", "published ports, asked for by others"),
    ("outbound", "what leaves the network takes the host's address"),
    ("outbound6", "the same of IPv6"),
    ("output", "the host names neighbours no shorter way, which there is none of"),
    ("own4", "port, MAC and address of each endpoint"),
    ("own6", "the same of IPv6"),
    ("ports_any", "ports published on every address of the host"),
    ("ports_any6", "the same of IPv6"),
    ("ports_at", "ports published on one address of the host"),
    ("ports_at6", "the same of IPv6"),
    ("prerouting", "what a sandbox sends that is not its own is dropped"),
    ("published", "where a published port leads"),
    ("ranges", "ranges of published ports that keep their numbers"),
    ("ranges6", "the same of IPv6"),
];

/// Returns the rules that serve a network.
pub fn ruleset(state: &State, network: &Network) -> String {
    let mut text = format!("# network {} ({})\n", network.name, network.id.short());
    let Some(about) = About::new(state, network) else {
        text += "# no rule of netdns serves a network of this driver\n";
        return text;
    };
    for table in firewall::tables(state) {
        for line in about.part_of(table).to_string().lines() {
            if let Some(purpose) = purpose(line) {
                let _ = writeln!(text, "\t# {purpose}");
            }
            text += line;
            text.push('\n');
        }
    }
    text
}

fn purpose(line: &str) -> Option<&'static str> {
    let mut words = line.split_whitespace();
    if !matches!(words.next()?, "chain" | "map" | "set") {
        return None;
    }
    let name = words.next()?;
    let of = |name: &str| PURPOSES.iter().find(|(known, _)| *known == name).map(|(_, what)| *what);
    of(name).or_else(|| of(name.rsplit_once('-')?.0))
}

/// What a network is known by in the tables.
struct About<'a> {
    network: &'a Network,
    links: BTreeSet<&'a IfName>,
    others: Vec<String>,
}

impl<'a> About<'a> {
    fn new(state: &'a State, network: &'a Network) -> Option<Self> {
        if network.driver != DriverKind::Bridge {
            return None;
        }
        let ports = state.networks.get(&network.id).map(|_| state.endpoints_on(network.id));
        let ports = ports.into_iter().flatten().map(|endpoint| &endpoint.host_link);
        let others = state.networks.values().filter(|other| other.id != network.id);
        Some(Self {
            network,
            links: network.bridge.iter().chain(ports).collect(),
            others: others.map(|other| format!("-{}", other.id.short())).collect(),
        })
    }

    fn part_of(&self, mut table: Table) -> Table {
        table.chains.retain(|name, _| !self.others.iter().any(|other| name.ends_with(other)));
        for map in table.maps.values_mut() {
            map.elements.retain(|key, value| self.concerns(key, value));
        }
        table
    }

    fn concerns(&self, key: &Key, value: &Value) -> bool {
        let data = match value {
            Value::Data(data) => data.as_slice(),
            Value::Nothing | Value::Verdict(_) => &[],
        };
        key.iter().chain(data).any(|datum| match datum {
            Datum::IfName(name) => self.links.contains(name),
            Datum::Ipv4(address) => self.has((*address).into()),
            Datum::Ipv6(address) => self.has((*address).into()),
            Datum::Subnet(net) => self.has(net.addr()),
            Datum::Ether(_) | Datum::Proto(_) | Datum::Port(_) | Datum::Ports(..) => false,
        })
    }

    fn has(&self, address: std::net::IpAddr) -> bool {
        self.network.subnets.iter().any(|subnet| subnet.net.contains(&address))
    }
}
