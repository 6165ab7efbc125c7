//! Relay: a query on its way to an upstream, and whether what comes back answers it. The proxy is transparent (RFC 5625):
//! only what belongs to one hop is made anew: id, flags, OPT, size. Whom to ask, and how long to wait, is not decided
//! here; what becomes of the reply is in `stored`.

use super::encode;
use super::query::{self, Parsed, Query};
use super::stored::{Age, Stored, target};
use super::wire::{self, AD, CD, DO, HEADER, OPCODE, OPT, QR, RD, Rcode, Transport, word};
use crate::model::DnsName;
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

    /// Returns the CNAMEs that were followed.
    pub fn links(&self) -> &[Arc<Rrset>] {
        self.alias.as_ref().map_or(&[], |alias| &alias.links)
    }

    /// Writes the client's reply where nobody is asked: the CNAMEs that were followed. Nothing if there were none.
    pub fn alone(&self, packet: &[u8], transport: Transport, out: &mut [u8]) -> Option<usize> {
        let Parsed::Query(query) = query::parse(packet) else { return None };
        let links = &self.alias.as_ref()?.links;
        Some(Stored::nothing().write(&query, links, Age::Seconds(0), transport, out))
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

/// Makes the query for an upstream: with this id and OPT of ours, and the client's DO, CD, AD and end-to-end options.
pub fn upstream_query(packet: &[u8], id: u16, out: &mut Vec<u8>) {
    let Some(query) = begin_query(packet, id, 1, out) else { return };
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

/// Makes the query for an upstream that does not know EDNS: the same without OPT, and so without DO and options.
pub fn plain_query(packet: &[u8], id: u16, out: &mut Vec<u8>) {
    begin_query(packet, id, 0, out);
}

/// Writes the header, which says that so many records follow, and the client's question.
fn begin_query<'a>(
    packet: &'a [u8],
    id: u16,
    additional: u16,
    out: &mut Vec<u8>,
) -> Option<Query<'a>> {
    out.clear();
    let Parsed::Query(query) = query::parse(packet) else { return None };
    for word in [id, RD | query.flags & (AD | CD), 1, 0, 0, additional] {
        out.extend_from_slice(&word.to_be_bytes());
    }
    out.extend_from_slice(query.question);
    Some(query)
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

/// Whether a reply is the header alone by which old servers refuse a query of which they could not read the question
/// (RFC 1035 section 4.1.1). Without a question, its id has to do.
pub fn is_bare_refusal(query: &[u8], reply: &[u8]) -> bool {
    reply.len() == HEADER
        && word(query, 0) == word(reply, 0)
        && word(reply, 2).is_some_and(|flags| flags & (QR | OPCODE) == QR)
        && refuses_form(reply)
}

/// Whether a reply to a query with an OPT says that its server does not know EDNS: FORMERR or NOTIMP without an OPT
/// (RFC 6891 section 7). With one, the server knows EDNS and means something else.
pub fn knows_no_edns(reply: &[u8]) -> bool {
    refuses_form(reply) && !has_opt(reply).unwrap_or(false)
}

fn refuses_form(reply: &[u8]) -> bool {
    let rcode = word(reply, 2).map(|flags| flags & 15);
    [Rcode::FormErr, Rcode::NotImp].iter().any(|refusal| rcode == Some(*refusal as u16))
}

/// Whether there is an OPT among a reply's records; nothing if they cannot be read.
fn has_opt(reply: &[u8]) -> Option<bool> {
    let mut at = HEADER;
    for _ in 0..word(reply, 4)? {
        at = wire::any_name(reply, at)? + 4;
    }
    for _ in
        0..u32::from(word(reply, 6)?) + u32::from(word(reply, 8)?) + u32::from(word(reply, 10)?)
    {
        let record = wire::record(reply, at)?;
        if record.rr_type == OPT {
            return Some(true);
        }
        at = record.rdata.end;
    }
    Some(false)
}

/// Options that belong to one hop: LLQ, UL, NSID, cookie, keepalive, padding (RFC 7873, 7828, 7830).
pub fn is_of_one_hop(code: u16) -> bool {
    matches!(code, 1 | 2 | 3 | 10 | 11 | 12)
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

#[cfg(test)]
mod tests;
