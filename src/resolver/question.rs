//! Question: what makes two queries the same to a cache and to whoever waits for an answer.

use super::query::Query;
use super::relay::is_of_one_hop;
use super::wire::{self, AD, CD};

/// Bytes before the name: the list of servers, the flags, the type.
const HEAD: usize = 7;
const MOST: usize = HEAD + 255;

/// Name in lower case, type, DO, CD and AD, and the list of servers that is asked. The class is IN. Lives on the stack.
#[derive(Clone)]
pub struct Question {
    bytes: [u8; MOST],
    len: usize,
}

impl Question {
    /// Makes the question of a query to a list of servers. None if an option that servers are to see (RFC 7871, 6891) can
    /// make the answer another one: such a query is shared with nobody.
    pub fn of(servers: u32, query: &Query<'_>) -> Option<Self> {
        let mut dnssec_ok = 0;
        if let Some(edns) = &query.edns {
            let mut alone = false;
            wire::each_option(edns.options, |code, _| alone |= !is_of_one_hop(code));
            if alone {
                return None;
            }
            dnssec_ok = u8::from(edns.dnssec_ok);
        }
        let name = query.name();
        let len = HEAD + name.len();
        let mut bytes = [0; MOST];
        bytes[..4].copy_from_slice(&servers.to_be_bytes());
        // AD and CD are two neighbouring bits of the header's last byte.
        bytes[4] = (query.flags & (AD | CD)) as u8 | dnssec_ok;
        bytes[5..HEAD].copy_from_slice(&query.rr_type().to_be_bytes());
        let place = bytes.get_mut(HEAD..len)?;
        place.copy_from_slice(name);
        place.make_ascii_lowercase();
        Some(Self { bytes, len })
    }

    /// Returns what is compared.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl std::fmt::Debug for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Question").field(&self.as_bytes().escape_ascii().to_string()).finish()
    }
}

#[cfg(test)]
mod tests;
