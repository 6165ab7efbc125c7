//! A route socket: requests about links, addresses and routes, with the kernel's error as an `io::Error`.
//!
//! The namespace is that of the thread that opened it, wherever it is used later.

use crate::model::IfName;
use futures_util::{StreamExt, TryStreamExt};
use ipnet::IpNet;
use rtnetlink::packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload,
};
use rtnetlink::packet_route::address::{AddressAttribute, AddressFlags, AddressMessage};
use rtnetlink::packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};
use rtnetlink::packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage,
};
use rtnetlink::packet_route::route::RouteMessage;
use rtnetlink::packet_route::{AddressFamily, RouteNetlinkMessage};
use rtnetlink::{Error, Handle, MulticastGroup, new_multicast_connection};
use std::collections::BTreeSet;
use std::future::pending;
use std::io;
use std::net::{IpAddr, Ipv6Addr};

/// A connection to the kernel's routing and link tables.
#[derive(Clone, Debug)]
pub(super) struct Rtnl(Handle);

impl Rtnl {
    /// Opens one in the calling thread's namespace. Must be called inside a runtime, which drives it.
    ///
    /// The kernel checks requests strictly, so that a dump's filter is obeyed, not ignored.
    pub(super) fn open() -> io::Result<Self> {
        let (connection, handle, _) = rtnetlink::new_connection_with_strict_check()?;
        tokio::spawn(connection);
        Ok(Self(handle))
    }

    /// Sends a request with extra flags and waits for its acknowledgement.
    pub(super) async fn change(&self, message: RouteNetlinkMessage, flags: u16) -> io::Result<()> {
        let mut request = NetlinkMessage::from(message);
        request.header.flags = NLM_F_REQUEST | NLM_F_ACK | flags;
        let mut replies = self.0.clone().request(request).map_err(errno)?;
        while let Some(reply) = replies.next().await {
            if let NetlinkPayload::Error(error) = reply.payload {
                return Err(error.to_io());
            }
        }
        Ok(())
    }

    /// Finds a link by name.
    pub(super) async fn link(&self, name: &str) -> io::Result<Option<LinkMessage>> {
        let request = self.0.link().get().match_name(name);
        absent(request.execute().try_next().await)
    }

    /// Finds a link by index.
    pub(super) async fn link_at(&self, index: u32) -> io::Result<Option<LinkMessage>> {
        let request = self.0.link().get().match_index(index);
        absent(request.execute().try_next().await)
    }

    /// Returns every link.
    pub(super) async fn links(&self) -> io::Result<Vec<LinkMessage>> {
        self.0.link().get().execute().try_collect().await.map_err(errno)
    }

    /// Removes a link by name; one that does not exist is passed over.
    pub(super) async fn remove(&self, name: &str) -> io::Result<()> {
        let message = named(name, Vec::new());
        tolerate(self.change(RouteNetlinkMessage::DelLink(message), 0).await, libc::ENODEV)
    }

    /// Gives a link an address; one that it has already is left.
    pub(super) async fn add_address(&self, index: u32, address: IpNet) -> io::Result<()> {
        let mut request = self.0.address().add(index, address.addr(), address.prefix_len());
        if address.addr().is_ipv6() {
            // Nobody else can have it: detection of duplicates would only hold the link up for a second.
            let attributes = &mut request.message_mut().attributes;
            attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
        }
        tolerate(request.execute().await.map_err(errno), libc::EEXIST)
    }

    /// Returns the addresses of one link, or of all.
    pub(super) async fn addresses(&self, index: Option<u32>) -> io::Result<Vec<AddressMessage>> {
        let mut request = self.0.address().get();
        request.message_mut().header.index = index.unwrap_or(0);
        request.execute().try_collect().await.map_err(errno)
    }

    /// Returns the IPv6 addresses that the host answers for on a link. Where IPv6 is off nobody is asked.
    pub(super) async fn proxied(&self, index: u32, ipv6: bool) -> io::Result<BTreeSet<Ipv6Addr>> {
        if !ipv6 {
            return Ok(BTreeSet::new());
        }
        let mut request = self.0.neighbours().get().proxies();
        request.message_mut().header.family = AddressFamily::Inet6;
        let found: Vec<NeighbourMessage> = request.execute().try_collect().await.map_err(errno)?;
        let on_link = found.into_iter().filter(|entry| entry.header.ifindex == index);
        let address = |entry: NeighbourMessage| {
            entry.attributes.into_iter().find_map(|attribute| match attribute {
                NeighbourAttribute::Destination(NeighbourAddress::Inet6(address)) => Some(address),
                _ => None,
            })
        };
        Ok(on_link.filter_map(address).collect())
    }

