//! Servers: a list of upstream servers that are asked from one place, what is remembered of them, and what they have said.
//! Performs no I/O; the time is an argument.

use super::cache::{Cache, Known};
use super::flight::{Ask, Flight, Unanswered};
use super::health::Server;
use super::query::Query;
use super::question::Question;
use super::stored::{Age, Stored};
use super::wire::ede;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

/// The most servers that are asked.
const MOST: usize = 8;

/// A list of servers.
#[derive(Debug)]
pub struct Servers {
    /// Tells apart in a shared cache what different lists have said.
    number: u32,
    list: Vec<Arc<Server>>,
    cache: Arc<Cache>,
}

impl Servers {
    /// Makes a list of at most eight, in order. What `known` remembers of each is kept.
    pub fn new(
        addresses: &[SocketAddr],
        known: &[Arc<Server>],
        cache: Arc<Cache>,
        now: Instant,
    ) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let server = |address: &SocketAddr| {
            let known = known.iter().find(|server| server.address == *address).cloned();
            known.unwrap_or_else(|| Arc::new(Server::new(*address, now)))
        };
        let list = addresses.iter().take(MOST).map(server).collect();
        Self { number: NEXT.fetch_add(1, Ordering::Relaxed), list, cache }
    }

    /// Returns the servers in the order given.
    pub fn list(&self) -> &[Arc<Server>] {
        &self.list
    }

    /// Whether these are they, in this order.
    pub fn are(&self, addresses: &[SocketAddr]) -> bool {
        self.list.iter().map(|server| server.address).eq(addresses.iter().take(MOST).copied())
    }

    /// Returns where their answers are kept.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Returns under which name a query's answer is kept and shared; none if it is not.
    pub fn question(&self, query: &Query<'_>) -> Option<Question> {
        Question::of(self.number, query)
    }

    /// Returns what they have said to a question before.
    pub fn recall(&self, question: &Question, now: Instant) -> Option<Known> {
        self.cache.recall(question, now)
    }

    /// Begins to ask them.
    pub fn begin(&self, ask: Ask, question: Option<&Question>, now: Instant) -> Flight {
        let stale = question.is_some_and(|question| self.recall(question, now).is_some());
        Flight::new(&self.list, ask, stale, now)
    }

    /// Takes the end of a flight: keeps what was learnt, and returns what waiting clients are told.
    pub fn conclude(
        &self,
        question: Option<&Question>,
        landed: Result<Stored, Unanswered>,
        now: Instant,
    ) -> Known {
        let usable = landed.as_ref().is_ok_and(Stored::is_usable);
        if !usable && let Some(stale) = question.and_then(|question| self.recall(question, now)) {
            question.inspect(|question| self.cache.failing(question, now));
            return Known { expired: false, ..stale };
        }
        let remembered = !matches!(landed, Err(Unanswered::Nobody | Unanswered::Short));
        let stored = Arc::new(landed.unwrap_or_else(|why| Stored::failure(extended(why))));
        if let Some(question) = question.filter(|_| remembered) {
            self.cache.keep(question, stored.clone(), now);
        }
        Known { stored, age: Age::Seconds(0), expired: false }
    }
}

fn extended(unanswered: Unanswered) -> u16 {
    match unanswered {
        Unanswered::Nobody | Unanswered::Silence => ede::NO_REACHABLE_AUTHORITY,
        Unanswered::Network => ede::NETWORK_ERROR,
        Unanswered::Short => ede::OTHER,
    }
}
