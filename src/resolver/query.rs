//! Query: reads what a client sent, borrowed and without allocating, and says which errors it earns (RFC 8906: every
//! well-formed query gets an answer). What the answer is, is not decided here.

use super::wire::{self, DO, HEADER, IN, OPCODE, OPT, QR, Rcode, ede, word};

const IXFR: u16 = 251;
const AXFR: u16 = 252;

/// A client's message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed<'a> {
    /// A query to be answered.
    Query(Query<'a>),
    /// A query that gets an error.
    Reply(Rejected<'a>),
    /// No query: too short, or a response.
    Nothing,
}

/// A query, or as much of one as could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query<'a> {
    /// Its id.
    pub id: u16,
    /// The header's flags as asked.
    pub flags: u16,
    /// The question section as asked; empty when there is none to repeat.
    pub question: &'a [u8],
    /// The OPT record.
    pub edns: Option<Edns<'a>>,
}

/// What a query's OPT record says (RFC 6891).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edns<'a> {
    /// The largest UDP payload that the client takes.
    pub payload: u16,
    /// The version.
    pub version: u8,
    /// Whether it asks for DNSSEC records.
    pub dnssec_ok: bool,
    /// The options.
    pub options: &'a [u8],
    /// The whole record.
    pub record: &'a [u8],
}

/// A query that gets an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected<'a> {
    /// What could be read of it.
    pub query: Query<'a>,
    /// The error.
    pub rcode: Rcode,
    /// The extended error.
    pub ede: Option<u16>,
}

/// Reads a packet.
pub fn parse(packet: &[u8]) -> Parsed<'_> {
    let (Some(id), Some(flags)) = (word(packet, 0), word(packet, 2)) else {
        return Parsed::Nothing;
    };
    if packet.len() < HEADER || flags & QR != 0 {
        return Parsed::Nothing;
    }
    let mut query = Query { id, flags, question: &[], edns: None };
    let whole = query.read(packet).is_some();
    let (rcode, ede) = match &query {
        _ if flags & OPCODE != 0 => (Rcode::NotImp, None),
        _ if !whole => (Rcode::FormErr, None),
        Query { edns: Some(edns), .. } if edns.version > 0 => (Rcode::BadVers, None),
        // Zone transfers are of the server's own zones, and it has none (RFC 5936).
        query if query.class() != IN || matches!(query.rr_type(), AXFR | IXFR) => {
            (Rcode::Refused, Some(ede::NOT_SUPPORTED))
        }
        _ => return Parsed::Query(query),
    };
    Parsed::Reply(Rejected { query, rcode, ede })
}

impl<'a> Query<'a> {
    /// Returns the name asked for, as asked, in wire form.
    pub fn name(&self) -> &'a [u8] {
        &self.question[..self.question.len().saturating_sub(4)]
    }

    /// Returns the type asked for.
    pub fn rr_type(&self) -> u16 {
        word(self.question, self.name().len()).unwrap_or(0)
    }

    /// Returns the class asked for.
    pub fn class(&self) -> u16 {
        word(self.question, self.name().len() + 2).unwrap_or(0)
    }

    /// Fills in question and OPT as far as they go. Returns nothing if the packet is malformed; the OPT is looked for
    /// all the same, as an error is to carry one.
    fn read(&mut self, packet: &'a [u8]) -> Option<()> {
        let [questions, answers, authorities, additionals] =
            [4, 6, 8, 10].map(|at| word(packet, at).unwrap_or(0));
        let mut at = HEADER;
        for _ in 0..questions {
            at = wire::plain_name(packet, at)? + 4;
        }
        let question = packet.get(HEADER..at)?;
        if questions == 1 {
            self.question = question;
        }
        let before = usize::from(answers) + usize::from(authorities);
        let mut good = questions == 1;
        for index in 0..before + usize::from(additionals) {
            let record = wire::record(packet, at)?;
            at = record.rdata.end;
            if record.rr_type == OPT {
                let at_root = record.fixed == record.start + 1;
                good &= at_root && index >= before && self.edns.is_none();
                let options = &packet[record.rdata.clone()];
                good &= wire::each_option(options, |_, _| {});
                self.edns = Some(Edns {
                    payload: record.class,
                    version: (record.ttl >> 16) as u8,
                    dnssec_ok: record.ttl & DO != 0,
                    options,
                    record: &packet[record.start..at],
                });
            }
        }
        (good && at == packet.len()).then_some(())
    }
}

#[cfg(test)]
mod tests;
