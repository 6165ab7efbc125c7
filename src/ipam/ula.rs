//! Unique local addresses (RFC 4193): the host's prefix, and the choice of a /64 from it.

use super::overlap;
use crate::model::{HostFacts, Refusal};
use ipnet::{IpNet, Ipv6Net};
use std::net::Ipv6Addr;

/// Returns the /48 of a global id of 40 random bits (RFC 4193 section 3.1).
pub fn ula_prefix([a, b, c, d, e]: [u8; 5]) -> Ipv6Net {
    let word = |high, low| u16::from_be_bytes([high, low]);
    Ipv6Net::new_assert(Ipv6Addr::new(word(0xfd, a), word(b, c), word(d, e), 0, 0, 0, 0, 0), 48)
}

/// Chooses the lowest /64 of a /48 that overlaps no network of ours and nothing of the host's, routes included. Fails
/// with [`Refusal::PoolsFull`].
pub fn choose_ula(prefix: Ipv6Net, ours: &[IpNet], facts: &HostFacts) -> Result<Ipv6Net, Refusal> {
    let hosts = facts.taken.iter().chain(&facts.routed).map(|(net, _)| net);
    let inside = |net: &&IpNet| overlap(**net, prefix.into());
    let taken: Vec<IpNet> = ours.iter().chain(hosts).filter(inside).copied().collect();
    let [a, b, c, ..] = prefix.addr().segments();
    let subnets = (0..=u16::MAX).map(|subnet| Ipv6Addr::new(a, b, c, subnet, 0, 0, 0, 0));
    let mut nets = subnets.map(|address| Ipv6Net::new_assert(address, 64));
    let free = |net: &Ipv6Net| !taken.iter().any(|other| overlap((*net).into(), *other));
    nets.find(free).ok_or(Refusal::PoolsFull)
}
