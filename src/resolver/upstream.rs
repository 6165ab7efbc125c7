//! Upstream: several servers, one question, a bounded time.
//!
//! The best server is asked first; when it takes longer than it usually does, the next is asked as well, and the first usable
//! answer wins. A server that refuses, fails or cannot be reached makes room for the next at once; one that is silent
//! is asked again later. There is no cache here.

use super::answer::{upstream_query, well_formed};
use super::exchange::{over_tcp, over_udp};
use super::health::Server;
use super::inside::{Inside, Lease};
use super::wire::{TC, word};
use crate::channel::Watched;
use rustix::net::{AddressFamily, SocketAddrAny, SocketFlags, SocketType};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::Interest;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

/// The time for one client's query in all: less than the 5 s after which glibc asks again.
const BUDGET: Duration = Duration::from_secs(4);

/// After this long, servers that have said nothing are asked again: a datagram may have been lost.
const SILENCE: Duration = Duration::from_secs(1);

/// The most servers that are asked.
const MOST: usize = 8;

/// From where servers are asked.
#[derive(Clone, Debug)]
pub enum Via {
    /// From the host's namespace, in which this process runs; a permit for each socket that may be open.
    Host(Arc<Semaphore>),
    /// From inside a sandbox.
    Inside(Arc<Inside>),
}

/// Servers, and from where they are asked.
#[derive(Debug)]
pub struct Upstreams {
    servers: Vec<Arc<Server>>,
    via: Via,
}

/// Why no upstream answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// There is none, or none said anything in time.
    #[error("no upstream server answered")]
    Silence,
    /// The network refused every attempt.
    #[error("no upstream server can be reached")]
    Network,
}

/// One question as all attempts see it.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The client's packet, or the one that asks for what a CNAME leads to.
    pub packet: Rc<[u8]>,
    /// Whether the client can take an answer that needs TCP.
    pub tcp: bool,
    /// Whether a truncated answer is of use to the client, who may come back over TCP.
    pub truncated: bool,
}

impl Upstreams {
    /// Makes a list that has no server.
    pub fn nobody() -> Self {
        Self { servers: Vec::new(), via: Via::Host(Arc::new(Semaphore::new(0))) }
    }

    /// Makes a list of at most eight servers, in order; what `known` remembers of them is kept.
    pub fn new(addresses: impl IntoIterator<Item = SocketAddr>, via: Via, known: &Self) -> Self {
        let server = |address| {
            let known = known.servers.iter().find(|server| server.address == address).cloned();
            known.unwrap_or_else(|| Arc::new(Server::new(address)))
        };
        Self { servers: addresses.into_iter().take(MOST).map(server).collect(), via }
    }

    /// Asks, and returns the first usable reply. If there is none but a server did reply with an error, that reply is returned.
    /// To be called within a `LocalSet`; dropping the future ends all attempts.
    pub async fn ask(&self, ask: Ask) -> Result<Vec<u8>, Unanswered> {
        let error = RefCell::new(None);
        let asked = timeout(BUDGET, Race::new(self, ask, &error).run()).await;
        match asked.unwrap_or(Err(Unanswered::Silence)) {
            Err(unanswered) => error.take().ok_or(unanswered),
            answered => answered,
        }
    }
}

/// How one attempt ended.
type Attempt = (usize, io::Result<Vec<u8>>);

/// All attempts for one question.
struct Race<'a> {
    servers: Vec<Arc<Server>>,
    via: Via,
    ask: Ask,
    /// Servers to be asked, by their place.
    queue: VecDeque<usize>,
    /// When each server that has said nothing was first asked.
    silent: Vec<Option<Instant>>,
    attempts: JoinSet<Attempt>,
    /// The last reply that was an error.
    error: &'a RefCell<Option<Vec<u8>>>,
}

impl<'a> Race<'a> {
    fn new(upstreams: &Upstreams, ask: Ask, error: &'a RefCell<Option<Vec<u8>>>) -> Self {
        let mut servers = upstreams.servers.clone();
        servers.sort_by_key(|server| server.rank());
        Self {
            queue: (0..servers.len()).collect(),
            silent: vec![None; servers.len()],
            servers,
            via: upstreams.via.clone(),
            ask,
            attempts: JoinSet::new(),
            error,
        }
    }

    async fn run(mut self) -> Result<Vec<u8>, Unanswered> {
        loop {
            let patience = self.ask_next();
            if self.attempts.is_empty() {
                let none = self.servers.is_empty();
                return Err(if none { Unanswered::Silence } else { Unanswered::Network });
            }
            tokio::select! {
                Some(Ok(attempt)) = self.attempts.join_next() => {
                    if let Some(reply) = self.judge(attempt) {
                        return Ok(reply);
                    }
                }
                () = sleep(patience) => {}
            }
        }
    }

    /// Asks the next server, or once more those that are silent, and returns how long to wait before the next is asked.
    fn ask_next(&mut self) -> Duration {
        let Some(place) = self.queue.pop_front() else { return self.ask_again() };
        self.silent[place].get_or_insert_with(Instant::now);
        self.attempt(place);
        match self.queue.is_empty() {
            true => SILENCE,
            false => self.servers[place].patience(),
        }
    }

