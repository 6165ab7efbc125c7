//! A host without Docker, and the requests that people make of it.

use super::*;
use crate::model::*;
use std::cell::Cell;
use std::sync::Arc;

mod network;
mod register;
mod rename;
mod sandbox;
mod share;

/// Draws 0x01.., 0xa1.., ... : every id holds letters and differs from the others in its first digits.
pub fn counter() -> impl Fn() -> [u8; 32] {
    let next = Cell::new(0u16);
    move || {
        next.set(next.get() + 1);
        let [high, low] = next.get().to_be_bytes();
        let mut bytes = [0xab; 32];
        (bytes[0], bytes[1]) = (high, low);
        bytes
    }
}

/// A daemon's memory, with the beats left out: what is decided is applied at once.
pub struct World {
    pub state: State,
    pub policy: Policy,
    pub facts: HostFacts,
    pub cursor: BTreeMap<NetworkId, Vec<IpAddr>>,
    draw: Box<dyn Fn() -> [u8; 32]>,
    inode: u64,
    pub ipv6: bool,
}

impl World {
    pub fn new() -> Self {
        let mut world = Self::empty();
        world.start();
        world
    }

    pub fn empty() -> Self {
        Self {
            state: State::default(),
            policy: Policy::default(),
            facts: HostFacts { uplink_mtu: 1500, ..Default::default() },
            cursor: BTreeMap::new(),
            draw: Box::new(counter()),
            inode: 0,
            ipv6: false,
        }
    }

    pub fn given(&self) -> Given<'_> {
        Given {
            state: &self.state,
            policy: &self.policy,
            facts: &self.facts,
            now: 1_000,
            draw: &*self.draw,
            cursor: &self.cursor,
        }
    }

    pub fn start(&mut self) -> Vec<String> {
        let decision = predefined(&self.given()).unwrap();
        for network in decision.noun {
            self.state.apply(&Change::AddNetwork(network));
        }
        decision.warnings
    }

    pub fn create(&mut self, request: NetworkRequest) -> Result<Arc<Network>, Refusal> {
        let network = create_network(&self.given(), &request)?.noun;
        self.state.apply(&Change::AddNetwork(network.clone()));
        Ok(Arc::new(network))
    }

    pub fn attach_at(&mut self, request: RunRequest, inode: u64) -> Result<Attachment, Refusal> {
        let reserved = PortSet::default();
        let ports = Ports {
            range: (40_000, 40_003),
            reserved: &reserved,
            busy: &|_| false,
            ipv6: self.ipv6,
        };
        let attachment = attach(&self.given(), &request, (4, inode), &ports)?;
        if let Attachment::New(decision) = &attachment {
            let (sandbox, endpoints) = decision.noun.clone();
            self.state.apply(&Change::AddSandbox(Box::new(sandbox), endpoints));
        }
        Ok(attachment)
    }

    /// Attaches a namespace that nobody has seen yet.
    pub fn run(&mut self, request: RunRequest) -> Result<Ran, Refusal> {
        self.inode += 1;
        match self.attach_at(request, self.inode)? {
            Attachment::New(decision) => {
                let Decision { noun: (sandbox, endpoints), warnings } = *decision;
                Ok(Ran { sandbox, endpoints, warnings })
            }
            Attachment::Existing(id) => panic!("the namespace is sandbox {id}"),
        }
    }

    pub fn connect(
        &mut self,
        request: EndpointRequest,
        sandbox: &str,
    ) -> Result<Endpoint, Refusal> {
        let endpoint = connect(&self.given(), &request, sandbox)?.noun;
        self.state.apply(&Change::AddEndpoint(endpoint.clone()));
        Ok(endpoint)
    }

    pub fn end(&mut self, sandbox: &str) {
        let id = self.state.sandbox(sandbox).unwrap().id;
        self.state.apply(&Change::EndSandbox { id, code: 0, at: 2_000 });
    }
}

/// What an attach came to.
pub struct Ran {
    pub sandbox: Sandbox,
    pub endpoints: Vec<Endpoint>,
    pub warnings: Vec<String>,
}

impl Ran {
    pub fn address(&self) -> String {
        self.endpoints[0].addresses[0].to_string()
    }
}

pub fn network(name: &str) -> NetworkRequest {
    NetworkRequest {
        name: name.into(),
        driver: "bridge".into(),
        options: BTreeMap::new(),
        labels: BTreeMap::new(),
        internal: false,
        ipv6: false,
        subnets: Vec::new(),
        ip_ranges: Vec::new(),
        gateways: Vec::new(),
        aux: BTreeMap::new(),
    }
}

pub fn on(network: &str) -> EndpointRequest {
    EndpointRequest { network: network.into(), ..Default::default() }
}

pub fn sandbox(name: &str, networks: &[EndpointRequest]) -> RunRequest {
    RunRequest {
        name: (!name.is_empty()).then(|| name.parse().unwrap()),
        attach: AttachTo::Init(7),
        networks: networks.to_vec(),
        publish: Vec::new(),
        publish_all: false,
        config: Config::default(),
        dns: DnsConfig::default(),
        extra_hosts: Vec::new(),
    }
}

pub fn text<T>(result: Result<T, Refusal>) -> String {
    result.err().map_or_else(|| "granted".into(), |refusal| refusal.to_string())
}

#[test]
fn an_id_is_nobodys_yet_and_its_short_form_is_no_number() {
    let mut world = World::new();
    let ran = world.run(sandbox("a", &[])).unwrap();
    let network = ran.endpoints[0].network;
    let drawn = [
        [0x12; 32],
        network.0.bytes(),
        ran.sandbox.id.0.bytes(),
        ran.endpoints[0].id.0.bytes(),
        [0xcd; 32],
    ];
    let next = Cell::new(0);
    let draw = || drawn[next.replace(next.get() + 1)];
    assert_eq!(Given { draw: &draw, ..world.given() }.id(), Id::from_bytes([0xcd; 32]));
}
