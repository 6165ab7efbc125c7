//! Making, mending and removing links: bridges, and veth pairs whose peer is born in the sandbox.
//!
//! The alias is set last, in the request that sets a link up: a link with our group and without an alias was never
//! finished, whatever interrupted it, and is removed before it is made again.

use super::rtnl::{Rtnl, departure, named, tolerate, up};
use super::sysctl::{self, Setting};
use super::{KernelError, netns};
use crate::model::{IfName, Mac};
use crate::plan::{Bridge, GROUP, Veth, alias, is_alias};
use ipnet::IpNet;
use rtnetlink::packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::link::{
    InfoBridgePort, InfoData, InfoKind, InfoPortData, InfoPortKind, InfoVeth, LinkAttribute,
    LinkInfo, LinkMessage,
};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

/// The group that links pass through on their way out, so that one request removes them all.
const LEAVING: u32 = GROUP + 1;

/// Makes a bridge, or completes one of ours. On failure nothing new remains.
pub(super) fn add_bridge(
    rtnl: &Rtnl,
    sysctls: &sysctl::Host,
    bridge: &Bridge,
) -> Result<(), KernelError> {
    let info = LinkInfo::Kind(InfoKind::Bridge);
    // Without an address of its own a bridge takes that of its lowest port, and changes it as they come and go. One that is
    // made again after somebody has removed it has the one that sandboxes remember.
    let [a, b, c, d, e, f, ..] = bridge.network.0.bytes();
    let mac = Mac::local([a, b, c, d, e, f]);
    let attributes =
        vec![LinkAttribute::LinkInfo(vec![info]), LinkAttribute::Address(mac.bytes().to_vec())];
    let alias = alias(bridge.network.0);
    if make(rtnl, &bridge.name, attributes, &alias)? == Made::Before {
        return mend_bridge(rtnl, sysctls, bridge);
    }
    let done = mend_bridge(rtnl, sysctls, bridge);
    or_remove(rtnl, &bridge.name, done)
}

/// Sets sysctls, addresses, MTU and alias of a bridge, and sets it up.
pub(super) fn mend_bridge(
    rtnl: &Rtnl,
    sysctls: &sysctl::Host,
    bridge: &Bridge,
) -> Result<(), KernelError> {
    sysctls.settle(&settings(bridge))?;
    proxy(rtnl, bridge)?;
    add_addresses(rtnl, &bridge.name, &bridge.addresses)?;
    // Set after creation, the MTU is the user's: the bridge does not lower it to that of its ports.
    let attributes =
        vec![LinkAttribute::Mtu(bridge.mtu), LinkAttribute::IfAlias(alias(bridge.network.0))];
    set_up(rtnl, &bridge.name, attributes)
}

/// Returns the sysctls of a bridge.
pub(super) fn settings(bridge: &Bridge) -> Vec<Setting> {
    let name = &bridge.name;
    let apart = if bridge.apart { "1" } else { "0" };
    let mut settings = sysctl::ipv6_of(name, bridge.ipv6);
    settings.extend([
        // For ports published on 127.0.0.1.
        Setting::ipv4(format!("net/ipv4/conf/{name}/route_localnet"), "1"),
        Setting::ipv4(format!("net/ipv4/conf/{name}/proxy_arp_pvlan"), apart),
    ]);
    if bridge.apart {
        // The host answers for others at once, not within a second.
        settings.push(Setting::ipv4(format!("net/ipv4/neigh/{name}/proxy_delay"), "0"));
        // A redirect would show them a way that is none, and use up what the kernel lets us say of refusals. Either sysctl
        // is enough to send them: other links have their own.
        for of in [name.as_str(), "all"] {
            settings.push(Setting::ipv4(format!("net/ipv4/conf/{of}/send_redirects"), "0"));
        }
    }
    if bridge.apart && bridge.ipv6 {
        settings.push(Setting::ipv6(format!("net/ipv6/conf/{name}/proxy_ndp"), "1"));
        settings.push(Setting::ipv6(format!("net/ipv6/neigh/{name}/proxy_delay"), "0"));
    }
    settings
}

/// Makes the host answer for these IPv6 addresses and no others.
fn proxy(rtnl: &Rtnl, bridge: &Bridge) -> Result<(), KernelError> {
    let failed = failed("set whom the host answers for on", &bridge.name);
    let index = index(rtnl, &bridge.name)?;
    let before = rtnl.proxied(index, bridge.ipv6).map_err(&failed)?;
    for address in before.symmetric_difference(&bridge.proxied) {
        let wanted = bridge.proxied.contains(address);
        rtnl.proxy(index, *address, wanted).map_err(&failed)?;
    }
    Ok(())
}

