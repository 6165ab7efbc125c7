//! TCP: a sandbox's connections. Queries may follow each other without waiting (RFC 7766); each is answered as soon as its
//! answer is known. What one client does or does not do holds up nobody else.

use super::answer::{Outcome, Transport, answer};
use super::batch::ROOM;
use super::connections::Activity;
use super::exchange::framed;
use super::forward::Arrival;
use super::query_log::How;
use super::sandbox::{Permit, Sandbox};
use super::shard::Shard;
use super::shared::Tally;
use crate::channel::Watched;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::task::{JoinSet, consume_budget, spawn_local, yield_now};
use tokio::time::{sleep, sleep_until, timeout};

/// How long a connection may be silent, or not take its answer.
const IDLE: Duration = Duration::from_secs(10);

/// How long no connection is accepted after one could not be, for want of descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// The bytes that a connection's queries are read into at first.
const USUAL: usize = 512;

/// How many queries of one connection are forwarded at a time; further ones are not read yet.
const PIPELINE: usize = 64;

/// Accepts a sandbox's connections until dropped. The connections go on then.
pub async fn serve(
    shard: Rc<Shard>,
    sandbox: Arc<Sandbox>,
    listener: Arc<OwnedFd>,
) -> io::Result<()> {
    let watched = Watched::new(listener, Interest::READABLE)?;
    loop {
        let accepted = watched.async_io(Interest::READABLE, |fd| accept(fd)).await;
        match accepted.and_then(TcpStream::from_std) {
            // A connection that finds no room is closed: dropped here.
            Ok(stream) => admit_connection(&shard, &sandbox, stream),
            Err(error) => {
                tracing::debug!(sandbox = ?sandbox.id, %error, "connection cannot be accepted");
                sleep(PAUSE).await;
            }
        }
        // Whoever connects without end has no more than one turn at a time.
        yield_now().await;
    }
}

fn accept(listener: &OwnedFd) -> io::Result<std::net::TcpStream> {
    let (socket, _) = socket2::SockRef::from(&listener.as_fd()).accept()?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    Ok(socket.into())
}

fn admit_connection(shard: &Rc<Shard>, sandbox: &Arc<Sandbox>, stream: TcpStream) {
    let mut connections = shard.connections.borrow_mut();
    if !connections.make_room(sandbox.id) {
        return;
    }
    let activity = Rc::new(Activity::new());
    let (shard, conversation) = (shard.clone(), Conversation::new(shard, sandbox, &activity));
    let (key, its_key) = tokio::sync::oneshot::channel();
    let task = spawn_local(async move {
        // A peer that breaks off is no news.
        let _ = conversation.run(stream).await;
        if let Ok(key) = its_key.await {
            shard.connections.borrow_mut().remove(key);
        }
    });
    let _ = key.send(connections.add(sandbox.id, activity, task.abort_handle()));
}

/// What goes on over one connection.
struct Conversation {
    shard: Rc<Shard>,
    sandbox: Arc<Sandbox>,
    activity: Rc<Activity>,
    forwards: JoinSet<(Vec<u8>, Arc<Permit>)>,
}

impl Conversation {
    fn new(shard: &Rc<Shard>, sandbox: &Arc<Sandbox>, activity: &Rc<Activity>) -> Self {
        Self {
            shard: shard.clone(),
            sandbox: sandbox.clone(),
            activity: activity.clone(),
            forwards: JoinSet::new(),
        }
    }

    async fn run(mut self, mut stream: TcpStream) -> io::Result<()> {
        let (reader, mut writer) = stream.split();
        let mut reader = Reader::new(reader);
        let mut draining = self.shard.draining.subscribe();
        let mut reading = true;
        while reading || !self.forwards.is_empty() {
            let idle_until = self.activity.last.get() + IDLE;
            tokio::select! {
                query = reader.next(), if reading && self.forwards.len() < PIPELINE => match query? {
                    Some(query) => self.query(query, &mut writer).await?,
                    None => reading = false,
                },
                Some(Ok((reply, permit))) = self.forwards.join_next() => {
                    write(&mut writer, &reply).await?;
                    drop(permit);
                }
                _ = draining.wait_for(|draining| *draining), if reading => reading = false,
                () = sleep_until(idle_until), if self.forwards.is_empty() => return Ok(()),
            }
            self.activity.touch(!self.forwards.is_empty());
        }
        writer.shutdown().await
    }

    async fn query(&mut self, query: Vec<u8>, writer: &mut WriteHalf<'_>) -> io::Result<()> {
        match self.answer(query) {
            Some(reply) => write(writer, &reply).await,
            None => Ok(()),
        }
    }

    /// Returns the answer if it is known already.
    fn answer(&mut self, query: Vec<u8>) -> Option<Vec<u8>> {
        let shared = &self.shard.shared;
        let mut tally = Tally { queries: 1, ..Tally::default() };
        let out = &mut self.shard.scratch.borrow_mut()[..];
        let current = self.sandbox.current();
        let (sandbox, transport) = (&self.sandbox, Transport::Tcp);
        let arrival = Arrival { shared, sandbox, transport, now: Instant::now() };
        let reply = match answer(&current.view, &query, Transport::Tcp, self.shard.turn(), out) {
            Outcome::Nothing => None,
            Outcome::Reply(length) => {
                tally.local += 1;
                arrival.log(&out[..length], How::LOCAL);
                Some(out[..length].to_vec())
            }
            Outcome::Forward(what) => match arrival.begin(&query, what, &mut tally, out) {
                Err(length) => Some(out[..length].to_vec()),
                Ok(pending) => {
                    let shard = self.shard.clone();
                    self.forwards.spawn_local(async move {
                        pending.finish(&shard.shared, &query, Transport::Tcp).await
                    });
                    None
                }
            },
        };
        shared.stats.add(&tally);
        self.sandbox.stats.add(&tally);
        reply
    }
}

/// Writes one reply; a client that does not take it in time is given up.
async fn write(writer: &mut WriteHalf<'_>, reply: &[u8]) -> io::Result<()> {
    if reply.is_empty() {
        return Ok(());
    }
    let framed = framed(reply)?;
    timeout(IDLE, writer.write_all(&framed)).await?
}

/// Cuts the stream into messages. Dropping a wait loses nothing.
struct Reader<'a> {
    stream: ReadHalf<'a>,
    buffer: Vec<u8>,
    /// How much of a message that is too long is yet to come.
    skip: usize,
}

impl<'a> Reader<'a> {
    fn new(stream: ReadHalf<'a>) -> Self {
        Self { stream, buffer: Vec::with_capacity(USUAL), skip: 0 }
    }

    /// Waits for the next message; nothing at the end of the stream. One longer than [`ROOM`] is cut, as a datagram is,
    /// which makes it malformed: so much and no more is kept of what a client promises.
    async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            consume_budget().await;
            if let Some(message) = self.cut() {
                return Ok(Some(message));
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }

    fn cut(&mut self) -> Option<Vec<u8>> {
        let passed_over = self.skip.min(self.buffer.len());
        self.buffer.drain(..passed_over);
        self.skip -= passed_over;
        let (length, rest) = self.buffer.split_first_chunk()?;
        let length = usize::from(u16::from_be_bytes(*length));
        let kept = length.min(ROOM);
        let message = rest.get(..kept)?.to_vec();
        self.buffer.drain(..2 + kept);
        self.skip = length - kept;
        Some(message)
    }
}
