//! Driver options of a network: what each key means. An option that means nothing here is refused, not ignored.

use super::Given;
use crate::model::{DriverKind, IfName, MacvlanMode, NetworkOptions, Parent, Reach, Refusal};
use std::collections::BTreeMap;

/// The kernel bridge's name.
pub const BRIDGE_NAME: &str = "com.docker.network.bridge.name";
/// Whether outbound traffic takes the host's address.
pub const MASQUERADE: &str = "com.docker.network.bridge.enable_ip_masquerade";
/// MTU of bridge and links.
pub const MTU: &str = "com.docker.network.driver.mtu";
/// The link of the host that a macvlan network is on.
const PARENT: &str = "parent";
const MODE: &str = "macvlan_mode";
const TTL: &str = "netdns.ttl";
const DOMAIN: &str = "netdns.domain";
const DNS_ROUTE: &str = "netdns.dns-route";
/// Whether endpoints reach each other.
const ICC: &str = "com.docker.network.bridge.enable_icc";
const EXPOSE: &str = "netdns.expose";
const GUARD: &str = "netdns.guard";

/// What the options of a network mean, where none are given.
pub fn defaults(given: &Given) -> NetworkOptions {
    NetworkOptions {
        mtu: given.policy.mtu.unwrap_or(given.facts.uplink_mtu),
        ..NetworkOptions::default()
    }
}

/// Parses the options of a network, and the bridge's name if one is given.
pub fn parse(
    given: &Given,
    driver: DriverKind,
    options: &BTreeMap<String, String>,
) -> Result<(NetworkOptions, Option<IfName>), Refusal> {
    let mut meant = defaults(given);
    let bridged = driver == DriverKind::Bridge;
    let (mut parent, mut mode) = (None, MacvlanMode::default());
    let mut bridge = None;
    let (mut connects, mut enforces) = (true, false);
    for (key, value) in options {
        let bad =
            |expected| Refusal::BadOption { key: key.clone(), value: value.clone(), expected };
        match key.as_str() {
            BRIDGE_NAME if bridged => bridge = Some(value.parse()?),
            MASQUERADE if bridged => {
                meant.masquerade = flag(value).ok_or_else(|| bad("true or false"))?;
            }
            MTU => meant.mtu = number(value, 68, 65_535).ok_or_else(|| bad("68 to 65535 bytes"))?,
            TTL => meant.ttl = number(value, 0, 86_400).ok_or_else(|| bad("0 to 86400 seconds"))?,
            DOMAIN if value == "local" => meant.own_domain = true,
            DOMAIN => return Err(bad("local")),
            DNS_ROUTE => {
                let routes = value.split_ascii_whitespace().map(str::parse);
                meant.routes = routes.collect::<Result<_, _>>()?;
            }
            ICC if bridged => connects = flag(value).ok_or_else(|| bad("true or false"))?,
            EXPOSE if bridged => match value.as_str() {
                "enforce" | "open" => enforces = value == "enforce",
                _ => return Err(bad("enforce or open")),
            },
            GUARD if bridged => match value.as_str() {
                "on" | "off" => meant.guard = value == "on",
                _ => return Err(bad("on or off")),
            },
            PARENT if !bridged => parent = Some(value.parse()?),
            MODE if !bridged => {
                let bad = || Refusal::BadMacvlanMode(value.escape_debug().to_string());
                mode = MacvlanMode::parse(value).ok_or_else(bad)?;
            }
            _ => {
                return Err(Refusal::UnknownOption { driver, key: key.escape_debug().to_string() });
            }
        }
    }
    meant.parent = parent.map(|link| Parent { link, mode });
    meant.reach = match (connects, enforces) {
        (false, _) => Reach::Nothing,
        (true, true) => Reach::Exposed,
        (true, false) => Reach::Open,
    };
    Ok((meant, bridge))
}

/// Parses the words that Docker takes for a boolean, those of Go's `strconv.ParseBool`.
fn flag(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "True" | "TRUE" => Some(true),
        "0" | "f" | "F" | "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

fn number(text: &str, low: u32, high: u32) -> Option<u32> {
    text.parse().ok().filter(|value| (low..=high).contains(value))
}
