//! Table: what one network knows, by name. Endpoints and registrations are entered as facts under each name they
//! concern, forward and reverse; the RRsets of a name are made ready when its facts change, not when they are asked for.
//! Whether a sandbox may see a network is not decided here.

use super::{EndpointNames, Key, NetworkNames, Source, services};
use crate::model::{DnsName, EndpointId, Rdata, Registration, RrType};
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

/// TTL of built-in names, and of endpoint names unless the network says otherwise, in seconds.
pub const DEFAULT_TTL: u32 = 5;

/// The query type that asks for whatever there is (RFC 8482).
pub const ANY: u16 = 255;

/// Where in the order of sources an RRset stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// Names and addresses of endpoints.
    Container,
    /// Entered by hand.
    Manual,
    /// The reverse of an address entered by hand: counts within the subnets of the networks a sandbox is on.
    Implied,
    /// From a zone file.
    Zone,
}

/// Records of one name and type from one layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rrset {
    /// The layer.
    pub layer: Layer,
    /// Where it comes from.
    pub source: Source,
    /// The type.
    pub rr_type: RrType,
    /// Seconds.
    pub ttl: u32,
    /// The data without duplicates; empty where a name has no address of that family.
    pub data: Vec<Rdata>,
}

/// What is known under one name.
#[derive(Clone, Debug, Default)]
pub struct Name {
    facts: Vec<Fact>,
    rrsets: Vec<Arc<Rrset>>,
}

impl Name {
    /// Whether the name exists in a layer.
    pub fn knows(&self, layer: Layer) -> bool {
        self.rrsets.iter().any(|rrset| rrset.layer == layer)
    }

    /// Returns the records of a type; of whichever there are for [`ANY`].
    pub fn rrset(&self, layer: Layer, rr_type: u16) -> Option<&Arc<Rrset>> {
        self.rrsets.iter().find(|rrset| {
            let asked = rr_type == ANY || rrset.rr_type.number() == rr_type;
            asked && rrset.layer == layer && !rrset.data.is_empty()
        })
    }

    fn derive(&mut self) {
        let mut rrsets: Vec<Rrset> = Vec::new();
        for Fact { rrset: fact, .. } in &self.facts {
            let like = |r: &&mut Rrset| (r.layer, r.rr_type) == (fact.layer, fact.rr_type);
            let Some(rrset) = rrsets.iter_mut().find(like) else {
                rrsets.push(fact.clone());
                continue;
            };
            rrset.ttl = rrset.ttl.min(fact.ttl);
            for rdata in &fact.data {
                if !rrset.data.contains(rdata) {
                    rrset.data.push(rdata.clone());
                }
            }
        }
        self.rrsets = rrsets.into_iter().map(Arc::new).collect();
    }
}

#[derive(Clone, Debug)]
struct Fact {
    owner: Owner,
    rrset: Rrset,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Owner {
    Endpoint(EndpointId),
    Record(DnsName, RrType),
}

/// What one network knows. Cloning shares the names.
#[derive(Clone, Debug, Default)]
pub struct Table {
    network: Option<Arc<NetworkNames>>,
    suffix: Option<Arc<[u8]>>,
    endpoints: BTreeMap<EndpointId, Arc<EndpointNames>>,
    records: BTreeMap<(DnsName, RrType), Arc<Registration>>,
    names: HashMap<Arc<[u8]>, Arc<Name>>,
}

impl Table {
    /// Finds a name by the bytes of its [`Key`].
    pub fn get(&self, key: &[u8]) -> Option<&Arc<Name>> {
        self.names.get(key)
    }

    /// Returns the network, once it is known; never for what is registered on all of them.
    pub fn network(&self) -> Option<&NetworkNames> {
        self.network.as_deref()
    }

    /// Returns the key of the suffix that qualifies its names.
    pub fn suffix(&self) -> Option<&[u8]> {
        self.suffix.as_deref()
    }

    /// Returns the TTL of endpoint names and of negative answers, in seconds.
    pub fn ttl(&self) -> u32 {
        self.network.as_ref().map_or(DEFAULT_TTL, |network| network.ttl)
    }

    /// Enters or replaces what the network itself is; the facts depend on it.
    pub fn put_network(&mut self, network: NetworkNames) {
        self.suffix = network.domain.as_ref().map(|domain| Key::from(domain).as_bytes().into());
        self.network = Some(Arc::new(network));
        self.names.clear();
        for endpoint in self.endpoints.clone().into_values() {
            self.enter(self.endpoint_facts(&endpoint));
        }
        for record in self.records.clone().into_values() {
            self.enter(record_facts(&record));
        }
    }

    /// Enters or replaces an endpoint.
    pub fn put_endpoint(&mut self, endpoint: EndpointNames) {
        self.remove_endpoint(endpoint.id);
        self.enter(self.endpoint_facts(&endpoint));
        self.endpoints.insert(endpoint.id, Arc::new(endpoint));
    }

