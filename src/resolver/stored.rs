//! Stored: an upstream's reply in the form in which it is kept and given to clients: its records as they came, the places
//! of their TTLs, and what belongs to no single hop. Writing it out copies the records and patches what differs from one
//! client to the next. The age is an argument; what is kept how long is decided here, where it is kept is not.

use super::encode::{EDE, Place, Reply, Section};
use super::query::Query;
use super::wire::{self, AD, HEADER, OPT, Rcode, Record, TC, Transport, ede, long, word};
use crate::model::{DnsName, Rdata};
use crate::registry::{ANY, Rrset};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

const SOA: u16 = 6;

/// What normalizing a reply may add: names that are written out after an OPT.
const MARGIN: usize = 4096;

/// The longest that an answer is kept (RFC 8767 section 4 has it at most a week).
const POSITIVE: u32 = 86_400;

/// The longest that a denial is kept (RFC 2308 section 5).
const NEGATIVE: u32 = 3600;

/// How long a failure is kept (RFC 9520 section 3.2).
const FAILURE: u32 = 5;

/// The TTL of what is past its time (RFC 8767 section 5).
const STALE: u32 = 30;

/// A reply that does not depend on who asked.
#[derive(Debug)]
pub struct Stored {
    /// Header, question and records, but for OPT. The header is not read.
    message: Box<[u8]>,
    /// Where the records start.
    records: usize,
    counts: [u16; 3],
    /// Where each record's TTL stands.
    ttls: Box<[u16]>,
    /// AD and TC.
    flags: u16,
    rcode: u16,
    /// EDNS options that clients are to see.
    options: Box<[u8]>,
    /// How long it may be kept, in seconds.
    lifetime: Option<u32>,
    /// Who said it.
    server: Option<SocketAddr>,
}

/// How old a reply is that is written out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// So many seconds: TTLs are less by so much.
    Seconds(u32),
    /// Past its time and given for want of another (RFC 8767).
    Stale,
}

impl Stored {
    /// Reads an upstream's reply; nothing if a record of it cannot be read.
    pub fn of(reply: &[u8]) -> Option<Self> {
        let upstream = Upstream::read(reply)?;
        let question = reply.get(HEADER..upstream.records)?;
        let asked = Query { id: 0, flags: 0, question, edns: None };
        let mut message = vec![0; reply.len() + MARGIN];
        let mut normal = Reply::begin(&asked, Transport::Tcp, &[], &mut message)?;
        copy_records(&mut normal, &upstream, reply, true, Age::Seconds(0));
        let len = normal.finish(upstream.rcode, upstream.flags & (AD | TC));
        message.truncate(len);
        Self::normal(message, upstream, asked.rr_type())
    }

    fn normal(mut message: Vec<u8>, upstream: Upstream, rr_type: u16) -> Option<Self> {
        let normal = Upstream::read(&message)?;
        let (mut ttls, mut lifetime) = (Vec::new(), Lifetime::new(rr_type));
        normal.each(&message, |section, record| {
            // Offsets of a message fit 16 bits.
            ttls.push((record.fixed + 4) as u16);
            lifetime.note(section, &record, &message);
            true
        })?;
        let flags = word(&message, 2)? & (AD | TC);
        let kept = lifetime.decide(upstream.rcode, flags & TC != 0);
        if let (Some(kept), Some(at)) = (kept, lifetime.denial) {
            // The SOA of a denial tells how long the denial is kept.
            message[at..at + 4].copy_from_slice(&kept.to_be_bytes());
        }
        Some(Self {
            records: normal.records,
            counts: normal.counts,
            ttls: ttls.into(),
            flags,
            rcode: upstream.rcode,
            options: upstream.options.into(),
            lifetime: kept,
            server: None,
            message: message.into(),
        })
    }

    /// Makes a reply without records, for what stands before it.
    pub fn nothing() -> Self {
        Self {
            message: Box::default(),
            records: 0,
            counts: [0; 3],
            ttls: Box::default(),
            flags: 0,
            rcode: Rcode::NoError as u16,
            options: Box::default(),
            lifetime: None,
            server: None,
        }
    }

    /// Makes a SERVFAIL of our own with an extended error.
    pub fn failure(code: u16) -> Self {
        let (rcode, options) = (Rcode::ServFail as u16, extended(code).into());
        Self { rcode, options, lifetime: Some(FAILURE), ..Self::nothing() }
    }

    /// Notes who said it.
    pub fn said_by(self, server: SocketAddr) -> Self {
        Self { server: Some(server), ..self }
    }

    /// Returns who said it; nobody if it is our own failure.
    pub fn server(&self) -> Option<SocketAddr> {
        self.server
    }

    /// Whether it ends the search for an answer: no error of the server's own (FORMERR, SERVFAIL, NOTIMP, REFUSED).
    pub fn is_usable(&self) -> bool {
        !matches!(self.rcode & 15, 1 | 2 | 4 | 5)
    }

    /// Returns how long it may be kept; nothing if not at all.
    pub fn lifetime(&self) -> Option<Duration> {
        self.lifetime.map(|seconds| Duration::from_secs(seconds.into()))
    }

    /// Returns how many bytes it takes.
    pub fn size(&self) -> usize {
        size_of::<Self>() + self.message.len() + 2 * self.ttls.len() + self.options.len()
    }

