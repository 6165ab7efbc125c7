//! Relay: a query on its way to an upstream, and the upstream's reply on its way back. The proxy is transparent
//! (RFC 5625): data passes byte for byte; only what belongs to one hop is made anew: id, flags, OPT, size. Whom to ask,
//! and how long to wait, is not decided here.

use super::encode::{self, Place, Reply, Section};
use super::query::{self, Parsed, Query};
use super::wire::{
    self, AD, CD, DO, HEADER, OPCODE, OPT, QR, RD, Rcode, Record, TC, Transport, ede, word,
};
use crate::model::{DnsName, Rdata};
use crate::registry::{Key, Rrset};
use std::sync::Arc;

/// The UDP payload size that upstreams are told (the size that no path fragments).
pub const UPSTREAM_PAYLOAD: u16 = 1232;

/// What is to be asked of upstreams for a client's query: its own question, or that of the name that a local CNAME
/// leads to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forward {
    alias: Option<Box<Alias>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Alias {
    packet: Vec<u8>,
    links: Vec<Arc<Rrset>>,
}

impl Forward {
    /// Makes the question for a query after the CNAMEs that were followed.
    pub(super) fn of(query: &Query<'_>, links: Vec<Arc<Rrset>>) -> Self {
        let Some(target) = links.last().and_then(|link| target(link)) else {
            return Self::default();
        };
        Self { alias: Some(Box::new(Alias { packet: ask(query, target), links })) }
    }

    /// Returns the packet to ask for: give it to [`upstream_query`] in the place of the client's.
    pub fn asks<'a>(&'a self, packet: &'a [u8]) -> &'a [u8] {
        self.alias.as_ref().map_or(packet, |alias| &alias.packet)
    }

    /// Writes the client's reply: the CNAMEs that were followed, and what the upstream said.
    pub fn relay(
        &self,
        packet: &[u8],
        reply: &[u8],
        transport: Transport,
        out: &mut [u8],
    ) -> usize {
        let links = self.alias.as_ref().map_or(&[][..], |alias| &alias.links);
        pass_on(packet, links, reply, transport, out)
    }

    /// Writes the client's reply where nobody is asked: the CNAMEs that were followed. Nothing if there were none.
    pub fn alone(&self, packet: &[u8], transport: Transport, out: &mut [u8]) -> Option<usize> {
        const EMPTY: [u8; HEADER] = [0; HEADER];
        self.alias.as_ref()?;
        Some(self.relay(packet, &EMPTY, transport, out))
    }
}

/// Writes an error for a packet that was to be forwarded; 0 if it was no query.
pub fn failure(
    packet: &[u8],
    rcode: Rcode,
    ede: Option<u16>,
    transport: Transport,
    out: &mut [u8],
) -> usize {
    match query::parse(packet) {
        Parsed::Query(query) | Parsed::Reply(query::Rejected { query, .. }) => {
            encode::error(&query, rcode, ede, transport, out)
        }
        Parsed::Nothing => 0,
    }
}

/// Writes an upstream's reply to the client's own question: its id, its case, its OPT, its size. A malformed reply
/// becomes SERVFAIL.
pub fn relay(packet: &[u8], reply: &[u8], transport: Transport, out: &mut [u8]) -> usize {
    pass_on(packet, &[], reply, transport, out)
}

/// Makes the query for an upstream: with this id and OPT of ours, and the client's DO, CD, AD and end-to-end options.
pub fn upstream_query(packet: &[u8], id: u16, out: &mut Vec<u8>) {
    out.clear();
    let Parsed::Query(query) = query::parse(packet) else { return };
    for word in [id, RD | query.flags & (AD | CD), 1, 0, 0, 1] {
        out.extend_from_slice(&word.to_be_bytes());
    }
    out.extend_from_slice(query.question);
    let dnssec_ok = query.edns.as_ref().is_some_and(|edns| edns.dnssec_ok);
    out.push(0);
    out.extend_from_slice(&OPT.to_be_bytes());
    out.extend_from_slice(&UPSTREAM_PAYLOAD.to_be_bytes());
    out.extend_from_slice(&(if dnssec_ok { DO } else { 0 }).to_be_bytes());
    let length = out.len();
    out.extend_from_slice(&[0, 0]);
    let options = query.edns.as_ref().map_or(&[][..], |edns| edns.options);
    wire::each_option(options, |code, option| {
        if !is_of_one_hop(code) {
            out.extend_from_slice(option);
        }
    });
    let bytes = (out.len() - length - 2) as u16;
    out[length..length + 2].copy_from_slice(&bytes.to_be_bytes());
}

