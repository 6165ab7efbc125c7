//! `network inspect`.

use super::{address, or_empty, rfc3339};
use crate::api::view;
use crate::model::{Endpoint, Network, Sandbox, State, Subnet};

/// Shows a network with the sandboxes on it.
pub fn network(state: &State, network: &Network) -> view::Network {
    let members = state.endpoints_on(network.id).filter_map(|endpoint| {
        let sandbox = state.sandboxes.get(&endpoint.sandbox)?;
        Some((sandbox.id.to_string(), member(sandbox, endpoint)))
    });
    view::Network {
        name: network.name.to_string(),
        id: network.id.to_string(),
        created: rfc3339(network.created),
        scope: "local".into(),
        driver: network.driver.to_string(),
        enable_ipv4: true,
        enable_ipv6: network.has_ipv6(),
        internal: network.internal,
        ipam: view::Ipam {
            driver: "default".into(),
            config: network.subnets.iter().map(config).collect(),
        },
        options: network.given_options.clone(),
        labels: network.labels.clone(),
        containers: members.collect(),
    }
}

fn config(subnet: &Subnet) -> view::IpamConfig {
    let aux = subnet.aux.iter().map(|(label, address)| (label.clone(), address.to_string()));
    view::IpamConfig {
        subnet: subnet.net.to_string(),
        gateway: subnet.gateway.to_string(),
        ip_range: or_empty(subnet.ip_range),
        auxiliary_addresses: aux.collect(),
    }
}

fn member(sandbox: &Sandbox, endpoint: &Endpoint) -> view::Member {
    view::Member {
        name: sandbox.name.to_string(),
        endpoint_id: endpoint.id.to_string(),
        mac_address: endpoint.mac.to_string(),
        ipv4_address: or_empty(address(endpoint, false)),
        ipv6_address: or_empty(address(endpoint, true)),
    }
}
