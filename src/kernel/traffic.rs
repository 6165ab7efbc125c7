//! What sandboxes' links have carried, read at their other ends on the host: a namespace is entered only for links that
//! have none there.

use super::link::{Mark, mark};
use super::rtnl::{Rtnl, name_of};
use super::{KernelError, macvlan, netns};
use crate::model::{Flow, IfName, Traffic};
use crate::plan::Place;
use rtnetlink::packet_route::link::{LinkAttribute, LinkMessage, Stats64};
use std::collections::BTreeMap;

/// Returns what each link of ours has carried, by its name on the host.
pub(super) fn traffic(rtnl: &Rtnl) -> Result<BTreeMap<IfName, Traffic>, KernelError> {
    let links = rtnl.links();
    let links = links.map_err(|source| KernelError::Read { what: "the host's links", source })?;
    let ours = links.iter().filter(|link| mark(link) != Mark::Foreign);
    Ok(ours.filter_map(|link| Some((name_of(link)?, seen_from_inside(counted(link)?)))).collect())
}

/// Returns what the macvlan links of ours in a sandbox have carried, by their names there.
pub(super) fn inside(place: &Place) -> Result<BTreeMap<IfName, Traffic>, KernelError> {
    let links = netns::talk(place, macvlan::ours)?;
    let swapped = |Traffic { received, sent }| Traffic { received: sent, sent: received };
    let carried = links
        .iter()
        .filter_map(|link| Some((name_of(link)?, swapped(seen_from_inside(counted(link)?)))));
    Ok(carried.collect())
}

fn counted(link: &LinkMessage) -> Option<Stats64> {
    link.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::Stats64(stats) => Some(*stats),
        _ => None,
    })
}

/// What the host's end sends the sandbox receives.
fn seen_from_inside(host: Stats64) -> Traffic {
    Traffic {
        received: Flow {
            bytes: host.tx_bytes,
            packets: host.tx_packets,
            dropped: host.tx_dropped,
            errors: host.tx_errors,
        },
        sent: Flow {
            bytes: host.rx_bytes,
            packets: host.rx_packets,
            dropped: host.rx_dropped,
            errors: host.rx_errors,
        },
    }
}