    /// Removes an endpoint.
    pub fn remove_endpoint(&mut self, id: EndpointId) {
        if let Some(endpoint) = self.endpoints.remove(&id) {
            self.withdraw(self.endpoint_facts(&endpoint));
        }
    }

    /// Enters or replaces an RRset.
    pub fn put_record(&mut self, record: Registration) {
        let key = (record.name.clone(), record.rr_type());
        self.remove_record(&key);
        self.enter(record_facts(&record));
        self.records.insert(key, Arc::new(record));
    }

    /// Removes an RRset.
    pub fn remove_record(&mut self, key: &(DnsName, RrType)) {
        if let Some(record) = self.records.remove(key) {
            self.withdraw(record_facts(&record));
        }
    }

    /// Drops the endpoints and registrations that are not to be kept. Returns whether there were any.
    pub fn retain(
        &mut self,
        endpoint: impl Fn(EndpointId) -> bool,
        record: impl Fn(&(DnsName, RrType)) -> bool,
    ) -> bool {
        let gone: Vec<_> = self.endpoints.keys().copied().filter(|id| !endpoint(*id)).collect();
        gone.iter().for_each(|id| self.remove_endpoint(*id));
        let unregistered: Vec<_> =
            self.records.keys().filter(|key| !record(key)).cloned().collect();
        unregistered.iter().for_each(|key| self.remove_record(key));
        !gone.is_empty() || !unregistered.is_empty()
    }

    fn endpoint_facts(&self, endpoint: &EndpointNames) -> Vec<(Key, Fact)> {
        let fact = |source, rr_type: RrType, data| {
            let rrset = Rrset { layer: Layer::Container, source, rr_type, ttl: self.ttl(), data };
            Fact { owner: Owner::Endpoint(endpoint.id), rrset }
        };
        let of_family = |rr_type: RrType| -> Vec<Rdata> {
            let data = endpoint.addresses.iter().copied().map(Rdata::from);
            data.filter(|data| data.rr_type() == rr_type).collect()
        };
        let forward = endpoint.names.iter().flat_map(|(name, source)| {
            [RrType::A, RrType::Aaaa]
                .map(|rr_type| (Key::from(name), fact(*source, rr_type, of_family(rr_type))))
        });
        let own = endpoint.sandbox.as_dns();
        let domain = self.network().and_then(|network| network.domain.as_ref());
        let qualified = domain.and_then(|domain| own.below(domain)).unwrap_or(own);
        let services = endpoint.names.iter().flat_map(|(name, source)| {
            let target = &qualified;
            let srv = |port| Rdata::Srv { priority: 0, weight: 0, port, target: target.clone() };
            endpoint.services.iter().flat_map(move |service| {
                let data = vec![srv(service.port)];
                services::owners(service, name)
                    .map(move |owner| (Key::from(&owner), fact(*source, RrType::Srv, data.clone())))
            })
        });
        let reverse = endpoint.addresses.iter().map(|address| {
            let data = vec![Rdata::Ptr(qualified.clone())];
            (Key::of_address(*address), fact(Source::Container, RrType::Ptr, data))
        });
        forward.chain(services).chain(reverse).collect()
    }

    fn enter(&mut self, facts: Vec<(Key, Fact)>) {
        for (key, fact) in facts {
            self.edit(&key, |known| known.push(fact));
        }
    }

    fn withdraw(&mut self, facts: Vec<(Key, Fact)>) {
        for (key, fact) in facts {
            self.edit(&key, |known| known.retain(|other| other.owner != fact.owner));
        }
    }

    fn edit(&mut self, key: &Key, change: impl FnOnce(&mut Vec<Fact>)) {
        let mut name =
            self.names.remove(key.as_bytes()).map_or_else(Name::default, Arc::unwrap_or_clone);
        change(&mut name.facts);
        if !name.facts.is_empty() {
            name.derive();
            self.names.insert(key.as_bytes().into(), Arc::new(name));
        }
    }
}

fn record_facts(record: &Registration) -> Vec<(Key, Fact)> {
    let fact = |layer, rr_type, data| {
        let rrset = Rrset { layer, source: Source::Manual, rr_type, ttl: record.ttl, data };
        Fact { owner: Owner::Record(record.name.clone(), record.rr_type()), rrset }
    };
    let forward =
        (Key::from(&record.name), fact(Layer::Manual, record.rr_type(), record.data.clone()));
    let addresses = record.data.iter().filter_map(|data| match data {
        Rdata::A(address) => Some(IpAddr::V4(*address)),
        Rdata::Aaaa(address) => Some(IpAddr::V6(*address)),
        _ => None,
    });
    let reverse = addresses.map(|address| {
        let data = vec![Rdata::Ptr(record.name.clone())];
        (Key::of_address(address), fact(Layer::Implied, RrType::Ptr, data))
    });
    std::iter::once(forward).chain(reverse).collect()
}
