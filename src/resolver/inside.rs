//! Inside: sockets that the manager made in a sandbox's namespace, for asking the sandbox's own servers.
//!
//! A UDP socket carries one question at a time and is dissolved before each, so that every question leaves from a fresh
//! random port and no late reply reaches the next one. A TCP socket is used once. Who finds none waits, and the manager is
//! asked for more.

use super::shared::Event;
use crate::channel::Watched;
use crate::model::SandboxId;
use rustix::net::{RecvFlags, SocketAddrAny};
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::Interest;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::timeout;

/// The most sockets of each kind that a sandbox has.
const MOST: usize = 64;

/// How many more UDP and TCP sockets are asked for at once.
const MORE: (usize, usize) = (8, 2);

/// After this long without more, the manager is asked again: it may be another one by then.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// The inside sockets of one sandbox.
#[derive(Debug)]
pub struct Inside {
    sandbox: SandboxId,
    events: UnboundedSender<Event>,
    udp: Pool,
    tcp: Pool,
}

#[derive(Debug)]
struct Pool {
    idle: Mutex<Vec<Arc<OwnedFd>>>,
    /// One permit for each idle socket.
    ready: Semaphore,
    /// How many there are, idle or not.
    made: AtomicUsize,
    /// When the manager was last asked for more, unless more came.
    asked: Mutex<Option<Instant>>,
}

/// A UDP socket connected to a server for one question; it goes back when dropped.
#[derive(Debug)]
pub struct Lease {
    inside: Arc<Inside>,
    watched: Option<Watched>,
    fd: Arc<OwnedFd>,
}

impl Inside {
    /// Makes an empty pool.
    pub fn new(sandbox: SandboxId, events: UnboundedSender<Event>) -> Self {
        Self { sandbox, events, udp: Pool::new(), tcp: Pool::new() }
    }

    /// Takes another UDP socket; more than 64 are closed.
    pub fn add_udp(&self, socket: OwnedFd) {
        self.udp.add(socket);
    }

    /// Takes another TCP socket; more than 64 are closed.
    pub fn add_tcp(&self, socket: OwnedFd) {
        self.tcp.add(socket);
    }

    /// Waits for a UDP socket and connects it to a server.
    pub async fn udp(self: Arc<Self>, server: SocketAddr) -> io::Result<Lease> {
        let fd = self.take(&self.udp).await;
        let mut lease = Lease { inside: self, watched: None, fd };
        dissolve(&lease.fd)?;
        rustix::net::connect(&lease.fd, &SocketAddrAny::from(server))?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        lease.watched = Some(Watched::new(lease.fd.clone(), interest)?);
        Ok(lease)
    }

    /// Waits for a TCP socket and connects it to a server.
    pub async fn tcp(&self, server: SocketAddr) -> io::Result<TcpStream> {
        let fd = self.take(&self.tcp).await;
        self.tcp.made.fetch_sub(1, Ordering::Relaxed);
        let fd = Arc::into_inner(fd).ok_or(io::ErrorKind::ResourceBusy)?;
        let socket = TcpSocket::from_std_stream(fd.into());
        socket.connect(server).await
    }

    async fn take(&self, pool: &Pool) -> Arc<OwnedFd> {
        loop {
            if let Some(fd) = pool.try_take() {
                return fd;
            }
            self.ask_for_more(pool);
            // The permit belongs to whoever waited longest: given back, it would go to the next in the queue.
            if let Ok(Ok(permit)) = timeout(ASK_AGAIN, pool.ready.acquire()).await {
                permit.forget();
                if let Some(fd) = pool.pop() {
                    return fd;
                }
            }
        }
    }

    fn ask_for_more(&self, pool: &Pool) {
        let mut asked = pool.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.is_some_and(|asked| asked.elapsed() < ASK_AGAIN) {
            return;
        }
        *asked = Some(Instant::now());
        let room = MOST.saturating_sub(pool.made.load(Ordering::Relaxed));
        let (udp, tcp) = match std::ptr::eq(pool, &self.udp) {
            true => (MORE.0.min(room), 0),
            false => (0, MORE.1.min(room)),
        };
        if udp + tcp > 0 {
            // Without a control loop the process is about to end.
            let _ = self.events.send(Event::NeedInside {
                sandbox: self.sandbox,
                udp: udp as u16,
                tcp: tcp as u16,
            });
        }
    }
}

impl Pool {
    fn new() -> Self {
        Self {
            idle: Mutex::default(),
            ready: Semaphore::new(0),
            made: AtomicUsize::new(0),
            asked: Mutex::default(),
        }
    }

    fn add(&self, socket: OwnedFd) {
        if self.made.load(Ordering::Relaxed) < MOST {
            self.made.fetch_add(1, Ordering::Relaxed);
            self.asked.lock().unwrap_or_else(PoisonError::into_inner).take();
            self.put(Arc::new(socket));
        }
    }

    fn put(&self, socket: Arc<OwnedFd>) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(socket);
        self.ready.add_permits(1);
    }

    fn try_take(&self) -> Option<Arc<OwnedFd>> {
        self.ready.try_acquire().ok()?.forget();
        self.pop()
    }

    /// Takes the socket that a permit stands for.
    fn pop(&self) -> Option<Arc<OwnedFd>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

impl Lease {
    /// Returns the connected socket.
    pub fn socket(&self) -> io::Result<&Watched> {
        self.watched.as_ref().ok_or(io::ErrorKind::NotConnected.into())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // First out of this runtime, since the next one who takes it registers it anew.
        self.watched = None;
        self.inside.udp.put(self.fd.clone());
    }
}

/// Frees the port and drops what is queued.
fn dissolve(socket: &OwnedFd) -> io::Result<()> {
    rustix::net::connect_unspec(socket)?;
    let mut waste = [0; 1];
    while rustix::net::recv(socket, &mut waste[..], RecvFlags::DONTWAIT).is_ok() {}
    Ok(())
}