    /// Writes the client's reply, after the CNAMEs that led to it: the client's id, case, OPT and size. What does not fit
    /// is left out.
    pub fn write(
        &self,
        query: &Query<'_>,
        links: &[Arc<Rrset>],
        age: Age,
        transport: Transport,
        out: &mut [u8],
    ) -> usize {
        let stale = extended(ede::STALE_ANSWER);
        let options = if age == Age::Stale { &stale[..] } else { &self.options };
        let Some(mut mine) = Reply::begin(query, transport, options, out) else { return 0 };
        let records = &self.message[self.records..];
        if links.is_empty() && mine.block(self.counts, records) {
            // The question is as long as the stored one, so everything stands where it stood.
            for at in &self.ttls {
                mine.patch(usize::from(*at), age.left(self.ttl(*at)));
            }
        } else {
            self.write_by_record(&mut mine, links, age);
        }
        // AD means something only to who asked for it (RFC 6840 section 5.8).
        let wants_ad = query.flags & AD != 0 || query.edns.as_ref().is_some_and(|e| e.dnssec_ok);
        // Without a place for it in an OPT, an extended rcode would read as another one.
        let rcode = match self.rcode {
            rcode if rcode > 15 && query.edns.is_none() => Rcode::ServFail as u16,
            rcode => rcode,
        };
        mine.finish(rcode, self.flags & if wants_ad { AD | TC } else { TC })
    }

    fn write_by_record(&self, mine: &mut Reply<'_, '_>, links: &[Arc<Rrset>], age: Age) {
        let mut owner = Place::QUESTION;
        for link in links {
            let next = target(link).and_then(|target| mine.alias(owner, target, link.ttl));
            let Some(next) = next else { break };
            owner = next;
        }
        if let Some(upstream) = Upstream::read(&self.message) {
            copy_records(mine, &upstream, &self.message, links.is_empty(), age);
        }
    }

    fn ttl(&self, at: u16) -> u32 {
        long(&self.message, at.into()).unwrap_or(0)
    }
}

impl Age {
    fn left(self, ttl: u32) -> u32 {
        match self {
            Self::Seconds(0) => ttl,
            Self::Seconds(age) => ttl.saturating_sub(age),
            Self::Stale => STALE,
        }
    }
}

/// How long a reply may be kept, from its records.
struct Lifetime {
    rr_type: u16,
    least: u32,
    answered: bool,
    /// The TTL of the SOA as RFC 2308 section 5 has it, and where it stands.
    soa: Option<(u32, usize)>,
    /// Where the SOA's TTL stands, once the reply is known to be a denial.
    denial: Option<usize>,
}

impl Lifetime {
    fn new(rr_type: u16) -> Self {
        Self { rr_type, least: POSITIVE, answered: false, soa: None, denial: None }
    }

    fn note(&mut self, section: Section, record: &Record, message: &[u8]) {
        // A TTL with the highest bit set is none (RFC 2181 section 8).
        let ttl = if record.ttl > i32::MAX as u32 { 0 } else { record.ttl };
        self.least = self.least.min(ttl);
        self.answered |=
            section == Section::Answer && (self.rr_type == ANY || record.rr_type == self.rr_type);
        if section == Section::Authority && record.rr_type == SOA && record.rdata.len() >= 4 {
            let minimum = long(message, record.rdata.end - 4).unwrap_or(0);
            self.soa = Some((ttl.min(minimum).min(NEGATIVE), record.fixed + 4));
        }
    }

    fn decide(&mut self, rcode: u16, truncated: bool) -> Option<u32> {
        let seconds = match rcode {
            0 if self.answered => self.least,
            // A denial without SOA is not kept, nor is a referral (RFC 2308 section 5).
            0 | 3 => {
                let (ttl, at) = self.soa?;
                self.denial = Some(at);
                ttl.min(self.least)
            }
            1 | 2 | 4 | 5 => FAILURE,
            _ => 0,
        };
        (seconds > 0 && !truncated).then_some(seconds)
    }
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

/// Options of a reply that the client is to see: client subnet and extended error (RFC 7871, 8914).
fn is_for_client(code: u16) -> bool {
    matches!(code, 8 | EDE)
}

/// Makes the option of an extended error.
fn extended(code: u16) -> [u8; 6] {
    let mut option = [0; 6];
    for (place, word) in option.chunks_exact_mut(2).zip([EDE, 2, code]) {
        place.copy_from_slice(&word.to_be_bytes());
    }
    option
}

/// Returns where a CNAME leads.
pub fn target(link: &Rrset) -> Option<&DnsName> {
    match link.data.first() {
        Some(Rdata::Cname(target)) => Some(target),
        _ => None,
    }
}

/// Copies all records but OPT, with the TTLs that they have at an age. While what stands before them is the same, they pass
/// as they are, pointers and all; else their names are written out.
fn copy_records(
    mine: &mut Reply<'_, '_>,
    upstream: &Upstream,
    reply: &[u8],
    mut same_before: bool,
    age: Age,
) {
    let mut written_out = Vec::new();
    let _read_before = upstream.each(reply, |section, record| {
        if record.rr_type == OPT {
            same_before = false;
            return true;
        }
        let left = age.left(record.ttl);
        if same_before {
            let copied = mine.copy(section, &reply[record.start..record.rdata.end]);
            if copied {
                mine.patch(record.fixed + 4, left);
            }
            return copied;
        }
        written_out.clear();
        if write_out(reply, &record, left, &mut written_out).is_none() {
            mine.truncate();
            return false;
        }
        mine.copy(section, &written_out)
    });
}

/// Writes a record with this TTL and its names in full. Only types of RFC 1035 and SRV have names that may be compressed
/// (RFC 3597 section 4).
fn write_out(reply: &[u8], record: &Record, ttl: u32, out: &mut Vec<u8>) -> Option<()> {
    wire::expand(reply, record.start, out)?;
    out.extend_from_slice(&reply[record.fixed..record.fixed + 4]);
    out.extend_from_slice(&ttl.to_be_bytes());
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
