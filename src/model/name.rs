//! Names as people type them, parsed once: of networks, of sandboxes, and of the DNS.

use super::Refusal;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A network's name: any text without NUL, newline, slash or leading dash, at most 128 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NetworkName(String);

/// A sandbox's name: `[a-zA-Z0-9][a-zA-Z0-9_.-]*`, each label at most 63 bytes, 253 in all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SandboxName(String);

/// A domain name in lower case without the final dot: labels of 1 to 63 visible ASCII bytes, 253 in all
/// (RFC 1035 section 2.3.4; case by RFC 4343).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DnsName(String);

fn labels_fit(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(|label| (1..=63).contains(&label.len()))
}

fn bad(what: &'static str, text: &str, rule: &'static str) -> Refusal {
    Refusal::BadName { what, text: text.escape_debug().to_string(), rule }
}

impl FromStr for NetworkName {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let good = (1..=128).contains(&text.len())
            && !text.starts_with('-')
            && !text.chars().any(|c| c.is_control() || c == '/')
            && !text.trim().is_empty();
        good.then(|| Self(text.to_owned())).ok_or_else(|| {
            bad("network", text, "1 to 128 bytes without control characters, slash or leading dash")
        })
    }
}

impl FromStr for SandboxName {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let good = text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
            && labels_fit(text);
        if !good {
            let rule = "[a-zA-Z0-9][a-zA-Z0-9_.-]*, each label 1 to 63 characters and 253 in all";
            return Err(bad("sandbox", text, rule));
        }
        reserved(&text.to_ascii_lowercase())?;
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for DnsName {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let text = text.strip_suffix('.').unwrap_or(text);
        let good = labels_fit(text) && text.bytes().all(|b| b.is_ascii_graphic());
        good.then(|| Self(text.to_ascii_lowercase())).ok_or_else(|| {
            bad("DNS", text, "labels of 1 to 63 visible ASCII characters, 253 in all")
        })
    }
}

/// Refuses the names that netdns answers itself: localhost and below, and the two names of the host.
fn reserved(lower: &str) -> Result<(), Refusal> {
    let localhost = lower == "localhost" || lower.ends_with(".localhost");
    if localhost || lower == DnsName::HOST || lower == DnsName::HOST_AS_DOCKER {
        return Err(Refusal::ReservedName(lower.to_owned()));
    }
    Ok(())
}

impl DnsName {
    /// The host, as seen from a sandbox.
    pub const HOST: &'static str = "host.netdns.internal";
    /// The same, as Docker's users know it.
    pub const HOST_AS_DOCKER: &'static str = "host.docker.internal";

    /// Parses a name that somebody wants to own, refusing reserved ones.
    pub fn parse_owned(text: &str) -> Result<Self, Refusal> {
        let name: Self = text.parse()?;
        reserved(&name.0)?;
        Ok(name)
    }

    /// Returns the labels, most specific first.
    pub fn labels(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('.')
    }

    /// Returns this name below another one, if the result still fits a domain name.
    pub fn below(&self, parent: &DnsName) -> Option<DnsName> {
        format!("{}.{}", self.0, parent.0).parse().ok()
    }
}

impl NetworkName {
    /// Returns the name as a DNS suffix, or nothing when it is no domain name and cannot qualify names.
    pub fn as_dns(&self) -> Option<DnsName> {
        self.0.parse().ok()
    }
}

impl SandboxName {
    /// Returns the name as the DNS knows it; every sandbox name is a domain name.
    pub fn as_dns(&self) -> DnsName {
        DnsName(self.0.to_ascii_lowercase())
    }
}

macro_rules! text_of {
    ($($name:ident),*) => {$(
        impl $name {
            /// Returns the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Refusal;

            fn try_from(text: String) -> Result<Self, Refusal> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }
    )*};
}

text_of!(NetworkName, SandboxName, DnsName);
