//! Manual entries: RRsets that somebody registers for a network, or for every user-defined one.

use super::Given;
use crate::model::{
    Change, DnsName, NetworkId, Rdata, Refusal, RegisterRequest, Registration, RrType, State,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The longest time to live (RFC 2181 section 8).
const MAX_TTL: u32 = i32::MAX as u32;

/// What a registration comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterDecision {
    /// The RRsets, one of each type.
    pub noun: Vec<Registration>,
    /// The data that they replace, as text.
    pub replaced: Vec<String>,
}

/// Decides the RRsets of a registration. Each replaces the one of its name, type and network.
pub fn register(given: &Given, request: &RegisterRequest) -> Result<RegisterDecision, Refusal> {
    let name = DnsName::parse_owned(request.name.as_str())?;
    if request.ttl > MAX_TTL {
        let (key, value) = ("ttl".into(), request.ttl.to_string());
        return Err(Refusal::BadOption { key, value, expected: "0 to 2147483647 seconds" });
    }
    let network = network(given.state, request.network.as_deref())?;
    let sets = by_type(request)?;
    refuse_beside_cname(given.state, network, &name, &sets)?;
    let noun: Vec<Registration> = sets
        .into_values()
        .map(|data| Registration {
            name: name.clone(),
            network,
            ttl: request.ttl,
            created: given.now,
            data,
        })
        .collect();
    let replaced = noun.iter().flat_map(|set| replaced(given.state, set)).collect();
    Ok(RegisterDecision { noun, replaced })
}

fn network(state: &State, text: Option<&str>) -> Result<Option<NetworkId>, Refusal> {
    let Some(text) = text else { return Ok(None) };
    let network = state.network(text)?;
    let named = network.has_names();
    named.then_some(Some(network.id)).ok_or_else(|| Refusal::NoNames(network.name.clone()))
}

/// Groups the data by type, without duplicates and in the order given.
fn by_type(request: &RegisterRequest) -> Result<BTreeMap<RrType, Vec<Rdata>>, Refusal> {
    let wanted = request.rr_type;
    let bad = |rr_type, text| Refusal::BadRdata { rr_type, text };
    let mut sets: BTreeMap<RrType, Vec<Rdata>> = BTreeMap::new();
    for data in &request.data {
        if let Some(wanted) = wanted.filter(|wanted| *wanted != data.rr_type()) {
            return Err(bad(wanted, data.to_string()));
        }
        let set = sets.entry(data.rr_type()).or_default();
        if !set.contains(data) {
            set.push(data.clone());
        }
    }
    if sets.is_empty() {
        return Err(bad(wanted.unwrap_or(RrType::A), String::new()));
    }
    Ok(sets)
}

/// A CNAME is its name's only record (RFC 1034 section 3.6.2). An entry for every network meets those of each.
fn refuse_beside_cname(
    state: &State,
    network: Option<NetworkId>,
    name: &DnsName,
    sets: &BTreeMap<RrType, Vec<Rdata>>,
) -> Result<(), Refusal> {
    let meets =
        |other: &Option<NetworkId>| other.is_none() || network.is_none() || *other == network;
    let there = state
        .registrations
        .keys()
        .filter(|(other, owner, _)| owner == name && meets(other))
        .map(|(_, _, rr_type)| *rr_type);
    let types: std::collections::BTreeSet<RrType> = there.chain(sets.keys().copied()).collect();
    let several = sets.get(&RrType::Cname).is_some_and(|set| set.len() > 1);
    if types.contains(&RrType::Cname) && (types.len() > 1 || several) {
        return Err(Refusal::CnameNotAlone(name.to_string()));
    }
    Ok(())
}

fn replaced(state: &State, set: &Registration) -> Vec<String> {
    let key = (set.network, set.name.clone(), set.rr_type());
    let old = state.registrations.get(&key);
    old.map(|old| old.data.iter().map(Rdata::to_string).collect()).unwrap_or_default()
}

/// Decides which RRsets go: those of a name, of one type or all, of one network or all.
pub fn deregister(
    state: &State,
    name: &DnsName,
    rr_type: Option<RrType>,
    network: Option<&str>,
) -> Result<Vec<Change>, Refusal> {
    let only = network.map(|text| state.network(text).map(|network| network.id)).transpose()?;
    let hit = |set: &&Arc<Registration>| {
        set.name == *name
            && rr_type.is_none_or(|rr_type| rr_type == set.rr_type())
            && only.is_none_or(|only| set.network == Some(only))
    };
    let removals: Vec<Change> = state
        .registrations
        .values()
        .filter(hit)
        .map(|set| Change::Deregister {
            network: set.network,
            name: set.name.clone(),
            rr_type: set.rr_type(),
        })
        .collect();
    match removals.is_empty() {
        true => Err(Refusal::NoRegistration(name.to_string())),
        false => Ok(removals),
    }
}
