//! TCP: a sandbox's connections. Queries may follow each other without waiting (RFC 7766); each is answered as soon as its
//! answer is known. What one client does or does not do holds up nobody else.

use super::answer::{Outcome, Transport, answer};
use super::connections::Activity;
use super::forward::Arrival;
use super::query_log::How;
use super::sandbox::{Permit, Sandbox};
use super::shard::Shard;
use super::shared::Tally;
use super::stream::{IDLE, Reader, accept_each, write};
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::WriteHalf;
use tokio::task::{JoinSet, spawn_local};
use tokio::time::sleep_until;

/// How many queries of one connection are forwarded at a time; further ones are not read yet.
const PIPELINE: usize = 64;

/// Accepts a sandbox's connections until dropped. The connections go on then.
pub async fn serve(
    shard: Rc<Shard>,
    sandbox: Arc<Sandbox>,
    listener: Arc<OwnedFd>,
) -> io::Result<()> {
    accept_each(listener, |stream| admit_connection(&shard, &sandbox, stream)).await
}

fn admit_connection(shard: &Rc<Shard>, sandbox: &Arc<Sandbox>, stream: TcpStream) {
    let mut connections = shard.connections.borrow_mut();
    if !connections.make_room(sandbox.id) {
        return;
    }
    let (activity, key) = (Rc::new(Activity::new()), connections.next_key(sandbox.id));
    let (shard, conversation) = (shard.clone(), Conversation::new(shard, sandbox, &activity));
    let task = spawn_local(async move {
        // A peer that breaks off is no news.
        let _ = conversation.run(stream).await;
        shard.connections.borrow_mut().remove(key);
    });
    connections.add(key, activity, task.abort_handle());
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
