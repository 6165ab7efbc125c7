//! Answer: one query in, one outcome out. Pure: no clock, no socket, no randomness but `turn`. A local answer is written
//! into the caller's buffer and allocates nothing; asking upstreams is the caller's.

use super::encode::{self, Place, Reply};
use super::find::{Denial, Found, find};
use super::query::{self, Parsed, Query};
use super::view::View;
use super::wire::{Rcode, ede};
use crate::channel::{self, Question, Resolution};
use crate::model::{DnsName, Rdata, RrType};
use crate::registry::{ANY, Key, Rrset};
use crate::zone;
use std::sync::Arc;

pub use super::relay::{Forward, failure, reply_matches, upstream_query};
pub use super::wire::Transport;

/// CNAMEs that are followed for one query.
const MAX_LINKS: usize = 8;

/// What is to be done about a packet.
#[derive(Debug)]
pub enum Outcome {
    /// Send so many bytes of the buffer.
    Reply(usize),
    /// Ask upstreams.
    Forward(Forward),
    /// Send nothing.
    Nothing,
}

/// Answers a packet from local data, or says that it is to be forwarded. The buffer has at least 512 bytes; 4,096 for
/// UDP and 65,535 for TCP are what a reply may need. `turn` counts queries: it rotates the order of addresses.
pub fn answer(
    view: &View,
    packet: &[u8],
    transport: Transport,
    turn: u32,
    out: &mut [u8],
) -> Outcome {
    match query::parse(packet) {
        Parsed::Nothing => Outcome::Nothing,
        Parsed::Reply(rejected) => Outcome::Reply(encode::error(
            &rejected.query,
            rejected.rcode,
            rejected.ede,
            transport,
            out,
        )),
        Parsed::Query(query) => local(view, &query, transport, turn, out),
    }
}

fn local(
    view: &View,
    query: &Query<'_>,
    transport: Transport,
    turn: u32,
    out: &mut [u8],
) -> Outcome {
    let Some(mut reply) = Reply::begin(query, transport, &[], out) else { return Outcome::Nothing };
    let mut key = Key::of_wire(query.name());
    let mut owner = Place::QUESTION;
    let mut links: Vec<Arc<Rrset>> = Vec::new();
    while links.len() <= MAX_LINKS {
        let (rcode, denial) = match find(view, &key, query.rr_type()) {
            Found::Data(rrset, _) => {
                let Some(target) = link(&rrset, query.rr_type()) else {
                    if reply.rrset(owner, &rrset, turn) && rrset.rr_type == RrType::Srv {
                        add_addresses(view, &rrset, &mut reply);
                    }
                    return Outcome::Reply(reply.finish_local(Rcode::NoError));
                };
                let Some(place) = reply.alias(owner, target, rrset.ttl) else {
                    return Outcome::Reply(reply.finish_local(Rcode::NoError));
                };
                (owner, key) = (place, Key::from(target));
                links.push(rrset);
                continue;
            }
            Found::NoData(denial) => (Rcode::NoError, denial),
            Found::NoName(denial) => (Rcode::NxDomain, denial),
            Found::Elsewhere => return Outcome::Forward(Forward::of(query, links)),
        };
        let zone = denial.zone.map(|start| owner.suffix(start));
        match (&denial.soa, zone) {
            (Some(soa), Some(zone)) => reply.own_soa(zone, soa),
            _ => reply.soa(zone, denial.ttl),
        }
        return Outcome::Reply(reply.finish_local(rcode));
    }
    Outcome::Reply(encode::error(query, Rcode::ServFail, Some(ede::OTHER), transport, out))
}

/// Adds what is known here of the addresses of SRV records' targets (RFC 2782).
fn add_addresses(view: &View, services: &Rrset, reply: &mut Reply<'_, '_>) {
    for data in &services.data {
        let Rdata::Srv { target, .. } = data else { continue };
        for rr_type in [RrType::A, RrType::Aaaa] {
            if let Found::Data(rrset, _) = find(view, &Key::from(target), rr_type.number())
                && rrset.rr_type == rr_type
            {
                reply.additional(target, &rrset);
            }
        }
    }
}

/// Returns where a CNAME leads that was not itself asked for.
fn link(rrset: &Rrset, rr_type: u16) -> Option<&DnsName> {
    match rrset.data.first() {
        Some(Rdata::Cname(target)) if ![ANY, RrType::Cname.number()].contains(&rr_type) => {
            Some(target)
        }
        _ => None,
    }
}

/// Answers a person's question from local data; none if upstreams are to be asked. A CNAME that leads elsewhere is the
/// end of what is said.
pub fn resolve(view: &View, question: &Question) -> Option<Resolution> {
    let mut name = question.name.clone();
    let mut resolution =
        Resolution { rcode: "NOERROR".into(), source: None, network: None, answers: Vec::new() };
    for _ in 0..=MAX_LINKS {
        match find(view, &Key::from(&name), question.rr_type) {
            Found::Data(rrset, network) => {
                resolution.source.get_or_insert(rrset.source);
                resolution.network = resolution.network.or(network);
                resolution.answers.extend(lines(&name, &rrset));
                let Some(target) = link(&rrset, question.rr_type) else { return Some(resolution) };
                name = target.clone();
            }
            Found::NoData(denial) => return Some(denied(resolution, "NOERROR", denial)),
            Found::NoName(denial) => return Some(denied(resolution, "NXDOMAIN", denial)),
            Found::Elsewhere if resolution.answers.is_empty() => return None,
            Found::Elsewhere => return Some(resolution),
        }
    }
    resolution.rcode = "SERVFAIL".into();
    Some(resolution)
}

fn lines(name: &DnsName, rrset: &Rrset) -> impl Iterator<Item = channel::Answer> {
    rrset.data.iter().map(move |data| channel::Answer {
        name: format!("{name}."),
        ttl: rrset.ttl,
        r#type: zone::type_text(rrset.rr_type.number()),
        data: match data {
            Rdata::Other(rr_type, data) => zone::data_text(*rr_type, data),
            data => data.to_string(),
        },
    })
}

fn denied(mut resolution: Resolution, rcode: &str, denial: Denial) -> Resolution {
    resolution.rcode = rcode.into();
    resolution.source.get_or_insert(denial.source);
    resolution.network = resolution.network.or(denial.network);
    resolution
}

#[cfg(test)]
mod tests;
