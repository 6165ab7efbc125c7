//! `--host-dns`: the sockets at which the host itself is told names. The resolver gets them, as it may not bind port 53.

use crate::cli::outcome::Failure;
use crate::controller::HostDns;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The port that resolv.conf(5) knows.
const PORT: u16 = 53;

/// How long a resolver that is about to end may still hold the address.
const PATIENCE: Duration = Duration::from_secs(2);

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(50);

/// Refuses an address that others than the host could reach.
pub fn check(address: IpAddr) -> Result<(), Failure> {
    if address.is_loopback() {
        return Ok(());
    }
    Err(Failure::new(format!("--host-dns {address} is not a loopback address"))
        .hint("it is for the host's own programs: take one of 127.0.0.0/8, such as 127.0.0.54"))
}

/// Binds an address, or takes the sockets that an earlier manager has bound there.
pub async fn listener(address: IpAddr, returned: Option<HostDns>) -> Result<HostDns, Failure> {
    let address = SocketAddr::new(address, PORT);
    if let Some(returned) = returned.filter(|returned| returned.address() == address) {
        return Ok(returned);
    }
    let deadline = Instant::now() + PATIENCE;
    loop {
        match bind(address) {
            Ok(bound) => return Ok(bound),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < deadline => {
                sleep(PAUSE).await;
            }
            Err(error) => return Err(refusal(address, &error)),
        }
    }
}

fn bind(address: SocketAddr) -> io::Result<HostDns> {
    let (udp, tcp) = (UdpSocket::bind(address)?, TcpListener::bind(address)?);
    Ok(HostDns::new(address, [udp.into(), tcp.into()]))
}

fn refusal(address: SocketAddr, error: &io::Error) -> Failure {
    let failure = Failure::new(format!("--host-dns cannot have {address}: {error}"));
    match error.kind() {
        io::ErrorKind::AddrInUse => failure.hint(
            "ss -lnup sport = :53 shows who has it (systemd-resolved has 127.0.0.53 and 127.0.0.54); \
             any other address of 127.0.0.0/8 will do",
        ),
        _ => failure,
    }
}
