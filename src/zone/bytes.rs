//! Bytes: a zone as one row of records in wire form, for the resolver, which does not read files.

use super::types::CNAME;
use super::{Record, WireName, Zone};
use crate::model::DnsName;

impl Zone {
    /// Returns the records, one behind the other.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.records.iter().flat_map(Record::wire).collect()
    }

    /// Reads what [`Zone::to_bytes`] has written; nothing if it is anything else.
    pub fn from_bytes(origin: &DnsName, mut bytes: &[u8]) -> Option<Self> {
        let mut records = Vec::new();
        while !bytes.is_empty() {
            let (record, rest) = record(bytes)?;
            records.push(record);
            bytes = rest;
        }
        Some(Self { origin: origin.clone(), records })
    }
}

fn record(bytes: &[u8]) -> Option<(Record, &[u8])> {
    let (owner, rest) = bytes.split_at_checked(WireName::length(bytes)?)?;
    let (rr_type, rest) = rest.split_first_chunk()?;
    let (_class, rest) = rest.split_first_chunk::<2>()?;
    let (ttl, rest) = rest.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let (rdata, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    let rr_type = u16::from_be_bytes(*rr_type);
    // It is followed, so it has to lead to a name.
    if rr_type == CNAME && WireName::length(rdata) != Some(rdata.len()) {
        return None;
    }
    let record = Record {
        owner: WireName::of(owner.to_vec()),
        rr_type,
        ttl: u32::from_be_bytes(*ttl),
        rdata: rdata.to_vec(),
    };
    Some((record, rest))
}
