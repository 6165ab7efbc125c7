//! What is compared. Each row stands alone: it makes its own networks and sandboxes (`steps.rs` says how), and they are
//! removed behind it.

mod commands;
mod files;
mod names;
mod ports;
mod walk;

use crate::cell::Shows;

/// One line of the table.
pub struct Row {
    /// By what it is chosen.
    pub key: &'static str,
    /// What is looked at.
    pub what: &'static str,
    /// What is done, a step a line.
    pub steps: &'static str,
    /// What of it stands in the cells.
    pub shows: Shows,
    /// Why the cells differ, if they do.
    pub meant: Option<Meant>,
}

/// A difference that is meant: these two cells, and no others.
pub struct Meant {
    /// Docker's.
    pub docker: &'static str,
    /// Ours.
    pub netdns: &'static str,
    /// The reason.
    pub why: &'static str,
}

/// All rows, below their titles.
pub const SECTIONS: [(&str, &[Row]); 5] = [
    ("By hand, from the first command to the last", walk::ROWS),
    ("Names", names::ROWS),
    ("Files in the sandbox", files::ROWS),
    ("Published ports", ports::ROWS),
    ("Refusals", commands::ROWS),
];

/// Returns every row.
pub fn all() -> impl Iterator<Item = &'static Row> {
    SECTIONS.into_iter().flat_map(|(_, rows)| rows)
}
