//! What of ours stands on the host without a reason, and what stands in its place.

use super::Finding;
use super::known::{Answers, Known};
use crate::kernel::{Kernel, KernelError, Linux, probe};
use crate::model::{HostFacts, IfName, with_causes};
use ipnet::IpNet;
use std::collections::BTreeMap;

/// What of the host bears our mark.
pub type Marked = Result<BTreeMap<IfName, Option<String>>, KernelError>;

/// Looks for the links of the host that bear our mark.
pub fn marked() -> Marked {
    probe::marked()
}

/// Says which links bear our mark and belong to nothing.
pub fn strays(known: &Known, before: &Marked) -> Finding {
    const CHECK: &str = "strays";
    let (before, after) = match (before, probe::marked()) {
        (Ok(before), Ok(after)) => (before, after),
        (Err(error), _) => return Finding::warn(CHECK, with_causes(error), "ip link shows them"),
        (_, Err(error)) => return Finding::warn(CHECK, with_causes(&error), "ip link shows them"),
    };
    // A table that cannot be asked for is none.
    if before.is_empty() && after.is_empty() && probe::has_table().unwrap_or(false) {
        return Finding::warn(
            CHECK,
            "the firewall table inet netdns, and no network that it is for",
            "a start of the daemon removes it; so does nft delete table inet netdns",
        );
    }
    let Some(answers) = known.answers() else {
        return match before.len() {
            0 => Finding::ok(CHECK, "nothing on the host bears our mark"),
            _ => Finding::warn(
                CHECK,
                format!("without a daemon nobody knows what {} belongs to", names(before.keys())),
                "netdns daemon takes up what is recorded and removes the rest",
            ),
        };
    };
    let ids = answers.ids();
    let is_known = |id: &Option<String>| id.as_deref().is_some_and(|id| ids.contains(id));
    let strays = before.iter().filter(|(name, id)| !is_known(id) && after.get(*name) == Some(*id));
    let strays: Vec<&IfName> = strays.map(|(name, _)| name).collect();
    match strays.is_empty() {
        true => Finding::ok(
            CHECK,
            format!("{} interfaces bear our mark, and belong to something", before.len()),
        ),
        false => Finding::warn(
            CHECK,
            format!("our mark, and nothing it belongs to: {}", names(&strays)),
            "a start of the daemon removes them; so does ip link del",
        ),
    }
}

fn names<'a, T: ToString + 'a>(names: impl IntoIterator<Item = T>) -> String {
    names.into_iter().map(|name| name.to_string()).collect::<Vec<_>>().join(", ")
}

/// Says which networks of ours have the addresses of something that came to the host after them.
pub fn subnets(known: &Known) -> Finding {
    const CHECK: &str = "subnets";
    let Some(answers) = known.answers() else {
        return Finding::ok(CHECK, "none runs that could say which networks there are");
    };
    let facts = match facts() {
        Ok(facts) => facts,
        Err(seen) => return Finding::warn(CHECK, seen, "ip route shows what the host has"),
    };
    let overlaps = overlaps(answers, &facts);
    match overlaps.is_empty() {
        true => Finding::ok(CHECK, "no network of ours overlaps a route of the host"),
        false => Finding::warn(
            CHECK,
            format!("{}: what is sent there may go astray", overlaps.join("; ")),
            "make the network anew: it takes a free subnet, or the one of --subnet",
        ),
    }
}

fn facts() -> Result<HostFacts, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let read = runtime.block_on(async { Linux::new()?.facts().await });
    read.map_err(|error| with_causes(&error))
}

fn overlaps(answers: &Answers, facts: &HostFacts) -> Vec<String> {
    // One on a segment of the host's has the addresses of that on purpose.
    let apart = answers.networks.iter().filter(|network| network.driver != "macvlan");
    let ours = apart.flat_map(|network| {
        let nets = network.ipam.config.iter().filter_map(|config| config.subnet.parse().ok());
        nets.map(|net: IpNet| (net, &network.name))
    });
    let theirs: Vec<_> = facts.taken.iter().chain(&facts.routed).collect();
    ours.flat_map(|(net, name)| {
        let meets = move |other: &IpNet| net.contains(other) || other.contains(&net);
        let found = theirs.iter().filter(move |(other, _)| meets(&other.trunc()));
        found.map(move |(other, owner)| format!("{net} of {name} overlaps {other} on {owner}"))
    })
    .collect()
}

/// Says which macvlan networks have lost the link that they are on.
pub fn parents(known: &Known) -> Option<Finding> {
    const CHECK: &str = "parents";
    let networks = &known.answers()?.networks;
    let on: Vec<_> = networks
        .iter()
        .filter(|network| network.driver == "macvlan")
        .filter_map(|network| Some((network.options.get("parent")?, &network.name)))
        .collect();
    if on.is_empty() {
        return None;
    }
    let facts = match facts() {
        Ok(facts) => facts,
        Err(seen) => return Some(Finding::warn(CHECK, seen, "ip link shows what the host has")),
    };
    let up = |link: &str| facts.links.iter().any(|(name, found)| name.as_str() == link && found.up);
    let lost = on.iter().filter(|(link, _)| !up(link));
    let lost: Vec<_> = lost.map(|(link, name)| format!("{link} of {name}")).collect();
    Some(match lost.is_empty() {
        true => Finding::ok(CHECK, "every macvlan network has its parent interface"),
        false => Finding::warn(
            CHECK,
            format!(
                "not there or down: {}; sandboxes reach nobody on that network",
                lost.join(", ")
            ),
            "ip link set IF up; links are made again when an interface of that name comes back",
        ),
    })
}
