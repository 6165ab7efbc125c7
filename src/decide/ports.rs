//! Published ports: which host port each takes, and who has it already.

mod owners;

use super::Given;
use crate::model::{
    Exposed, PortRange, PortSet, Publish, PublishRequest, Refusal, SandboxName, held,
};
use owners::Owners;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where host ports that nobody named come from, and what the host has of IPv6.
#[derive(Clone, Copy)]
pub struct Ports<'a> {
    /// First and last of the kernel's ephemeral ports.
    pub range: (u16, u16),
    /// The ports that the host keeps out of that range.
    pub reserved: &'a PortSet,
    /// Whether a program on the host has the port, so that another one is chosen.
    pub busy: &'a dyn Fn(&Publish) -> bool,
    /// Whether somebody beyond the host could ask it over IPv6.
    pub ipv6: bool,
}

/// Whose ports are decided.
#[derive(Clone, Copy)]
pub struct Publisher<'a> {
    /// The sandbox.
    pub name: &'a SandboxName,
    /// Whether it has an IPv6 address that ports can lead to.
    pub ipv6: bool,
}

/// Decides the host ports of a new sandbox: those it names, unless a running sandbox or the request itself has them,
/// then free ones for the rest.
pub fn decide(
    given: &Given,
    ports: &Ports,
    publisher: Publisher,
    requests: &[PublishRequest],
) -> Result<Vec<Publish>, Refusal> {
    if requests.is_empty() {
        return Ok(Vec::new());
    }
    let mut taken = Taken { owners: running(given).collect(), given, ports, publisher };
    let named = requests.iter().filter(|request| request.host.is_some());
    let unnamed = requests.iter().filter(|request| request.host.is_none());
    let mut decided = Vec::new();
    for request in named.chain(unnamed) {
        decided.extend(taken.take(request)?);
    }
    decided.sort_by_key(|publish: &Publish| (publish.exposed(), publish.host_ip));
    Ok(decided)
}

/// Returns what `-P` asks for: every exposed port that is not published by name.
pub fn rest(exposed: &[Exposed], requests: &[PublishRequest]) -> Vec<PublishRequest> {
    let named = |exposed: &&Exposed| {
        let same = |request: &PublishRequest| {
            request.proto == exposed.proto && request.ports.ports().contains(&exposed.port)
        };
        requests.iter().any(same)
    };
    let request = |exposed: &Exposed| PublishRequest {
        host_ip: None,
        host: None,
        ports: exposed.port.into(),
        proto: exposed.proto,
    };
    exposed.iter().filter(|exposed| !named(exposed)).map(request).collect()
}

fn running<'a>(given: &Given<'a>) -> impl Iterator<Item = (Publish, &'a SandboxName)> + use<'a> {
    let sandboxes = given.state.sandboxes.values().filter(|sandbox| sandbox.is_running());
    sandboxes.flat_map(|sandbox| sandbox.publish.iter().map(|publish| (*publish, &sandbox.name)))
}

/// The host ports that are somebody's, as the decision goes on.
struct Taken<'a> {
    owners: Owners<'a>,
    given: &'a Given<'a>,
    ports: &'a Ports<'a>,
    publisher: Publisher<'a>,
}

