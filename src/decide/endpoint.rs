//! Endpoints: a sandbox joins a network, with link, addresses and names there, and leaves it.

use super::{Decision, Given, names};
use crate::ipam::{choose_address, is_reserved};
use crate::model::{
    DnsName, DriverKind, Endpoint, EndpointId, EndpointRequest, IfName, Mac, MacvlanMode, Network,
    Refusal, Sandbox, State, Subnet,
};
use ipnet::IpNet;
use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

/// Decides that a running sandbox joins one more network.
pub fn connect(
    given: &Given,
    request: &EndpointRequest,
    sandbox: &str,
) -> Result<Decision<Endpoint>, Refusal> {
    let sandbox = given.state.sandbox(sandbox)?;
    let network = given.state.network(&request.network)?;
    match network.driver {
        DriverKind::Bridge | DriverKind::Macvlan => {}
        DriverKind::Host => return Err(Refusal::ConnectHost),
        DriverKind::None => return Err(Refusal::ConnectNone),
    }
    if !sandbox.is_running() {
        return Err(Refusal::NotRunning(sandbox.name.clone()));
    }
    if sandbox.shares.is_some() {
        return Err(Refusal::ConnectShared);
    }
    if sandbox.config.network_mode == "none" {
        return Err(Refusal::ConnectNone);
    }
    let own = || given.state.endpoints.values().filter(|e| e.sandbox == sandbox.id);
    if own().any(|endpoint| endpoint.network == network.id) {
        return Err(already(sandbox, network));
    }
    let used: HashSet<&IfName> = own().map(|endpoint| &endpoint.link).collect();
    let link = (0..).map(link).find(|link| link.as_ref().is_ok_and(|link| !used.contains(link)));
    let link = link.expect("numbers do not end before links do")?;
    let noun = decide(given, sandbox, network, request, link)?;
    let warnings = names::shared(given.state, sandbox, &noun);
    Ok(Decision { noun, warnings })
}

/// Decides that a sandbox leaves a network.
pub fn disconnect(state: &State, network: &str, sandbox: &str) -> Result<Arc<Endpoint>, Refusal> {
    let network = state.network(network)?;
    let sandbox = state.sandbox(sandbox)?;
    let found = state.endpoints_on(network.id).find(|endpoint| endpoint.sandbox == sandbox.id);
    found.cloned().ok_or_else(|| Refusal::NotConnected {
        sandbox: sandbox.name.clone(),
        network: network.name.clone(),
    })
}

/// Says that a sandbox is on a network already.
pub fn already(sandbox: &Sandbox, network: &Network) -> Refusal {
    Refusal::AlreadyConnected { sandbox: sandbox.name.clone(), network: network.name.clone() }
}

/// Names the link of a number in the sandbox.
pub fn link(number: usize) -> Result<IfName, Refusal> {
    format!("eth{number}").parse()
}

/// Decides an endpoint on a network, whose link in the sandbox is `link`.
pub fn decide(
    given: &Given,
    sandbox: &Sandbox,
    network: &Network,
    request: &EndpointRequest,
    link: IfName,
) -> Result<Endpoint, Refusal> {
    refuse_on_default(network, request)?;
    refuse_second(given.state, network)?;
    let (id, host_link) = identity(given)?;
    Ok(Endpoint {
        id,
        network: network.id,
        sandbox: sandbox.id,
        host_link,
        link,
        mac: mac(given, network, request)?,
        addresses: addresses(given, network, request)?,
        aliases: aliases(request)?,
        gw_priority: request.gw_priority,
    })
}

/// Refuses on a predefined network what only user-defined ones have.
pub fn refuse_on_default(network: &Network, request: &EndpointRequest) -> Result<(), Refusal> {
    if !network.predefined {
        return Ok(());
    }
    if !request.aliases.is_empty() {
        return Err(Refusal::AliasOnDefault);
    }
    if request.ip.is_some() || request.ip6.is_some() {
        return Err(Refusal::AddressOnDefault);
    }
    Ok(())
}

