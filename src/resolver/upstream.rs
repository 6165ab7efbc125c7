//! Upstream: carries flights: opens the sockets, sends, listens, keeps time. What is asked of whom and when is decided in
//! `flight`. Identical questions in flight are asked once.

use super::cache::{Cache, Known};
use super::exchange::{listen_tcp, listen_udp, send_tcp, send_udp};
use super::flight::{Ask, Failure, Flight, Sending, Step};
use super::inside::{Inside, Lease};
use super::ports::Port;
use super::question::Question;
use super::random;
use super::servers::Servers;
use super::stored::{Age, Stored};
use super::wire::{Transport, ede};
use futures_util::future::{LocalBoxFuture, select_all};
use std::collections::HashMap;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::spawn_local;
use tokio::time::sleep_until;

/// From where servers are asked.
#[derive(Clone, Debug)]
pub enum Via {
    /// From the host's namespace, in which this process runs.
    Host(Arc<Sockets>),
    /// From inside a sandbox.
    Inside(Arc<Inside>),
}

/// How many sockets may be open towards upstreams.
#[derive(Debug)]
pub struct Sockets {
    permits: Arc<Semaphore>,
    /// So many are kept for first attempts.
    reserve: usize,
}

/// Servers, from where they are asked, and what is being asked of them.
#[derive(Debug)]
pub struct Upstreams {
    /// The servers.
    pub servers: Servers,
    via: Via,
    flights: Mutex<HashMap<FlightKey, Waiting>>,
}

/// The question, and whether an answer that needs TCP is wanted.
type FlightKey = (Box<[u8]>, bool);

/// Where the outcome of a flight is told.
type Waiting = watch::Receiver<Option<Known>>;

impl Sockets {
    /// Allows so many; of which half are for first attempts.
    pub fn new(most: usize) -> Self {
        Self { permits: Arc::new(Semaphore::new(most)), reserve: most / 2 }
    }

    /// Takes the right to one more, if it is for a first attempt or there are many left.
    pub fn permit(&self, besides: bool) -> io::Result<OwnedSemaphorePermit> {
        let short = besides && self.permits.available_permits() <= self.reserve;
        let permit = (!short).then(|| self.permits.clone().try_acquire_owned().ok());
        permit.flatten().ok_or(io::ErrorKind::QuotaExceeded.into())
    }

    /// Whether there are so many left that some may lie idle.
    pub fn are_plenty(&self) -> bool {
        self.permits.available_permits() > self.reserve + self.reserve / 2
    }
}

impl Upstreams {
    /// Makes a list of servers, in order; what `known` remembers of them is kept.
    pub fn new(
        addresses: &[SocketAddr],
        via: Via,
        cache: Arc<Cache>,
        known: Option<&Self>,
    ) -> Self {
        let known = known.map_or(&[][..], |known| known.servers.list());
        let servers = Servers::new(addresses, known, cache, Instant::now());
        Self { servers, via, flights: Mutex::default() }
    }

    /// Asks, or waits for the answer to the same question that is being asked already. What is `held` is held until the
    /// end of a flight that this begins, which may come later than the answer. To be called within a `LocalSet`.
    pub async fn ask(
        self: &Arc<Self>,
        ask: Ask,
        question: Option<Question>,
        held: impl Sized + 'static,
    ) -> Known {
        let mut waiting = self.join(ask, question, held);
        let told = waiting.wait_for(Option::is_some).await.ok().and_then(|known| known.clone());
        // A flight tells before it ends, but for one that ends with its thread.
        told.unwrap_or_else(|| Known {
            stored: Arc::new(Stored::failure(ede::OTHER)),
            age: Age::Seconds(0),
            expired: false,
        })
    }

    fn join(
        self: &Arc<Self>,
        ask: Ask,
        question: Option<Question>,
        held: impl Sized + 'static,
    ) -> Waiting {
        let (tell, waiting) = watch::channel(None);
        let key = question.as_ref().map(|question| (question.as_bytes().into(), ask.tcp));
        if let Some(key) = &key {
            let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(waiting) = flights.get(key) {
                return waiting.clone();
            }
            flights.insert(FlightKey::clone(key), waiting.clone());
        }
        let upstreams = self.clone();
        spawn_local(async move {
            upstreams.fly(ask, question, &tell).await;
            if let Some(key) = key {
                upstreams.flights.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
            }
            drop(held);
        });
        waiting
    }

