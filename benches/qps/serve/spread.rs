//! One address in many namespaces, a socket in each, as a resolver of many sandboxes has them; one thread serves them all.

use super::batched::Batch;
use super::echo;
use netdns::kernel::netns::within;
use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use std::fs::File;
use std::io;
use std::net::UdpSocket;
use std::os::fd::AsFd;

/// Serves until a socket fails.
pub fn serve(kind: &str, address: &str, places: &[String]) -> io::Result<()> {
    let bind = |place| {
        let socket = within(File::open(place)?.as_fd(), || UdpSocket::bind(address))??;
        socket.set_nonblocking(true).map(|()| socket)
    };
    let sockets: Vec<UdpSocket> = places.iter().map(bind).collect::<io::Result<_>>()?;
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    for (number, socket) in sockets.iter().enumerate() {
        let data = epoll::EventData::new_u64(number as u64);
        epoll::add(&poll, socket, data, epoll::EventFlags::IN)?;
    }
    println!("listening");
    let mut batch = Batch::new();
    let mut events = Vec::with_capacity(256);
    loop {
        events.clear();
        epoll::wait(&poll, spare_capacity(&mut events), None)?;
        for event in &events {
            let socket = &sockets[event.data.u64() as usize];
            match kind {
                "batched" => batch.turn(socket.as_fd(), libc::MSG_DONTWAIT)?,
                _ => echo(socket)?,
            }
        }
    }
}
