//! Sandboxes: a namespace becomes one, and ceases to be one.

use super::{Decision, Given, Ports, endpoint, names, ports};
use crate::model::{
    AttachTo, Config, DriverKind, Endpoint, EndpointRequest, Exposed, Network, Origin, Refusal,
    RunRequest, Sandbox, SandboxId, SandboxName, State, Status,
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
    if let Some(existing) = existing(given.state, request, netns)? {
        return Ok(Attachment::Existing(existing));
    }
    let mut sandbox = sandbox(given, request, netns)?;
    let networks = networks(given.state, &sandbox, request)?;
    let mut endpoints = Vec::new();
    let mut warnings = Vec::new();
    for (number, (network, wanted)) in networks.iter().enumerate() {
        let link = endpoint::link(number)?;
        let endpoint = endpoint::decide(given, &sandbox, network, wanted, link)?;
        warnings.extend(names::shared(given.state, &sandbox, &endpoint));
        endpoints.push(endpoint);
    }
    sandbox.publish = ports::decide(given, host_ports, &sandbox.name, &request.publish)?;
    if !sandbox.publish.is_empty() && networks.iter().all(|(network, _)| network.internal) {
        let name = &sandbox.name;
        warnings.push(format!("{name} publishes ports but is on no network that has a way in"));
    }
    Ok(Attachment::New(Box::new(Decision { noun: (sandbox, endpoints), warnings })))
}

/// Finds the sandbox that the namespace already is, which is no error for the name it has.
fn existing(
    state: &State,
    request: &RunRequest,
    netns: (u64, u64),
) -> Result<Option<SandboxId>, Refusal> {
    let same = |sandbox: &&Arc<Sandbox>| sandbox.is_running() && sandbox.netns == netns;
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
            AttachTo::Init(pid) => Origin::Init(pid),
            AttachTo::Pid(pid) => Origin::Pid(pid),
            AttachTo::Netns(path) => Origin::Netns(path),
        },
        netns,
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
    let mut exposed: Vec<Exposed> =
        config.exposed.iter().chain(&request.exposed).copied().collect();
    exposed.sort_unstable();
    exposed.dedup();
    config.exposed = exposed;
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
        let network = state.network(&wanted.network).map_err(|no| shared(&wanted.network, no))?;
        if found.iter().any(|(other, _)| other.id == network.id) {
            return Err(endpoint::already(sandbox, network));
        }
        endpoint::refuse_on_default(network, &wanted)?;
        match network.driver {
            DriverKind::Bridge => found.push((network, wanted)),
            DriverKind::Host => return Err(Refusal::ModeUnsupported(network.name.clone())),
            DriverKind::None if alone => {}
            DriverKind::None => return Err(Refusal::ConnectNone),
        }
    }
    Ok(found)
}

/// Says of `container:NAME` that it is a mode, where no network has that name.
fn shared(text: &str, refusal: Refusal) -> Refusal {
    let mode = text.starts_with("container:").then(|| text.parse().ok()).flatten();
    mode.map_or(refusal, Refusal::ModeUnsupported)
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
