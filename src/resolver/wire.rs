//! Wire: the few words of RFC 1035 messages that reading and writing share. Nothing here allocates or panics.

use std::ops::Range;

/// Bytes of a message's header.
pub const HEADER: usize = 12;
/// The header's flag of a response.
pub const QR: u16 = 0x8000;
/// Authoritative answer.
pub const AA: u16 = 0x0400;
/// Truncated.
pub const TC: u16 = 0x0200;
/// Recursion desired.
pub const RD: u16 = 0x0100;
/// Recursion available.
pub const RA: u16 = 0x0080;
/// Authentic data (RFC 4035).
pub const AD: u16 = 0x0020;
/// Checking disabled (RFC 4035).
pub const CD: u16 = 0x0010;
/// The opcode's bits.
pub const OPCODE: u16 = 0x7800;
/// The class of the Internet.
pub const IN: u16 = 1;
/// The type of the EDNS pseudo-record (RFC 6891).
pub const OPT: u16 = 41;
/// The bit of an OPT's TTL that asks for DNSSEC records.
pub const DO: u32 = 0x8000;

/// Response codes that netdns gives itself, extended ones included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Rcode {
    /// No error.
    NoError = 0,
    /// The query is malformed.
    FormErr = 1,
    /// No answer could be had.
    ServFail = 2,
    /// The name does not exist.
    NxDomain = 3,
    /// The opcode is not known.
    NotImp = 4,
    /// The query is not answered on principle.
    Refused = 5,
    /// The EDNS version is not known.
    BadVers = 16,
}

/// Codes of extended errors (RFC 8914) that netdns gives itself.
pub mod ede {
    /// None of the others.
    pub const OTHER: u16 = 0;
    /// The answer is past its time (RFC 8767).
    pub const STALE_ANSWER: u16 = 3;
    /// The name belongs to nobody here, and nobody else is asked.
    pub const NOT_AUTHORITATIVE: u16 = 20;
    /// The query is of a kind that is not supported.
    pub const NOT_SUPPORTED: u16 = 21;
    /// No upstream could be reached.
    pub const NO_REACHABLE_AUTHORITY: u16 = 22;
    /// An upstream failed.
    pub const NETWORK_ERROR: u16 = 23;
}

/// How the client came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A reply has a limit.
    Udp,
    /// A reply may have 65,535 bytes.
    Tcp,
}

/// Reads two bytes.
pub fn word(message: &[u8], at: usize) -> Option<u16> {
    message.get(at..)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
}

/// Reads four bytes.
pub fn long(message: &[u8], at: usize) -> Option<u32> {
    message.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

/// Returns where an uncompressed name ends, if it is one of at most 255 bytes.
pub fn plain_name(message: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    loop {
        let len = *message.get(at)?;
        at += 1 + usize::from(len);
        if len > 63 || at - start > 255 {
            return None;
        }
        if len == 0 {
            return Some(at);
        }
    }
}

/// Returns where a name ends that may end in a pointer to an earlier place.
pub fn any_name(message: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    loop {
        let len = *message.get(at)?;
        if len >= 0xc0 {
            let target = usize::from(word(message, at)? & 0x3fff);
            return (target < at).then_some(at + 2);
        }
        at += 1 + usize::from(len);
        if len > 63 || at - start > 255 {
            return None;
        }
        if len == 0 {
            return Some(at);
        }
    }
}

/// The most pointers of one name that are followed: as many as it can have labels. A name may have thousands that lead
/// from one to the next, and a message thousands of such names: millions of steps in 64 KiB.
const POINTERS: usize = 127;

/// Writes a name without compression, following its pointers. Returns where it ends in the message.
pub fn expand(message: &[u8], start: usize, out: &mut Vec<u8>) -> Option<usize> {
    let end = any_name(message, start)?;
    let (mut at, mut bound, begin) = (start, start, out.len());
    let mut pointers = 0;
    loop {
        let len = *message.get(at)?;
        if len >= 0xc0 {
            // Pointers lead backwards only, so this ends.
            at = usize::from(word(message, at)? & 0x3fff);
            pointers += 1;
            if at >= bound || pointers > POINTERS {
                return None;
            }
            bound = at;
            continue;
        }
        let label = message.get(at..at + 1 + usize::from(len))?;
        out.extend_from_slice(label);
        if len > 63 || out.len() - begin > 255 {
            return None;
        }
        if len == 0 {
            return Some(end);
        }
        at += label.len();
    }
}

/// One resource record, by its places in the message.
#[derive(Clone, Debug)]
pub struct Record {
    /// Where its owner name starts.
    pub start: usize,
    /// Where its owner name ends.
    pub fixed: usize,
    /// The type.
    pub rr_type: u16,
    /// The class; the UDP payload size of an OPT.
    pub class: u16,
    /// Seconds; extended rcode, version and flags of an OPT.
    pub ttl: u32,
    /// The data.
    pub rdata: Range<usize>,
}

/// Reads the record at a place.
pub fn record(message: &[u8], start: usize) -> Option<Record> {
    let fixed = any_name(message, start)?;
    let rdata = fixed + 10..fixed + 10 + usize::from(word(message, fixed + 8)?);
    (rdata.end <= message.len()).then_some(Record {
        start,
        fixed,
        rr_type: word(message, fixed)?,
        class: word(message, fixed + 2)?,
        ttl: long(message, fixed + 4)?,
        rdata,
    })
}

/// Walks over the options of an OPT's data. Returns whether they are well formed.
pub fn each_option<'a>(mut data: &'a [u8], mut visit: impl FnMut(u16, &'a [u8])) -> bool {
    while !data.is_empty() {
        let (Some(code), Some(len)) = (word(data, 0), word(data, 2)) else { return false };
        let Some((option, rest)) = data.split_at_checked(4 + usize::from(len)) else {
            return false;
        };
        visit(code, option);
        data = rest;
    }
    true
}
