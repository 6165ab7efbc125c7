//! Connections one after the other: each is made, accepted and reset, so that none is left waiting. Both sides run on one
//! processor: on two, it is a matter of luck how long the one takes to wake the other.

use super::cost;
use super::host::{Host, Unable};
use super::path::Load;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
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
        stay();
        // Whoever asked has counted it; that it was reset meanwhile is no matter.
        listener.incoming().for_each(drop);
    });
    Ok(())
}

/// Connects again and again. Nothing else happens in this process meanwhile, and packets go the whole way on the
/// sender's account.
pub fn load(host: &Host, to: SocketAddr, seconds: usize) -> Result<Load, Unable> {
    let lasting = Duration::from_secs(seconds as u64);
    let connecting = host.within(|| {
        stay();
        let (started, before) = (Instant::now(), cost::spent(Path::new("/proc/self")));
        let mut count = 0_u32;
        while started.elapsed() < lasting {
            connect(to)?;
            count += 1;
        }
        let cpu = cost::spent(Path::new("/proc/self")) - before;
        Ok(Load {
            rate: f64::from(count) / started.elapsed().as_secs_f64(),
            cpu: Some(cpu.as_secs_f64() * 1e6 / f64::from(count)),
        })
    });
    connecting.map_err(|error| format!("{to}: {error}"))
}

/// Keeps this thread on the first processor.
fn stay() {
    let mut first = CpuSet::new();
    first.set(0).expect("there is one");
    sched_setaffinity(Pid::from_raw(0), &first).expect("a thread may choose among its processors");
}

fn connect(to: SocketAddr) -> io::Result<()> {
    let socket =
        socket2::Socket::new(socket2::Domain::for_address(to), socket2::Type::STREAM, None)?;
    socket.set_linger(Some(Duration::ZERO))?;
    socket.connect_timeout(&to.into(), PATIENCE)
}
