//! Networks: made, removed, pruned.

use super::{Decision, Given, macvlan, options, subnet};
use crate::model::{
    DriverKind, Endpoint, IfName, Millis, Network, NetworkId, NetworkName, NetworkOptions,
    NetworkRequest, Refusal, SandboxName, State, Subnet,
};
use std::sync::Arc;

/// The names of the predefined networks.
pub const PREDEFINED: [&str; 3] = ["bridge", "host", "none"];

/// Decides a new user-defined network.
pub fn create_network(
    given: &Given,
    request: &NetworkRequest,
) -> Result<Decision<Network>, Refusal> {
    let name = free_name(given.state, &request.name)?;
    let driver = driver(&request.driver)?;
    let (mut meant, bridge) = options::parse(given, driver, &request.options)?;
    if request.internal && !meant.routes.is_empty() {
        return Err(Refusal::RouteOutOfInternal(name));
    }
    let id = NetworkId(given.id());
    let Placed { bridge, subnets, warnings } = match driver {
        DriverKind::Macvlan => on_parent(given, request, &mut meant)?,
        _ => on_bridge(given, request, id, bridge)?,
    };
    let network = Network {
        id,
        name,
        driver,
        created: given.now,
        predefined: false,
        internal: request.internal,
        bridge,
        subnets,
        given_options: request.options.clone(),
        options: meant,
        labels: request.labels.clone(),
    };
    Ok(Decision { noun: network, warnings })
}

fn driver(text: &str) -> Result<DriverKind, Refusal> {
    match text {
        "bridge" => Ok(DriverKind::Bridge),
        "macvlan" => Ok(DriverKind::Macvlan),
        "host" => Err(Refusal::SingleInstance(DriverKind::Host)),
        "none" | "null" => Err(Refusal::SingleInstance(DriverKind::None)),
        other => Err(Refusal::UnknownDriver(other.escape_debug().to_string())),
    }
}

/// Where a network is: on the host, and among addresses.
struct Placed {
    bridge: Option<IfName>,
    subnets: Vec<Subnet>,
    warnings: Vec<String>,
}

fn on_bridge(
    given: &Given,
    request: &NetworkRequest,
    id: NetworkId,
    bridge: Option<IfName>,
) -> Result<Placed, Refusal> {
    let bridge = bridge.map_or_else(|| format!("br-{}", id.short()).parse(), Ok)?;
    refuse_bridge_of_another(given.state, &bridge)?;
    let (subnets, warnings) = subnet::decide(given, request)?;
    Ok(Placed { bridge: Some(bridge), subnets, warnings })
}

fn on_parent(
    given: &Given,
    request: &NetworkRequest,
    meant: &mut NetworkOptions,
) -> Result<Placed, Refusal> {
    let mtu_named = request.options.contains_key(options::MTU);
    let mut warnings = macvlan::settle_parent(given, meant, mtu_named)?;
    let parent = meant.parent.as_ref().ok_or(Refusal::NoParent)?;
    let (subnets, more) = macvlan::subnets(given, request, parent)?;
    warnings.extend(more);
    Ok(Placed { bridge: None, subnets, warnings })
}

fn free_name(state: &State, text: &str) -> Result<NetworkName, Refusal> {
    let name: NetworkName = text.parse()?;
    if PREDEFINED.contains(&name.as_str()) {
        return Err(Refusal::PredefinedName(name));
    }
    if state.networks.values().any(|network| network.name == name) {
        return Err(Refusal::NetworkExists(name));
    }
    Ok(name)
}

fn refuse_bridge_of_another(state: &State, bridge: &IfName) -> Result<(), Refusal> {
    let same = |network: &Arc<Network>| network.bridge.as_ref() == Some(bridge);
    if state.networks.values().any(same) || bridge.as_str() == super::DEFAULT_BRIDGE {
        return Err(Refusal::BridgeNameTaken(bridge.to_string()));
    }
    Ok(())
}

/// Decides the removal of a network: of one that is not predefined and that no sandbox is on.
pub fn remove_network(state: &State, text: &str) -> Result<Arc<Network>, Refusal> {
    let network = state.network(text)?;
    if network.predefined {
        return Err(Refusal::Predefined(network.name.clone()));
    }
    let users: Vec<_> = state
        .endpoints_on(network.id)
        .filter_map(|endpoint| Some((endpoint, &state.sandboxes.get(&endpoint.sandbox)?.name)))
        .collect();
    if users.is_empty() {
        return Ok(network.clone());
    }
    Err(Refusal::NetworkInUse {
        name: network.name.clone(),
        by: users.iter().map(|(endpoint, name)| in_use(endpoint, name)).collect(),
        sandboxes: users.iter().map(|(_, name)| (*name).clone()).collect(),
    })
}

/// Names one user of a network as Docker does.
fn in_use(endpoint: &Endpoint, sandbox: &SandboxName) -> String {
    format!("name:\"{sandbox}\" id:\"{}\"", endpoint.id.short())
}

/// Which networks `prune` removes; an empty filter lets all pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PruneFilter {
    /// Labels, with or without a value, that it must have.
    pub labels: Vec<(String, Option<String>)>,
    /// Labels, with or without a value, that it must not have.
    pub without: Vec<(String, Option<String>)>,
    /// It was made before this time.
    pub until: Option<Millis>,
}

impl PruneFilter {
    fn passes(&self, network: &Network) -> bool {
        let has = |(key, value): &(String, Option<String>)| {
            let found = network.labels.get(key);
            found.is_some_and(|found| value.as_ref().is_none_or(|value| value == found))
        };
        self.labels.iter().all(has)
            && !self.without.iter().any(has)
            && self.until.is_none_or(|until| network.created < until)
    }
}

/// Decides which networks go: those without endpoints that are not predefined and pass the filter.
pub fn prune(state: &State, filter: &PruneFilter) -> Vec<Arc<Network>> {
    let idle = |network: &&Arc<Network>| state.endpoints_on(network.id).next().is_none();
    let networks = state.networks.values().filter(|network| !network.predefined);
    networks.filter(idle).filter(|network| filter.passes(network)).cloned().collect()
}
