//! Query log: what sandboxes have asked and were told, while somebody reads it (`netdns query-log`). Bounded: what comes
//! faster than it is read pushes the oldest out, and who missed some is told how many. While nobody reads, a query costs
//! the look at one flag.

use super::cache::Known;
use super::resolution::mnemonic;
use super::stored::Age;
use super::wire::{HEADER, Transport, plain_name, word};
use crate::channel::{LogBatch, LoggedQuery, QuerySource};
use crate::model::SandboxId;
use crate::zone;
use hickory_proto::op::{Message, ResponseCode};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// How many queries are kept.
const KEPT: usize = 2048;

/// The longest reply that is kept whole, in bytes; of others the question is.
const WHOLE: usize = 1232;

/// How many queries one answer to a reader holds: with the longest names and data it still fits a packet.
const AT_ONCE: usize = 64;

/// How many records of an answer are shown, and how many characters of each.
const RECORDS: usize = 8;
const CHARACTERS: usize = 200;

/// Queries and replies for whoever reads.
#[derive(Debug)]
pub struct QueryLog {
    is_read: AtomicBool,
    kept: Mutex<Kept>,
    more: Notify,
}

#[derive(Debug)]
struct Kept {
    entries: VecDeque<Entry>,
    /// The number before the first one of this process.
    begun: u64,
    /// The number of the last one.
    last: u64,
    /// How often somebody has read.
    readings: u64,
}

/// One query that was answered.
#[derive(Clone, Debug)]
pub struct Entry {
    at: SystemTime,
    sandbox: SandboxId,
    transport: Transport,
    reply: Box<[u8]>,
    /// Whether the reply was too long to be kept whole.
    long: bool,
    how: How,
    took: Duration,
}

/// Where an answer comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct How {
    source: QuerySource,
    server: Option<SocketAddr>,
}

impl How {
    /// From local data.
    pub const LOCAL: Self = Self { source: QuerySource::Local, server: None };
    /// From nowhere: nobody could be asked.
    pub const NOBODY: Self = Self { source: QuerySource::Nobody, server: None };

    /// From what an upstream says, or has said before it was asked for.
    pub fn of(known: &Known, before: bool) -> Self {
        let server = known.stored.server();
        let source = match (known.age, server) {
            (Age::Stale, _) => QuerySource::Stale,
            _ if before => QuerySource::Cache,
            (_, Some(_)) => QuerySource::Upstream,
            (_, None) => QuerySource::Nobody,
        };
        Self { source, server }
    }
}

impl Entry {
    /// Makes an entry of what was sent to a sandbox, so long after it had asked.
    pub fn new(
        sandbox: SandboxId,
        transport: Transport,
        reply: &[u8],
        how: How,
        took: Duration,
    ) -> Self {
        let (at, long) = (SystemTime::now(), reply.len() > WHOLE);
        Self { at, sandbox, transport, reply: kept(reply), long, how, took }
    }

    fn shown(&self) -> LoggedQuery {
        let Self { at, sandbox, transport, reply, long, how, took } = self;
        let message = read(reply, *long);
        let question = message.as_ref().and_then(|message| message.queries.first());
        let answers = message.iter().flat_map(|message| &message.answers).take(RECORDS);
        let at = at.duration_since(UNIX_EPOCH).unwrap_or_default();
        LoggedQuery {
            at: u64::try_from(at.as_millis()).unwrap_or(u64::MAX),
            sandbox: *sandbox,
            tcp: *transport == Transport::Tcp,
            name: question.map_or(String::new(), |question| question.name().to_string()),
            rr_type: question
                .map_or(String::new(), |question| zone::type_text(question.query_type().into())),
            rcode: message.as_ref().map_or_else(
                || mnemonic(ResponseCode::from_low(reply.get(3).map_or(0, |low| low & 15))),
                |message| mnemonic(message.metadata.response_code),
            ),
            answers: answers
                .map(|record| {
                    format!("{} {}", zone::type_text(record.record_type().into()), record.data)
                })
                .map(|text| text.chars().take(CHARACTERS).flat_map(printable).collect())
                .collect(),
            records: word(reply, COUNT).unwrap_or(0),
            source: how.source,
            server: how.server,
            micros: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        }
    }
}

