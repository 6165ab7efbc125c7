//! Sandboxes: a namespace becomes one, and ceases to be one.

use super::ports::Publisher;
use super::{Decision, Given, Ports, endpoint, names, ports, share};
use crate::model::{
    AttachTo, Config, DriverKind, Endpoint, EndpointRequest, Network, Origin, Refusal, RunRequest,
    Sandbox, SandboxId, SandboxName, Shares, State, Status,
};
use std::sync::Arc;

/// What an attach comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attachment {
    /// The same request was granted before.
    Existing(SandboxId),
    /// A new sandbox with its endpoints, `eth0` first.
    New(Box<Decision<(Sandbox, Vec<Endpoint>)>>),
}

/// Decides the sandbox that a namespace becomes; `netns` is its device and inode.
pub fn attach(
    given: &Given,
    request: &RunRequest,
    netns: (u64, u64),
    host_ports: &Ports,
) -> Result<Attachment, Refusal> {
    let shares = share::decide(given, request, netns)?;
    if shares.is_none()
        && let Some(existing) = existing(given.state, request, netns)?
    {
        return Ok(Attachment::Existing(existing));
    }
    let mut sandbox = sandbox(given, request, netns)?;
    if let Some(shares) = shares {
        return Ok(Attachment::New(Box::new(sharing(sandbox, shares, request))));
    }
    let networks = networks(given.state, &sandbox, request)?;
    let mut endpoints = Vec::new();
    let mut warnings = Vec::new();
    for (number, (network, wanted)) in networks.iter().enumerate() {
        let link = endpoint::link(number)?;
        let endpoint = endpoint::decide(given, &sandbox, network, wanted, link)?;
        warnings.extend(names::shared(given.state, &sandbox, &endpoint));
        endpoints.push(endpoint);
    }
    let mut publish = request.publish.clone();
    if request.publish_all {
        publish.extend(ports::rest(&sandbox.config.exposed, &request.publish));
    }
    let published = |network: &Network| !network.internal && network.driver == DriverKind::Bridge;
    let open = || networks.iter().filter(|(network, _)| published(network));
    let ipv6 = open().any(|(network, _)| network.has_ipv6());
    let publisher = Publisher { name: &sandbox.name, ipv6 };
    warnings.extend(ports::unreachable(host_ports, publisher, &publish, open().next().is_some()));
    sandbox.publish = ports::decide(given, host_ports, publisher, &publish)?;
    Ok(Attachment::New(Box::new(Decision { noun: (sandbox, endpoints), warnings })))
}

/// Decides a sandbox without a namespace of its own: it has no endpoints, and ports of the host need no publishing.
fn sharing(
    mut sandbox: Sandbox,
    shares: Shares,
    request: &RunRequest,
) -> Decision<(Sandbox, Vec<Endpoint>)> {
    sandbox.shares = Some(shares);
    sandbox.config.network_mode = match shares {
        Shares::Host => "host".to_owned(),
        Shares::Sandbox(id) => format!("container:{id}"),
    };
    let discarded = "Published ports are discarded when using host network mode".to_owned();
    let warnings = if request.publish.is_empty() { Vec::new() } else { vec![discarded] };
    Decision { noun: (sandbox, Vec::new()), warnings }
}

/// Finds the sandbox that the namespace already is, which is no error for the name it has.
fn existing(
    state: &State,
    request: &RunRequest,
    netns: (u64, u64),
) -> Result<Option<SandboxId>, Refusal> {
    let same = |sandbox: &&Arc<Sandbox>| {
        sandbox.is_running() && sandbox.shares.is_none() && sandbox.netns == netns
    };
    match state.sandboxes.values().find(same) {
        None => Ok(None),
        Some(sandbox) if request.name.as_ref() == Some(&sandbox.name) => Ok(Some(sandbox.id)),
        Some(sandbox) => Err(Refusal::NamespaceTaken(sandbox.name.clone())),
    }
}