    /// Lets the host answer for an IPv6 address on a link, or no more; what is so already is left.
    pub(super) async fn proxy(&self, index: u32, address: Ipv6Addr, on: bool) -> io::Result<()> {
        let mut entry = NeighbourMessage::default();
        entry.header.family = AddressFamily::Inet6;
        entry.header.ifindex = index;
        entry.header.flags = NeighbourFlags::Proxy;
        let destination = NeighbourAddress::Inet6(address);
        entry.attributes.push(NeighbourAttribute::Destination(destination));
        if on {
            self.change(RouteNetlinkMessage::NewNeighbour(entry), NLM_F_CREATE).await
        } else {
            let done = self.change(RouteNetlinkMessage::DelNeighbour(entry), 0).await;
            tolerate(done, libc::ENOENT)
        }
    }

    /// Returns the routes of both families in every table.
    pub(super) async fn routes(&self) -> io::Result<Vec<RouteMessage>> {
        let mut routes = Vec::new();
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            let mut filter = RouteMessage::default();
            filter.header.address_family = family;
            let found = self.0.route().get(filter).execute().try_collect::<Vec<_>>().await;
            routes.extend(found.map_err(errno)?);
        }
        Ok(routes)
    }
}

/// Listens from now on, in the calling thread's namespace, and ends when links of all these names have gone. News that get
/// lost are waited for in vain.
pub(super) fn departure(
    mut names: BTreeSet<IfName>,
) -> io::Result<impl Future<Output = ()> + Send> {
    let (connection, handle, mut news) = new_multicast_connection(&[MulticastGroup::Link])?;
    tokio::spawn(connection);
    Ok(async move {
        // Without a handle the connection would end.
        let _handle = handle;
        while !names.is_empty() {
            let Some((message, _)) = news.next().await else { return pending().await };
            // That a bridge loses a port is told in the same words, in the bridge's own family.
            if let NetlinkPayload::InnerMessage(RouteNetlinkMessage::DelLink(link)) =
                message.payload
                && link.header.interface_family == AddressFamily::Unspec
                && let Some(name) = name_of(&link)
            {
                names.remove(&name);
            }
        }
    })
}

/// Makes a message about the link of that name.
pub(super) fn named(name: &str, mut attributes: Vec<LinkAttribute>) -> LinkMessage {
    let mut message = LinkMessage::default();
    attributes.push(LinkAttribute::IfName(name.to_owned()));
    message.attributes = attributes;
    message
}

/// Makes the same message also set the link up.
pub(super) fn up(mut message: LinkMessage) -> LinkMessage {
    message.header.flags |= LinkFlags::Up;
    message.header.change_mask |= LinkFlags::Up;
    message
}

/// Takes one error for success: what was asked for is so already.
pub(super) fn tolerate(done: io::Result<()>, errno: i32) -> io::Result<()> {
    done.or_else(|error| match error.raw_os_error() {
        Some(raw) if raw == errno => Ok(()),
        _ => Err(error),
    })
}

/// Returns a link's name, if it is one that could be ours.
pub(super) fn name_of(link: &LinkMessage) -> Option<IfName> {
    link.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::IfName(name) => name.parse().ok(),
        _ => None,
    })
}

/// Returns a link's MTU; 0 if the kernel did not say.
pub(super) fn mtu_of(link: &LinkMessage) -> u32 {
    let mtu = link.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::Mtu(mtu) => Some(*mtu),
        _ => None,
    });
    mtu.unwrap_or(0)
}

/// Returns an address message's address as the link has it.
pub(super) fn address_of(message: &AddressMessage) -> Option<IpNet> {
    let pick = |local: bool| {
        message.attributes.iter().find_map(|attribute| match attribute {
            AddressAttribute::Local(address) if local => Some(*address),
            AddressAttribute::Address(address) if !local => Some(*address),
            _ => None,
        })
    };
    // On a point-to-point link `Address` is the other side's.
    let address: IpAddr = pick(true).or_else(|| pick(false))?;
    IpNet::new(address, message.header.prefix_len).ok()
}

/// Turns rtnetlink's error into the kernel's, where it is one.
fn errno(error: Error) -> io::Error {
    match error {
        Error::NetlinkError(message) => message.to_io(),
        other => io::Error::other(other),
    }
}

fn absent<T>(found: Result<Option<T>, Error>) -> io::Result<Option<T>> {
    match found.map_err(errno) {
        Err(error) if error.raw_os_error() == Some(libc::ENODEV) => Ok(None),
        other => other,
    }
}
