//! Connections one after the other: each is made, accepted and reset, so that none is left waiting.

use super::host::{Host, Unable};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

/// How long one may take: on the ways that are measured none is refused or lost.
const PATIENCE: Duration = Duration::from_secs(5);

/// Accepts in a host for as long as the benchmark lasts.
pub fn serve(host: &Host, port: u16) -> Result<(), Unable> {
    let any = SocketAddr::from(([0, 0, 0, 0], port));
    let listener =
        host.within(|| TcpListener::bind(any)).map_err(|error| format!("port {port}: {error}"))?;
    thread::spawn(move || {
        // Whoever asked has counted it; that it was reset meanwhile is no matter.
        listener.incoming().for_each(drop);
    });
    Ok(())
}

/// Connects again and again; returns how often a second.
pub fn rate(host: &Host, to: SocketAddr, seconds: usize) -> Result<f64, Unable> {
    let lasting = Duration::from_secs(seconds as u64);
    let connecting = host.within(|| {
        let started = Instant::now();
        let mut count = 0_u32;
        while started.elapsed() < lasting {
            connect(to)?;
            count += 1;
        }
        Ok(f64::from(count) / started.elapsed().as_secs_f64())
    });
    connecting.map_err(|error| format!("{to}: {error}"))
}

fn connect(to: SocketAddr) -> io::Result<()> {
    let socket =
        socket2::Socket::new(socket2::Domain::for_address(to), socket2::Type::STREAM, None)?;
    socket.set_linger(Some(Duration::ZERO))?;
    socket.connect_timeout(&to.into(), PATIENCE)
}
