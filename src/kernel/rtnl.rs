//! A route socket: requests about links, addresses and routes, with the kernel's error as an `io::Error`.
//!
//! The namespace is that of the thread that opened it, wherever it is used later. The kernel does what it is asked while
//! it is being asked, so nothing here waits for anything but its locks: there is no task, and no runtime is needed.

use super::news::News;
use crate::model::IfName;
use ipnet::IpNet;
use rtnetlink::AddressMessageBuilder;
use rtnetlink::packet_core::{
    DecodeError, NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_REQUEST, NetlinkMessage,
    NetlinkPayload,
};
use rtnetlink::packet_route::address::{AddressAttribute, AddressFlags, AddressMessage};
use rtnetlink::packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};
use rtnetlink::packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage,
};
use rtnetlink::packet_route::route::RouteMessage;
use rtnetlink::packet_route::{AddressFamily, RouteNetlinkMessage};
use rtnetlink::sys::Socket;
use rtnetlink::sys::protocols::NETLINK_ROUTE;
use std::collections::BTreeSet;
use std::future::pending;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

/// Room for one piece of an answer, in bytes: the kernel makes none longer than 32 KiB.
const PIECE: usize = 64 << 10;

/// A connection to the kernel's routing and link tables.
#[derive(Debug)]
pub(super) struct Rtnl(Mutex<Exchange>);

/// The socket, and the number of the last request.
#[derive(Debug)]
struct Exchange {
    socket: Socket,
    sequence: u32,
    piece: Vec<u8>,
}

impl Rtnl {
    /// Opens one in the calling thread's namespace.
    ///
    /// The kernel checks requests strictly, so that a dump's filter is obeyed, not ignored.
    pub(super) fn open() -> io::Result<Self> {
        let socket = Socket::new(NETLINK_ROUTE)?;
        socket.set_netlink_get_strict_chk(true)?;
        let piece = Vec::with_capacity(PIECE);
        Ok(Self(Mutex::new(Exchange { socket, sequence: 0, piece })))
    }

    /// Makes a change, with extra flags.
    pub(super) fn change(&self, message: RouteNetlinkMessage, flags: u16) -> io::Result<()> {
        self.ask(message, NLM_F_ACK | flags).map(drop)
    }

    /// Finds a link by name.
    pub(super) fn link(&self, name: &str) -> io::Result<Option<LinkMessage>> {
        self.one_link(named(name, Vec::new()))
    }

    /// Finds a link by index.
    pub(super) fn link_at(&self, index: u32) -> io::Result<Option<LinkMessage>> {
        let mut message = LinkMessage::default();
        message.header.index = index;
        self.one_link(message)
    }

    /// Returns every link.
    pub(super) fn links(&self) -> io::Result<Vec<LinkMessage>> {
        let request = RouteNetlinkMessage::GetLink(LinkMessage::default());
        Ok(self.ask(request, NLM_F_DUMP)?.into_iter().filter_map(link_of).collect())
    }

