//! Whether the host passes on what our networks send, and who may drop it.

use super::Finding;
use super::known::Known;
use super::ours::Marked;
use crate::api::view::Network;
use crate::kernel::probe::{self, Forward};
use crate::model::with_causes;
use nix::unistd::{AccessFlags, access};
use std::fs;

const IP_FORWARD: &str = "/proc/sys/net/ipv4/ip_forward";

/// Says whether the host forwards, which it must once a network has a way out.
pub fn ip_forward(known: &Known, links: &Marked) -> Finding {
    const CHECK: &str = "ip_forward";
    let hint = "sysctl -w net.ipv4.ip_forward=1";
    let value = match fs::read_to_string(IP_FORWARD) {
        Ok(value) => value.trim().to_owned(),
        Err(error) => return Finding::fail(CHECK, format!("cannot be read: {error}"), hint),
    };
    if value != "0" {
        return Finding::ok(CHECK, "on");
    }
    let needed = known.answers().is_some_and(|answers| answers.networks.iter().any(goes_out));
    if needed && links.as_ref().is_ok_and(|links| !links.is_empty()) {
        return Finding::fail(CHECK, "off: sandboxes do not reach beyond their networks", hint);
    }
    match access(IP_FORWARD, AccessFlags::W_OK) {
        Ok(()) => {
            Finding::ok(CHECK, "off: netdns switches it on with the first network that needs it")
        }
        Err(errno) => {
            let seen = format!("off, and netdns cannot switch it on: {}", errno.desc());
            Finding::fail(CHECK, seen, format!("{hint}, where /proc/sys can be written"))
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

/// Says whether frames between neighbours pass iptables.
pub fn br_netfilter() -> Finding {
    let seen = match fs::read_to_string("/proc/sys/net/bridge/bridge-nf-call-iptables") {
        Err(_) => "not loaded: frames between neighbours pass no firewall",
        Ok(value) if value.trim() == "0" => "off: frames between neighbours pass no firewall",
        Ok(_) => "on: frames between neighbours pass the FORWARD chains, too",
    };
    Finding::ok("br_netfilter", seen)
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
