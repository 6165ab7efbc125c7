//! States to derive firewalls from.

use ipnet::IpNet;
use netdns::model::{
    Change, Config, DnsConfig, DriverKind, Endpoint, EndpointId, Exposed, Id, Network, NetworkId,
    NetworkOptions, Origin, Proto, Publish, Reach, Sandbox, SandboxId, State, Status, Subnet,
};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A state that is being built; ids count up.
#[derive(Default)]
pub struct Fixture {
    /// The state.
    pub state: State,
    count: u8,
}

/// `localnet` with one sandbox, 172.18.0.2, that publishes these ports.
pub fn localnet(ports: &[&str]) -> Fixture {
    let mut fixture = Fixture::default();
    let network = fixture.network("localnet", "br-1", 18, |_| {});
    fixture.sandbox(&[network], ports);
    fixture
}

impl Fixture {
    fn id(&mut self) -> Id {
        self.count += 1;
        Id::from_bytes([self.count; 32])
    }

    /// Adds a network 172.SECOND.0.0/16 with its gateway at .1.
    pub fn network(
        &mut self,
        name: &str,
        bridge: &str,
        second: u8,
        change: impl FnOnce(&mut Network),
    ) -> NetworkId {
        let subnet = Subnet {
            net: format!("172.{second}.0.0/16").parse().unwrap(),
            gateway: Ipv4Addr::new(172, second, 0, 1).into(),
            ip_range: None,
            aux: BTreeMap::new(),
        };
        let mut network = Network {
            id: self.id().into(),
            name: name.parse().unwrap(),
            driver: DriverKind::Bridge,
            created: 0,
            predefined: false,
            internal: false,
            bridge: Some(bridge.parse().unwrap()),
            subnets: vec![subnet],
            given_options: BTreeMap::new(),
            options: NetworkOptions {
                masquerade: true,
                mtu: 1500,
                ttl: 600,
                own_domain: false,
                ..NetworkOptions::default()
            },
            labels: BTreeMap::new(),
        };
        change(&mut network);
        let id = network.id;
        self.state.apply(&Change::AddNetwork(network));
        id
    }

    /// Adds a network of both families, fdSECOND::/64 besides, that lets neighbours reach exposed ports alone.
    pub fn enforced(&mut self, bridge: &str, second: u8) -> NetworkId {
        let six = Subnet {
            net: format!("fd{second}::/64").parse().unwrap(),
            gateway: format!("fd{second}::1").parse().unwrap(),
            ip_range: None,
            aux: BTreeMap::new(),
        };
        self.network("enforced", bridge, second, |network| {
            network.subnets.push(six);
            network.options.reach = Reach::Exposed;
        })
    }

    /// Lets a sandbox expose ports.
    pub fn expose(&mut self, sandbox: SandboxId, ports: &[(u16, Proto)]) {
        let exposed = ports.iter().map(|(port, proto)| Exposed { port: *port, proto: *proto });
        let sandbox = self.state.sandboxes.get_mut(&sandbox).unwrap();
        std::sync::Arc::make_mut(sandbox).config.exposed = exposed.collect();
    }

    /// Returns the network made last.
    pub fn last_network(&self) -> NetworkId {
        *self.state.networks.keys().next_back().unwrap()
    }

    /// Adds a running sandbox at the next address of each network, from .2 on.
    pub fn sandbox(&mut self, networks: &[NetworkId], ports: &[&str]) -> SandboxId {
        let id = SandboxId::from(self.id());
        let endpoints = networks.iter().map(|network| self.endpoint(id, *network)).collect();
        let sandbox = Sandbox {
            id,
            name: format!("sandbox{}", self.count).parse().unwrap(),
            created: 0,
            origin: Origin::Pid(1),
            netns: (4, 1),
            shares: None,
            status: Status::Running,
            config: Config::default(),
            dns: DnsConfig::default(),
            extra_hosts: Vec::new(),
            publish: ports.iter().map(|port| publish(port)).collect(),
        };
        self.state.apply(&Change::AddSandbox(Box::new(sandbox), endpoints));
        id
    }

    fn endpoint(&mut self, sandbox: SandboxId, network: NetworkId) -> Endpoint {
        let id = EndpointId::from(self.id());
        let used = self.state.endpoints_on(network).count() as u8;
        let next = |subnet: &Subnet| {
            let address = match subnet.gateway {
                IpAddr::V4(ip) => {
                    IpAddr::from(Ipv4Addr::from_bits(ip.to_bits() + 1 + u32::from(used)))
                }
                IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() + 1 + u128::from(used)).into(),
            };
            IpNet::new(address, subnet.net.prefix_len()).unwrap()
        };
        let addresses = self.state.networks[&network].subnets.iter().map(next).collect();
        Endpoint {
            id,
            network,
            sandbox,
            host_link: format!("veth{}", id.prefix(7)).parse().unwrap(),
            link: "eth0".parse().unwrap(),
            mac: netdns::model::Mac::local([self.count; 6]),
            addresses,
            aliases: Vec::new(),
            gw_priority: 0,
        }
    }

    /// Ends every sandbox.
    pub fn end_all(&mut self) {
        for id in self.state.sandboxes.keys().copied().collect::<Vec<_>>() {
            self.state.apply(&Change::EndSandbox { id, code: 0, at: 0 });
        }
    }
}

/// One sandbox of both families that publishes and exposes SCTP, and no other protocol's port of the same number.
pub fn sctp() -> Fixture {
    let mut fixture = Fixture::default();
    let network = fixture.enforced("br-7", 27);
    let ports = ["0.0.0.0:5060:6060/sctp", "[::]:5060:6060/sctp", "127.0.0.1:5061:6061/sctp"];
    let sandbox = fixture.sandbox(&[network], &ports);
    fixture.expose(sandbox, &[(7070, Proto::Sctp), (8080, Proto::Tcp)]);
    fixture
}

/// Reads `HOST:PORT:PORT[/PROTO]`.
fn publish(text: &str) -> Publish {
    let (text, proto) = text.split_once('/').unwrap_or((text, "tcp"));
    let (host, port) = text.rsplit_once(':').unwrap();
    let host: SocketAddr = host.parse().unwrap();
    Publish {
        host_ip: host.ip(),
        host_port: host.port(),
        port: port.parse().unwrap(),
        proto: proto.parse().unwrap(),
        count: 1,
    }
}
