//! Whether the host passes on what our networks send, and who may drop it.

use super::Finding;
use super::known::Known;
use super::ours::Marked;
use crate::api::view::Network;
use crate::kernel::probe::{self, Forward};
use crate::model::with_causes;
use nix::unistd::{AccessFlags, access};
use std::fs;
use std::path::Path;

/// A family's switch of forwarding.
struct Switch {
    check: &'static str,
    key: &'static str,
    needs: fn(&Network) -> bool,
}

const IPV4: Switch = Switch { check: "ip_forward", key: "net.ipv4.ip_forward", needs: goes_out };

const IPV6: Switch = Switch {
    check: "ip6_forward",
    key: "net.ipv6.conf.all.forwarding",
    needs: |network| network.enable_ipv6 && goes_out(network),
};

/// Says whether the host forwards, which it must once a network has a way out.
pub fn forwarding(known: &Known, links: &Marked) -> Vec<Finding> {
    // A kernel without IPv6 has nothing to forward.
    let ipv6 = Path::new("/proc/sys/net/ipv6").exists();
    let switches = [Some(IPV4), ipv6.then_some(IPV6)];
    switches.into_iter().flatten().map(|switch| switch.look(known, links)).collect()
}

impl Switch {
    fn look(&self, known: &Known, links: &Marked) -> Finding {
        let Self { check, key, needs } = *self;
        let hint = format!("sysctl -w {key}=1");
        let path = format!("/proc/sys/{}", key.replace('.', "/"));
        let value = match fs::read_to_string(&path) {
            Ok(value) => value.trim().to_owned(),
            Err(error) => return Finding::fail(check, format!("cannot be read: {error}"), hint),
        };
        if value != "0" {
            return Finding::ok(check, "on");
        }
        let needed = known.answers().is_some_and(|answers| answers.networks.iter().any(needs));
        if needed && links.as_ref().is_ok_and(|links| !links.is_empty()) {
            return Finding::fail(check, "off: sandboxes do not reach beyond their networks", hint);
        }
        match access(path.as_str(), AccessFlags::W_OK) {
            Ok(()) => Finding::ok(
                check,
                "off: netdns switches it on with the first network that needs it",
            ),
            Err(errno) => {
                let seen = format!("off, and netdns cannot switch it on: {}", errno.desc());
                Finding::fail(check, seen, format!("{hint}, where /proc/sys can be written"))
            }
        }
    }
}

/// Whether a network stands in the kernel and leads out of it.
fn goes_out(network: &Network) -> bool {
    let predefined = ["bridge", "host", "none"].contains(&network.name.as_str());
    network.driver == "bridge"
        && !network.internal
        && (!predefined || !network.containers.is_empty())
}

/// Says whether frames between neighbours pass iptables, and what that means for those that are kept apart.
pub fn br_netfilter(known: &Known) -> Finding {
    const CHECK: &str = "br_netfilter";
    const KEYS: [&str; 2] = ["bridge-nf-call-iptables", "bridge-nf-call-ip6tables"];
    let read = KEYS.map(|key| fs::read_to_string(format!("/proc/sys/net/bridge/{key}")).ok());
    if read.iter().flatten().next().is_none() {
        return Finding::ok(CHECK, "not loaded: frames between neighbours pass no firewall");
    }
    if read.iter().flatten().all(|value| value.trim() == "0") {
        return Finding::ok(CHECK, "off: frames between neighbours pass no firewall");
    }
    let networks = known.answers().map_or(&[][..], |answers| &answers.networks);
    let apart: Vec<_> = networks
        .iter()
        .filter(|network| is_apart(network))
        .map(|network| network.name.as_str())
        .collect();
    if apart.is_empty() {
        return Finding::ok(CHECK, "on: frames between neighbours pass the FORWARD chains, too");
    }
    let seen = format!(
        "on: neighbours on {}, who are kept apart, do not reach each other's published ports at the host's address",
        apart.join(", ")
    );
    let off = KEYS.map(|key| format!("net.bridge.{key}=0")).join(" ");
    let hint = format!(
        "with expose=enforce they reach them at the sandbox's own; or, if no other tool needs it: sysctl -w {off}"
    );
    Finding::warn(CHECK, seen, hint)
}

fn is_apart(network: &Network) -> bool {
    let is = |key: &str, values: &[&str]| {
        network.options.get(key).is_some_and(|value| values.contains(&value.as_str()))
    };
    is("netdns.expose", &["enforce"])
        || is("com.docker.network.bridge.enable_icc", &["0", "f", "F", "false", "False", "FALSE"])
}

/// Says whether another tool drops what our networks send, and whether our rules stand in its way.
pub fn forward(links: &Marked) -> Vec<Finding> {
    const CHECK: &str = "forward";
    let found = match probe::forward() {
        Ok(found) => found,
        Err(error) => {
            let hint = "iptables -S and nft list ruleset show what drops";
            return vec![Finding::warn(CHECK, with_causes(&error), hint)];
        }
    };
    let in_use = links.as_ref().is_ok_and(|links| !links.is_empty());
    let Forward { iptables, others, firewalld } = found;
    let mut findings = Vec::new();
    if let Some(obstacle) = iptables {
        let chain = obstacle.chain;
        findings.push(match (obstacle.passed, in_use) {
            (true, _) => Finding::ok(CHECK, format!("FORWARD drops; our rules stand first in {chain}")),
            (false, false) => Finding::ok(
                CHECK,
                format!("FORWARD drops; our rules are put into {chain} with the first network"),
            ),
            (false, true) => Finding::fail(
                CHECK,
                format!("FORWARD drops, and our rules do not stand in {chain}: sandboxes reach nobody beyond the host"),
                format!("netdns daemon without --no-foreign-hooks puts them there; by hand: {}", obstacle.commands.join("; ")),
            ),
        });
    }
    if firewalld {
        findings.push(Finding::warn(
            CHECK,
            "firewalld rejects what comes from interfaces that no zone names",
            "firewall-cmd --permanent --zone=trusted --add-interface=BRIDGE for each, then --reload",
        ));
    }
    for chain in others {
        findings.push(Finding::warn(
            CHECK,
            format!("the nftables chain {chain} drops what is forwarded; an accept of ours cannot overrule it"),
            format!("nft insert rule {chain} meta iifgroup {0} accept; nft insert rule {chain} meta oifgroup {0} ct state established,related accept", probe::GROUP),
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(CHECK, "no other tool drops what is forwarded"));
    }
    findings
}
