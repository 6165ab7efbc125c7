//! The change from one table to another: single elements where that is enough, else the whole in one transaction.

use super::{Family, Key, Map, Table, Value};
use std::collections::BTreeMap;

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

/// Whether two tables differ in elements alone. Both element-free copies are small: rules belong to networks.
fn same_shape(old: &Table, new: &Table) -> bool {
    let shape = |map: &Map| (map.key.clone(), map.value.clone(), map.interval);
    let maps = |table: &Table| -> BTreeMap<_, _> {
        table.maps.iter().map(|(name, map)| (name.clone(), shape(map))).collect()
    };
    let whole = |table: &Table| (table.family, table.name.clone(), table.owned);
    whole(old) == whole(new) && old.chains == new.chains && maps(old) == maps(new)
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
