//! Reads what dig printed.

/// A reply, as dig shows it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// The response code, as `NXDOMAIN`; empty if nobody replied.
    pub status: String,
    /// The header's flags, as `qr rd ra`.
    pub flags: String,
    /// The answer section.
    pub answers: Vec<Record>,
    /// Whether an SOA stands in the authority section.
    pub soa: bool,
}

/// A record of an answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Record {
    /// Its owner in the reply's own case, without the final dot.
    pub name: String,
    /// Seconds to live.
    pub ttl: String,
    /// Its type, as `A`.
    pub kind: String,
    /// Its data, without a final dot.
    pub data: String,
}

/// Reads a reply.
pub fn reply(lines: &[String]) -> Reply {
    let mut reply = Reply::default();
    let mut section = "";
    for line in lines {
        if let Some((_, status)) = line.split_once("status: ") {
            reply.status = status.split(',').next().unwrap_or_default().to_owned();
        } else if let Some(flags) = line.strip_prefix(";; flags: ") {
            reply.flags = flags.split(';').next().unwrap_or_default().to_owned();
        } else if let Some(name) = line.strip_prefix(";; ") {
            section = name.strip_suffix(" SECTION:").unwrap_or_default();
        } else if let Some(record) = record(line) {
            match section {
                "ANSWER" => reply.answers.push(record),
                "AUTHORITY" => reply.soa |= record.kind == "SOA",
                _ => {}
            }
        }
    }
    reply
}

fn record(line: &str) -> Option<Record> {
    if line.starts_with(';') {
        return None;
    }
    let mut words = line.split_whitespace();
    let name = bare(words.next()?);
    let ttl = words.next()?.to_owned();
    let _class = words.next()?;
    let kind = words.next()?.to_owned();
    Some(Record { name, ttl, kind, data: bare(&words.collect::<Vec<_>>().join(" ")) })
}

fn bare(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_owned()
}
