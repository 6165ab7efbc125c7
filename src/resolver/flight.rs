//! Flight: one question on its way to several servers, within a bounded time. Performs no I/O: it says what to send, it is
//! told what came and what failed, and time and ids are arguments.
//!
//! ```text
//!            poll -> Send     a server is asked, over UDP or TCP
//!   begin -> poll -> Wait     until a reply is heard, an attempt has failed, or the time comes
//!            poll -> Stale    nobody has answered for long: what is past its time is given meanwhile
//!            poll -> Landed   the end
//! ```
//!
//! The best server is asked first; when it takes longer than it usually does, the next is asked as well, and the first
//! usable answer wins. A server that refuses, fails or cannot be reached makes room for the next at once; one that is silent
//! is asked again later; one that does not know EDNS is asked again without it at once.

use super::health::Server;
use super::relay::{is_bare_refusal, knows_no_edns, plain_query, reply_matches, upstream_query};
use super::stored::Stored;
use super::wire::{TC, Transport, word};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The time for one question in all: less than the 5 s after which glibc asks again.
const BUDGET: Duration = Duration::from_secs(4);

/// After this long, servers that have said nothing are asked again: a datagram may have been lost.
const SILENCE: Duration = Duration::from_secs(1);

/// After this long what is past its time is given (RFC 8767 section 5).
const STALE: Duration = Duration::from_millis(1800);

/// One question as all attempts see it.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The client's packet, or the one that asks for what a CNAME leads to.
    pub packet: Arc<[u8]>,
    /// Whether the client can take an answer that needs TCP.
    pub tcp: bool,
    /// Whether a truncated answer is of use to the client, who may come back over TCP.
    pub truncated: bool,
}

/// What is to be done next.
#[derive(Debug)]
pub enum Step {
    /// Ask a server.
    Send(Sending),
    /// Come back when something was heard or has failed, or at this time.
    Wait(Instant),
    /// Give clients what is past its time, and go on.
    Stale,
    /// It is over.
    Landed(Result<Stored, Unanswered>),
}

/// One message to one server.
#[derive(Debug)]
pub struct Sending {
    /// Which attempt this is, for [`Flight::heard`] and [`Flight::failed`].
    pub attempt: usize,
    /// Whom to ask.
    pub server: Arc<Server>,
    /// How.
    pub over: Transport,
    /// What.
    pub query: Arc<[u8]>,
    /// Whether others are asked already, so that this one is not to take what a first attempt may need.
    pub besides: bool,
}

/// Why no upstream answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// There is none.
    #[error("there is no upstream server")]
    Nobody,
    /// None said anything in time.
    #[error("no upstream server answered")]
    Silence,
    /// The network refused every attempt.
    #[error("no upstream server can be reached")]
    Network,
    /// This process is short of something.
    #[error("there is nothing left to ask an upstream server with")]
    Short,
}

/// Why an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The server cannot be reached.
    Server,
    /// This process is short of something.
    Short,
}

/// All attempts for one question.
#[derive(Debug)]
pub struct Flight {
    ask: Ask,
    begun: Instant,
    /// The servers, best first.
    servers: Vec<Arc<Server>>,
    /// Those to be asked, by their place.
    queue: VecDeque<(usize, Transport)>,
    /// When the next is to be asked.
    next: Instant,
    /// When each server that has said nothing was first asked.
    silent: Vec<Option<Instant>>,
    /// Which servers have said that they do not know EDNS.
    plain: Vec<bool>,
    attempts: Vec<Attempt>,
    /// Whether there is something past its time to be given.
    stale: bool,
    landed: Option<Stored>,
    /// The last reply that was an error, or truncated.
    poor: Option<Stored>,
    short: bool,
}

#[derive(Debug)]
struct Attempt {
    place: usize,
    query: Arc<[u8]>,
    over: Transport,
    /// Whether the query has no OPT.
    plain: bool,
    open: bool,
}

impl Flight {
    /// Begins. `stale` says whether something past its time could be given.
    pub fn new(servers: &[Arc<Server>], ask: Ask, stale: bool, now: Instant) -> Self {
        let mut servers = servers.to_vec();
        servers.sort_by_key(|server| server.rank(now));
        Self {
            ask,
            begun: now,
            queue: (0..servers.len()).map(|place| (place, Transport::Udp)).collect(),
            next: now,
            silent: vec![None; servers.len()],
            plain: vec![false; servers.len()],
            servers,
            attempts: Vec::new(),
            stale,
            landed: None,
            poor: None,
            short: false,
        }
    }

