//! What is found of a scope: each link is asked for by name, each namespace from inside.

use super::link::{self, Mark, mark};
use super::rtnl::{Rtnl, address_of, mtu_of, name_of};
use super::{KernelError, netns, route, sysctl};
use crate::model::{IfName, SandboxId};
use crate::plan::{Found, FoundInside, FoundLink, Inside, Wanted};
use rtnetlink::packet_route::link::{
    InfoBridgePort, InfoPortData, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};
use std::collections::{BTreeMap, BTreeSet};
use std::io;

/// Looks for the objects of a scope.
pub(super) fn observe(
    rtnl: &Rtnl,
    sysctls: &sysctl::Host,
    wanted: &Wanted,
) -> Result<Found, KernelError> {
    let mut found = Found {
        forwarding: sysctls.forwards(),
        forwarding6: sysctls.forwards6(),
        ..Found::default()
    };
    let mut bridges = BTreeMap::new();
    let names = wanted.bridges.keys().chain(wanted.veths.keys()).chain(&wanted.gone);
    for name in names {
        let failed = |source| KernelError::Link { act: "find", link: name.clone(), source };
        let Some(link) = rtnl.link(name.as_str()).map_err(failed)? else { continue };
        let mut seen = describe(&link);
        if let Some(bridge) = wanted.bridges.get(name) {
            let addresses = rtnl.addresses(Some(link.header.index)).map_err(failed)?;
            seen.addresses = addresses.iter().filter_map(address_of).collect();
            seen.settled = sysctls.settled(&link::settings(bridge));
            seen.proxied = rtnl.proxied(link.header.index, bridge.ipv6).map_err(failed)?;
            bridges.insert(link.header.index, Some(name.clone()));
        }
        seen.bridge = master(rtnl, &link, &mut bridges).map_err(failed)?;
        found.links.insert(name.clone(), seen);
    }
    found.insides = insides(wanted)?;
    Ok(found)
}

/// Returns the links that bear our mark, among all of them: for the start, when anything may have been left.
pub(super) fn marked(rtnl: &Rtnl) -> Result<BTreeSet<IfName>, KernelError> {
    let links = rtnl.links();
    let links = links.map_err(|source| KernelError::Read { what: "the host's links", source })?;
    Ok(links.iter().filter(|link| mark(link) != Mark::Foreign).filter_map(name_of).collect())
}

fn insides(wanted: &Wanted) -> Result<BTreeMap<SandboxId, FoundInside>, KernelError> {
    let mut found = BTreeMap::new();
    for (id, Inside { place, no_forwarding, .. }) in &wanted.insides {
        match netns::talk(place, |rtnl| route::look_inside(rtnl, *no_forwarding)) {
            Ok(inside) => {
                found.insert(*id, inside);
            }
            Err(error) if is_gone(&error) => {
                tracing::debug!(path = %place.origin.key().display(), "a namespace is gone");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// Whether a namespace could not be entered because it is no more, and not because something else failed.
fn is_gone(error: &KernelError) -> bool {
    match error {
        KernelError::NamespaceChanged { .. } => true,
        KernelError::Namespace { source, .. } => {
            matches!(source.raw_os_error(), Some(libc::ENOENT | libc::ESRCH))
        }
        _ => false,
    }
}

/// Returns the name of the bridge that a link is a port of. Many links have one bridge, so answers are kept.
fn master(
    rtnl: &Rtnl,
    link: &LinkMessage,
    known: &mut BTreeMap<u32, Option<IfName>>,
) -> io::Result<Option<IfName>> {
    let index = link.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::Controller(index) => Some(*index),
        _ => None,
    });
    let Some(index) = index else { return Ok(None) };
    if let Some(name) = known.get(&index) {
        return Ok(name.clone());
    }
    let name = rtnl.link_at(index)?.as_ref().and_then(name_of);
    known.insert(index, name.clone());
    Ok(name)
}

fn describe(link: &LinkMessage) -> FoundLink {
    let mut seen = FoundLink {
        kind: String::new(),
        alias: None,
        group: 0,
        bridge: None,
        mtu: mtu_of(link),
        up: link.header.flags.contains(LinkFlags::Up),
        addresses: Vec::new(),
        settled: true,
        isolated: false,
        proxied: BTreeSet::new(),
    };
    for attribute in &link.attributes {
        match attribute {
            LinkAttribute::IfAlias(alias) => seen.alias = Some(alias.clone()),
            LinkAttribute::Group(group) => seen.group = *group,
            LinkAttribute::LinkInfo(infos) => {
                seen.kind = kind(infos);
                seen.isolated = is_isolated(infos);
            }
            _ => {}
        }
    }
    seen
}

fn is_isolated(infos: &[LinkInfo]) -> bool {
    infos.iter().any(|info| match info {
        LinkInfo::PortData(InfoPortData::BridgePort(port)) => {
            port.contains(&InfoBridgePort::Isolated(true))
        }
        _ => false,
    })
}

fn kind(infos: &[LinkInfo]) -> String {
    let kind = infos.iter().find_map(|info| match info {
        LinkInfo::Kind(kind) => Some(kind.to_string()),
        _ => None,
    });
    kind.unwrap_or_default()
}
