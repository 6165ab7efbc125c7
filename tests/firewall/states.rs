//! States to derive firewalls from.

use netdns::model::{
    Change, Config, DnsConfig, DriverKind, Endpoint, EndpointId, Id, Network, NetworkId,
    NetworkOptions, Origin, Publish, Sandbox, SandboxId, State, Status, Subnet,
};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

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
        let IpAddr::V4(gateway) = self.state.networks[&network].subnets[0].gateway else {
            panic!("the networks here are IPv4");
        };
        let [a, b, c, d] = gateway.octets();
        Endpoint {
            id,
            network,
            sandbox,
            host_link: format!("veth{}", id.prefix(7)).parse().unwrap(),
            link: "eth0".parse().unwrap(),
            mac: netdns::model::Mac::local([self.count; 6]),
            addresses: vec![format!("{a}.{b}.{c}.{}/16", d + 1 + used).parse().unwrap()],
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

/// Reads `HOST:PORT:PORT`, TCP.
fn publish(text: &str) -> Publish {
    let (host, port) = text.rsplit_once(':').unwrap();
    let host: SocketAddr = host.parse().unwrap();
    Publish {
        host_ip: host.ip(),
        host_port: host.port(),
        port: port.parse().unwrap(),
        proto: netdns::model::Proto::Tcp,
        count: 1,
    }
}
