//! Read: entries become records: whose they are, how long they may be remembered, of which type.

use super::lex::{Entry, Lexer, Word};
use super::{MAX_RECORDS, Record, WireName, ZoneError, rdata};
use hickory_proto::rr::RecordType;
use hickory_proto::serialize::txt::parse_ttl;

/// The longest TTL, in seconds (RFC 2181 section 8).
const MAX_TTL: u32 = i32::MAX as u32;

/// What holds from one entry to the next.
struct Reader {
    origin: WireName,
    owner: Option<WireName>,
    default_ttl: Option<u32>,
    last_ttl: Option<u32>,
    records: Vec<(usize, Record)>,
}

/// Reads a file's records with their lines.
pub fn read(origin: &WireName, text: &[u8]) -> Result<Vec<(usize, Record)>, ZoneError> {
    let mut reader = Reader {
        origin: origin.clone(),
        owner: None,
        default_ttl: None,
        last_ttl: None,
        records: Vec::new(),
    };
    let mut lexer = Lexer::new(text);
    while let Some(entry) = lexer.next()? {
        reader.entry(&entry).map_err(|reason| ZoneError::new(entry.line, reason))?;
    }
    Ok(reader.records)
}

impl Reader {
    fn entry(&mut self, entry: &Entry<'_>) -> Result<(), String> {
        let first = &entry.words[0];
        if !entry.indented && !first.quoted && first.text.starts_with(b"$") {
            return self.directive(first.text, &entry.words[1..]);
        }
        let words = if entry.indented { &entry.words[..] } else { &entry.words[1..] };
        if !entry.indented {
            self.owner = Some(WireName::parse(first.text, &self.origin)?);
        }
        let owner = self.owner.clone().ok_or("the first record has no owner")?;
        self.record(entry.line, owner, words)
    }

    fn directive(&mut self, name: &[u8], words: &[Word<'_>]) -> Result<(), String> {
        match (name.to_ascii_uppercase().as_slice(), words) {
            (b"$ORIGIN", [origin]) => self.origin = WireName::parse(origin.text, &self.origin)?,
            (b"$TTL", [ttl]) => {
                let seconds = seconds(ttl.text).ok_or_else(|| wrong("TTL", ttl.text))?;
                self.default_ttl = Some(seconds);
            }
            (b"$ORIGIN" | b"$TTL", _) => return Err(format!("{} takes one word", shown(name))),
            _ => return Err(format!("{} is not supported", shown(name))),
        }
        Ok(())
    }

    fn record(&mut self, line: usize, owner: WireName, words: &[Word<'_>]) -> Result<(), String> {
        let (mut ttl, mut class, mut rest) = (None, false, words);
        // TTL and class stand in either order before the type, each at most once.
        let word = loop {
            let (word, tail) = rest.split_first().ok_or("a record has no type")?;
            rest = tail;
            if ttl.is_none() && word.text.first().is_some_and(u8::is_ascii_digit) {
                ttl = Some(seconds(word.text).ok_or_else(|| wrong("TTL", word.text))?);
            } else if !class && is_class(word.text)? {
                class = true;
            } else {
                break word;
            }
        };
        let rr_type = rr_type(word.text).ok_or_else(|| wrong("record type", word.text))?;
        self.last_ttl = ttl.or(self.last_ttl);
        let ttl = ttl.or(self.default_ttl).or(self.last_ttl).ok_or("no TTL, and no $TTL before")?;
        let rdata = rdata::rdata(rr_type, rest, &self.origin)?;
        if self.records.len() == MAX_RECORDS {
            return Err(format!("a zone has at most {MAX_RECORDS} records"));
        }
        self.records.push((line, Record { owner, rr_type, ttl, rdata }));
        Ok(())
    }
}

/// Parses a TTL: seconds, or with units as BIND writes them (`1h30m`).
fn seconds(text: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(text).ok()?;
    parse_ttl(text).ok().filter(|seconds| *seconds <= MAX_TTL)
}

/// Whether a word is the class of the Internet; other classes are errors.
fn is_class(text: &[u8]) -> Result<bool, String> {
    match text.to_ascii_uppercase().as_slice() {
        b"IN" | b"CLASS1" => Ok(true),
        b"CH" | b"HS" | b"CS" => Err(format!("class {} is not served", shown(text))),
        _ => Ok(false),
    }
}

/// Returns the number of a type's mnemonic, or of `TYPE123` (RFC 3597 section 5).
fn rr_type(text: &[u8]) -> Option<u16> {
    let upper = std::str::from_utf8(text).ok()?.to_ascii_uppercase();
    let number = match upper.strip_prefix("TYPE") {
        Some(digits) => digits.parse().ok()?,
        None => u16::from(upper.parse::<RecordType>().ok()?),
    };
    // Types of questions and of one hop are not data (RFC 6895 section 3.1).
    (number != 0 && number != 41 && !(128..=255).contains(&number)).then_some(number)
}

/// Says that a word is none of what was expected.
pub(super) fn wrong(what: &str, text: &[u8]) -> String {
    format!("not a {what}: {}", shown(text))
}

/// Returns a word as it may be shown, not all of a long one.
pub(super) fn shown(text: &[u8]) -> String {
    let cut = &text[..text.len().min(80)];
    String::from_utf8_lossy(cut).escape_debug().to_string()
}
