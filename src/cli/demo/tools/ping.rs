//! `ping -c1`, over a raw socket.

use super::query::look_up;
use crate::cli::outcome::{Failure, Outcome};
use crate::cli::print;
use socket2::{Domain, Protocol, Socket, Type};
use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(2);
const ECHO: u8 = 8;
const REPLY: u8 = 0;
/// The smallest header of IPv4.
const HEADER: usize = 20;

/// Sends one echo request and waits for its reply.
pub fn ping(name: &str) -> Outcome {
    let Some(address) = look_up(name) else {
        return Err(Failure::new(format!("{name}: Name or service not known")).code(2));
    };
    print::line(&format!("PING {name} ({address}) 56(84) bytes of data."))?;
    let sent = Instant::now();
    let answered =
        echo(address).map_err(|error| Failure::doing(format!("ping {address}"), error))?;
    if answered {
        let time = sent.elapsed().as_micros();
        print::line(&format!(
            "64 bytes from {address}: icmp_seq=1 time={}.{:03} ms",
            time / 1000,
            time % 1000
        ))?;
    }
    let received = u8::from(answered);
    print::line(&format!("\n--- {name} ping statistics ---"))?;
    print::line(&format!("1 packets transmitted, {received} received"))?;
    Ok(1 - received)
}

fn echo(address: Ipv4Addr) -> io::Result<bool> {
    let mut socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4))?;
    let id = (std::process::id() as u16).to_be_bytes();
    socket.send_to(&request(id), &SocketAddr::from((address, 0)).into())?;
    let deadline = Instant::now() + PATIENCE;
    let mut packet = [0; 256];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(false);
        }
        socket.set_read_timeout(Some(left))?;
        match socket.read(&mut packet) {
            Ok(length) if answers(&packet[..length], address, id) => return Ok(true),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}

/// An echo request with 56 bytes of data and its checksum (RFC 792, RFC 1071).
fn request(id: [u8; 2]) -> [u8; 64] {
    let mut packet = [0; 64];
    packet[0] = ECHO;
    packet[4..6].copy_from_slice(&id);
    packet[7] = 1;
    let words =
        packet.chunks_exact(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])));
    let sum: u32 = words.sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    packet[2..4].copy_from_slice(&(!(folded as u16)).to_be_bytes());
    packet
}

fn answers(packet: &[u8], from: Ipv4Addr, id: [u8; 2]) -> bool {
    let header = packet.first().map_or(HEADER, |first| usize::from(first & 15) * 4);
    let source = packet.get(12..16);
    let icmp = packet.get(header..).unwrap_or_default();
    source == Some(from.octets().as_slice())
        && icmp.first() == Some(&REPLY)
        && icmp.get(4..6) == Some(id.as_slice())
}
