//! The change from one table to another: single elements where that is enough, else the whole in one transaction.

use super::{Family, Key, Map, Table, Value};
use std::collections::BTreeSet;

/// A change of a table. Each is one transaction of the kernel: all of it or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delta {
    /// Nothing to do.
    Nothing,
    /// Puts this table in the place of whatever bears its name.
    Replace(Table),
    /// Changes elements of maps of a table that exists. Fails if the table or an element to remove does not.
    Elements {
        /// The table's family.
        family: Family,
        /// The table.
        table: String,
        /// Elements that go, by map.
        remove: Vec<(String, Key)>,
        /// Elements that come, by map, after the others went.
        add: Vec<(String, Key, Value)>,
    },
    /// Removes a table, if it exists.
    Remove(Family, String),
}

/// Returns what leads from the old table to the new one.
pub fn delta(old: Option<&Table>, new: Option<&Table>) -> Delta {
    match (old, new) {
        (None, None) => Delta::Nothing,
        (Some(old), None) => Delta::Remove(old.family, old.name.clone()),
        (None, Some(new)) => Delta::Replace(new.clone()),
        (Some(old), Some(new)) if old == new => Delta::Nothing,
        (Some(old), Some(new)) if same_shape(old, new) => elements(old, new),
        (Some(_), Some(new)) => Delta::Replace(new.clone()),
    }
}

/// Returns what leads from old tables to new ones, each the only one of its family.
pub fn deltas(old: &[Table], new: &[Table]) -> Vec<Delta> {
    let of = |tables: &'_ [Table], family| tables.iter().position(|table| table.family == family);
    let families: BTreeSet<Family> = old.iter().chain(new).map(|table| table.family).collect();
    let between = |family| {
        let (before, after) = (of(old, family), of(new, family));
        delta(before.map(|at| &old[at]), after.map(|at| &new[at]))
    };
    families.into_iter().map(between).filter(|delta| *delta != Delta::Nothing).collect()
}

/// Makes of tables what the kernel makes of its own; each is the only one of its family, and they stay in that order.
pub fn follow(tables: &mut Vec<Table>, deltas: Vec<Delta>) {
    for delta in deltas {
        match delta {
            Delta::Nothing => {}
            Delta::Remove(family, _) => tables.retain(|table| table.family != family),
            Delta::Replace(new) => {
                tables.retain(|table| table.family != new.family);
                tables.push(new);
                tables.sort_by_key(|table| table.family);
            }
            Delta::Elements { family, remove, add, .. } => {
                let table = tables.iter_mut().find(|table| table.family == family);
                let Some(Table { maps, .. }) = table else { continue };
                for (map, key) in remove {
                    maps.get_mut(&map).and_then(|map| map.elements.remove(&key));
                }
                for (map, key, value) in add {
                    maps.get_mut(&map).and_then(|map| map.elements.insert(key, value));
                }
            }
        }
    }
}

/// Whether two tables differ in elements alone.
fn same_shape(old: &Table, new: &Table) -> bool {
    let same_map = |((one, old), (other, new)): ((&String, &Map), (&String, &Map))| {
        one == other && (&old.key, &old.value, old.interval) == (&new.key, &new.value, new.interval)
    };
    (old.family, &old.name, old.owned) == (new.family, &new.name, new.owned)
        && old.chains == new.chains
        && old.maps.len() == new.maps.len()
        && old.maps.iter().zip(&new.maps).all(same_map)
}

fn elements(old: &Table, new: &Table) -> Delta {
    let (mut remove, mut add) = (Vec::new(), Vec::new());
    for (name, map) in &new.maps {
        let before = &old.maps[name].elements;
        let gone = before.iter().filter(|(key, value)| map.elements.get(*key) != Some(*value));
        remove.extend(gone.map(|(key, _)| (name.clone(), key.clone())));
        let come = map.elements.iter().filter(|(key, value)| before.get(*key) != Some(*value));
        add.extend(come.map(|(key, value)| (name.clone(), key.clone(), value.clone())));
    }
    Delta::Elements { family: new.family, table: new.name.clone(), remove, add }
}