/// Makes a veth pair with its peer in the sandbox. One that exists is made again: its peer may be missing or half done.
/// On failure nothing remains.
pub(super) fn add_veth(
    rtnl: &Rtnl,
    sysctls: &sysctl::Host,
    veth: &Veth,
) -> Result<(), KernelError> {
    let ns = netns::open(&veth.place)?;
    if make_pair(rtnl, veth, ns.as_fd())? == Made::Before {
        rtnl.remove(veth.name.as_str()).map_err(failed("remove", &veth.name))?;
        make_pair(rtnl, veth, ns.as_fd())?;
    }
    let done = finish_veth(rtnl, sysctls, veth);
    or_remove(rtnl, &veth.name, done)
}

fn make_pair(rtnl: &Rtnl, veth: &Veth, ns: BorrowedFd<'_>) -> Result<Made, KernelError> {
    let made = make(rtnl, &veth.name, pair(veth, ns), &alias(veth.endpoint.0));
    made.map_err(|error| match error {
        // No link of the host is in the way, so it is one of the sandbox's.
        KernelError::Link { source, .. } if source.raw_os_error() == Some(libc::EEXIST) => {
            KernelError::LinkTaken { link: veth.link.clone(), place: "in the sandbox" }
        }
        error => error,
    })
}

fn finish_veth(rtnl: &Rtnl, sysctls: &sysctl::Host, veth: &Veth) -> Result<(), KernelError> {
    // The host's end is a port and has no address, not even one that IPv6 makes up.
    sysctls.no_ipv6(&veth.name)?;
    netns::talk(&veth.place, |rtnl| finish_peer(rtnl, veth))?;
    mend_veth(rtnl, veth)
}

fn finish_peer(rtnl: &Rtnl, veth: &Veth) -> Result<(), KernelError> {
    sysctl::ipv6(&veth.link, veth.ipv6)?;
    add_addresses(rtnl, &veth.link, &veth.addresses)?;
    set_up(rtnl, &veth.link, Vec::new())
}

/// Sets bridge, MTU and alias of a veth pair's host end, and sets it up.
pub(super) fn mend_veth(rtnl: &Rtnl, veth: &Veth) -> Result<(), KernelError> {
    let attributes = vec![
        LinkAttribute::Controller(index(rtnl, &veth.bridge)?),
        LinkAttribute::Mtu(veth.mtu),
        LinkAttribute::IfAlias(alias(veth.endpoint.0)),
    ];
    set_up(rtnl, &veth.name, attributes)?;
    set_port(rtnl, veth)
}

/// Lets a bridge send a frame back to the port it came from: where bridged packets pass the firewall (br_netfilter), a
/// sandbox that asks for its own published port is rewritten while its frame is still being bridged. Isolates the port or
/// not.
fn set_port(rtnl: &Rtnl, veth: &Veth) -> Result<(), KernelError> {
    let settings = InfoPortData::BridgePort(vec![
        InfoBridgePort::HairpinMode(true),
        InfoBridgePort::Isolated(veth.apart),
    ]);
    let info = vec![LinkInfo::PortKind(InfoPortKind::Bridge), LinkInfo::PortData(settings)];
    let message = named(veth.name.as_str(), vec![LinkAttribute::LinkInfo(info)]);
    let done = rtnl.change(RouteNetlinkMessage::NewLink(message), 0);
    done.map_err(failed("set the mode of port", &veth.name))
}

/// Removes links that are ours; others and those that do not exist are passed over. When it returns they are gone.
///
/// The kernel takes them out of every list, tells whoever listens, and answers some 20 ms later, when nobody can be reading
/// them any more (`netdev_run_todo`): that is left to a thread and a socket that nobody else waits for.
pub(super) async fn remove(rtnl: &Rtnl, names: &[IfName]) -> Result<(), KernelError> {
    let mut ours = Vec::new();
    for name in names {
        let link = rtnl.link(name.as_str()).map_err(failed("find", name))?;
        if link.is_some_and(|link| mark(&link) != Mark::Foreign) {
            ours.push(name.clone());
        }
    }
    if ours.is_empty() {
        return Ok(());
    }
    let open = |source| KernelError::Socket { what: "a route socket", source };
    let gone = departure(ours.iter().cloned().collect()).map_err(open)?;
    let request = move || request_removal(&Rtnl::open().map_err(open)?, &ours);
    tokio::select! {
        answer = tokio::task::spawn_blocking(request) => {
            answer.expect("what asks the kernel does not panic")
        }
        () = gone => Ok(()),
    }
}

fn request_removal(rtnl: &Rtnl, names: &[IfName]) -> Result<(), KernelError> {
    match names {
        [name] => rtnl.remove(name.as_str()).map_err(failed("remove", name)),
        names => remove_group(rtnl, names),
    }
}

/// Removes many links with one request, which waits for the kernel's readers once and not once a link.
fn remove_group(rtnl: &Rtnl, names: &[IfName]) -> Result<(), KernelError> {
    let leaving = || vec![LinkAttribute::Group(LEAVING)];
    for name in names {
        let message = RouteNetlinkMessage::SetLink(named(name.as_str(), leaving()));
        let done = rtnl.change(message, 0);
        tolerate(done, libc::ENODEV).map_err(failed("remove", name))?;
    }
    let mut message = LinkMessage::default();
    message.attributes = leaving();
    let done = rtnl.change(RouteNetlinkMessage::DelLink(message), 0);
    tolerate(done, libc::ENODEV).map_err(failed("remove", &names[0]))
}

