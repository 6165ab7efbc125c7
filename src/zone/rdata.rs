//! Rdata: the data of a record, from words to wire form. Most types are a row of fields; those with a grammar of their
//! own are hickory's to parse, and whatever comes out is read back by hickory before it is taken.

use super::lex::Word;
use super::name::{Byte, unescape};
use super::read::{shown, wrong};
use super::types::*;
use super::{Record, WireName};
use hickory_proto::rr::{RData, RecordType};
use hickory_proto::serialize::binary::BinEncodable;
use hickory_proto::serialize::txt::parse_ttl;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The longest data of one record, so that a reply holds it with its header and question.
const MAX: usize = 60_000;

/// A part of a record's data.
#[derive(Clone, Copy)]
enum Field {
    U8,
    U16,
    U32,
    /// A time in seconds, also with units.
    Seconds,
    Name,
    Ipv4,
    Ipv6,
    /// A string of at most 255 bytes, with its length before it.
    String,
    /// One or more of them.
    Strings,
    /// A text without length, to the end.
    Text,
    /// Hexadecimal digits to the end, in one or more words.
    Hex,
}

/// Makes the data of a record of a type.
pub fn rdata(rr_type: u16, words: &[Word<'_>], origin: &WireName) -> Result<Vec<u8>, String> {
    use Field::*;
    if words.first().is_some_and(|word| !word.quoted && word.text == br"\#") {
        return known(rr_type, generic(&words[1..])?);
    }
    let fields: &[Field] = match rr_type {
        A => &[Ipv4],
        AAAA => &[Ipv6],
        NS | CNAME | PTR => &[Name],
        MX => &[U16, Name],
        SRV => &[U16, U16, U16, Name],
        SOA => &[Name, Name, U32, Seconds, Seconds, Seconds, Seconds],
        TXT | SPF => &[Strings],
        HINFO => &[String, String],
        NAPTR => &[U16, U16, String, String, String, Name],
        CAA => &[U8, String, Text],
        SSHFP => &[U8, U8, Hex],
        DNAME => return Err("DNAME is not supported".into()),
        SVCB | HTTPS => return known(rr_type, hickory(rr_type, words, Some((1, origin)))?),
        _ => return known(rr_type, hickory(rr_type, words, None)?),
    };
    let mut out = Vec::new();
    let mut rest = words;
    for field in fields {
        let (word, tail) = rest.split_first().ok_or("the data end too early")?;
        rest = match field {
            Strings | Hex => &[],
            _ => tail,
        };
        let whole =
            if rest.is_empty() { words_from(words, word) } else { std::slice::from_ref(word) };
        write(*field, word, whole, origin, &mut out)?;
    }
    match rest.first() {
        Some(word) => Err(format!("more data than the type has: {}", shown(word.text))),
        None => known(rr_type, out),
    }
}

/// Returns a word and all that follow it.
fn words_from<'w, 'a>(words: &'w [Word<'a>], word: &Word<'a>) -> &'w [Word<'a>] {
    let at = words.iter().position(|other| std::ptr::eq(other, word)).unwrap_or(0);
    &words[at..]
}

fn write(
    field: Field,
    word: &Word<'_>,
    words: &[Word<'_>],
    origin: &WireName,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    match field {
        Field::U8 => out.push(number(word)?),
        Field::U16 => out.extend(number::<u16>(word)?.to_be_bytes()),
        Field::U32 => out.extend(number::<u32>(word)?.to_be_bytes()),
        Field::Seconds => {
            let seconds = text(word).and_then(|text| parse_ttl(text).ok());
            out.extend(seconds.ok_or_else(|| wrong("time", word.text))?.to_be_bytes());
        }
        Field::Name => out.extend(WireName::parse(word.text, origin)?.as_bytes()),
        Field::Ipv4 => out.extend(parsed::<Ipv4Addr>(word, "IPv4 address")?.octets()),
        Field::Ipv6 => out.extend(parsed::<Ipv6Addr>(word, "IPv6 address")?.octets()),
        Field::String => string(word, out)?,
        Field::Strings => words.iter().try_for_each(|word| string(word, out))?,
        Field::Text => out.extend(bytes(word)?),
        Field::Hex => out.extend(hex(words)?),
    }
    Ok(())
}

fn text<'a>(word: &Word<'a>) -> Option<&'a str> {
    std::str::from_utf8(word.text).ok()
}

