//! Forward: from a query that is not local to the client's reply, whatever happens on the way.

use super::answer::{Forward, Transport, failure};
use super::encode::UDP_MAX;
use super::query::{Parsed, parse};
use super::sandbox::{Permit, Sandbox};
use super::shared::Shared;
use super::upstream::{Ask, Unanswered};
use super::wire::{Rcode, ede};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The largest answer that upstreams give over UDP; a client with more room can take what needs TCP.
const OVER_UDP: u16 = 1232;

/// What a reply may hold beyond the upstream's own: CNAMEs that led there and an OPT.
const MARGIN: usize = 4096;

/// Asks the sandbox's upstreams and returns the client's reply, within the budget of `upstream`.
pub async fn forward(
    shared: &Shared,
    sandbox: &Sandbox,
    packet: &[u8],
    forward: &Forward,
    transport: Transport,
) -> Vec<u8> {
    shared.stats.forwarded.fetch_add(1, Ordering::Relaxed);
    let tcp = transport == Transport::Tcp;
    let ask = Ask {
        packet: forward.asks(packet).into(),
        tcp: tcp || room(packet) > OVER_UDP,
        truncated: !tcp,
    };
    match sandbox.upstreams(shared).ask(ask).await {
        Ok(reply) => {
            let mut out = vec![0; (reply.len() + MARGIN).max(UDP_MAX)];
            let length = forward.relay(packet, &reply, transport, &mut out);
            out.truncate(length);
            out
        }
        Err(unanswered) => {
            let mut out = vec![0; UDP_MAX];
            let length = fail(shared, packet, extended(unanswered), transport, &mut out);
            out.truncate(length);
            out
        }
    }
}

/// Takes the right to forward; without it, writes SERVFAIL at once and returns its length.
pub fn admit(
    shared: &Shared,
    sandbox: &Arc<Sandbox>,
    packet: &[u8],
    transport: Transport,
    out: &mut [u8],
) -> Result<Permit, usize> {
    sandbox.permit(shared).ok_or_else(|| fail(shared, packet, ede::OTHER, transport, out))
}

fn fail(shared: &Shared, packet: &[u8], code: u16, transport: Transport, out: &mut [u8]) -> usize {
    shared.stats.failed.fetch_add(1, Ordering::Relaxed);
    failure(packet, Rcode::ServFail, Some(code), transport, out)
}

fn extended(unanswered: Unanswered) -> u16 {
    match unanswered {
        Unanswered::Silence => ede::NO_REACHABLE_AUTHORITY,
        Unanswered::Network => ede::NETWORK_ERROR,
    }
}

/// Returns the UDP payload that a client takes.
fn room(packet: &[u8]) -> u16 {
    match parse(packet) {
        Parsed::Query(query) => query.edns.map_or(512, |edns| edns.payload),
        Parsed::Reply(_) | Parsed::Nothing => 512,
    }
}