    /// Removes a link by name; one that does not exist is passed over.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        let message = named(name, Vec::new());
        tolerate(self.change(RouteNetlinkMessage::DelLink(message), 0), libc::ENODEV)
    }

    /// Gives a link an address; one that it has already is left.
    pub(super) fn add_address(&self, index: u32, address: IpNet) -> io::Result<()> {
        let length = address.prefix_len();
        let message = match address.addr() {
            IpAddr::V4(address) => AddressMessageBuilder::<Ipv4Addr>::new()
                .index(index)
                .address(address, length)
                .build(),
            IpAddr::V6(address) => {
                let builder = AddressMessageBuilder::<Ipv6Addr>::new().index(index);
                let mut message = builder.address(address, length).build();
                // Nobody else can have it: detection of duplicates would only hold the link up for a second.
                message.attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
                message
            }
        };
        let request = RouteNetlinkMessage::NewAddress(message);
        tolerate(self.change(request, NLM_F_CREATE | NLM_F_EXCL), libc::EEXIST)
    }

    /// Returns the addresses of one link, or of all.
    pub(super) fn addresses(&self, index: Option<u32>) -> io::Result<Vec<AddressMessage>> {
        let mut message = AddressMessage::default();
        message.header.index = index.unwrap_or(0);
        let found = self.ask(RouteNetlinkMessage::GetAddress(message), NLM_F_DUMP)?;
        let address = |message| match message {
            RouteNetlinkMessage::NewAddress(address) => Some(address),
            _ => None,
        };
        Ok(found.into_iter().filter_map(address).collect())
    }

    /// Returns the IPv6 addresses that the host answers for on a link. Where IPv6 is off nobody is asked.
    pub(super) fn proxied(&self, index: u32, ipv6: bool) -> io::Result<BTreeSet<Ipv6Addr>> {
        if !ipv6 {
            return Ok(BTreeSet::new());
        }
        let mut message = NeighbourMessage::default();
        message.header.family = AddressFamily::Inet6;
        message.header.flags = NeighbourFlags::Proxy;
        let found = self.ask(RouteNetlinkMessage::GetNeighbour(message), NLM_F_DUMP)?;
        let entries = found.into_iter().filter_map(|message| match message {
            RouteNetlinkMessage::NewNeighbour(entry) => Some(entry),
            _ => None,
        });
        let on_link = entries.filter(|entry| entry.header.ifindex == index);
        let address = |entry: NeighbourMessage| {
            entry.attributes.into_iter().find_map(|attribute| match attribute {
                NeighbourAttribute::Destination(NeighbourAddress::Inet6(address)) => Some(address),
                _ => None,
            })
        };
        Ok(on_link.filter_map(address).collect())
    }

    /// Lets the host answer for an IPv6 address on a link, or no more; what is so already is left.
    pub(super) fn proxy(&self, index: u32, address: Ipv6Addr, on: bool) -> io::Result<()> {
        let mut entry = NeighbourMessage::default();
        entry.header.family = AddressFamily::Inet6;
        entry.header.ifindex = index;
        entry.header.flags = NeighbourFlags::Proxy;
        let destination = NeighbourAddress::Inet6(address);
        entry.attributes.push(NeighbourAttribute::Destination(destination));
        if on {
            self.change(RouteNetlinkMessage::NewNeighbour(entry), NLM_F_CREATE)
        } else {
            let done = self.change(RouteNetlinkMessage::DelNeighbour(entry), 0);
            tolerate(done, libc::ENOENT)
        }
    }

    /// Returns the routes of both families in every table.
    pub(super) fn routes(&self) -> io::Result<Vec<RouteMessage>> {
        let mut routes = Vec::new();
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            let mut filter = RouteMessage::default();
            filter.header.address_family = family;
            let found = self.ask(RouteNetlinkMessage::GetRoute(filter), NLM_F_DUMP)?;
            routes.extend(found.into_iter().filter_map(|message| match message {
                RouteNetlinkMessage::NewRoute(route) => Some(route),
                _ => None,
            }));
        }
        Ok(routes)
    }

    fn one_link(&self, message: LinkMessage) -> io::Result<Option<LinkMessage>> {
        match self.ask(RouteNetlinkMessage::GetLink(message), NLM_F_ACK) {
            Ok(found) => Ok(found.into_iter().find_map(link_of)),
            Err(error) if error.raw_os_error() == Some(libc::ENODEV) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sends one request, and reads until its end is told: by an acknowledgement, or by the end of a dump.
    fn ask(
        &self,
        message: RouteNetlinkMessage,
        flags: u16,
    ) -> io::Result<Vec<RouteNetlinkMessage>> {
        let mut exchange = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        exchange.sequence = exchange.sequence.wrapping_add(1);
        let mut request = NetlinkMessage::from(message);
        request.header.flags = NLM_F_REQUEST | flags;
        request.header.sequence_number = exchange.sequence;
        request.finalize();
        let mut bytes = vec![0; request.buffer_len()];
        request.serialize(&mut bytes);
        interrupted(|| exchange.socket.send(&bytes, 0))?;
        exchange.answers()
    }
}

impl Exchange {
    /// Reads the answers to the last request; those that an earlier one left are passed over.
    fn answers(&mut self) -> io::Result<Vec<RouteNetlinkMessage>> {
        let mut found = Vec::new();
        loop {
            self.piece.clear();
            let length = interrupted(|| self.socket.recv(&mut self.piece, libc::MSG_TRUNC))?;
            if length > self.piece.len() {
                return Err(io::Error::other("an answer that is too long"));
            }
            for message in messages(&self.piece) {
                let message = message.map_err(io::Error::other)?;
                if message.header.sequence_number != self.sequence {
                    continue;
                }
                match message.payload {
                    NetlinkPayload::Error(error) if error.code.is_some() => {
                        return Err(error.to_io());
                    }
                    NetlinkPayload::Error(_) => return Ok(found),
                    NetlinkPayload::Done(done) if done.code < 0 => {
                        return Err(io::Error::from_raw_os_error(-done.code));
                    }
                    NetlinkPayload::Done(_) => return Ok(found),
                    NetlinkPayload::InnerMessage(message) => found.push(message),
                    _ => {}
                }
            }
        }
    }
}

/// Splits what was received into messages; one that cannot be read is the last.
pub(super) fn messages(
    mut bytes: &[u8],
) -> impl Iterator<Item = Result<NetlinkMessage<RouteNetlinkMessage>, DecodeError>> {
    std::iter::from_fn(move || {
        let message = (!bytes.is_empty()).then(|| NetlinkMessage::deserialize(bytes))?;
        let length = message.as_ref().map_or(bytes.len(), |message| message.header.length as usize);
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(message)
    })
}

fn link_of(message: RouteNetlinkMessage) -> Option<LinkMessage> {
    match message {
        RouteNetlinkMessage::NewLink(link) => Some(link),
        _ => None,
    }
}

/// Calls again what a signal has interrupted.
fn interrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// Listens from now on, in the calling thread's namespace, and ends when links of all these names have gone. News that get
/// lost are waited for in vain. To be called within a runtime.
pub(super) fn departure(
    mut names: BTreeSet<IfName>,
) -> io::Result<impl Future<Output = ()> + Send> {
    let mut news = News::listen(NETLINK_ROUTE, &[libc::RTNLGRP_LINK], PIECE)?;
    Ok(async move {
        while !names.is_empty() {
            let Ok(datagram) = news.next().await else { return pending().await };
            for name in messages(datagram).flatten().filter_map(departed) {
                names.remove(&name);
            }
        }
    })
}

/// Returns the name of a link that has gone. That a bridge loses a port is told in the same words, in the bridge's own
/// family.
fn departed(message: NetlinkMessage<RouteNetlinkMessage>) -> Option<IfName> {
    match message.payload {
        NetlinkPayload::InnerMessage(RouteNetlinkMessage::DelLink(link))
            if link.header.interface_family == AddressFamily::Unspec =>
        {
            name_of(&link)
        }
        _ => None,
    }
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