/// Refuses a second sandbox where one has the parent to itself.
fn refuse_second(state: &State, network: &Network) -> Result<(), Refusal> {
    let passthru = network.options.parent.as_ref().is_some_and(|p| p.mode == MacvlanMode::Passthru);
    let first = state.endpoints_on(network.id).find(|_| passthru);
    let Some(by) = first.and_then(|first| state.sandboxes.get(&first.sandbox)) else {
        return Ok(());
    };
    Err(Refusal::PassthruTaken { network: network.name.clone(), by: by.name.clone() })
}

/// Draws an id whose first digits name no link yet: 28 bits are few.
fn identity(given: &Given) -> Result<(EndpointId, IfName), Refusal> {
    loop {
        let id = EndpointId(given.id());
        let name: IfName = format!("veth{}", id.prefix(7)).parse()?;
        if !given.state.endpoints.values().any(|endpoint| endpoint.host_link == name) {
            return Ok((id, name));
        }
    }
}

fn mac(given: &Given, network: &Network, request: &EndpointRequest) -> Result<Mac, Refusal> {
    let taken = |mac| given.state.endpoints_on(network.id).any(|endpoint| endpoint.mac == mac);
    if let Some(mac) = request.mac {
        let refusal = || Refusal::MacTaken(mac, network.name.clone());
        return (!taken(mac)).then_some(mac).ok_or_else(refusal);
    }
    loop {
        let [a, b, c, d, e, f, ..] = (given.draw)();
        let mac = Mac::local([a, b, c, d, e, f]);
        if !taken(mac) {
            return Ok(mac);
        }
    }
}

/// Gives one address of each subnet: the one asked for, else the next free one.
fn addresses(
    given: &Given,
    network: &Network,
    request: &EndpointRequest,
) -> Result<Vec<IpNet>, Refusal> {
    let asked = || request.ip.map(IpAddr::V4).into_iter().chain(request.ip6.map(IpAddr::V6));
    let homeless = asked().find(|address| !network.subnets.iter().any(|s| s.net.contains(address)));
    if let Some(address) = homeless {
        return Err(Refusal::NoSubnetContains(address));
    }
    let endpoints = given.state.endpoints_on(network.id);
    let used: HashSet<IpAddr> =
        endpoints.flat_map(|endpoint| endpoint.addresses.iter().map(IpNet::addr)).collect();
    let give = |subnet: &Subnet| {
        let address = match asked().find(|address| subnet.net.contains(address)) {
            Some(address) => claim(given, network, subnet, address)?,
            None => {
                let last = given.cursor.get(&network.id).into_iter().flatten().copied();
                let last = last.into_iter().find(|last| subnet.net.contains(last));
                choose_address(subnet, |address| used.contains(address), last)?
            }
        };
        Ok(IpNet::new_assert(address, subnet.net.prefix_len()))
    };
    network.subnets.iter().map(give).collect()
}

/// Gives the address that was asked for, unless somebody has it.
fn claim(
    given: &Given,
    network: &Network,
    subnet: &Subnet,
    address: IpAddr,
) -> Result<IpAddr, Refusal> {
    let has = |endpoint: &&Arc<Endpoint>| endpoint.addresses.iter().any(|a| a.addr() == address);
    let owner = given.state.endpoints_on(network.id).find(has);
    if let Some(owner) = owner {
        let sandbox = given.state.sandboxes.get(&owner.sandbox);
        let by = sandbox.map_or(owner.sandbox.short(), |sandbox| sandbox.name.to_string());
        return Err(Refusal::AddressTaken { address, by: format!("sandbox {by}") });
    }
    if address == subnet.gateway {
        let by = format!("the gateway of network {}", network.name);
        return Err(Refusal::AddressTaken { address, by });
    }
    if let Some((label, _)) = subnet.aux.iter().find(|(_, aux)| **aux == address) {
        let by = format!("aux-address {label} of network {}", network.name);
        return Err(Refusal::AddressTaken { address, by });
    }
    let reserved = is_reserved(subnet, &address);
    (!reserved).then_some(address).ok_or(Refusal::AddressUnusable(address, subnet.net))
}

fn aliases(request: &EndpointRequest) -> Result<Vec<DnsName>, Refusal> {
    let mut aliases: Vec<DnsName> = Vec::new();
    for alias in &request.aliases {
        let alias = DnsName::parse_owned(alias.as_str())?;
        if !aliases.contains(&alias) {
            aliases.push(alias);
        }
    }
    Ok(aliases)
}