/// Whether a reply answers a query that was sent upstream: id, response, question but for case (RFC 5452 section 9.1).
pub fn reply_matches(query: &[u8], reply: &[u8]) -> bool {
    let Some(end) = wire::plain_name(query, HEADER) else { return false };
    let (Some(asked), Some(echoed)) = (query.get(..end + 4), reply.get(..end + 4)) else {
        return false;
    };
    let Some(flags) = word(reply, 2) else { return false };
    asked[..2] == echoed[..2]
        && flags & (QR | OPCODE) == QR
        && word(reply, 4) == Some(1)
        && asked[HEADER..end].eq_ignore_ascii_case(&echoed[HEADER..end])
        && asked[end..] == echoed[end..]
}

/// Whether the records of a reply can be read to its end: one that cannot is no answer, and the next upstream is asked.
pub fn well_formed(reply: &[u8]) -> bool {
    Upstream::read(reply).is_some()
}

/// Options that belong to one hop: LLQ, UL, NSID, cookie, keepalive, padding (RFC 7873, 7828, 7830).
fn is_of_one_hop(code: u16) -> bool {
    matches!(code, 1 | 2 | 3 | 10 | 11 | 12)
}

/// Options of a reply that the client is to see: client subnet and extended error (RFC 7871, 8914).
fn is_for_client(code: u16) -> bool {
    matches!(code, 8 | 15)
}

fn target(link: &Rrset) -> Option<&DnsName> {
    match link.data.first() {
        Some(Rdata::Cname(target)) => Some(target),
        _ => None,
    }
}

/// Makes a client's packet that asks for another name.
fn ask(query: &Query<'_>, name: &DnsName) -> Vec<u8> {
    let opt = query.edns.as_ref().map_or(&[][..], |edns| edns.record);
    let mut packet = Vec::with_capacity(HEADER + 260 + opt.len());
    for word in [query.id, query.flags, 1, 0, 0, u16::from(!opt.is_empty())] {
        packet.extend_from_slice(&word.to_be_bytes());
    }
    packet.extend_from_slice(Key::from(name).as_bytes());
    packet.push(0);
    packet.extend_from_slice(&query.question[query.name().len()..]);
    packet.extend_from_slice(opt);
    packet
}

/// What a reply says besides its records.
struct Upstream {
    flags: u16,
    counts: [u16; 3],
    records: usize,
    rcode: u16,
    options: Vec<u8>,
}

impl Upstream {
    fn read(reply: &[u8]) -> Option<Self> {
        let flags = word(reply, 2)?;
        let questions = word(reply, 4)?;
        let counts = [word(reply, 6)?, word(reply, 8)?, word(reply, 10)?];
        let mut records = HEADER;
        for _ in 0..questions {
            records = wire::plain_name(reply, records)? + 4;
        }
        let mut upstream = Self { flags, counts, records, rcode: flags & 15, options: Vec::new() };
        let mut opt = None;
        upstream.each(reply, |_, record| {
            if record.rr_type == OPT {
                opt = Some(record);
            }
            true
        })?;
        if let Some(opt) = opt {
            upstream.rcode |= (opt.ttl >> 24 << 4) as u16;
            wire::each_option(&reply[opt.rdata], |code, option| {
                if is_for_client(code) {
                    upstream.options.extend_from_slice(option);
                }
            });
        }
        Some(upstream)
    }