fn sandbox(given: &Given, request: &RunRequest, netns: (u64, u64)) -> Result<Sandbox, Refusal> {
    let name = match &request.name {
        Some(name) => free_name(given.state, name)?,
        None => names::make_up(given.state, given.draw)?,
    };
    let id = SandboxId(given.id());
    Ok(Sandbox {
        id,
        name,
        created: given.now,
        origin: match request.attach.clone() {
            AttachTo::Init(pid) | AttachTo::Shared(pid) => Origin::Init(pid),
            AttachTo::Pid(pid) => Origin::Pid(pid),
            AttachTo::Netns(path) => Origin::Netns(path),
        },
        netns,
        shares: None,
        status: Status::Running,
        config: config(request, id),
        dns: request.dns.clone(),
        extra_hosts: request.extra_hosts.clone(),
        publish: Vec::new(),
    })
}

/// A stopped sandbox keeps its name, so that too counts as taken.
fn free_name(state: &State, name: &SandboxName) -> Result<SandboxName, Refusal> {
    match state.sandboxes.values().find(|sandbox| sandbox.name == *name) {
        None => Ok(name.clone()),
        Some(by) => Err(Refusal::SandboxExists { name: name.clone(), by: by.id.to_string() }),
    }
}

fn config(request: &RunRequest, id: SandboxId) -> Config {
    let mut config = request.config.clone();
    if config.hostname.is_empty() {
        config.hostname = id.short();
    }
    config.exposed.sort_unstable();
    config.exposed.dedup();
    config.network_mode =
        request.networks.first().map_or_else(|| "bridge".to_owned(), |first| first.network.clone());
    config
}

/// Finds the networks with what is wanted on each: the default one where none is named, nothing for `none`.
fn networks<'a>(
    state: &'a State,
    sandbox: &Sandbox,
    request: &RunRequest,
) -> Result<Vec<(&'a Arc<Network>, EndpointRequest)>, Refusal> {
    let mut wanted = request.networks.clone();
    if wanted.is_empty() {
        wanted.push(EndpointRequest { network: "bridge".into(), ..Default::default() });
    }
    let alone = wanted.len() == 1;
    let mut found: Vec<(&Arc<Network>, EndpointRequest)> = Vec::new();
    for wanted in wanted {
        let network = state.network(&wanted.network)?;
        if found.iter().any(|(other, _)| other.id == network.id) {
            return Err(endpoint::already(sandbox, network));
        }
        endpoint::refuse_on_default(network, &wanted)?;
        match network.driver {
            DriverKind::Bridge | DriverKind::Macvlan => found.push((network, wanted)),
            DriverKind::Host => return Err(Refusal::ConnectShared),
            DriverKind::None if alone => {}
            DriverKind::None => return Err(Refusal::ConnectNone),
        }
    }
    Ok(found)
}

/// Decides which sandbox is stopped; a stopped one may be stopped again. An adopted one's processes are not ours.
pub fn stop(state: &State, text: &str) -> Result<Arc<Sandbox>, Refusal> {
    let sandbox = state.sandbox(text)?;
    if sandbox.origin.is_adopted() {
        return Err(Refusal::Adopted(sandbox.name.clone()));
    }
    Ok(sandbox.clone())
}

/// Decides which sandbox is removed: a stopped one, or with `force` a running one of our own, which the caller ends.
pub fn remove_sandbox(state: &State, text: &str, force: bool) -> Result<Arc<Sandbox>, Refusal> {
    let sandbox = state.sandbox(text)?;
    match sandbox.is_running() {
        true if sandbox.origin.is_adopted() => Err(Refusal::Adopted(sandbox.name.clone())),
        true if !force => Err(Refusal::StillRunning(sandbox.name.clone())),
        _ => Ok(sandbox.clone()),
    }
}

/// Decides which sandbox is detached; one that is unknown is no error.
pub fn detach(state: &State, text: &str) -> Result<Option<Arc<Sandbox>>, Refusal> {
    match state.sandbox(text) {
        Ok(sandbox) if sandbox.origin.is_adopted() => Ok(Some(sandbox.clone())),
        Ok(sandbox) => Err(Refusal::NotAdopted(sandbox.name.clone())),
        Err(Refusal::SandboxNotFound(_)) => Ok(None),
        Err(refusal) => Err(refusal),
    }
}
