//! Notices when links of ours on the host go or lose what they had: the kernel tells every change of a link or address.
//!
//! A link that comes is told of in several messages, the first of which show it unfinished; what counts is the last one
//! about a name until nothing comes for a moment. Deliberately absent: sysctls, of which the kernel tells nobody.

use crate::kernel::link::{Mark, mark};
use crate::kernel::news::{News, is_lost};
use crate::kernel::rtnl::{Rtnl, messages, name_of};
use crate::model::IfName;
use rtnetlink::packet_core::{NetlinkMessage, NetlinkPayload};
use rtnetlink::packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};
use rtnetlink::packet_route::{AddressFamily, RouteNetlinkMessage};
use rtnetlink::sys::protocols::NETLINK_ROUTE;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;
use tokio::time::timeout;

/// How long nothing may be told before what was told counts, and how long that may be put off.
const QUIET: Duration = Duration::from_millis(100);
const LONGEST: usize = 3;

/// Bytes that may wait to be read: the end of thousands of links at once.
const QUEUE: usize = 16 << 20;

const GROUPS: [u32; 3] = [libc::RTNLGRP_LINK, libc::RTNLGRP_IPV4_IFADDR, libc::RTNLGRP_IPV6_IFADDR];

/// Listens to the changes of links in one namespace.
pub(in crate::kernel) struct Links {
    rtnl: Rtnl,
    pub(super) news: News,
}

impl Links {
    /// Listens in the namespace of the calling thread, which is inside a runtime.
    pub(in crate::kernel) fn open() -> io::Result<Self> {
        Ok(Self { rtnl: Rtnl::open()?, news: News::listen(NETLINK_ROUTE, &GROUPS, QUEUE)? })
    }

    /// Waits until links of ours seem to have gone, or lack something that they had, or others to have come or changed;
    /// nothing if it may be any, as the kernel had more to say than the queue holds.
    pub(in crate::kernel) async fn next(&mut self) -> io::Result<Option<BTreeSet<IfName>>> {
        let Self { rtnl, news } = self;
        loop {
            let mut seen = Seen::default();
            seen.add(rtnl, news.next().await)?;
            for _ in 0..LONGEST {
                let Ok(more) = timeout(QUIET, news.next()).await else { break };
                seen.add(rtnl, more)?;
                while let Some(more) = news.queued() {
                    seen.add(rtnl, more)?;
                }
            }
            if seen.lost {
                return Ok(None);
            }
            let lacking =
                seen.lacking.into_iter().filter_map(|(name, lacks)| lacks.then_some(name));
            let lacking: BTreeSet<_> = lacking.collect();
            if !lacking.is_empty() {
                return Ok(Some(lacking));
            }
        }
    }
}

/// What was told of links of ours.
#[derive(Default)]
struct Seen {
    /// Whether each lacks something.
    lacking: BTreeMap<IfName, bool>,
    /// Whether there was more.
    lost: bool,
}

impl Seen {
    fn add(&mut self, rtnl: &Rtnl, read: io::Result<&[u8]>) -> io::Result<()> {
        match read {
            Ok(datagram) => {
                messages(datagram).flatten().try_for_each(|message| self.judge(rtnl, message))
            }
            Err(error) if is_lost(&error) => {
                self.lost = true;
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Notes what a message says of a link of ours: whether it lacks something.
    fn judge(
        &mut self,
        rtnl: &Rtnl,
        message: NetlinkMessage<RouteNetlinkMessage>,
    ) -> io::Result<()> {
        let NetlinkPayload::InnerMessage(message) = message.payload else { return Ok(()) };
        match message {
            // That a bridge loses a port is told in the same words, in the bridge's own family.
            RouteNetlinkMessage::DelLink(link)
                if link.header.interface_family == AddressFamily::Unspec =>
            {
                self.lacking.extend(name_of(&link).map(|name| (name, true)));
            }
            RouteNetlinkMessage::NewLink(link)
                if link.header.interface_family == AddressFamily::Unspec =>
            {
                // One of somebody else's that comes, or is called otherwise, may be one that ours hang on.
                let lacks = if is_ours(&link) { lacks(&link) } else { true };
                self.lacking.extend(name_of(&link).map(|name| (name, lacks)));
            }
            RouteNetlinkMessage::DelAddress(address) => {
                let link = rtnl.link_at(address.header.index)?;
                let name = link.filter(is_ours).as_ref().and_then(name_of);
                self.lacking.extend(name.map(|name| (name, true)));
            }
            _ => {}
        }
        Ok(())
    }
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
