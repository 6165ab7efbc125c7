//! Puts names where a text has addresses and identifiers, which differ with every run.

use crate::transcript::Entry;
use std::collections::BTreeMap;

/// Whose each address of a row is.
pub struct Names(BTreeMap<String, String>);

impl Names {
    /// Reads them from the commands that looked at sandboxes and networks.
    pub fn of(row: &[Entry]) -> Self {
        let mut names = BTreeMap::from([
            ("10.9.0.1".to_owned(), "the other host".to_owned()),
            ("10.9.0.2".to_owned(), "the host".to_owned()),
        ]);
        for entry in row.iter().filter(|entry| entry.command.contains(" | grep ")) {
            let command = entry.command.split(" | grep ").next().unwrap_or_default();
            let Some((_, name)) = command.split_once(" inspect ") else { continue };
            for line in &entry.out {
                let mut parts = line.split('"').skip(1).step_by(2);
                let (key, address) = (parts.next(), parts.next().unwrap_or_default());
                let whose = match key {
                    Some("IPAddress") => format!("[{name}]"),
                    Some("Gateway") => format!("[gateway of {name}]"),
                    _ => continue,
                };
                names.insert(address.to_owned(), whose);
            }
        }
        Self(names)
    }

    /// Replaces every address that is known, also in a name of `in-addr.arpa`, and every identifier.
    pub fn put_into(&self, text: &str) -> String {
        let mut put = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(is_word) {
            put += &rest[..at];
            let word = &rest[at..];
            let end = word.find(|c| !is_word(c)).unwrap_or(word.len());
            put += &self.word(&word[..end]);
            rest = &word[end..];
        }
        put + rest
    }

    fn word(&self, word: &str) -> String {
        let bare = word.trim_end_matches('.');
        if let Some(name) = self.0.get(bare) {
            return name.clone();
        }
        if let Some(reversed) = bare.strip_suffix(".in-addr.arpa") {
            let address: Vec<&str> = reversed.rsplit('.').collect();
            let address = address.join(".");
            let address = self.0.get(&address).cloned().unwrap_or(address);
            return format!("{address} reversed");
        }
        let parts = word.split('.').map(|part| part.split('-').map(shown).collect::<Vec<_>>());
        parts.map(|part| part.join("-")).collect::<Vec<_>>().join(".")
    }
}

/// Returns what stands for an identifier: 64 or 12 hexadecimal digits, or a link with some behind `veth`.
fn shown(part: &str) -> &str {
    let hexadecimal = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match part.strip_prefix("veth") {
        Some(digits) if digits.len() == 7 && hexadecimal(digits) => "vethID",
        None if matches!(part.len(), 12 | 64) && hexadecimal(part) => "ID",
        _ => part,
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-')
}
