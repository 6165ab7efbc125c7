//! Macvlan networks: the parent that can carry one, and what of the segment is somebody's already.
//!
//! Subnets that are asked for are those of the segment, so what the host has there is not in the way; its addresses are
//! kept from sandboxes instead.

use super::{Given, subnet};
use crate::ipam::overlap;
use crate::model::{
    HostFacts, HostLink, IfName, MacvlanMode, NetworkOptions, NetworkRequest, Parent, Refusal,
    State, Subnet,
};
use ipnet::IpNet;
use std::net::IpAddr;

/// Checks the parent of a new network, whose MTU is the parent's unless one is named.
pub fn settle_parent(
    given: &Given,
    meant: &mut NetworkOptions,
    mtu_named: bool,
) -> Result<Vec<String>, Refusal> {
    let parent = meant.parent.as_ref().ok_or(Refusal::NoParent)?.link.clone();
    let links = &given.facts.links;
    let link = links.get(&parent).ok_or_else(|| Refusal::ParentNotFound(parent.clone()))?;
    let HostLink { loopback, up, port_of, mtu } = link;
    if *loopback {
        return Err(Refusal::ParentLoopback);
    }
    if let Some(of) = port_of {
        return Err(Refusal::ParentIsPort { parent, of: of.clone() });
    }
    if !mtu_named {
        meant.mtu = meant.mtu.min(*mtu);
    }
    let lower = (meant.mtu > *mtu).then(|| {
        format!("the MTU is {mtu}, that of parent interface {parent}, and not {}", meant.mtu)
    });
    meant.mtu = meant.mtu.min(*mtu);
    let down =
        (!up).then(|| format!("parent interface {parent} is down: nothing passes until it is up"));
    Ok(lower.into_iter().chain(down).collect())
}

/// Decides the subnets of a new network, with the host's own addresses set aside.
pub fn subnets(
    given: &Given,
    request: &NetworkRequest,
    parent: &Parent,
) -> Result<(Vec<Subnet>, Vec<String>), Refusal> {
    refuse_taken(given.state, request, parent)?;
    let facts = beside(given.facts, &request.subnets);
    let (mut subnets, mut warnings) = subnet::decide(&Given { facts: &facts, ..*given }, request)?;
    for subnet in &mut subnets {
        for (address, owner) in own_addresses(given.facts, subnet.net) {
            if address == subnet.gateway {
                warnings.extend(unreachable_gateway(&owner, address));
            } else {
                set_aside(subnet, address, owner);
            }
        }
    }
    if request.internal {
        let text = "on a macvlan network --internal means no default route: the segment is reached all the same";
        warnings.push(text.to_owned());
    }
    Ok((subnets, warnings))
}

/// Refuses a parent that another network has to itself, or with the same addresses.
fn refuse_taken(state: &State, request: &NetworkRequest, parent: &Parent) -> Result<(), Refusal> {
    for other in state.networks.values() {
        let Some(theirs) = other.options.parent.as_ref().filter(|p| p.link == parent.link) else {
            continue;
        };
        let passthru = [theirs.mode, parent.mode].contains(&MacvlanMode::Passthru);
        let same = |net: &IpNet| other.subnets.iter().any(|subnet| overlap(*net, subnet.net));
        if passthru || request.subnets.iter().any(same) {
            let (parent, by) = (parent.link.clone(), other.name.clone());
            return Err(Refusal::ParentTaken { parent, by, passthru });
        }
    }
    Ok(())
}

/// Returns what the host has besides what lies in these subnets.
fn beside(facts: &HostFacts, subnets: &[IpNet]) -> HostFacts {
    let mut facts = facts.clone();
    let apart = |(net, _): &(IpNet, String)| !subnets.iter().any(|subnet| overlap(*net, *subnet));
    facts.taken.retain(apart);
    facts.routed.retain(apart);
    facts
}

/// Returns the addresses in a subnet that the host knows somebody has: its own, and its nameservers.
fn own_addresses(facts: &HostFacts, subnet: IpNet) -> Vec<(IpAddr, String)> {
    let is_address = |net: &IpNet| *net != net.trunc() || net.prefix_len() == net.max_prefix_len();
    let inside =
        facts.taken.iter().filter(|(net, _)| is_address(net) && subnet.contains(&net.addr()));
    inside.map(|(net, owner)| (net.addr(), owner.clone())).collect()
}

fn set_aside(subnet: &mut Subnet, address: IpAddr, owner: String) {
    if subnet.aux.values().any(|known| *known == address) {
        return;
    }
    let label = if subnet.aux.contains_key(&owner) { format!("{owner} {address}") } else { owner };
    subnet.aux.insert(label, address);
}

/// Says that a gateway is the host's own address; a nameserver may well be the router.
fn unreachable_gateway(owner: &str, address: IpAddr) -> Option<String> {
    let own = owner.parse::<IfName>().is_ok();
    own.then(|| {
        format!(
            "gateway {address} is this host's own ({owner}): nothing on a macvlan network reaches the host it is on; \
             give the router's with --gateway"
        )
    })
}
