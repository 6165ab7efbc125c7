//! Forgetting the connections of an address that is released, so that its next owner does not inherit them; and the
//! flows to a UDP port whose target has changed, as the kernel translates only a flow's first datagram.
//!
//! One request with a filter for each direction (Linux 5.8), for which the kernel walks over all entries. Connection
//! tracking is a convenience here: what fails is logged, not returned.

use super::nft::wire::{attributes, messages};
use rtnetlink::packet_core::{NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST};
use rtnetlink::sys::{Socket, SocketAddr, protocols::NETLINK_NETFILTER};
use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;

/// Ports for each of which a walk over all entries is cheaper than to look which of them have flows.
const FEW: usize = 4;

const GET: u16 = (libc::NFNL_SUBSYS_CTNETLINK as u16) << 8 | 1;
const DELETE: u16 = (libc::NFNL_SUBSYS_CTNETLINK as u16) << 8 | 2;
const NESTED: u16 = libc::NLA_F_NESTED as u16;

// linux/netfilter/nfnetlink_conntrack.h
const CTA_TUPLE_ORIG: u16 = 1;
const CTA_TUPLE_REPLY: u16 = 2;
const CTA_FILTER: u16 = 25;
const CTA_TUPLE_IP: u16 = 1;
const CTA_TUPLE_PROTO: u16 = 2;
const CTA_IP_V4_SRC: u16 = 1;
const CTA_IP_V6_SRC: u16 = 3;
const CTA_PROTO_NUM: u16 = 1;
const CTA_PROTO_DST_PORT: u16 = 3;
// net/netfilter/nf_internals.h: what a tuple is compared by.
const FILTER_IP_SRC: u32 = 1 << 0;
const FILTER_PROTO_NUM: u32 = 1 << 3;
const FILTER_PROTO_DST_PORT: u32 = 1 << 5;

/// A netfilter socket of the namespace of the thread that opened it.
pub(super) struct Conntrack(Socket);

impl Conntrack {
    /// Opens it.
    pub(super) fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_NETFILTER)?;
        socket.bind_auto()?;
        Ok(Self(socket))
    }

    /// Forgets what an address began, and what was begun towards it, rewritten or not.
    pub(super) fn forget(&mut self, address: IpAddr) -> io::Result<()> {
        let (family, source) = match address {
            IpAddr::V4(address) => (libc::AF_INET, attribute(CTA_IP_V4_SRC, &address.octets())),
            IpAddr::V6(address) => (libc::AF_INET6, attribute(CTA_IP_V6_SRC, &address.octets())),
        };
        let source = attribute(CTA_TUPLE_IP | NESTED, &source);
        self.delete(family, CTA_TUPLE_ORIG, &source, FILTER_IP_SRC)?;
        self.delete(family, CTA_TUPLE_REPLY, &source, FILTER_IP_SRC)
    }

    /// Forgets the flows of UDP that were begun towards ports.
    pub(super) fn forget_udp_ports(&mut self, ports: &BTreeSet<u16>) -> io::Result<()> {
        for family in [libc::AF_INET, libc::AF_INET6] {
            let used = if ports.len() > FEW { Some(self.udp_ports(family)?) } else { None };
            let is_used = |port: &&u16| used.as_ref().is_none_or(|used| used.contains(port));
            for port in ports.iter().filter(is_used) {
                let port = attribute(CTA_PROTO_DST_PORT, &port.to_be_bytes());
                let by = FILTER_PROTO_NUM | FILTER_PROTO_DST_PORT;
                self.delete(family, CTA_TUPLE_ORIG, &udp(&port), by)?;
            }
        }
        Ok(())
    }

    /// Returns the ports towards which there are flows of UDP.
    fn udp_ports(&mut self, family: i32) -> io::Result<BTreeSet<u16>> {
        let request = request(GET, NLM_F_DUMP, family, CTA_TUPLE_ORIG, &udp(&[]), FILTER_PROTO_NUM);
        self.0.send_to(&request, &SocketAddr::new(0, 0), 0)?;
        let mut found = BTreeSet::new();
        loop {
            let (datagram, _) = self.0.recv_from_full()?;
            for message in messages(&datagram) {
                match i32::from(message.kind) {
                    libc::NLMSG_DONE => return Ok(found),
                    libc::NLMSG_ERROR => return acknowledged(&datagram).map(|()| found),
                    _ => found.extend(port_of(message.payload)),
                }
            }
        }
    }

    fn delete(&mut self, family: i32, tuple: u16, parts: &[u8], by: u32) -> io::Result<()> {
        let request = request(DELETE, NLM_F_ACK, family, tuple, parts, by);
        self.0.send_to(&request, &SocketAddr::new(0, 0), 0)?;
        acknowledged(&self.0.recv_from_full()?.0)
    }
}

/// The part of a tuple that says UDP, with `more` of it.
fn udp(more: &[u8]) -> Vec<u8> {
    let number = attribute(CTA_PROTO_NUM, &[libc::IPPROTO_UDP as u8]);
    attribute(CTA_TUPLE_PROTO | NESTED, &[&number, more].concat())
}

/// Reads the port towards which an entry was begun.
fn port_of(entry: &[u8]) -> Option<u16> {
    const FAMILY_HEADER: usize = 4;
    let path = [CTA_TUPLE_ORIG, CTA_TUPLE_PROTO, CTA_PROTO_DST_PORT];
    let port = path.into_iter().try_fold(entry.get(FAMILY_HEADER..)?, |nest, wanted| {
        attributes(nest).find(|(kind, _)| *kind == wanted).map(|(_, value)| value)
    })?;
    Some(u16::from_be_bytes(port.try_into().ok()?))
}

/// A request about the entries whose `tuple` has these parts, of which those named in `by` are compared.
fn request(kind: u16, flags: u16, family: i32, tuple: u16, parts: &[u8], by: u32) -> Vec<u8> {
    let body = [
        // struct nfgenmsg: family, version, resource id.
        vec![family as u8, 0, 0, 0],
        attribute(tuple | NESTED, parts),
        // Types 1 and 2 of CTA_FILTER are the flags of the tuples of the same numbers.
        attribute(CTA_FILTER | NESTED, &attribute(tuple, &by.to_ne_bytes())),
    ]
    .concat();
    let mut message = Vec::with_capacity(16 + body.len());
    message.extend((16 + body.len() as u32).to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend((NLM_F_REQUEST | flags).to_ne_bytes());
    message.extend([0; 8]);
    message.extend(body);
    message
}

/// An attribute, filled up to a multiple of 4.
fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = 4 + value.len() as u16;
    let padding = vec![0; value.len().next_multiple_of(4) - value.len()];
    [&length.to_ne_bytes(), &kind.to_ne_bytes(), value, &padding].concat()
}

/// Reads the kernel's answer: struct nlmsgerr after the header, 0 or a negative errno.
fn acknowledged(reply: &[u8]) -> io::Result<()> {
    let code = reply.get(16..20).and_then(|code| code.try_into().ok()).map(i32::from_ne_bytes);
    match code {
        Some(0) => Ok(()),
        // No such entry is what was wanted.
        Some(code) if code == -libc::ENOENT => Ok(()),
        Some(code) => Err(io::Error::from_raw_os_error(-code)),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}
