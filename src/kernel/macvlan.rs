//! Macvlan links: made on a link of the host, born in the sandbox. They have no end on the host; those of ours are known,
//! like links there, by group and alias.

use super::link::{self, Mark, add_addresses, failed, mark};
use super::rtnl::{Rtnl, mtu_of, name_of, named, tolerate};
use super::{KernelError, netns, sysctl};
use crate::model::{IfName, MacvlanMode};
use crate::plan::{GROUP, Macvlan, Place, alias};
use rtnetlink::packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::link::{
    InfoData, InfoKind, InfoMacVlan, LinkAttribute, LinkInfo, LinkLayerType, LinkMessage,
    MacVlanMode,
};
use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

/// Makes a link in the sandbox; one of ours that has its name goes first. On failure nothing remains.
pub(super) fn add(rtnl: &Rtnl, macvlan: &Macvlan) -> Result<(), KernelError> {
    let ns = netns::open(&macvlan.place)?;
    netns::talk(&macvlan.place, |rtnl| remove_all(rtnl, std::slice::from_ref(&macvlan.link)))?;
    make(rtnl, macvlan, ns.as_fd())?;
    netns::talk(&macvlan.place, |rtnl| {
        let done = finish(rtnl, macvlan);
        link::or_remove(rtnl, &macvlan.link, done)
    })
}

/// Removes links of ours from a sandbox; others, and those that do not exist, are passed over.
pub(super) fn remove(place: &Place, names: &[IfName]) -> Result<(), KernelError> {
    netns::talk(place, |rtnl| remove_all(rtnl, names))
}

/// Returns the macvlan links of the calling thread's namespace that are ours, with their aliases.
pub(super) fn find(rtnl: &Rtnl) -> Result<BTreeMap<IfName, Option<String>>, KernelError> {
    let alias = |link: &LinkMessage| match mark(link) {
        Mark::Ours(alias) => Some(alias),
        Mark::Unfinished | Mark::Foreign => None,
    };
    Ok(ours(rtnl)?.iter().filter_map(|link| Some((name_of(link)?, alias(link)))).collect())
}

/// Returns the same links as the kernel describes them.
pub(super) fn ours(rtnl: &Rtnl) -> Result<Vec<LinkMessage>, KernelError> {
    let links = rtnl.links();
    let mut links =
        links.map_err(|source| KernelError::Read { what: "the links of a sandbox", source })?;
    links.retain(|link| is_macvlan(link) && mark(link) != Mark::Foreign);
    Ok(links)
}

fn remove_all(rtnl: &Rtnl, names: &[IfName]) -> Result<(), KernelError> {
    for name in names {
        let found = rtnl.link(name.as_str()).map_err(failed("find", name))?;
        if found.is_some_and(|link| is_macvlan(&link) && mark(&link) != Mark::Foreign) {
            let done = tolerate(rtnl.remove(name.as_str()), libc::ENODEV);
            done.map_err(failed("remove", name))?;
        }
    }
    Ok(())
}

fn is_macvlan(link: &LinkMessage) -> bool {
    let kind = LinkInfo::Kind(InfoKind::MacVlan);
    link.attributes.iter().any(|attribute| match attribute {
        LinkAttribute::LinkInfo(infos) => infos.contains(&kind),
        _ => false,
    })
}

fn make(rtnl: &Rtnl, macvlan: &Macvlan, ns: BorrowedFd<'_>) -> Result<(), KernelError> {
    let parent = &macvlan.parent.link;
    let missing = || io::Error::from_raw_os_error(libc::ENODEV);
    let found = rtnl.link(parent.as_str()).and_then(|link| link.ok_or_else(missing));
    let found = found.map_err(failed("find parent", parent))?;
    let mode = InfoMacVlan::Mode(mode(macvlan.parent.mode));
    let info =
        vec![LinkInfo::Kind(InfoKind::MacVlan), LinkInfo::Data(InfoData::MacVlan(vec![mode]))];
    let attributes = vec![
        LinkAttribute::Link(found.header.index),
        LinkAttribute::NetNsFd(ns.as_raw_fd()),
        LinkAttribute::Address(macvlan.mac.bytes().to_vec()),
        // The kernel refuses more than the parent has, which may have changed.
        LinkAttribute::Mtu(macvlan.mtu.min(mtu_of(&found))),
        LinkAttribute::Group(GROUP),
        LinkAttribute::LinkInfo(info),
    ];
    let message = RouteNetlinkMessage::NewLink(named(macvlan.link.as_str(), attributes));
    rtnl.change(message, NLM_F_CREATE | NLM_F_EXCL).map_err(|source| match source.raw_os_error() {
        Some(libc::EEXIST) => {
            KernelError::LinkTaken { link: macvlan.link.clone(), place: "in the sandbox" }
        }
        Some(libc::EINVAL) if found.header.link_layer_type == LinkLayerType::Ether => {
            KernelError::ParentOccupied { parent: parent.clone() }
        }
        _ => failed("put a macvlan link on", parent)(source),
    })
}

/// Completes a link, in its namespace. In mode passthru it has begun with the parent's address.
fn finish(rtnl: &Rtnl, macvlan: &Macvlan) -> Result<(), KernelError> {
    sysctl::ipv6(&macvlan.link, macvlan.ipv6)?;
    add_addresses(rtnl, &macvlan.link, &macvlan.addresses)?;
    let attributes = vec![
        LinkAttribute::Address(macvlan.mac.bytes().to_vec()),
        LinkAttribute::IfAlias(alias(macvlan.endpoint.0)),
    ];
    link::set_up(rtnl, &macvlan.link, attributes)
}

fn mode(mode: MacvlanMode) -> MacVlanMode {
    match mode {
        MacvlanMode::Bridge => MacVlanMode::Bridge,
        MacvlanMode::Private => MacVlanMode::Private,
        MacvlanMode::Vepa => MacVlanMode::Vepa,
        MacvlanMode::Passthru => MacVlanMode::Passthrough,
    }
}