    /// Returns what is to be done now. Ids are asked for as they are needed.
    pub fn poll(&mut self, now: Instant, id: &mut dyn FnMut() -> u16) -> Step {
        if let Some(landed) = self.landed.take() {
            return Step::Landed(Ok(landed));
        }
        let end = self.begun + BUDGET;
        if now >= end {
            return self.give_up(Unanswered::Silence);
        }
        if now >= self.next {
            if self.queue.is_empty() {
                self.ask_again(now);
            }
            if let Some((place, over)) = self.queue.pop_front() {
                return Step::Send(self.send(place, over, now, id()));
            }
        }
        if self.servers.is_empty() {
            return self.give_up(Unanswered::Nobody);
        }
        if !self.attempts.iter().any(|attempt| attempt.open) && self.queue.is_empty() {
            let short = self.short;
            return self.give_up(if short { Unanswered::Short } else { Unanswered::Network });
        }
        if self.stale && now >= self.begun + STALE {
            self.stale = false;
            return Step::Stale;
        }
        let stale = if self.stale { self.begun + STALE } else { end };
        Step::Wait(self.next.min(end).min(stale))
    }

    /// Takes what came for an attempt. Returns whether it counts: else the attempt goes on listening (RFC 5452).
    pub fn heard(&mut self, attempt: usize, message: &[u8], now: Instant) -> bool {
        let Some(attempt) = self.attempts.get_mut(attempt).filter(|attempt| attempt.open) else {
            return false;
        };
        if !reply_matches(&attempt.query, message) && !is_bare_refusal(&attempt.query, message) {
            return false;
        }
        attempt.open = false;
        let (place, over) = (attempt.place, attempt.over);
        if !attempt.plain && knows_no_edns(message) {
            self.ask_plainly(place, over, now);
            return true;
        }
        let truncated = word(message, 2).unwrap_or(0) & TC != 0;
        let asked = self.silent[place].take();
        // There is nothing larger than TCP to fetch the rest over: a part of an answer is none.
        let whole = !truncated || over == Transport::Udp;
        let Some(stored) = whole.then(|| Stored::of(message)).flatten() else {
            self.fail(place, now);
            return true;
        };
        let stored = stored.said_by(self.servers[place].address);
        if !stored.is_usable() {
            self.poor = Some(stored);
            self.fail(place, now);
            return true;
        }
        self.servers[place].answered(asked.map_or(Duration::ZERO, |asked| now - asked));
        for (server, asked) in self.servers.iter().zip(&self.silent) {
            if let Some(asked) = asked {
                server.outrun(now - *asked);
            }
        }
        if truncated && self.ask.tcp {
            self.poor = Some(stored).filter(|_| self.ask.truncated);
            self.queue.push_front((place, Transport::Tcp));
            self.next = now;
        } else {
            self.landed = Some(stored);
        }
        true
    }

    /// Takes it that an attempt has failed.
    pub fn failed(&mut self, attempt: usize, failure: Failure, now: Instant) {
        let Some(attempt) = self.attempts.get_mut(attempt).filter(|attempt| attempt.open) else {
            return;
        };
        attempt.open = false;
        let place = attempt.place;
        self.silent[place] = None;
        match failure {
            Failure::Server => self.fail(place, now),
            Failure::Short => self.short = true,
        }
    }

    /// Remembers that a server would not answer: the next has its turn at once.
    fn fail(&mut self, place: usize, now: Instant) {
        self.servers[place].failed(now);
        if !self.queue.is_empty() {
            self.next = now;
        }
    }

    /// Asks a server once more, without an OPT and at once.
    fn ask_plainly(&mut self, place: usize, over: Transport, now: Instant) {
        // It may have been asked twice with one, and say so twice.
        if !std::mem::replace(&mut self.plain[place], true) {
            self.silent[place] = None;
            self.queue.push_front((place, over));
            self.next = now;
        }
    }

    fn send(&mut self, place: usize, over: Transport, now: Instant, id: u16) -> Sending {
        let server = self.servers[place].clone();
        self.silent[place].get_or_insert(now);
        self.next = match self.queue.is_empty() {
            true => now + SILENCE,
            false => now + server.patience(),
        };
        let besides = self.attempts.iter().any(|attempt| attempt.open);
        server.asked();
        let mut query = Vec::with_capacity(512);
        let plain = self.plain[place];
        let write = if plain { plain_query } else { upstream_query };
        write(&self.ask.packet, id, &mut query);
        let query: Arc<[u8]> = query.into();
        let attempt = self.attempts.len();
        self.attempts.push(Attempt { place, query: query.clone(), over, plain, open: true });
        Sending { attempt, server, over, query, besides }
    }

    /// Puts those who have been silent for long into the queue once more.
    fn ask_again(&mut self, now: Instant) {
        self.next = now + SILENCE;
        for (place, asked) in self.silent.iter().enumerate() {
            if asked.is_some_and(|asked| now - asked >= SILENCE) {
                self.queue.push_back((place, Transport::Udp));
                self.next = now;
            }
        }
    }

    fn give_up(&mut self, unanswered: Unanswered) -> Step {
        Step::Landed(self.poor.take().ok_or(unanswered))
    }
}