/// Returns a character as a terminal may have it.
fn printable(char: char) -> impl Iterator<Item = char> {
    let (plain, escaped) = match char.is_control() {
        true => (None, Some(char.escape_default())),
        false => (Some(char), None),
    };
    plain.into_iter().chain(escaped.into_iter().flatten())
}

/// Where a header has the count of answers.
const COUNT: usize = 6;

/// Returns a reply as it is kept: a long one without its records.
fn kept(reply: &[u8]) -> Box<[u8]> {
    match question(reply) {
        Some(question) if reply.len() > WHOLE => question.into(),
        _ => reply[..reply.len().min(WHOLE)].into(),
    }
}

/// Returns header and question of a reply.
fn question(reply: &[u8]) -> Option<&[u8]> {
    plain_name(reply, HEADER).and_then(|end| reply.get(..end + 4))
}

/// Reads a reply that was kept; of one whose records are not there, or cannot be read, the question.
fn read(reply: &[u8], long: bool) -> Option<Message> {
    let whole = (!long).then(|| Message::from_vec(reply).ok()).flatten();
    whole.or_else(|| {
        let mut question = question(reply)?.to_vec();
        question[COUNT..HEADER].fill(0);
        Message::from_vec(&question).ok()
    })
}

impl QueryLog {
    /// Makes an empty log. Numbers begin with the time in microseconds, so that those of a later process are higher.
    pub fn new(now: SystemTime) -> Self {
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let last = u64::try_from(since.as_micros()).unwrap_or(0);
        let kept = Kept { entries: VecDeque::new(), begun: last, last, readings: 0 };
        Self { is_read: AtomicBool::new(false), kept: Mutex::new(kept), more: Notify::new() }
    }

    /// Keeps an entry if somebody reads.
    pub fn note(&self, entry: impl FnOnce() -> Entry) {
        if !self.is_read.load(Ordering::Relaxed) {
            return;
        }
        let entry = entry();
        let mut kept = self.kept();
        if kept.entries.len() == KEPT {
            kept.entries.pop_front();
        }
        kept.entries.push_back(entry);
        kept.last += 1;
        drop(kept);
        self.more.notify_waiters();
    }

    /// Notes that somebody reads. Returns whether nobody did before, so that somebody is to look whether it ends.
    pub fn open(&self) -> bool {
        let mut kept = self.kept();
        kept.readings += 1;
        !self.is_read.swap(true, Ordering::Relaxed)
    }

    /// Keeps nothing any more unless somebody has read since so many readings; returns how many there are by now. Who
    /// comes back after that has missed something.
    pub fn close_unless_read(&self, since: u64) -> Option<u64> {
        let mut kept = self.kept();
        if kept.readings != since {
            return Some(kept.readings);
        }
        self.is_read.store(false, Ordering::Relaxed);
        kept.entries = VecDeque::new();
        kept.last += 1;
        None
    }

    /// Returns what came after the entry of a number, oldest first and a few at a time; without a number, nothing but
    /// where to begin.
    pub fn after(&self, number: Option<u64>) -> LogBatch {
        let (entries, lost, last) = {
            let kept = self.kept();
            let number = number.unwrap_or(kept.last);
            let oldest = kept.last + 1 - kept.entries.len() as u64;
            // What a process before this one has kept is lost, however much it was.
            let number = number.max(kept.begun.saturating_sub(1));
            let lost = oldest.saturating_sub(number + 1);
            let skip = usize::try_from((number + 1).saturating_sub(oldest)).unwrap_or(usize::MAX);
            let entries: Vec<_> = kept.entries.iter().skip(skip).take(AT_ONCE).cloned().collect();
            let last = number.max(oldest - 1) + entries.len() as u64;
            (entries, lost, last.min(kept.last))
        };
        LogBatch { queries: entries.iter().map(Entry::shown).collect(), last, lost }
    }

    /// Returns the wait for the next entry, from now on.
    pub fn more(&self) -> Notified<'_> {
        self.more.notified()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
