//! Encode: writes a reply straight into the caller's buffer: header, question, records, OPT, within the size that the
//! client takes. A record that does not fit is left out whole, and the reply says so (TC).

use super::query::Query;
use super::wire::{AA, CD, DO, HEADER, OPCODE, OPT, QR, RA, RD, Rcode, TC, Transport};
use crate::model::{DnsName, Rdata, RrType};
use crate::registry::Rrset;

/// The largest UDP payload that is read or sent; lo does not fragment it.
pub const UDP_MAX: usize = 4096;
/// What a UDP client without EDNS takes; every reply without records fits.
const UDP_MIN: usize = 512;
const OPT_LEN: usize = 11;
/// The EDNS option of an extended error (RFC 8914).
pub const EDE: u16 = 15;
const SOA: u16 = 6;

/// A section of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// What was asked for.
    Answer,
    /// Who says so.
    Authority,
    /// What helps.
    Additional,
}

/// A name that stands in the reply already, by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(u16);

impl Place {
    /// The name asked for.
    pub const QUESTION: Self = Self(HEADER as u16);

    /// Returns the suffix that starts so many bytes into this name.
    pub fn suffix(self, bytes: usize) -> Self {
        Self(self.0 + bytes as u16)
    }
}

/// A reply in the making.
pub struct Reply<'q, 'o> {
    query: &'q Query<'q>,
    options: &'q [u8],
    out: &'o mut [u8],
    len: usize,
    limit: usize,
    counts: [u16; 3],
    truncated: bool,
}

impl<'q, 'o> Reply<'q, 'o> {
    /// Starts a reply with the question as asked. The options go into its OPT if the client sent one. Returns nothing
    /// if the buffer has fewer than 512 bytes.
    pub fn begin(
        query: &'q Query<'q>,
        transport: Transport,
        options: &'q [u8],
        out: &'o mut [u8],
    ) -> Option<Self> {
        let takes = match (transport, &query.edns) {
            (Transport::Tcp, _) => usize::from(u16::MAX),
            (Transport::Udp, Some(edns)) => usize::from(edns.payload).clamp(UDP_MIN, UDP_MAX),
            (Transport::Udp, None) => UDP_MIN,
        };
        let size = takes.min(out.len());
        let len = HEADER + query.question.len();
        if size < UDP_MIN {
            return None;
        }
        let fits = query.edns.is_some() && len + OPT_LEN + options.len() <= UDP_MIN;
        let options = if fits { options } else { &[] };
        let tail = if query.edns.is_some() { OPT_LEN + options.len() } else { 0 };
        out[HEADER..len].copy_from_slice(query.question);
        let limit = size - tail;
        Some(Self { query, options, out, len, limit, counts: [0; 3], truncated: false })
    }

    /// Writes an RRset, starting with the record that `turn` points at. Returns whether all of it fitted.
    pub fn rrset(&mut self, owner: Place, rrset: &Rrset, turn: u32) -> bool {
        let (head, tail) = rrset.data.split_at(rotation(turn, rrset.data.len()));
        tail.iter().chain(head).all(|data| {
            let rr_type = rrset.rr_type.number();
            self.record(Section::Answer, owner, rr_type, rrset.ttl, |reply| reply.rdata(data))
                .is_some()
        })
    }

    /// Writes records that help, with their owner; what does not fit is left out.
    pub fn additional(&mut self, owner: &DnsName, rrset: &Rrset) {
        let (rr_type, ttl) = (rrset.rr_type.number(), rrset.ttl);
        for data in &rrset.data {
            let name = |reply: &mut Self| reply.name(owner);
            let body = |reply: &mut Self| reply.rdata(data);
            self.with_owner(Section::Additional, name, rr_type, ttl, body);
        }
    }