impl Taken<'_> {
    fn take(&mut self, request: &PublishRequest) -> Result<Vec<Publish>, Refusal> {
        let addresses = addresses(request, self.publisher)?;
        let mut taken = Vec::new();
        match request.host {
            Some(host) if host.count() == request.ports.count() => {
                let wanted = publish(request, &addresses, host.first(), request.ports);
                self.refuse_taken(&wanted)?;
                self.keep(&mut taken, wanted);
            }
            Some(host) if request.ports.count() == 1 => {
                let wanted = |port| publish(request, &addresses, port, request.ports);
                let free = host.ports().map(wanted).find(|wanted| self.is_free(wanted));
                let none = || Refusal::PortsTaken { host_ip: addresses[0], ports: host };
                self.keep(&mut taken, free.ok_or_else(none)?);
            }
            Some(host) => return Err(Refusal::UnequalRanges { host, ports: request.ports }),
            None => {
                for port in request.ports.ports() {
                    let wanted = self.choose(request, &addresses, port.into())?;
                    self.keep(&mut taken, wanted);
                }
            }
        }
        Ok(taken)
    }

    fn keep(&mut self, taken: &mut Vec<Publish>, wanted: Vec<Publish>) {
        wanted.iter().for_each(|publish| self.owners.add(*publish, self.publisher.name));
        taken.extend(wanted);
    }

    fn refuse_taken(&self, wanted: &[Publish]) -> Result<(), Refusal> {
        for publish in wanted {
            if let Some((host_port, by)) = self.owners.clash(publish) {
                let publish = Publish { host_port, count: 1, ..*publish };
                return Err(match by == self.publisher.name {
                    true => Refusal::PortTwice { publish },
                    false => Refusal::PortAllocated { publish, by: by.clone() },
                });
            }
        }
        Ok(())
    }

    fn is_free(&self, wanted: &[Publish]) -> bool {
        self.refuse_taken(wanted).is_ok() && !held(wanted).any(|port| (self.ports.busy)(&port))
    }

    /// Chooses a free port, from a random one upwards and around.
    fn choose(
        &self,
        request: &PublishRequest,
        addresses: &[IpAddr],
        port: PortRange,
    ) -> Result<Vec<Publish>, Refusal> {
        let (low, high) = self.ports.range;
        let [a, b, ..] = (self.given.draw)();
        let start = low + u16::from_be_bytes([a, b]) % high.saturating_sub(low).saturating_add(1);
        (start..=high)
            .chain(low..start)
            .filter(|host| !self.ports.reserved.contains(*host))
            .map(|host| publish(request, addresses, host, port))
            .find(|wanted| self.is_free(wanted))
            .ok_or(Refusal::NoFreePort(request.proto))
    }
}

/// Returns the host's addresses that a request means: without one those of IPv4, and of IPv6 where it leads somewhere.
fn addresses(request: &PublishRequest, publisher: Publisher) -> Result<Vec<IpAddr>, Refusal> {
    let every = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
    let Some(address) = request.host_ip else {
        return Ok(every[..if publisher.ipv6 { 2 } else { 1 }].to_vec());
    };
    let unusable = |why| Err(Refusal::PortUnusable { host_ip: address, why });
    match address.to_canonical() {
        IpAddr::V6(address) if address.is_unicast_link_local() => {
            unusable("a sandbox has no way back to a link-local address")
        }
        address if address.is_multicast() => unusable("it is a multicast address"),
        IpAddr::V4(Ipv4Addr::BROADCAST) => unusable("it is a broadcast address"),
        address => Ok(vec![address]),
    }
}

fn publish(
    request: &PublishRequest,
    addresses: &[IpAddr],
    host_port: u16,
    ports: PortRange,
) -> Vec<Publish> {
    let publish = |host_ip: &IpAddr| Publish {
        host_ip: *host_ip,
        host_port,
        port: ports.first(),
        proto: request.proto,
        count: ports.count(),
    };
    addresses.iter().map(publish).collect()
}

/// Says which ways to published ports the kernel does not have. `open` is whether any network has a way in.
pub fn unreachable(
    ports: &Ports,
    publisher: Publisher,
    requests: &[PublishRequest],
    open: bool,
) -> Option<String> {
    let name = publisher.name;
    if requests.is_empty() {
        return None;
    }
    if !open {
        return Some(format!("{name} publishes ports but is on no network that has a way in"));
    }
    let has = |meant: &dyn Fn(IpAddr) -> bool| {
        requests.iter().any(|request| request.host_ip.is_some_and(|ip| meant(ip.to_canonical())))
    };
    let unnamed = requests.iter().any(|request| request.host_ip.is_none());
    let named_6 = has(&|ip| ip.is_ipv6());
    if !publisher.ipv6 && (named_6 || unnamed && ports.ipv6) {
        return Some(format!(
            "the ports of {name} are not reached over IPv6: it is on no network with IPv6 that has a way in \
             (netdns network create --ipv6)"
        ));
    }
    let loopback = has(&|ip| ip.is_ipv6() && (ip.is_loopback() || ip.is_unspecified()));
    (publisher.ipv6 && (loopback || unnamed)).then(|| {
        format!(
            "the ports of {name} are not reached through [::1]: the kernel routes nothing from there; use 127.0.0.1 \
             or another address of the host"
        )
    })
}
