//! Text: records as people read them.

use super::{Record, WireName};
use crate::model::Rdata;
use hickory_proto::rr::RecordType;
use hickory_proto::serialize::binary::{BinDecodable, DecodeError};
use std::fmt;

impl fmt::Display for WireName {
    /// Writes the name with its final dot; what is no visible character is escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.as_bytes();
        if rest == [0] {
            return f.write_str(".");
        }
        while let Some((label, tail)) = rest
            .split_first()
            .filter(|(len, _)| **len > 0)
            .and_then(|(len, tail)| tail.split_at_checked(usize::from(*len)))
        {
            for byte in label {
                match byte {
                    b'.' | b'\\' | b'"' | b';' | b'(' | b')' | b'@' | b'$' => {
                        write!(f, "\\{}", char::from(*byte))?;
                    }
                    b'!'..=b'~' => write!(f, "{}", char::from(*byte))?,
                    byte => write!(f, "\\{byte:03}")?,
                }
            }
            f.write_str(".")?;
            rest = tail;
        }
        Ok(())
    }
}

/// Returns a type's mnemonic, or `TYPE123`.
pub fn type_text(rr_type: u16) -> String {
    match RecordType::from(rr_type) {
        RecordType::Unknown(number) => format!("TYPE{number}"),
        known => known.to_string(),
    }
}

/// Returns data in master-file form; those of a type that is not known as RFC 3597 writes them.
pub fn data_text(rr_type: u16, rdata: &[u8]) -> String {
    let owner = WireName::of(vec![0]);
    let record = Record { owner, rr_type, ttl: 0, rdata: rdata.to_vec() };
    match record.parsed() {
        Ok(record) if !matches!(record.record_type(), RecordType::Unknown(_)) => {
            record.data.to_string()
        }
        _ => Rdata::Other(rr_type, record.rdata).to_string(),
    }
}

impl Record {
    /// Reads the record as hickory does.
    pub(super) fn parsed(&self) -> Result<hickory_proto::rr::Record, DecodeError> {
        hickory_proto::rr::Record::from_bytes(&self.wire())
    }

    /// Returns the record in wire form.
    pub(super) fn wire(&self) -> Vec<u8> {
        let owner = self.owner.as_bytes();
        let mut wire = Vec::with_capacity(owner.len() + 10 + self.rdata.len());
        wire.extend_from_slice(owner);
        wire.extend_from_slice(&self.rr_type.to_be_bytes());
        wire.extend_from_slice(&1_u16.to_be_bytes());
        wire.extend_from_slice(&self.ttl.to_be_bytes());
        wire.extend_from_slice(&(self.rdata.len() as u16).to_be_bytes());
        wire.extend_from_slice(&self.rdata);
        wire
    }
}