    async fn fly(&self, ask: Ask, question: Option<Question>, tell: &watch::Sender<Option<Known>>) {
        let question = question.as_ref();
        let mut flight = self.servers.begin(ask, question, Instant::now());
        let mut open: Vec<LocalBoxFuture<'_, Ended>> = Vec::new();
        loop {
            let until = match flight.poll(Instant::now(), &mut random_id) {
                Step::Send(sending) => {
                    open.push(Box::pin(attempt(&self.via, sending)));
                    continue;
                }
                Step::Stale => {
                    let now = Instant::now();
                    let stale = question.and_then(|question| self.servers.recall(question, now));
                    tell.send_replace(stale);
                    continue;
                }
                Step::Landed(landed) => {
                    let known = self.servers.conclude(question, landed, Instant::now());
                    tell.send_replace(Some(known));
                    return;
                }
                Step::Wait(until) => until,
            };
            let ended = tokio::select! {
                ended = first(&mut open) => ended,
                () = sleep_until(until.into()) => continue,
            };
            if let Some(listening) = take(&mut flight, ended) {
                open.push(Box::pin(listening));
            }
        }
    }
}

/// How an attempt went on: a message, with the socket to go on listening at, or an error.
type Ended = (usize, io::Result<(Vec<u8>, Link)>);

/// Waits for the first of all attempts, and takes it out.
async fn first(open: &mut Vec<LocalBoxFuture<'_, Ended>>) -> Ended {
    if open.is_empty() {
        return pending().await;
    }
    let (ended, place, _) = select_all(open.iter_mut()).await;
    drop(open.swap_remove(place));
    ended
}

/// Tells a flight what came of an attempt. Returns the wait for more if that was no answer.
fn take(
    flight: &mut Flight,
    (attempt, came): Ended,
) -> Option<impl Future<Output = Ended> + use<>> {
    match came {
        Ok((message, link)) if !flight.heard(attempt, &message, Instant::now()) => {
            Some(async move { (attempt, link.listen().await) })
        }
        Ok((_, link)) => {
            link.keep();
            None
        }
        Err(error) => {
            tracing::debug!(attempt, %error, "upstream");
            let failure = if is_our_own(&error) { Failure::Short } else { Failure::Server };
            flight.failed(attempt, failure, Instant::now());
            None
        }
    }
}

/// Asks one server once from a socket that nobody else has, and returns the first message that comes there.
async fn attempt(via: &Via, sending: Sending) -> Ended {
    let Sending { attempt, server, over, query, besides } = sending;
    let came = async {
        let link = Link::open(via, server.address, over, besides).await?;
        link.send(&query).await?.listen().await
    };
    (attempt, came.await)
}

/// Whether it was this process that failed, short of something or with too long a query, and not the server.
fn is_our_own(error: &io::Error) -> bool {
    let short = [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM, libc::EMSGSIZE];
    error.kind() == io::ErrorKind::QuotaExceeded
        || error.raw_os_error().is_some_and(|number| short.contains(&number))
}

/// Returns a number that nobody can foresee. Without the kernel's randomness it is 0: a guess that an attacker still has
/// to pair with the port.
fn random_id() -> u16 {
    random::number().unwrap_or(0)
}

/// A socket connected to a server, with the permit for it; those made inside are counted where they are lent.
enum Link {
    Own(Port),
    Lent(Lease),
    Stream(TcpStream, #[expect(dead_code, reason = "held")] Option<OwnedSemaphorePermit>),
}

impl Link {
    async fn open(
        via: &Via,
        server: SocketAddr,
        over: Transport,
        besides: bool,
    ) -> io::Result<Self> {
        match (via, over) {
            (Via::Host(sockets), Transport::Udp) => {
                Port::take(sockets, server, besides).map(Self::Own)
            }
            (Via::Host(sockets), Transport::Tcp) => {
                let permit = sockets.permit(besides)?;
                let v4 = server.is_ipv4();
                let socket = if v4 { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
                Ok(Self::Stream(socket.connect(server).await?, Some(permit)))
            }
            (Via::Inside(inside), Transport::Udp) => {
                inside.clone().udp(server).await.map(Self::Lent)
            }
            (Via::Inside(inside), Transport::Tcp) => {
                inside.tcp(server).await.map(|stream| Self::Stream(stream, None))
            }
        }
    }

    async fn send(mut self, query: &[u8]) -> io::Result<Self> {
        match &mut self {
            Self::Own(port) => send_udp(port.socket(), query).await?,
            Self::Lent(lease) => send_udp(lease.socket()?, query).await?,
            Self::Stream(stream, _) => send_tcp(stream, query).await?,
        }
        Ok(self)
    }

    async fn listen(mut self) -> io::Result<(Vec<u8>, Self)> {
        let message = match &mut self {
            Self::Own(port) => listen_udp(port.socket()).await?,
            Self::Lent(lease) => listen_udp(lease.socket()?).await?,
            Self::Stream(stream, _) => listen_tcp(stream).await?,
        };
        Ok((message, self))
    }

    /// Leaves the socket to other questions, once its own is answered.
    fn keep(self) {
        if let Self::Own(port) = self {
            port.keep();
        }
    }
}
