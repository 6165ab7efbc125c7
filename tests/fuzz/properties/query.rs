//! Any datagram from a sandbox: it is parsed and answered, and what goes upstream and comes out is well formed.

use hickory_proto::op::Message;
use netdns::registry::Forward;
use netdns::resolver::answer::{Outcome, Transport, answer, failure, upstream_query};
use netdns::resolver::query::{Parsed, parse};
use netdns::resolver::view::View;
use netdns::resolver::wire::Rcode;
use std::sync::LazyLock;

static ASKS: LazyLock<View> = LazyLock::new(|| super::world::view(Forward::Host));
static ASKS_NOBODY: LazyLock<View> = LazyLock::new(|| super::world::view(Forward::Nobody));

/// Holds for all bytes, or panics.
pub fn holds(packet: &[u8]) {
    let mut out = vec![0; 65_535];
    for view in [&*ASKS, &*ASKS_NOBODY] {
        for (transport, room) in
            [(Transport::Udp, 512), (Transport::Udp, 4096), (Transport::Tcp, 65_535)]
        {
            match answer(view, packet, transport, packet.len() as u32, &mut out[..room]) {
                Outcome::Nothing => assert!(packet.len() < 12 || packet[2] & 0x80 != 0),
                Outcome::Reply(length) => good(packet, &out[..length]),
                Outcome::Forward(what) => {
                    assert!(std::ptr::eq(view, &*ASKS) || !what.links().is_empty());
                    let mut sent = Vec::new();
                    upstream_query(what.asks(packet), 7, &mut sent);
                    assert!(matches!(parse(&sent), Parsed::Query(_)));
                    if let Some(length) = what.alone(packet, transport, &mut out[..room]) {
                        good(packet, &out[..length]);
                    }
                    let length = failure(packet, Rcode::ServFail, Some(22), transport, &mut out);
                    good(packet, &out[..length]);
                }
            }
        }
    }
}

/// A reply of ours to a packet is a response to it, and another reader can read it.
fn good(packet: &[u8], reply: &[u8]) {
    assert!(reply.len() >= 12 && reply[..2] == packet[..2] && reply[2] & 0x80 != 0);
    assert!(Message::from_vec(reply).is_ok(), "{}", reply.escape_ascii());
}
