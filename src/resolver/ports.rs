//! Ports: UDP sockets towards servers that are asked from the host's namespace. Making one for each question takes seven
//! system calls, so those whose question was answered carry a few more.
//!
//! Ports stay unpredictable (RFC 5452 section 9.2): the kernel chooses them at random; a socket carries one question at a
//! time, few in all, and not for long; it is drawn at random from many; and where there are not many, a new one is made.
//! Each is connected, so that only its server is heard. One at which anything else has come is not used again.

use super::random;
use super::upstream::Sockets;
use crate::channel::Watched;
use rustix::net::{AddressFamily, RecvFlags, SocketAddrAny, SocketFlags, SocketType};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::Interest;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::spawn_local;
use tokio::time::sleep;

/// How many questions a socket carries.
const USES: u32 = 16;

/// How old a socket may be that carries one more.
const LIFE: Duration = Duration::from_secs(3);

/// How many must lie idle for one of them to be drawn.
const ENOUGH: usize = 64;

/// How many lie idle at most for one server.
const MOST: usize = 256;

thread_local! {
    static IDLE: RefCell<Idle> = RefCell::default();
}

/// Those of this thread, whose runtime watches them.
#[derive(Default)]
struct Idle {
    ports: HashMap<SocketAddr, Vec<Port>>,
    /// Whether somebody closes those that nobody has drawn in time.
    swept: bool,
}

/// A socket connected to a server, for one question.
#[derive(Debug)]
pub struct Port {
    socket: Watched,
    server: SocketAddr,
    made: Instant,
    uses: u32,
    sockets: Arc<Sockets>,
    _permit: OwnedSemaphorePermit,
}

impl Port {
    /// Draws one, or makes one, if as many are allowed.
    pub fn take(sockets: &Arc<Sockets>, server: SocketAddr, besides: bool) -> io::Result<Self> {
        while let Some(port) = IDLE.with_borrow_mut(|idle| idle.draw(server)) {
            if port.is_fit() {
                return Ok(port);
            }
        }
        let permit = sockets.permit(besides)?;
        let (made, sockets) = (Instant::now(), sockets.clone());
        Ok(Self { socket: socket(server)?, server, made, uses: 0, sockets, _permit: permit })
    }

    /// Returns the socket.
    pub fn socket(&self) -> &Watched {
        &self.socket
    }

    /// Leaves it to others after its question was answered. To be called within a `LocalSet`.
    pub fn keep(mut self) {
        self.uses += 1;
        if self.uses >= USES || self.made.elapsed() >= LIFE || !self.sockets.are_plenty() {
            return;
        }
        let sweep = IDLE.with_borrow_mut(|idle| {
            let ports = idle.ports.entry(self.server).or_default();
            if ports.len() < MOST {
                ports.push(self);
            }
            !std::mem::replace(&mut idle.swept, true)
        });
        if sweep {
            spawn_local(sweep_until_empty());
        }
    }

    /// Whether it is young, and nothing has come or gone wrong since its question was answered.
    fn is_fit(&self) -> bool {
        let looked = Cell::new(false);
        let look = |fd: &Arc<OwnedFd>| -> io::Result<()> {
            looked.set(true);
            rustix::net::recv(fd, &mut [0; 1][..], RecvFlags::DONTWAIT)?;
            Ok(())
        };
        // Through the runtime, so that it knows that there is nothing to be read; it does not look if it knows already.
        let mut heard = self.socket.try_io(Interest::READABLE, look);
        if !looked.get() {
            heard = look(self.socket.get_ref());
        }
        let silent = heard.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        silent && self.made.elapsed() < LIFE
    }
}

impl Idle {
    fn draw(&mut self, server: SocketAddr) -> Option<Port> {
        let ports = self.ports.get_mut(&server).filter(|ports| ports.len() >= ENOUGH)?;
        // Without the kernel's randomness a new one is made, whose port the kernel chooses.
        let place = usize::from(random::number()?) % ports.len();
        Some(ports.swap_remove(place))
    }
}

async fn sweep_until_empty() {
    loop {
        sleep(LIFE).await;
        let more = IDLE.with_borrow_mut(|idle| {
            idle.ports.retain(|_, ports| {
                ports.retain(|port| port.made.elapsed() < LIFE);
                !ports.is_empty()
            });
            idle.swept = !idle.ports.is_empty();
            idle.swept
        });
        if !more {
            return;
        }
    }
}

/// Makes a UDP socket at a random port of the kernel's choice.
fn socket(server: SocketAddr) -> io::Result<Watched> {
    let family = if server.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket: OwnedFd = rustix::net::socket_with(family, SocketType::DGRAM, flags, None)?;
    rustix::net::connect(&socket, &SocketAddrAny::from(server))?;
    Watched::new(Arc::new(socket), Interest::READABLE | Interest::WRITABLE)
}

#[cfg(test)]
mod tests;
