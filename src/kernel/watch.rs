//! Notices when somebody else changes nftables: the kernel tells its group of listeners every change.
//!
//! It says whose tables changed, not how: the answer to either is to make true what is wanted. Rules of
//! `iptables-legacy` are no nftables; the kernel tells nobody of them.

#[cfg(test)]
mod tests;

use super::nft::{NftError, wire};
use crate::plan::nft::TABLE;
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv};
use rtnetlink::sys::Socket;
use rtnetlink::sys::protocols::NETLINK_NETFILTER;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use tokio::io::unix::AsyncFd;

/// Whose tables somebody else changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A table named as ours.
    Ours,
    /// Another table.
    Foreign,
    /// Both, or unknown because the kernel had more to say than the queue holds.
    Both,
}

impl Event {
    fn and(self, other: Self) -> Self {
        if self == other { self } else { Self::Both }
    }
}

/// Listens to the changes of nftables in one namespace.
#[derive(Debug)]
pub struct Watch {
    socket: AsyncFd<OwnedFd>,
    own: Vec<u32>,
    buffer: Vec<u8>,
}

impl Watch {
    /// Listens in the namespace of the calling thread, which is inside a runtime; changes from the netlink ports `own`
    /// ([`Nft::port`](super::nft::Nft::port)) are passed over.
    pub fn open(own: &[u32]) -> Result<Self, NftError> {
        let open = || -> io::Result<AsyncFd<OwnedFd>> {
            let mut socket = Socket::new(NETLINK_NETFILTER)?;
            socket.bind_auto()?;
            socket.set_non_blocking(true)?;
            socket.add_membership(libc::NFNLGRP_NFTABLES as u32)?;
            AsyncFd::new(socket.as_fd().try_clone_to_owned()?)
        };
        let socket = open().map_err(NftError::Open)?;
        Ok(Self { socket, own: own.to_vec(), buffer: vec![0; 64 << 10] })
    }

    /// Waits until somebody else changed a table. All that is queued is one event.
    pub async fn next(&mut self) -> Result<Event, NftError> {
        loop {
            let mut ready = self.socket.readable().await.map_err(NftError::Talk)?;
            let mut event = None;
            loop {
                match recv(self.socket.as_raw_fd(), &mut self.buffer, MsgFlags::empty()) {
                    Ok(length) => {
                        let seen = event_of(&self.buffer[..length], &self.own);
                        event = merge(event, seen);
                    }
                    Err(Errno::ENOBUFS) => event = Some(Event::Both),
                    Err(Errno::EINTR) => {}
                    Err(Errno::EAGAIN) => break,
                    Err(errno) => return Err(NftError::Talk(errno.into())),
                }
            }
            ready.clear_ready();
            if let Some(event) = event {
                return Ok(event);
            }
        }
    }
}

fn event_of(datagram: &[u8], own: &[u32]) -> Option<Event> {
    wire::messages(datagram)
        .filter(|message| message.is_nf_tables() && !own.contains(&message.port))
        .filter_map(|message| table_event(&message))
        .fold(None, |event, seen| merge(event, Some(seen)))
}

/// Every object's first attribute is the name of its table; the end of a transaction has none.
fn table_event(message: &wire::Message<'_>) -> Option<Event> {
    const NAME: u16 = 1;
    const FAMILY_HEADER: usize = 4;
    if matches!(message.nft_kind(), libc::NFT_MSG_NEWGEN | libc::NFT_MSG_TRACE) {
        return None;
    }
    let attributes = wire::attributes(message.payload.get(FAMILY_HEADER..)?);
    let (_, name) = attributes.into_iter().find(|(kind, _)| *kind == NAME)?;
    let ours = name.strip_suffix(&[0]) == Some(TABLE.as_bytes());
    Some(if ours { Event::Ours } else { Event::Foreign })
}

fn merge(one: Option<Event>, other: Option<Event>) -> Option<Event> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.and(other)),
        (one, other) => one.or(other),
    }
}