    /// Visits the records until told to stop. Returns nothing if one cannot be read.
    fn each(&self, reply: &[u8], mut visit: impl FnMut(Section, Record) -> bool) -> Option<()> {
        let mut at = self.records;
        for (section, count) in
            [Section::Answer, Section::Authority, Section::Additional].into_iter().zip(self.counts)
        {
            for _ in 0..count {
                let record = wire::record(reply, at)?;
                at = record.rdata.end;
                if !visit(section, record) {
                    return Some(());
                }
            }
        }
        Some(())
    }
}

fn pass_on(
    packet: &[u8],
    links: &[Arc<Rrset>],
    reply: &[u8],
    transport: Transport,
    out: &mut [u8],
) -> usize {
    let Parsed::Query(query) = query::parse(packet) else { return 0 };
    let Some(upstream) = Upstream::read(reply) else {
        let network_error = Some(ede::NETWORK_ERROR);
        return encode::error(&query, Rcode::ServFail, network_error, transport, out);
    };
    let Some(mut mine) = Reply::begin(&query, transport, &upstream.options, out) else { return 0 };
    let mut owner = Place::QUESTION;
    for link in links {
        let next = target(link).and_then(|target| mine.alias(owner, target, link.ttl));
        let Some(next) = next else { break };
        owner = next;
    }
    let same_question = reply
        .get(HEADER..upstream.records)
        .is_some_and(|question| links.is_empty() && question.eq_ignore_ascii_case(query.question));
    copy_records(&mut mine, &upstream, reply, same_question);
    // AD means something only to who asked for it (RFC 6840 section 5.8).
    let wants_ad = query.flags & AD != 0 || query.edns.as_ref().is_some_and(|edns| edns.dnssec_ok);
    // Without a place for it in an OPT, an extended rcode would read as another one.
    let rcode = match upstream.rcode {
        rcode if rcode > 15 && query.edns.is_none() => Rcode::ServFail as u16,
        rcode => rcode,
    };
    mine.finish(rcode, upstream.flags & if wants_ad { AD | TC } else { TC })
}

/// Copies all records but OPT. While what stands before them is the same, they pass as they are, pointers and all; else
/// their names are written out.
fn copy_records(
    mine: &mut Reply<'_, '_>,
    upstream: &Upstream,
    reply: &[u8],
    mut same_before: bool,
) {
    let mut written_out = Vec::new();
    let _read_before = upstream.each(reply, |section, record| {
        if record.rr_type == OPT {
            same_before = false;
            return true;
        }
        if same_before {
            return mine.copy(section, &reply[record.start..record.rdata.end]);
        }
        written_out.clear();
        if write_out(reply, &record, &mut written_out).is_none() {
            mine.truncate();
            return false;
        }
        mine.copy(section, &written_out)
    });
}

/// Writes a record with its names in full. Only types of RFC 1035 and SRV have names that may be compressed
/// (RFC 3597 section 4).
fn write_out(reply: &[u8], record: &Record, out: &mut Vec<u8>) -> Option<()> {
    wire::expand(reply, record.start, out)?;
    out.extend_from_slice(&reply[record.fixed..record.fixed + 8]);
    let length = out.len();
    out.extend_from_slice(&[0, 0]);
    let (before, names) = match record.rr_type {
        2 | 3 | 4 | 5 | 7 | 8 | 9 | 12 | 39 => (0, 1),
        6 | 14 => (0, 2),
        15 => (2, 1),
        33 => (6, 1),
        _ => (0, 0),
    };
    let mut at = record.rdata.start + before;
    out.extend_from_slice(reply.get(record.rdata.start..at)?);
    for _ in 0..names {
        at = wire::expand(reply, at, out)?;
    }
    out.extend_from_slice(reply.get(at..record.rdata.end)?);
    let bytes = u16::try_from(out.len() - length - 2).ok()?;
    out[length..length + 2].copy_from_slice(&bytes.to_be_bytes());
    Some(())
}

#[cfg(test)]
mod tests;
