//! Names that change on what exists already: a sandbox's own, and its aliases.

use super::{Decision, names};
use crate::model::{Change, DnsName, Endpoint, Refusal, Sandbox, SandboxName, State};
use std::sync::Arc;

/// Decides a sandbox's new name, running or stopped. A name that another has, running or stopped, is taken.
pub fn rename(state: &State, text: &str, name: SandboxName) -> Result<Decision<Change>, Refusal> {
    let sandbox = state.sandbox(text)?;
    if sandbox.name == name {
        return Err(Refusal::SameName(name));
    }
    if let Some(by) = state.sandboxes.values().find(|other| other.name == name) {
        return Err(Refusal::SandboxExists { name, by: by.id.to_string() });
    }
    let renamed = Sandbox { name: name.clone(), ..sandbox.as_ref().clone() };
    let endpoints = state.endpoints_of(sandbox.id);
    let warnings =
        endpoints.iter().flat_map(|(endpoint, _)| names::shared(state, &renamed, endpoint));
    Ok(Decision { warnings: warnings.collect(), noun: Change::Rename { id: sandbox.id, name } })
}

/// Decides that a running sandbox answers to one more name on a network.
pub fn add_alias(
    state: &State,
    network: &str,
    sandbox: &str,
    alias: DnsName,
) -> Result<Decision<Change>, Refusal> {
    let (sandbox, endpoint) = find(state, network, sandbox)?;
    let mut aliases = endpoint.aliases.clone();
    if !aliases.contains(&alias) {
        aliases.push(alias);
    }
    let changed = Endpoint { aliases: aliases.clone(), ..endpoint.as_ref().clone() };
    let warnings = names::shared(state, &sandbox, &changed);
    Ok(Decision { noun: Change::SetAliases { endpoint: endpoint.id, aliases }, warnings })
}

/// Decides that a sandbox answers to an alias no more.
pub fn remove_alias(
    state: &State,
    network: &str,
    sandbox: &str,
    alias: &DnsName,
) -> Result<Change, Refusal> {
    let (sandbox, endpoint) = find(state, network, sandbox)?;
    let mut aliases = endpoint.aliases.clone();
    aliases.retain(|known| known != alias);
    if aliases.len() == endpoint.aliases.len() {
        let (alias, sandbox) = (alias.clone(), sandbox.name.clone());
        return Err(Refusal::NoAlias { alias, sandbox });
    }
    Ok(Change::SetAliases { endpoint: endpoint.id, aliases })
}

fn find(
    state: &State,
    network: &str,
    sandbox: &str,
) -> Result<(Arc<Sandbox>, Arc<Endpoint>), Refusal> {
    let network = state.network(network)?;
    let sandbox = state.sandbox(sandbox)?;
    if !network.has_names() {
        return Err(Refusal::AliasOnDefault);
    }
    let found = state.endpoints_on(network.id).find(|endpoint| endpoint.sandbox == sandbox.id);
    let endpoint = found.ok_or_else(|| Refusal::NotConnected {
        sandbox: sandbox.name.clone(),
        network: network.name.clone(),
    })?;
    Ok((sandbox.clone(), endpoint.clone()))
}
