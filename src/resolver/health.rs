//! Health: what is remembered of each upstream server, and so in which order and how patiently they are asked. The time
//! is an argument.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long a server that failed is asked after those that did not.
const PENALTY: Duration = Duration::from_secs(10);

/// The round trip that a server is given before it was measured: so a configured order stands until it proves bad.
const UNMEASURED: Duration = Duration::from_millis(100);

/// One upstream server. All sandboxes that ask it from one place share it.
#[derive(Debug)]
pub struct Server {
    /// Where it is asked.
    pub address: SocketAddr,
    born: Instant,
    /// The smoothed round trip in microseconds.
    round_trip: AtomicU64,
    /// Until when it is asked last, in microseconds since `born`.
    penalty: AtomicU64,
    asked: AtomicU64,
    answered: AtomicU64,
    failed: AtomicU64,
}

impl Server {
    /// Makes a server of which nothing is known.
    pub fn new(address: SocketAddr, now: Instant) -> Self {
        Self {
            address,
            born: now,
            round_trip: AtomicU64::new(micros(UNMEASURED)),
            penalty: AtomicU64::new(0),
            asked: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        }
    }

    /// Returns a key by which the best server sorts first.
    pub fn rank(&self, now: Instant) -> (bool, u64) {
        let punished = self.penalty.load(Ordering::Relaxed) > self.age(now);
        (punished, self.round_trip.load(Ordering::Relaxed))
    }

    /// Returns how long this server is waited for before the next is asked, too: three times its usual time, at least
    /// 50 ms and at most 300 ms.
    pub fn patience(&self) -> Duration {
        (self.usual() * 3).clamp(Duration::from_millis(50), Duration::from_millis(300))
    }

    /// Returns its smoothed round trip.
    pub fn usual(&self) -> Duration {
        Duration::from_micros(self.round_trip.load(Ordering::Relaxed))
    }

    /// Returns how often it was asked, answered and failed. Its own process's shortages are no failures of a server.
    pub fn counts(&self) -> [u64; 3] {
        [&self.asked, &self.answered, &self.failed].map(|count| count.load(Ordering::Relaxed))
    }

    /// Remembers a question.
    pub fn asked(&self) {
        self.asked.fetch_add(1, Ordering::Relaxed);
    }

    /// Remembers an answer.
    pub fn answered(&self, after: Duration) {
        let known = self.round_trip.load(Ordering::Relaxed);
        self.round_trip.store((known * 7 + micros(after)) / 8, Ordering::Relaxed);
        self.penalty.store(0, Ordering::Relaxed);
        self.answered.fetch_add(1, Ordering::Relaxed);
    }

    /// Remembers that it had not answered when another, asked later or at the same time, had.
    pub fn outrun(&self, after: Duration) {
        self.round_trip.fetch_max(micros(after), Ordering::Relaxed);
    }

    /// Remembers that it could not be reached or would not answer.
    pub fn failed(&self, now: Instant) {
        self.penalty.store(self.age(now) + micros(PENALTY), Ordering::Relaxed);
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    fn age(&self, now: Instant) -> u64 {
        micros(now.saturating_duration_since(self.born))
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
