//! Whose the host's ports are: asked port by port, however many there are.

#[cfg(test)]
mod tests;

use crate::model::{Proto, Publish, SandboxName};
use std::collections::BTreeMap;

/// Published ports with their sandboxes. Single ones, of which there are many, are found by number; ranges are few.
#[derive(Debug, Default)]
pub struct Owners<'a> {
    singles: BTreeMap<(Proto, u16), Vec<(Publish, &'a SandboxName)>>,
    ranges: Vec<(Publish, &'a SandboxName)>,
}

impl<'a> Owners<'a> {
    /// Notes whose a port or range is.
    pub fn add(&mut self, publish: Publish, by: &'a SandboxName) {
        match publish.count {
            1 => self.singles.entry((publish.proto, publish.host_port)).or_default(),
            _ => &mut self.ranges,
        }
        .push((publish, by));
    }

    /// Returns the first host port that somebody has already, and who.
    pub fn clash(&self, wanted: &Publish) -> Option<(u16, &'a SandboxName)> {
        let ports = wanted.host_ports();
        let near = (wanted.proto, ports.first())..=(wanted.proto, ports.last());
        let singles = self.singles.range(near).flat_map(|(_, owned)| owned);
        let clash = |(owned, by): &(Publish, &'a SandboxName)| Some((owned.clash(wanted)?, *by));
        singles.chain(&self.ranges).filter_map(clash).min_by_key(|(port, _)| *port)
    }
}

impl<'a> FromIterator<(Publish, &'a SandboxName)> for Owners<'a> {
    fn from_iter<I: IntoIterator<Item = (Publish, &'a SandboxName)>>(owned: I) -> Self {
        let mut owners = Self::default();
        owned.into_iter().for_each(|(publish, by)| owners.add(publish, by));
        owners
    }
}
