//! Notices when links of ours on the host go or lose what they had: the kernel tells every change of a link or address.
//!
//! A link that comes is told of in several messages, the first of which show it unfinished; what counts is the last one
//! about a name until nothing comes for a moment. Deliberately absent: sysctls, of which the kernel tells nobody.

use crate::kernel::link::{Mark, mark};
use crate::kernel::rtnl::{Rtnl, name_of};
use crate::model::IfName;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use rtnetlink::packet_core::{NetlinkMessage, NetlinkPayload};
use rtnetlink::packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};
use rtnetlink::packet_route::{AddressFamily, RouteNetlinkMessage};
use rtnetlink::{MulticastGroup, new_multicast_connection};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;
use tokio::time::timeout;

/// How long nothing may be told before what was told counts, and how long that may be put off.
const QUIET: Duration = Duration::from_millis(100);
const LONGEST: usize = 3;

/// Listens to the changes of links in one namespace.
pub(in crate::kernel) struct Links {
    rtnl: Rtnl,
    news: BoxStream<'static, NetlinkMessage<RouteNetlinkMessage>>,
}

impl Links {
    /// Listens in the namespace of the calling thread, which is inside a runtime.
    pub(in crate::kernel) fn open() -> io::Result<Self> {
        let groups = [MulticastGroup::Link, MulticastGroup::Ipv4Ifaddr, MulticastGroup::Ipv6Ifaddr];
        let (connection, handle, news) = new_multicast_connection(&groups)?;
        tokio::spawn(connection);
        // Without a handle the connection would end.
        let news = news.map(move |(message, _)| {
            let _handle = &handle;
            message
        });
        Ok(Self { rtnl: Rtnl::open()?, news: news.boxed() })
    }

    /// Waits until links of ours seem to have gone, or lack something that they had, or others to have come or changed.
    pub(in crate::kernel) async fn next(&mut self) -> io::Result<BTreeSet<IfName>> {
        let mut lacking = BTreeMap::new();
        let mut ended = || io::Error::from(io::ErrorKind::UnexpectedEof);
        loop {
            let message = self.news.next().await.ok_or_else(&mut ended)?;
            judge(&self.rtnl, message, &mut lacking)?;
            for _ in 0..LONGEST {
                let Ok(more) = timeout(QUIET, self.news.next()).await else { break };
                judge(&self.rtnl, more.ok_or_else(&mut ended)?, &mut lacking)?;
                while let Some(Some(more)) = futures_util::FutureExt::now_or_never(self.news.next())
                {
                    judge(&self.rtnl, more, &mut lacking)?;
                }
            }
            let found: BTreeSet<_> =
                std::mem::take(&mut lacking).into_iter().filter(|(_, lacks)| *lacks).collect();
            if !found.is_empty() {
                return Ok(found.into_iter().map(|(name, _)| name).collect());
            }
        }
    }
}

/// Notes what a message says of a link of ours: whether it lacks something.
fn judge(
    rtnl: &Rtnl,
    message: NetlinkMessage<RouteNetlinkMessage>,
    lacking: &mut BTreeMap<IfName, bool>,
) -> io::Result<()> {
    let NetlinkPayload::InnerMessage(message) = message.payload else { return Ok(()) };
    match message {
        // That a bridge loses a port is told in the same words, in the bridge's own family.
        RouteNetlinkMessage::DelLink(link)
            if link.header.interface_family == AddressFamily::Unspec =>
        {
            lacking.extend(name_of(&link).map(|name| (name, true)));
        }
        RouteNetlinkMessage::NewLink(link)
            if link.header.interface_family == AddressFamily::Unspec =>
        {
            // One of somebody else's that comes, or is called otherwise, may be one that ours hang on.
            let lacks = if is_ours(&link) { lacks(&link) } else { true };
            lacking.extend(name_of(&link).map(|name| (name, lacks)));
        }
        RouteNetlinkMessage::DelAddress(address) => {
            let link = rtnl.link_at(address.header.index)?;
            let name = link.filter(is_ours).as_ref().and_then(name_of);
            lacking.extend(name.map(|name| (name, true)));
        }
        _ => {}
    }
    Ok(())
}

fn is_ours(link: &LinkMessage) -> bool {
    mark(link) != Mark::Foreign
}

/// Whether a link is down; a bridge has no bridge, so that a port without one is known by its peer.
fn lacks(link: &LinkMessage) -> bool {
    let has = |wanted: fn(&LinkAttribute) -> bool| link.attributes.iter().any(wanted);
    let is_port = has(|attribute| matches!(attribute, LinkAttribute::Link(_)));
    let in_bridge = has(|attribute| matches!(attribute, LinkAttribute::Controller(_)));
    !link.header.flags.contains(LinkFlags::Up) || is_port && !in_bridge
}
