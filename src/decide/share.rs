//! Sharing: a sandbox that has no namespace of its own uses the host's, or another sandbox's with all its endpoints.

use super::Given;
use crate::model::{AttachTo, DriverKind, EndpointRequest, Refusal, RunRequest, Shares, State};

/// Decides whose namespace a sandbox is to use, if not its own; `netns` is the one that its init is in.
pub fn decide(
    given: &Given,
    request: &RunRequest,
    netns: (u64, u64),
) -> Result<Option<Shares>, Refusal> {
    let mut found = None;
    for wanted in &request.networks {
        if let Some(shares) = mode(given.state, &wanted.network)? {
            refuse_alone(wanted)?;
            found = Some(shares);
        }
    }
    let shared = matches!(request.attach, AttachTo::Shared(_));
    match &found {
        None if shared => Err(Refusal::HostNamespace("the sandbox's".into())),
        Some(_) if !shared => Err(Refusal::ShareOnlyRun),
        Some(_) if request.networks.len() > 1 => Err(Refusal::ConnectShared),
        Some(Shares::Sandbox(_)) if !request.publish.is_empty() => Err(Refusal::PublishShared),
        Some(Shares::Sandbox(id)) => {
            let same = given.state.sandboxes.get(id).is_some_and(|owner| owner.netns == netns);
            if same { Ok(found) } else { Err(Refusal::NotANamespace("the sandbox's".into())) }
        }
        Some(Shares::Host) | None => Ok(found),
    }
}

/// Reads `host` and `container:NAME`; a network of that very name comes first.
fn mode(state: &State, text: &str) -> Result<Option<Shares>, Refusal> {
    if let Ok(network) = state.network(text) {
        return Ok((network.driver == DriverKind::Host).then_some(Shares::Host));
    }
    let Some(name) = text.strip_prefix("container:") else { return Ok(None) };
    let owner = state.sandbox(name)?;
    match owner.is_running() {
        true => Ok(Some(owner.shares.unwrap_or(Shares::Sandbox(owner.id)))),
        false => Err(Refusal::NotRunning(owner.name.clone())),
    }
}

fn refuse_alone(wanted: &EndpointRequest) -> Result<(), Refusal> {
    if !wanted.aliases.is_empty() {
        return Err(Refusal::AliasOnDefault);
    }
    if wanted.ip.is_some() || wanted.ip6.is_some() {
        return Err(Refusal::AddressOnDefault);
    }
    if wanted.mac.is_some() {
        return Err(Refusal::MacShared);
    }
    Ok(())
}