fn parsed<T: std::str::FromStr>(word: &Word<'_>, what: &str) -> Result<T, String> {
    text(word).and_then(|text| text.parse().ok()).ok_or_else(|| wrong(what, word.text))
}

fn number<T: std::str::FromStr>(word: &Word<'_>) -> Result<T, String> {
    let digits = word.text.iter().all(u8::is_ascii_digit);
    let number = text(word).filter(|_| digits).and_then(|text| text.parse().ok());
    number.ok_or_else(|| wrong("number that fits", word.text))
}

/// Takes a text's escapes away.
fn bytes(word: &Word<'_>) -> Result<Vec<u8>, String> {
    let (mut bytes, mut rest) = (Vec::with_capacity(word.text.len()), word.text);
    while let Some((byte, tail)) = unescape(rest)? {
        bytes.push(match byte {
            Byte::Dot => b'.',
            Byte::Of(byte) => byte,
        });
        rest = tail;
    }
    Ok(bytes)
}

fn string(word: &Word<'_>, out: &mut Vec<u8>) -> Result<(), String> {
    let bytes = bytes(word)?;
    let length = u8::try_from(bytes.len()).map_err(|_| "a string has at most 255 bytes")?;
    out.push(length);
    out.extend(bytes);
    Ok(())
}

fn hex(words: &[Word<'_>]) -> Result<Vec<u8>, String> {
    let digits: Vec<u8> = words.iter().flat_map(|word| word.text).copied().collect();
    let value = |digit: u8| char::from(digit).to_digit(16).map(|value| value as u8);
    let pair = |pair: &[u8]| Some(value(*pair.first()?)? << 4 | value(*pair.get(1)?)?);
    let bytes: Option<Vec<u8>> = digits.chunks(2).map(pair).collect();
    bytes.ok_or_else(|| wrong("row of pairs of hexadecimal digits", &digits))
}

/// Reads data of any type, `\# LENGTH HEX` (RFC 3597 section 5).
fn generic(words: &[Word<'_>]) -> Result<Vec<u8>, String> {
    let (length, digits) = words.split_first().ok_or(r"\# has no length")?;
    let length: u16 = number(length)?;
    let bytes = hex(digits)?;
    if bytes.len() != usize::from(length) {
        return Err(format!(r"\# says {length} bytes, and there are {}", bytes.len()));
    }
    Ok(bytes)
}

/// Has hickory parse the words of types with a grammar of their own; the name among them may be below the origin.
fn hickory(
    rr_type: u16,
    words: &[Word<'_>],
    name: Option<(usize, &WireName)>,
) -> Result<Vec<u8>, String> {
    let hint = r"; any type may be written as \# LENGTH HEX (RFC 3597)";
    let mut line = String::new();
    for (place, word) in words.iter().enumerate() {
        let text = text(word).ok_or_else(|| wrong("text", word.text))?;
        // It would be two words to hickory, or the start of a comment.
        if word.text.iter().any(|byte| matches!(byte, b' ' | b'\t' | b';')) {
            return Err(wrong("plain word", word.text) + hint);
        }
        let absolute = match name {
            Some((named, origin)) if named == place => {
                let name = WireName::parse(word.text, origin)?;
                Some(name.to_string())
            }
            _ => None,
        };
        line.push_str(absolute.as_deref().unwrap_or(text));
        line.push(' ');
    }
    let rr_type = RecordType::from(rr_type);
    let data = RData::try_from_str(rr_type, &line).map_err(|error| format!("{error}{hint}"))?;
    data.to_bytes().map_err(|error| error.to_string())
}

/// Takes data that hickory can read, if it knows the type.
fn known(rr_type: u16, rdata: Vec<u8>) -> Result<Vec<u8>, String> {
    if rdata.len() > MAX {
        return Err(format!("the data have more than {MAX} bytes"));
    }
    let owner = WireName::of(vec![0]);
    let record = Record { owner, rr_type, ttl: 0, rdata };
    record.parsed().map_err(|error| format!("the data are not of the type: {error}"))?;
    Ok(record.rdata)
}