/// Whose a link is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// Ours, with this alias.
    Ours(String),
    /// Ours, never finished.
    Unfinished,
    /// Somebody else's.
    Foreign,
}

/// Reads a link's mark.
pub(super) fn mark(link: &LinkMessage) -> Mark {
    let alias = link.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::IfAlias(text) => Some(text.as_str()),
        _ => None,
    });
    let group = LinkAttribute::Group(GROUP);
    match alias {
        Some(text) if is_alias(text) => Mark::Ours(text.to_owned()),
        None if link.attributes.contains(&group) => Mark::Unfinished,
        _ => Mark::Foreign,
    }
}

/// Sets a link of the calling thread's namespace up.
pub(super) fn set_up(
    rtnl: &Rtnl,
    name: &IfName,
    attributes: Vec<LinkAttribute>,
) -> Result<(), KernelError> {
    let message = up(named(name.as_str(), attributes));
    let done = rtnl.change(RouteNetlinkMessage::SetLink(message), 0);
    done.map_err(failed("set up", name))
}

/// Returns a link's index; an error if there is no such link.
pub(super) fn index(rtnl: &Rtnl, name: &IfName) -> Result<u32, KernelError> {
    let missing = || io::Error::from_raw_os_error(libc::ENODEV);
    let found = rtnl.link(name.as_str()).and_then(|link| link.ok_or_else(missing));
    Ok(found.map_err(failed("find", name))?.header.index)
}

/// Whether a link was made now.
#[derive(PartialEq, Eq)]
enum Made {
    Now,
    Before,
}

/// Creates a link in our group. What is left of one that was never finished is removed first; a link that is not ours is
/// in the way.
fn make(
    rtnl: &Rtnl,
    name: &IfName,
    mut attributes: Vec<LinkAttribute>,
    alias: &str,
) -> Result<Made, KernelError> {
    attributes.push(LinkAttribute::Group(GROUP));
    let message = RouteNetlinkMessage::NewLink(named(name.as_str(), attributes));
    let create = || rtnl.change(message.clone(), NLM_F_CREATE | NLM_F_EXCL);
    let exists = match create() {
        Ok(()) => return Ok(Made::Now),
        Err(error) if error.raw_os_error() == Some(libc::EEXIST) => error,
        Err(error) => return Err(failed("make", name)(error)),
    };
    let link = rtnl.link(name.as_str()).map_err(failed("find", name))?;
    match link.as_ref().map(mark) {
        Some(Mark::Ours(text)) if text == alias => Ok(Made::Before),
        Some(Mark::Unfinished) => {
            rtnl.remove(name.as_str()).map_err(failed("remove", name))?;
            create().map_err(failed("make", name))?;
            Ok(Made::Now)
        }
        Some(_) => Err(KernelError::LinkTaken { link: name.clone(), place: "on the host" }),
        None => Err(failed("make", name)(exists)),
    }
}

fn pair(veth: &Veth, ns: BorrowedFd<'_>) -> Vec<LinkAttribute> {
    let peer = vec![
        LinkAttribute::NetNsFd(ns.as_raw_fd()),
        LinkAttribute::Address(veth.mac.bytes().to_vec()),
        LinkAttribute::Mtu(veth.mtu),
    ];
    let data = InfoData::Veth(InfoVeth::Peer(named(veth.link.as_str(), peer)));
    vec![
        LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Veth), LinkInfo::Data(data)]),
        LinkAttribute::Mtu(veth.mtu),
    ]
}

/// Gives addresses to a link of the calling thread's namespace.
pub(super) fn add_addresses(
    rtnl: &Rtnl,
    name: &IfName,
    addresses: &[IpNet],
) -> Result<(), KernelError> {
    let index = index(rtnl, name)?;
    for address in addresses {
        let failed =
            |source| KernelError::Address { address: *address, link: name.clone(), source };
        rtnl.add_address(index, *address).map_err(failed)?;
    }
    Ok(())
}

/// Leaves nothing half made: the first error is what counts, not that of cleaning up.
pub(super) fn or_remove(
    rtnl: &Rtnl,
    name: &IfName,
    done: Result<(), KernelError>,
) -> Result<(), KernelError> {
    if done.is_err()
        && let Err(error) = rtnl.remove(name.as_str())
    {
        tracing::warn!(link = %name, %error, "an interface that could not be finished remains");
    }
    done
}

/// Makes the error of something that was tried on a link.
pub(super) fn failed(act: &'static str, link: &IfName) -> impl Fn(io::Error) -> KernelError {
    move |source| KernelError::Link { act, link: link.clone(), source }
}
