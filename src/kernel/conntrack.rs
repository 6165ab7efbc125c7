//! Forgetting the connections of an address that is released, so that its next owner does not inherit them.
//!
//! One request with a filter for each direction (Linux 5.8); nothing is dumped. Connection tracking is a convenience
//! here: what fails is logged, not returned.

use rtnetlink::packet_core::{NLM_F_ACK, NLM_F_REQUEST};
use rtnetlink::sys::{Socket, SocketAddr, protocols::NETLINK_NETFILTER};
use std::io;
use std::net::IpAddr;

const DELETE: u16 = (libc::NFNL_SUBSYS_CTNETLINK as u16) << 8 | 2;
const NESTED: u16 = libc::NLA_F_NESTED as u16;

// linux/netfilter/nfnetlink_conntrack.h
const CTA_TUPLE_ORIG: u16 = 1;
const CTA_TUPLE_REPLY: u16 = 2;
const CTA_FILTER: u16 = 25;
const CTA_TUPLE_IP: u16 = 1;
const CTA_IP_V4_SRC: u16 = 1;
const CTA_IP_V6_SRC: u16 = 3;
/// By the source's address alone.
const FILTER_IP_SRC: u32 = 1;

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
        for tuple in [CTA_TUPLE_ORIG, CTA_TUPLE_REPLY] {
            self.0.send_to(&request(tuple, address), &SocketAddr::new(0, 0), 0)?;
            acknowledged(&self.0.recv_from_full()?.0)?;
        }
        Ok(())
    }
}

/// A request to delete the entries whose `tuple` has the address as its source.
fn request(tuple: u16, address: IpAddr) -> Vec<u8> {
    let (family, source) = match address {
        IpAddr::V4(address) => (libc::AF_INET, attribute(CTA_IP_V4_SRC, &address.octets())),
        IpAddr::V6(address) => (libc::AF_INET6, attribute(CTA_IP_V6_SRC, &address.octets())),
    };
    // Types 1 and 2 of CTA_FILTER are the flags of the tuples of the same numbers.
    let filter = attribute(tuple, &FILTER_IP_SRC.to_ne_bytes());
    let body = [
        // struct nfgenmsg: family, version, resource id.
        vec![family as u8, 0, 0, 0],
        attribute(tuple | NESTED, &attribute(CTA_TUPLE_IP | NESTED, &source)),
        attribute(CTA_FILTER | NESTED, &filter),
    ]
    .concat();
    let mut message = Vec::with_capacity(16 + body.len());
    message.extend((16 + body.len() as u32).to_ne_bytes());
    message.extend(DELETE.to_ne_bytes());
    message.extend((NLM_F_REQUEST | NLM_F_ACK).to_ne_bytes());
    message.extend([0; 8]);
    message.extend(body);
    message
}

/// Both an attribute's length and its place are multiples of 4 here.
fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = 4 + value.len() as u16;
    [&length.to_ne_bytes(), &kind.to_ne_bytes(), value].concat()
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
