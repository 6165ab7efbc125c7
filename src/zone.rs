//! Zone: a zone file in master file format (RFC 1035 section 5), read and checked whole.
//!
//! `lex` cuts a file into entries and words; `read` gives them owners, TTLs and types; `rdata` makes their data, with
//! hickory's help; `check` says what one zone may not hold. `bytes` is the way to the resolver. Who is answered what is not
//! decided here, and DNSSEC records, DNAME, `$INCLUDE` and `$GENERATE` are not understood: a file that has them is refused.

mod bytes;
mod check;
mod lex;
mod name;
mod rdata;
mod read;
mod text;

#[cfg(test)]
mod tests;

use crate::model::DnsName;

pub use name::WireName;
pub use text::{data_text, type_text};

/// The longest file that is read, in bytes.
pub const MAX_BYTES: usize = 16 << 20;

/// The most records of one zone.
pub const MAX_RECORDS: usize = 200_000;

/// A zone without an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// Its apex.
    pub origin: DnsName,
    /// Its records, the apex's SOA first; those of one name and type follow each other and have one TTL.
    pub records: Vec<Record>,
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Who owns it.
    pub owner: WireName,
    /// Its type's number.
    pub rr_type: u16,
    /// Seconds.
    pub ttl: u32,
    /// Its data in wire form, without compression.
    pub rdata: Vec<u8>,
}

/// Why a file is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct ZoneError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub reason: String,
}

impl ZoneError {
    fn new(line: usize, reason: impl Into<String>) -> Self {
        Self { line, reason: reason.into() }
    }
}

impl Zone {
    /// Reads a zone's file.
    pub fn read(origin: &DnsName, text: &[u8]) -> Result<Self, ZoneError> {
        if text.len() > MAX_BYTES {
            let reason = format!("the file has more than {} MiB", MAX_BYTES >> 20);
            return Err(ZoneError::new(1, reason));
        }
        let records = read::read(&WireName::from(origin), text)?;
        let records = check::check(&WireName::from(origin), records)?;
        Ok(Self { origin: origin.clone(), records })
    }
}

/// Numbers of the types that zones are made of (IANA's list).
mod types {
    pub const A: u16 = 1;
    pub const NS: u16 = 2;
    pub const CNAME: u16 = 5;
    pub const SOA: u16 = 6;
    pub const PTR: u16 = 12;
    pub const HINFO: u16 = 13;
    pub const MX: u16 = 15;
    pub const TXT: u16 = 16;
    pub const AAAA: u16 = 28;
    pub const SRV: u16 = 33;
    pub const NAPTR: u16 = 35;
    pub const DNAME: u16 = 39;
    pub const SSHFP: u16 = 44;
    pub const SVCB: u16 = 64;
    pub const HTTPS: u16 = 65;
    pub const SPF: u16 = 99;
    pub const CAA: u16 = 257;
}
