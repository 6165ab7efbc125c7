//! Filter: `--filter K=V` of listings and prune. Values of one key are alternatives, keys must all hold; labels must
//! each hold. A key that a verb does not know is a failure.

use super::outcome::Failure;
use std::collections::BTreeMap;

/// The filters of one command, checked against the keys that it knows.
#[derive(Debug, Default)]
pub struct Filters(Vec<(String, String)>);

impl Filters {
    /// Parses `K=V` texts; `known` are the keys allowed.
    pub fn parse(texts: &[String], known: &[&str]) -> Result<Self, Failure> {
        let mut filters = Vec::new();
        for text in texts {
            let Some((key, value)) = text.split_once('=') else {
                return Err(Failure::new(format!(
                    "invalid filter '{text}': it should be KEY=VALUE"
                )));
            };
            if !known.contains(&key) {
                let hint = format!("filters: {}", known.join(", "));
                return Err(Failure::new(format!("invalid filter '{key}'")).hint(hint));
            }
            filters.push((key.to_owned(), value.to_owned()));
        }
        Ok(Self(filters))
    }

    /// Returns the values given for a key.
    pub fn values<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(k, _)| k == key).map(|(_, value)| value.as_str())
    }

    /// Whether any value of the key passes, or none was given.
    pub fn any(&self, key: &str, passes: impl Fn(&str) -> bool) -> bool {
        let mut values = self.values(key).peekable();
        values.peek().is_none() || values.any(passes)
    }

    /// Whether all `label=K[=V]` hold and no `label!=K[=V]` does.
    pub fn labels(&self, labels: &BTreeMap<String, String>) -> bool {
        let has = |wanted: &str| match wanted.split_once('=') {
            Some((key, value)) => labels.get(key).is_some_and(|found| found == value),
            None => labels.contains_key(wanted),
        };
        self.values("label").all(has) && !self.values("label!").any(has)
    }
}
