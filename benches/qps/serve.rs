//! Servers that do as little as possible: what a resolver can be measured against, and what answers as an upstream.
//! They are this program started again as `qps serve KIND ADDRESS`, so that their processor time is theirs alone. With
//! namespaces after the address they serve it in each of them.

mod batched;
mod spread;

use batched::Batch;
use std::io;
use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::process::ExitCode;

/// The longest query that is answered.
const LONGEST: usize = 512;

/// An answer: the question's name, A, IN, an hour, 198.51.100.7.
const ANSWER: [u8; 16] = [0xC0, 12, 0, 1, 0, 1, 0, 0, 14, 16, 0, 4, 198, 51, 100, 7];

/// Serves until it is killed: `echo`, `batched`, or `silent`.
pub fn serve(kind: &str, address: &str, places: &[String]) -> ExitCode {
    let served = match places {
        [] => UdpSocket::bind(address).and_then(|socket| {
            println!("listening");
            one(kind, &socket)
        }),
        places => spread::serve(kind, address, places),
    };
    if let Err(error) = served {
        eprintln!("qps: {address}: {error}");
    }
    ExitCode::FAILURE
}

/// Room for a query and its answer.
type Packet = [u8; LONGEST + ANSWER.len()];

fn one(kind: &str, socket: &UdpSocket) -> io::Result<()> {
    let mut batch = Batch::new();
    loop {
        match kind {
            "echo" => echo(socket)?,
            "batched" => batch.turn(socket.as_fd(), libc::MSG_WAITFORONE)?,
            _ => std::thread::park(),
        }
    }
}

/// One system call for each query, and one for each reply.
fn echo(socket: &UdpSocket) -> io::Result<()> {
    let mut packet = [0; LONGEST + ANSWER.len()];
    let (length, peer) = socket.recv_from(&mut packet[..LONGEST])?;
    let length = answer(&mut packet, length);
    // A client that went away misses nothing.
    let _ = socket.send_to(&packet[..length], peer);
    Ok(())
}

/// Makes a query's packet its reply, with one answer and without what follows the question. Returns its length.
fn answer(packet: &mut Packet, length: usize) -> usize {
    let mut at = 12;
    while at < length && packet[at] != 0 {
        at += 1 + usize::from(packet[at]);
    }
    let end = at + 5;
    if end > length {
        return length;
    }
    packet[2] |= 0x80;
    packet[3] = 0x80;
    packet[6..12].copy_from_slice(&[0, 1, 0, 0, 0, 0]);
    packet[end..end + ANSWER.len()].copy_from_slice(&ANSWER);
    end + ANSWER.len()
}