    fn ask_again(&mut self) -> Duration {
        for place in 0..self.servers.len() {
            if self.silent[place].is_some_and(|asked| asked.elapsed() >= SILENCE) {
                self.attempt(place);
            }
        }
        SILENCE
    }

    fn attempt(&mut self, place: usize) {
        let (server, via, ask) = (self.servers[place].clone(), self.via.clone(), self.ask.clone());
        self.attempts.spawn_local(async move { (place, attempt(&server, via, ask).await) });
    }

    /// Remembers what a server did, and returns its reply if it is usable.
    fn judge(&mut self, (place, result): Attempt) -> Option<Vec<u8>> {
        let asked = self.silent[place].take();
        let server = &self.servers[place];
        match result {
            Ok(reply) if usable(&reply) => {
                server.answered(asked.map_or(Duration::ZERO, |asked| asked.elapsed()));
                for (server, asked) in self.servers.iter().zip(&self.silent) {
                    if let Some(asked) = asked {
                        server.outrun(asked.elapsed());
                    }
                }
                return Some(reply);
            }
            Ok(reply) => {
                if well_formed(&reply) {
                    self.error.replace(Some(reply));
                }
            }
            Err(error) => {
                tracing::debug!(server = %server.address, %error, "upstream");
                if is_our_own(&error) {
                    return None;
                }
            }
        }
        server.failed();
        None
    }
}

/// Whether a reply ends the search: no error of the server's own (SERVFAIL, REFUSED, FORMERR, NOTIMP), and readable.
fn usable(reply: &[u8]) -> bool {
    let rcode = word(reply, 2).unwrap_or(0) & 0x000f;
    !matches!(rcode, 1 | 2 | 4 | 5) && well_formed(reply)
}

/// Asks one server once: over UDP, from a socket of its own and with an id of its own, then, if that does not hold the whole
/// answer and the client can take it, over TCP.
async fn attempt(server: &Server, via: Via, ask: Ask) -> io::Result<Vec<u8>> {
    // One descriptor at a time: the socket over UDP is closed before the one over TCP is opened.
    let _permit = via.permit()?;
    let mut query = Vec::with_capacity(512);
    upstream_query(&ask.packet, random_id()?, &mut query);
    let reply = {
        let socket = UdpSocket::connect(&via, server.address).await?;
        over_udp(socket.watched()?, &query).await?
    };
    if word(&reply, 2).unwrap_or(0) & TC == 0 || !ask.tcp {
        return Ok(reply);
    }
    let whole = async { over_tcp(connect_tcp(&via, server.address).await?, &query).await };
    match whole.await {
        Err(_) if ask.truncated => Ok(reply),
        whole => whole,
    }
}

/// Whether it was this process that failed, short of something or with too long a query, and not the server.
fn is_our_own(error: &io::Error) -> bool {
    let short = [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM, libc::EMSGSIZE];
    error.kind() == io::ErrorKind::QuotaExceeded
        || error.raw_os_error().is_some_and(|number| short.contains(&number))
}

impl Via {
    /// Takes the permit for one socket; those made inside are counted where they are lent.
    fn permit(&self) -> io::Result<Option<OwnedSemaphorePermit>> {
        match self {
            Self::Host(sockets) => {
                let permit = sockets.clone().try_acquire_owned();
                permit.map(Some).map_err(|_| io::ErrorKind::QuotaExceeded.into())
            }
            Self::Inside(_) => Ok(None),
        }
    }
}

fn random_id() -> io::Result<u16> {
    let number = getrandom::u32().map_err(|error| io::Error::other(error.to_string()))?;
    Ok((number >> 16) as u16)
}

/// A connected UDP socket of either origin.
enum UdpSocket {
    Fresh(Watched),
    Lent(Lease),
}

impl UdpSocket {
    async fn connect(via: &Via, server: SocketAddr) -> io::Result<Self> {
        match via {
            Via::Host(_) => fresh(server).map(Self::Fresh),
            Via::Inside(inside) => inside.clone().udp(server).await.map(Self::Lent),
        }
    }

    fn watched(&self) -> io::Result<&Watched> {
        match self {
            Self::Fresh(watched) => Ok(watched),
            Self::Lent(lease) => lease.socket().ok_or(io::ErrorKind::NotConnected.into()),
        }
    }
}

/// Makes a UDP socket at a random port of the kernel's choice.
fn fresh(server: SocketAddr) -> io::Result<Watched> {
    let family = if server.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket: OwnedFd = rustix::net::socket_with(family, SocketType::DGRAM, flags, None)?;
    rustix::net::connect(&socket, &SocketAddrAny::from(server))?;
    Watched::new(Arc::new(socket), Interest::READABLE | Interest::WRITABLE)
}

async fn connect_tcp(via: &Via, server: SocketAddr) -> io::Result<TcpStream> {
    match via {
        Via::Host(_) => {
            let socket = if server.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
            socket?.connect(server).await
        }
        Via::Inside(inside) => inside.tcp(server).await,
    }
}
