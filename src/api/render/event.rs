//! A line of `events`, with Docker's keys where Docker has the thing.

use super::{address, rfc3339};
use crate::api::view;
use crate::controller::{Event, Happening, Joint};
use crate::model::{Network, Sandbox};
use std::collections::BTreeMap;

/// Shows an event.
pub fn event(event: &Event) -> view::Event {
    let (kind, action, name, id, attributes) = match &event.happening {
        Happening::NetworkCreated(network) => of_network("create", network),
        Happening::NetworkRemoved(network) => of_network("remove", network),
        Happening::Connected(joint) => of_joint("connect", joint),
        Happening::Disconnected(joint) => of_joint("disconnect", joint),
        Happening::Attached(sandbox) => of_sandbox("attach", sandbox, None),
        Happening::Ended(sandbox, code) => {
            of_sandbox("end", sandbox, Some(("exitCode", code.to_string())))
        }
        Happening::Removed(sandbox) => of_sandbox("remove", sandbox, None),
        Happening::Renamed(sandbox, old) => {
            of_sandbox("rename", sandbox, Some(("oldName", old.to_string())))
        }
        Happening::FirewallRepaired => {
            of_ours("firewall", "repair", ("table", "inet netdns".into()))
        }
        Happening::LinkRepaired(link) => of_ours("link", "repair", ("interface", link.to_string())),
        Happening::ZoneLoaded(origin, records) => {
            of_zone("load", origin.to_string(), ("records", records.to_string()))
        }
        Happening::ZoneRefused(file, reason) => {
            of_zone("refuse", file.clone(), ("reason", reason.clone()))
        }
        Happening::ZoneRemoved(origin) => {
            ("zone", "remove", origin.to_string(), String::new(), BTreeMap::new())
        }
        Happening::ResolverStarted(pid) => of_ours("resolver", "start", ("pid", pid.to_string())),
        Happening::ResolverAdopted(pid) => of_ours("resolver", "adopt", ("pid", pid.to_string())),
        Happening::ResolverDied(pid) => of_ours("resolver", "die", ("pid", pid.to_string())),
    };
    view::Event {
        time: rfc3339(event.at),
        r#type: kind.to_owned(),
        action: action.to_owned(),
        name,
        id,
        attributes: attributes.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
    }
}

/// Type, action, name, id, attributes.
type Parts = (&'static str, &'static str, String, String, BTreeMap<&'static str, String>);

fn of_network(action: &'static str, network: &Network) -> Parts {
    let mut attributes = BTreeMap::from([("type", network.driver.to_string())]);
    let subnet = network.subnets.first().map(|subnet| ("subnet", subnet.net.to_string()));
    attributes.extend(subnet);
    ("network", action, network.name.to_string(), network.id.to_string(), attributes)
}

fn of_joint(action: &'static str, joint: &Joint) -> Parts {
    let Joint { network, sandbox, endpoint } = joint;
    let mut attributes = BTreeMap::from([
        ("type", network.driver.to_string()),
        ("container", sandbox.id.to_string()),
        ("sandbox", sandbox.name.to_string()),
    ]);
    attributes.extend(address(endpoint, false).map(|net| ("address", net.addr().to_string())));
    ("network", action, network.name.to_string(), network.id.to_string(), attributes)
}

fn of_sandbox(
    action: &'static str,
    sandbox: &Sandbox,
    attribute: Option<(&'static str, String)>,
) -> Parts {
    let attributes = attribute.into_iter().collect();
    ("sandbox", action, sandbox.name.to_string(), sandbox.id.to_string(), attributes)
}

fn of_zone(action: &'static str, name: String, attribute: (&'static str, String)) -> Parts {
    ("zone", action, name, String::new(), BTreeMap::from([attribute]))
}

fn of_ours(kind: &'static str, action: &'static str, attribute: (&'static str, String)) -> Parts {
    (kind, action, "netdns".to_owned(), String::new(), BTreeMap::from([attribute]))
}
