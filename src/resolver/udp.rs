//! UDP: a sandbox's datagrams, batch by batch. Local answers are written straight into the batch and sent with it; the rest
//! goes its own way and is sent when it is known.

use super::answer::{Outcome, Transport, answer};
use super::batch::{fragment, is_too_long};
use super::forward::{Arrival, Pending};
use super::query_log::How;
use super::sandbox::Sandbox;
use super::shard::Shard;
use super::shared::Tally;
use crate::channel::Watched;
use rustix::net::{SendFlags, SocketAddrAny};
use std::io;
use std::net::SocketAddrV4;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use tokio::io::Interest;
use tokio::task::{spawn_local, yield_now};
use tokio::time::sleep;

/// How long a socket that fails is left alone.
const PAUSE: Duration = Duration::from_millis(10);

/// Answers a sandbox's datagrams until dropped. After each batch the other sandboxes of the shard have their turn.
pub async fn serve(
    shard: Rc<Shard>,
    sandbox: Arc<Sandbox>,
    socket: Arc<OwnedFd>,
) -> io::Result<()> {
    let watched = Watched::new(socket.clone(), Interest::READABLE)?;
    fragment(socket.as_fd(), false);
    loop {
        let mut ready = watched.readable().await?;
        match one_batch(&shard, &sandbox, &socket) {
            Ok(true) => yield_now().await,
            Ok(false) => ready.clear_ready(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready.clear_ready(),
            Err(error) => {
                tracing::debug!(sandbox = ?sandbox.id, %error, "datagrams cannot be read");
                sleep(PAUSE).await;
            }
        }
    }
}

/// Reads, answers and sends one batch. Returns whether there may be more.
fn one_batch(shard: &Rc<Shard>, sandbox: &Arc<Sandbox>, socket: &Arc<OwnedFd>) -> io::Result<bool> {
    let batch = &mut *shard.batch.borrow_mut();
    let (count, more) = batch.receive(socket.as_fd())?;
    let (shared, current) = (&*shard.shared, sandbox.current());
    let arrival = Arrival { shared, sandbox, transport: Transport::Udp, now: Instant::now() };
    let mut tally = Tally { queries: count as u64, ..Tally::default() };
    for place in 0..count {
        let sender = batch.sender(place);
        let (query, out) = batch.query(place);
        let length = match answer(&current.view, query, Transport::Udp, shard.turn(), out) {
            Outcome::Nothing => continue,
            Outcome::Reply(length) => {
                tally.local += 1;
                arrival.log(&out[..length], How::LOCAL);
                length
            }
            Outcome::Forward(what) => match arrival.begin(query, what, &mut tally, out) {
                Err(length) => length,
                Ok(pending) => {
                    later(shard.clone(), pending, query.to_vec(), Arc::downgrade(socket), sender);
                    continue;
                }
            },
        };
        batch.reply(place, length);
    }
    batch.send(socket.as_fd());
    shared.stats.add(&tally);
    sandbox.stats.add(&tally);
    Ok(more)
}

/// Answers when the answer is known.
fn later(
    shard: Rc<Shard>,
    pending: Pending,
    query: Vec<u8>,
    socket: Weak<OwnedFd>,
    sender: SocketAddrV4,
) {
    spawn_local(async move {
        let (reply, permit) = pending.finish(&shard.shared, &query, Transport::Udp).await;
        send(&socket, &reply, sender);
        drop(permit);
    });
}

/// Sends one reply, unless the sandbox's sockets were closed meanwhile. As with a batch, one that the kernel does not take
/// is dropped.
fn send(socket: &Weak<OwnedFd>, reply: &[u8], to: SocketAddrV4) {
    let Some(socket) = socket.upgrade() else { return };
    if reply.is_empty() {
        return;
    }
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    let send = || rustix::net::sendto(&socket, reply, flags, &SocketAddrAny::from(to));
    let sent = send().map_err(io::Error::from).or_else(|error| {
        if !is_too_long(&error) {
            return Err(error);
        }
        fragment(socket.as_fd(), true);
        Ok(send()?)
    });
    if let Err(error) = sent {
        tracing::debug!(%to, %error, "reply is dropped");
    }
}
