//! `names`: what the registry answers to, with where it comes from. Reverse names and those that netdns knows by itself
//! are not listed.

use crate::api::call::NameItem;
use crate::model::{DnsName, Endpoint, Rdata, Registration, State};
use crate::registry::{Source, endpoint_names};
use crate::zone::{self, Zone};

/// Lists every name of every network and zone, sorted by name, network, type and data.
pub fn names<'a>(state: &State, zones: impl Iterator<Item = &'a Zone>) -> Vec<NameItem> {
    let endpoints = state.endpoints.values().flat_map(|endpoint| of_endpoint(state, endpoint));
    let manual = state.registrations.values().flat_map(|entry| of_registration(state, entry));
    let mut items: Vec<NameItem> = endpoints.chain(manual).chain(zones.flat_map(of_zone)).collect();
    items.sort_by(|a, b| key(a).cmp(&key(b)));
    items
}

fn key(item: &NameItem) -> [&str; 4] {
    [&item.name, &item.network, &item.r#type, &item.data]
}

fn of_endpoint(state: &State, endpoint: &Endpoint) -> Vec<NameItem> {
    let known = endpoint_names(state, endpoint).zip(state.networks.get(&endpoint.network));
    let Some((known, network)) = known else { return Vec::new() };
    let records: Vec<Rdata> = known.addresses.iter().copied().map(Rdata::from).collect();
    let item = |(name, source): &(DnsName, Source), data: &Rdata| NameItem {
        name: name.to_string(),
        network: network.name.to_string(),
        r#type: data.rr_type().to_string(),
        data: data.to_string(),
        ttl: network.options.ttl,
        source: *source,
        sandbox: known.sandbox.to_string(),
    };
    known.names.iter().flat_map(|name| records.iter().map(|data| item(name, data))).collect()
}

fn of_registration(state: &State, entry: &Registration) -> Vec<NameItem> {
    let network = match entry.network.map(|id| state.networks.get(&id)) {
        None => "*".to_owned(),
        Some(Some(network)) => network.name.to_string(),
        Some(None) => return Vec::new(),
    };
    let item = |data: &Rdata| NameItem {
        name: entry.name.to_string(),
        network: network.clone(),
        r#type: data.rr_type().to_string(),
        data: data.to_string(),
        ttl: entry.ttl,
        source: Source::Manual,
        sandbox: String::new(),
    };
    entry.data.iter().map(item).collect()
}

fn of_zone(zone: &Zone) -> impl Iterator<Item = NameItem> {
    zone.records.iter().map(|record| NameItem {
        name: record.owner.to_string().trim_end_matches('.').to_owned(),
        network: "*".to_owned(),
        r#type: zone::type_text(record.rr_type),
        data: zone::data_text(record.rr_type, &record.rdata),
        ttl: record.ttl,
        source: Source::Zone,
        sandbox: String::new(),
    })
}
