//! Name: a domain name of a zone file, in wire form.

use crate::model::DnsName;

/// The longest name, in bytes of wire form.
const MAX: usize = 255;
/// The longest label, in bytes.
const MAX_LABEL: usize = 63;

/// A domain name in wire form as it was written, with the root's zero; names that differ in case are equal.
#[derive(Clone, Debug)]
pub struct WireName(Vec<u8>);

impl WireName {
    /// Parses a name as a master file writes it: `\X` and `\DDD` are escapes, `@` is the origin, and a name without a
    /// final dot is below it.
    pub fn parse(text: &[u8], origin: &Self) -> Result<Self, &'static str> {
        if text == b"@" {
            return Ok(origin.clone());
        }
        if text == b"." {
            return Ok(Self(vec![0]));
        }
        let mut name = Vec::with_capacity(text.len() + 2);
        let (mut label, mut rest, mut absolute) = (Vec::new(), text, false);
        while let Some((byte, tail)) = unescape(rest)? {
            absolute = byte == Byte::Dot;
            match byte {
                Byte::Dot => push(&mut name, &mut label)?,
                Byte::Of(byte) => label.push(byte),
            }
            rest = tail;
        }
        if !absolute {
            push(&mut name, &mut label)?;
        }
        name.extend_from_slice(if absolute { &[0] } else { &origin.0 });
        if name.len() > MAX {
            return Err("a name has at most 255 bytes");
        }
        Ok(Self(name))
    }

    /// Takes bytes that are a whole name.
    pub fn of(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Returns how long the name is that stands before other bytes; nothing if none does.
    pub fn length(bytes: &[u8]) -> Option<usize> {
        let mut end = 0;
        loop {
            let label = usize::from(*bytes.get(end)?);
            end += 1 + label;
            if label > MAX_LABEL || end > MAX {
                return None;
            }
            if label == 0 {
                return Some(end);
            }
        }
    }

    /// Returns the bytes with the root's zero.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the bytes in lower case, without the root's zero.
    pub fn key(&self) -> Vec<u8> {
        self.0[..self.0.len() - 1].to_ascii_lowercase()
    }

    /// Returns the name if it is one of visible characters, none of them a dot within a label.
    pub fn to_dns(&self) -> Option<DnsName> {
        let key = self.key();
        let mut labels = Vec::new();
        let mut rest = &key[..];
        while let Some((length, tail)) = rest.split_first() {
            let (label, tail) = tail.split_at_checked(usize::from(*length))?;
            labels.push(std::str::from_utf8(label).ok().filter(|label| !label.contains('.'))?);
            rest = tail;
        }
        labels.join(".").parse().ok()
    }

    /// Whether this is a name or below it.
    pub fn is_within(&self, zone: &Self) -> bool {
        let cut = self.0.len().checked_sub(zone.0.len());
        cut.is_some_and(|cut| {
            self.starts().any(|start| start == cut) && self.0[cut..].eq_ignore_ascii_case(&zone.0)
        })
    }

    /// Whether its first label is the asterisk (RFC 4592).
    pub fn is_wildcard(&self) -> bool {
        self.0.starts_with(b"\x01*")
    }

    fn starts(&self) -> impl Iterator<Item = usize> {
        let next = |at: &usize| match self.0.get(*at) {
            None | Some(0) => None,
            Some(length) => Some(at + 1 + usize::from(*length)),
        };
        std::iter::successors(Some(0), next)
    }
}

impl PartialEq for WireName {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for WireName {}

impl From<&DnsName> for WireName {
    fn from(name: &DnsName) -> Self {
        let mut bytes = Vec::with_capacity(name.as_str().len() + 2);
        for label in name.labels() {
            bytes.push(label.len() as u8);
            bytes.extend_from_slice(label.as_bytes());
        }
        bytes.push(0);
        Self(bytes)
    }
}

/// A byte of a name.
#[derive(PartialEq, Eq)]
pub(super) enum Byte {
    /// A dot that separates labels.
    Dot,
    /// A byte of a label or string.
    Of(u8),
}

/// Reads one byte with its escape (RFC 1035 section 5.1); nothing at the end.
pub(super) fn unescape(text: &[u8]) -> Result<Option<(Byte, &[u8])>, &'static str> {
    match text {
        [] => Ok(None),
        [b'.', rest @ ..] => Ok(Some((Byte::Dot, rest))),
        [b'\\', a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', rest @ ..] => {
            let number =
                [a, b, c].iter().fold(0_u16, |n, digit| n * 10 + u16::from(**digit - b'0'));
            let byte = u8::try_from(number).map_err(|_| "an escape \\DDD is at most \\255")?;
            Ok(Some((Byte::Of(byte), rest)))
        }
        [b'\\', b'0'..=b'9', ..] => Err("an escape \\DDD has three digits"),
        [b'\\', byte, rest @ ..] => Ok(Some((Byte::Of(*byte), rest))),
        [b'\\'] => Err("nothing follows the backslash"),
        [byte, rest @ ..] => Ok(Some((Byte::Of(*byte), rest))),
    }
}

fn push(name: &mut Vec<u8>, label: &mut Vec<u8>) -> Result<(), &'static str> {
    match u8::try_from(label.len()) {
        Ok(0) => Err("a name has an empty label"),
        Ok(length @ 1..=63) => {
            name.push(length);
            name.append(label);
            Ok(())
        }
        _ => Err("a label has at most 63 bytes"),
    }
}
