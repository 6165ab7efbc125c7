//! Published ports: which host port each takes, and who has it already.

use super::Given;
use crate::model::{Publish, PublishRequest, Refusal, SandboxName};
use std::net::{IpAddr, Ipv4Addr};

/// Where host ports that nobody named come from.
#[derive(Clone, Copy)]
pub struct Ports<'a> {
    /// First and last of the kernel's ephemeral ports.
    pub range: (u16, u16),
    /// Whether a program on the host has the port, so that another one is chosen.
    pub busy: &'a dyn Fn(&Publish) -> bool,
}

/// Decides the host ports of a new sandbox: those it names, unless a running sandbox or the request itself has them,
/// then free ones for the rest.
pub fn decide(
    given: &Given,
    ports: &Ports,
    sandbox: &SandboxName,
    requests: &[PublishRequest],
) -> Result<Vec<Publish>, Refusal> {
    let mut taken: Vec<(Publish, &SandboxName)> = running(given).collect();
    let named = requests.iter().filter(|request| request.host_port.is_some());
    let unnamed = requests.iter().filter(|request| request.host_port.is_none());
    let mut decided = Vec::new();
    for request in named.chain(unnamed) {
        let publish = match request.host_port {
            Some(port) => publish(request, port)?,
            None => choose(given, ports, request, &taken)?,
        };
        if let Some((_, by)) = taken.iter().find(|(other, _)| other.clashes(&publish)) {
            return Err(match *by == sandbox {
                true => Refusal::PortTwice { publish },
                false => Refusal::PortAllocated { publish, by: (*by).clone() },
            });
        }
        taken.push((publish, sandbox));
        decided.push(publish);
    }
    decided.sort_by_key(Publish::exposed);
    Ok(decided)
}

fn running<'a>(given: &Given<'a>) -> impl Iterator<Item = (Publish, &'a SandboxName)> {
    let sandboxes = given.state.sandboxes.values().filter(|sandbox| sandbox.is_running());
    sandboxes.flat_map(|sandbox| sandbox.publish.iter().map(|publish| (*publish, &sandbox.name)))
}

fn publish(request: &PublishRequest, host_port: u16) -> Result<Publish, Refusal> {
    let host_ip = request.host_ip.unwrap_or(Ipv4Addr::UNSPECIFIED.into());
    match host_ip {
        IpAddr::V4(_) => {
            Ok(Publish { host_ip, host_port, port: request.port, proto: request.proto })
        }
        IpAddr::V6(_) => Err(Refusal::PortIpv6(host_ip)),
    }
}

/// Chooses a free port, from a random one upwards and around.
fn choose(
    given: &Given,
    ports: &Ports,
    request: &PublishRequest,
    taken: &[(Publish, &SandboxName)],
) -> Result<Publish, Refusal> {
    let (low, high) = ports.range;
    let [a, b, ..] = (given.draw)();
    let start = low + u16::from_be_bytes([a, b]) % high.saturating_sub(low).saturating_add(1);
    for port in (start..=high).chain(low..start) {
        let publish = publish(request, port)?;
        let ours = taken.iter().any(|(other, _)| other.clashes(&publish));
        if !ours && !(ports.busy)(&publish) {
            return Ok(publish);
        }
    }
    Err(Refusal::NoFreePort(request.proto))
}