    /// Writes a CNAME record. Returns where its target stands.
    pub fn alias(&mut self, owner: Place, target: &DnsName, ttl: u32) -> Option<Place> {
        let cname = RrType::Cname.number();
        let end = self.record(Section::Answer, owner, cname, ttl, |reply| reply.name(target))?;
        // A chain is short, so it stays within a pointer's reach of 16 KiB.
        Some(Place((end - target.as_str().len() - 2) as u16))
    }

    /// Writes the SOA of a negative answer (RFC 2308 section 3); no owner means the root.
    pub fn soa(&mut self, owner: Option<Place>, ttl: u32) {
        let body = |reply: &mut Self| {
            reply.put(b"\x04host\x06netdns\x08internal\0\x06nobody\x07invalid\0")?;
            [1, 3600, 1200, 604_800, ttl].iter().try_for_each(|n: &u32| reply.put(&n.to_be_bytes()))
        };
        match owner {
            Some(owner) => self.record(Section::Authority, owner, SOA, ttl, body),
            None => self.with_owner(Section::Authority, |reply| reply.put(&[0]), SOA, ttl, body),
        };
    }

    /// Writes the SOA of a negative answer out of a zone.
    pub fn own_soa(&mut self, owner: Place, soa: &Rrset) {
        for data in &soa.data {
            self.record(Section::Authority, owner, SOA, soa.ttl, |reply| reply.rdata(data));
        }
    }

    /// Copies bytes that are whole records of a section. Returns whether they fitted.
    pub fn copy(&mut self, section: Section, record: &[u8]) -> bool {
        self.whole(section, |reply| reply.put(record)).is_some()
    }

    /// Copies all records of a message at once, if they fit. Returns whether they did.
    pub fn block(&mut self, counts: [u16; 3], records: &[u8]) -> bool {
        let fits = self.put(records).is_some();
        if fits {
            self.counts = counts;
        }
        fits
    }

    /// Writes a TTL over the one that stands at a place.
    pub fn patch(&mut self, at: usize, ttl: u32) {
        if let Some(place) = self.out[..self.len].get_mut(at..at + 4) {
            place.copy_from_slice(&ttl.to_be_bytes());
        }
    }

    /// Says that something was left out.
    pub fn truncate(&mut self) {
        self.truncated = true;
    }

    /// Writes OPT and header. Returns the length of the whole.
    pub fn finish(mut self, rcode: u16, flags: u16) -> usize {
        let asked = self.query.flags;
        let tc = if self.truncated { TC } else { 0 };
        let flags = QR | (asked & (OPCODE | RD | CD)) | RA | tc | flags | (rcode & 15);
        self.close(rcode);
        let questions = u16::from(!self.query.question.is_empty());
        let [answers, authorities, additionals] = self.counts;
        let words = [self.query.id, flags, questions, answers, authorities, additionals];
        for (place, word) in self.out.chunks_exact_mut(2).zip(words) {
            place.copy_from_slice(&word.to_be_bytes());
        }
        self.len
    }

    /// Finishes an answer from local data.
    pub fn finish_local(self, rcode: Rcode) -> usize {
        self.finish(rcode as u16, AA)
    }

    fn close(&mut self, rcode: u16) {
        let Some(edns) = &self.query.edns else { return };
        let flags = (u32::from(rcode >> 4) << 24) | if edns.dnssec_ok { DO } else { 0 };
        let options = self.options;
        // Room for it has been kept free.
        self.limit = self.out.len();
        let wrote = self.whole(Section::Additional, |reply| {
            reply.put(&[0])?;
            reply.put(&OPT.to_be_bytes())?;
            reply.put(&(UDP_MAX as u16).to_be_bytes())?;
            reply.put(&flags.to_be_bytes())?;
            reply.put(&(options.len() as u16).to_be_bytes())?;
            reply.put(options)
        });
        debug_assert!(wrote.is_some(), "room for OPT is set aside by begin");
    }

