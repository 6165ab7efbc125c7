//! Cache: what upstreams have said, for as long as it holds and, should they all fail, a day longer (RFC 8767). Bounded in
//! bytes; the time is an argument. Shards share it: a look-up takes the lock of one of its parts, which no command holds.

use super::question::Question;
use super::stored::{Age, Stored};
use quick_cache::sync::{Cache as Entries, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long past its time an answer may be given for want of another (RFC 8767 section 5).
const STALE: Duration = Duration::from_secs(86_400);

/// How long upstreams that have all failed are not asked again for what is past its time.
const RECHECK: Duration = Duration::from_secs(5);

/// What an entry takes beside its key and its reply, in bytes: its place in the table, and allocations.
const OVERHEAD: usize = 128;

/// What entries take that is usual, in bytes.
const USUAL: usize = 512;

/// The bytes for one part with a lock of its own, so that the longest reply fits many times.
const PART: usize = 1024 * 1024;

/// A bounded store of replies.
#[derive(Debug)]
pub struct Cache {
    entries: Entries<Box<[u8]>, Entry, Weight>,
}

/// A reply and when it was had.
#[derive(Clone, Debug)]
pub struct Entry {
    stored: Arc<Stored>,
    since: Instant,
    until: Instant,
    /// Until when nobody is to be asked, because all have failed.
    failing: Option<Instant>,
}

/// What the cache has for a question.
#[derive(Clone, Debug)]
pub struct Known {
    /// The reply.
    pub stored: Arc<Stored>,
    /// How old it is.
    pub age: Age,
    /// Whether upstreams are to be asked first: it is past its time, and they may have recovered.
    pub expired: bool,
}

/// How full a cache is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Entries.
    pub entries: u64,
    /// What they take, in bytes.
    pub bytes: u64,
    /// What they may take.
    pub most: u64,
}

#[derive(Clone, Debug)]
struct Weight;

impl Weighter<Box<[u8]>, Entry> for Weight {
    fn weight(&self, key: &Box<[u8]>, entry: &Entry) -> u64 {
        (key.len() + entry.stored.size() + OVERHEAD) as u64
    }
}

impl Cache {
    /// Makes an empty cache of so many bytes.
    pub fn new(bytes: usize) -> Self {
        let mut options = OptionsBuilder::new();
        options.weight_capacity(bytes as u64).estimated_items_capacity(bytes / USUAL);
        options.shards((bytes / PART).clamp(1, 32));
        let entries = match options.build() {
            Ok(options) => {
                let hasher = DefaultHashBuilder::default();
                Entries::with_options(options, Weight, hasher, DefaultLifecycle::default())
            }
            Err(_) => Entries::with_weighter(bytes / USUAL, bytes as u64, Weight),
        };
        Self { entries }
    }

    /// Returns what is known of a question.
    pub fn recall(&self, question: &Question, now: Instant) -> Option<Known> {
        let Entry { stored, since, until, failing } = self.entries.get(question.as_bytes())?;
        if now < until {
            let seconds = now.saturating_duration_since(since).as_secs();
            let age = Age::Seconds(u32::try_from(seconds).unwrap_or(u32::MAX));
            return Some(Known { stored, age, expired: false });
        }
        if !stored.is_usable() || now > until + STALE {
            return None;
        }
        let expired = failing.is_none_or(|until| now >= until);
        Some(Known { stored, age: Age::Stale, expired })
    }

    /// Keeps a reply for as long as it may be kept.
    pub fn keep(&self, question: &Question, stored: Arc<Stored>, now: Instant) {
        if let Some(lifetime) = stored.lifetime() {
            let entry = Entry { stored, since: now, until: now + lifetime, failing: None };
            self.entries.insert(question.as_bytes().into(), entry);
        }
    }

    /// Remembers that all upstreams failed: what is past its time is given at once for a while.
    pub fn failing(&self, question: &Question, now: Instant) {
        if let Some(entry) = self.entries.peek(question.as_bytes()) {
            let entry = Entry { failing: Some(now + RECHECK), ..entry };
            self.entries.insert(question.as_bytes().into(), entry);
        }
    }

    /// Allows so many bytes from now on; what is more goes.
    pub fn resize(&self, bytes: u64) {
        self.entries.set_capacity(bytes);
    }

    /// Forgets everything.
    pub fn flush(&self) {
        self.entries.clear();
    }

    /// Returns how full it is.
    pub fn usage(&self) -> Usage {
        let Self { entries } = self;
        let (bytes, most) = (entries.weight(), entries.capacity());
        Usage { entries: entries.len() as u64, bytes, most }
    }
}

#[cfg(test)]
mod tests;
