//! Notices when somebody else changes nftables: the kernel tells its group of listeners every change.
//!
//! It says whose tables changed, not how: the answer to either is to make true what is wanted. Rules of
//! `iptables-legacy` are no nftables; the kernel tells nobody of them.

mod links;
#[cfg(test)]
mod tests;

pub(super) use links::Links;

use super::news::{News, is_lost};
use super::nft::{NftError, wire};
use crate::plan::nft::TABLE;
use rtnetlink::sys::protocols::NETLINK_NETFILTER;
use std::io;

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

/// Bytes that may wait to be read: what we write ourselves, with thousands of networks, must not overflow the queue. It
/// would look like another tool's change, for which all of it is read back.
const QUEUE: usize = 64 << 20;

/// Listens to the changes of nftables in one namespace.
pub struct Watch {
    news: News,
    own: Vec<u32>,
}

impl Watch {
    /// Listens in the namespace of the calling thread, which is inside a runtime; changes from the netlink ports `own`
    /// ([`Nft::port`](super::nft::Nft::port)) are passed over.
    pub fn open(own: &[u32]) -> Result<Self, NftError> {
        let groups = [libc::NFNLGRP_NFTABLES as u32];
        let news = News::listen(NETLINK_NETFILTER, &groups, QUEUE).map_err(NftError::Open)?;
        Ok(Self { news, own: own.to_vec() })
    }

    /// Waits until somebody else changed a table. All that is queued by then is one event.
    pub async fn next(&mut self) -> Result<Event, NftError> {
        loop {
            let mut event = seen(self.news.next().await, &self.own)?;
            while let Some(more) = self.news.queued() {
                event = merge(event, seen(more, &self.own)?);
            }
            if let Some(event) = event {
                return Ok(event);
            }
        }
    }
}

/// Judges the datagram that was read, or why none was.
fn seen(read: io::Result<&[u8]>, own: &[u32]) -> Result<Option<Event>, NftError> {
    match read {
        Ok(datagram) => Ok(event_of(datagram, own)),
        Err(error) if is_lost(&error) => Ok(Some(Event::Both)),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(None),
        Err(error) => Err(NftError::Talk(error)),
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
