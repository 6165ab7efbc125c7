//! The difference between wanted and found, as steps in the order in which they can be done: forwarding, bridges, veth
//! pairs, what namespaces hold with their macvlan links, and removals last.
//!
//! What does not bear our mark is never changed or removed. Where it is in the way, the whole difference is a
//! [`Conflict`], so that nothing is begun that cannot be finished. Addresses that somebody added to a bridge stay.

#[cfg(test)]
mod tests;

use super::object::{
    Bridge, Found, FoundInside, FoundLink, GROUP, Inside, Macvlan, Step, Veth, Wanted, alias,
    is_alias,
};
use crate::model::{Id, IfName};
use std::net::IpAddr;

/// A link that is not ours has the name of one that is wanted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("interface {name} exists and was not made by netdns{}", describe(.kind, .alias))]
pub struct Conflict {
    /// The name.
    pub name: IfName,
    /// The kind of the link in the way.
    pub kind: String,
    /// Its interface alias.
    pub alias: Option<String>,
}

/// Returns in parentheses what is known of a link; of lo and of hardware that is no kind.
fn describe(kind: &str, alias: &Option<String>) -> String {
    let kind = (!kind.is_empty()).then(|| kind.to_owned());
    let alias = alias.as_ref().map(|alias| format!("alias \"{}\"", alias.escape_debug()));
    let known: Vec<String> = kind.into_iter().chain(alias).collect();
    if known.is_empty() { String::new() } else { format!(" ({})", known.join(", ")) }
}

/// Returns the steps that lead from what was found to what is wanted; none if nothing differs.
///
/// Endpoints of a sandbox whose namespace is gone are passed over: its end is another command.
pub fn diff(found: &Found, wanted: &Wanted) -> Result<Vec<Step>, Conflict> {
    let mut steps = Vec::new();
    if wanted.forwarding && !found.forwarding {
        steps.push(Step::EnableForwarding);
    }
    if wanted.forwarding6 && !found.forwarding6 {
        steps.push(Step::EnableForwarding6);
    }
    for (name, bridge) in &wanted.bridges {
        steps.extend(bridge_step(ours(found, name, bridge.network.0, "bridge")?, bridge));
    }
    for (name, veth) in &wanted.veths {
        let link = ours(found, name, veth.endpoint.0, "veth")?;
        if !is_lost(found, wanted, veth) {
            steps.extend(veth_step(link, veth));
        }
    }
    for (inside, seen) in insides(found, wanted) {
        steps.extend(inside_steps(inside, seen));
    }
    steps.extend(removal(found, wanted));
    Ok(steps)
}

/// Returns the link of that name if it is whole and ours. One of ours that was never finished (our group, no alias yet)
/// counts as absent: making it begins by removing what is left of it.
fn ours<'a>(
    found: &'a Found,
    name: &IfName,
    id: Id,
    kind: &str,
) -> Result<Option<&'a FoundLink>, Conflict> {
    let Some(link) = found.links.get(name) else { return Ok(None) };
    match &link.alias {
        Some(text) if *text == alias(id) && link.kind == kind => Ok(Some(link)),
        None if link.group == GROUP => Ok(None),
        _ => {
            Err(Conflict { name: name.clone(), kind: link.kind.clone(), alias: link.alias.clone() })
        }
    }
}

fn bridge_step(found: Option<&FoundLink>, bridge: &Bridge) -> Option<Step> {
    let Some(link) = found else { return Some(Step::AddBridge(bridge.clone())) };
    let whole = link.up
        && link.mtu == bridge.mtu
        && link.settled
        && link.proxied == bridge.proxied
        && bridge.addresses.iter().all(|address| link.addresses.contains(address));
    (!whole).then(|| Step::MendBridge(bridge.clone()))
}

fn veth_step(found: Option<&FoundLink>, veth: &Veth) -> Option<Step> {
    let Some(link) = found else { return Some(Step::AddVeth(veth.clone())) };
    let whole = link.up
        && link.mtu == veth.mtu
        && link.isolated == veth.apart
        && link.bridge.as_ref() == Some(&veth.bridge);
    (!whole).then(|| Step::MendVeth(veth.clone()))
}

fn is_lost(found: &Found, wanted: &Wanted, veth: &Veth) -> bool {
    wanted
        .insides
        .iter()
        .any(|(id, inside)| inside.place == veth.place && !found.insides.contains_key(id))
}

/// Returns what is wanted in the namespaces that are there, with what was found.
fn insides<'a>(
    found: &'a Found,
    wanted: &'a Wanted,
) -> impl Iterator<Item = (&'a Inside, &'a FoundInside)> {
    wanted.insides.iter().filter_map(|(id, inside)| Some((inside, found.insides.get(id)?)))
}

fn inside_steps(inside: &Inside, seen: &FoundInside) -> Vec<Step> {
    let stands = |macvlan: &&Macvlan| {
        let own = alias(macvlan.endpoint.0);
        seen.macvlans.get(&macvlan.link).is_some_and(|found| found.as_ref() == Some(&own))
    };
    let missing = inside.macvlans.values().filter(|macvlan| !stands(macvlan));
    let mut steps: Vec<_> = missing.cloned().map(Step::AddMacvlan).collect();
    let differs = !seen.lo_up
        || sorted(&seen.default_routes) != sorted(&inside.default_routes)
        || inside.no_forwarding && seen.forwarding;
    // What has gone with a link is not known as missing.
    if differs || !steps.is_empty() {
        steps.push(Step::SetInside(inside.clone()));
    }
    let stray = |name: &&IfName| !inside.macvlans.contains_key(*name);
    let strays: Vec<_> = seen.macvlans.keys().filter(stray).cloned().collect();
    if !strays.is_empty() {
        steps.push(Step::RemoveMacvlans(inside.place.clone(), strays));
    }
    steps
}

fn sorted(routes: &[(IfName, IpAddr)]) -> Vec<&(IfName, IpAddr)> {
    let mut routes: Vec<_> = routes.iter().collect();
    routes.sort();
    routes
}

fn removal(found: &Found, wanted: &Wanted) -> Option<Step> {
    let is_ours = |name: &&IfName| {
        found.links.get(*name).is_some_and(|link| match &link.alias {
            Some(text) => is_alias(text),
            None => link.group == GROUP,
        })
    };
    let names: Vec<_> = wanted.gone.iter().filter(is_ours).cloned().collect();
    (!names.is_empty()).then_some(Step::RemoveLinks(names))
}
