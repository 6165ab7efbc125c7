//! Store: State's record on disk, in two files with two lifetimes.
//!
//! STATE_DIR holds what outlives a boot: networks and registrations. RUN_DIR holds what does not: sandboxes with their
//! endpoints, under the boot id they belong to. A change is recorded *pending* in the same transaction as the rows it
//! touches, and settled when its command has an answer; what is pending at start was never acknowledged.

mod file;
mod redb;
#[cfg(test)]
mod tests;

pub use self::redb::RedbStore;

use crate::model::{Change, State};
use std::path::PathBuf;

/// A recorded change that is not settled yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    durable: bool,
    number: u64,
}

/// What a store holds when it is opened.
#[derive(Debug, Default)]
pub struct Loaded {
    /// All recorded changes, applied.
    pub state: State,
    /// The changes whose callers had no answer, oldest first.
    pub pending: Vec<(Ticket, Change)>,
}

/// Where State is recorded.
pub trait Store: Send + Sync + 'static {
    /// Reads everything.
    fn load(&mut self) -> Result<Loaded, StoreError>;

    /// Records a change that leads from `before` to `after`, pending. When it returns the change survives a crash.
    fn record(
        &mut self,
        change: &Change,
        before: &State,
        after: &State,
    ) -> Result<Ticket, StoreError>;

    /// The change's command has its answer.
    fn settle(&mut self, ticket: Ticket) -> Result<(), StoreError>;

    /// Writes State anew where its record is gone, as somebody has emptied the directory.
    fn renew(&mut self, state: &State) -> Result<(), StoreError>;
}

/// Why the record cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file is not what netdns wrote.
    #[error("state file {} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file was written by another version.
    #[error("state file {} has format {found}, this netdns reads format {known}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// Ours.
        known: u64,
    },
    /// The file cannot be read or written.
    #[error("cannot write state file {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<::redb::Error>,
    },
}

impl StoreError {
    /// Returns what to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Damaged { .. } | Self::Format { .. } => Some(
                "netdns daemon --recover sets the file aside and starts without it; what it knew goes: sandboxes that \
                 run lose their networks"
                    .into(),
            ),
            Self::Io { .. } => None,
        }
    }
}