    fn record(
        &mut self,
        section: Section,
        owner: Place,
        rr_type: u16,
        ttl: u32,
        body: impl FnOnce(&mut Self) -> Option<()>,
    ) -> Option<usize> {
        let pointer = (0xc000 | owner.0).to_be_bytes();
        self.with_owner(section, |reply| reply.put(&pointer), rr_type, ttl, body)
    }

    fn with_owner(
        &mut self,
        section: Section,
        owner: impl FnOnce(&mut Self) -> Option<()>,
        rr_type: u16,
        ttl: u32,
        body: impl FnOnce(&mut Self) -> Option<()>,
    ) -> Option<usize> {
        self.whole(section, |reply| {
            owner(reply)?;
            reply.put(&rr_type.to_be_bytes())?;
            reply.put(&super::wire::IN.to_be_bytes())?;
            reply.put(&ttl.to_be_bytes())?;
            let length = reply.len;
            reply.put(&[0, 0])?;
            body(reply)?;
            let bytes = u16::try_from(reply.len - length - 2).ok()?;
            reply.out[length..length + 2].copy_from_slice(&bytes.to_be_bytes());
            Some(())
        })
    }

    /// Writes a record or nothing of it. Returns where it ends.
    fn whole(
        &mut self,
        section: Section,
        write: impl FnOnce(&mut Self) -> Option<()>,
    ) -> Option<usize> {
        let start = self.len;
        if write(self).is_none() {
            self.len = start;
            self.truncated |= section != Section::Additional;
            return None;
        }
        self.counts[section as usize] += 1;
        Some(self.len)
    }

    fn rdata(&mut self, data: &Rdata) -> Option<()> {
        match data {
            Rdata::A(address) => self.put(&address.octets()),
            Rdata::Aaaa(address) => self.put(&address.octets()),
            Rdata::Cname(name) | Rdata::Ptr(name) => self.name(name),
            Rdata::Txt(strings) => strings.iter().try_for_each(|string| {
                self.put(&[u8::try_from(string.len()).ok()?])?;
                self.put(string)
            }),
            Rdata::Srv { priority, weight, port, target } => {
                [priority, weight, port].iter().try_for_each(|n| self.put(&n.to_be_bytes()))?;
                self.name(target)
            }
            Rdata::Mx { preference, exchange } => {
                self.put(&preference.to_be_bytes())?;
                self.name(exchange)
            }
            Rdata::Other(_, data) => self.put(data),
        }
    }

    fn name(&mut self, name: &DnsName) -> Option<()> {
        for label in name.labels() {
            self.put(&[label.len() as u8])?;
            self.put(label.as_bytes())?;
        }
        self.put(&[0])
    }

    fn put(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.len + bytes.len();
        if end > self.limit {
            return None;
        }
        self.out[self.len..end].copy_from_slice(bytes);
        self.len = end;
        Some(())
    }
}

/// Writes an error with the question and, where the client sent one, an OPT (with an extended error).
pub fn error(
    query: &Query<'_>,
    rcode: Rcode,
    ede: Option<u16>,
    transport: Transport,
    out: &mut [u8],
) -> usize {
    let mut option = [0; 6];
    for (place, word) in option.chunks_exact_mut(2).zip([EDE, 2, ede.unwrap_or(0)]) {
        place.copy_from_slice(&word.to_be_bytes());
    }
    let options = if ede.is_some() { &option[..] } else { &[] };
    Reply::begin(query, transport, options, out).map_or(0, |reply| reply.finish(rcode as u16, 0))
}

/// Returns which of `len` records comes first. Steps of the golden ratio visit all of up to ten within twenty turns,
/// also where only every second or third turn is this name's (a client asks A and AAAA in pairs).
fn rotation(turn: u32, len: usize) -> usize {
    let fraction = u64::from(turn.wrapping_mul(0x9e37_79b9));
    ((fraction * len as u64) >> 32) as usize
}

#[cfg(test)]
mod tests;
