//! The difference between wanted and found, as steps in the order in which they can be done: forwarding, bridges, veth
//! pairs, what namespaces hold, and removals last.
//!
//! What does not bear our mark is never changed or removed. Where it is in the way, the whole difference is a
//! [`Conflict`], so that nothing is begun that cannot be finished. Addresses that somebody added to a bridge stay.

#[cfg(test)]
mod tests;

use super::object::{
    Bridge, Found, FoundInside, FoundLink, GROUP, Inside, Step, Veth, Wanted, alias, is_alias,
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
    steps.extend(inside_steps(found, wanted));
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

fn inside_steps(found: &Found, wanted: &Wanted) -> Vec<Step> {
    let differs = |inside: &Inside, seen: &FoundInside| {
        !seen.lo_up
            || sorted(&seen.default_routes) != sorted(&inside.default_routes)
            || inside.no_forwarding && seen.forwarding
    };
    wanted
        .insides
        .iter()
        .filter(|(id, inside)| found.insides.get(id).is_some_and(|seen| differs(inside, seen)))
        .map(|(_, inside)| Step::SetInside(inside.clone()))
        .collect()
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
