//! How things are found in State.

use super::*;
use crate::model::{DriverKind, NetworkOptions};

fn network(byte: u8, name: &str) -> Network {
    Network {
        id: NetworkId(Id::from_bytes([byte; 32])),
        name: name.parse().unwrap(),
        driver: DriverKind::Bridge,
        created: 0,
        predefined: false,
        internal: false,
        bridge: None,
        subnets: Vec::new(),
        given_options: BTreeMap::new(),
        options: NetworkOptions {
            masquerade: true,
            mtu: 1500,
            ttl: 5,
            own_domain: false,
            ..NetworkOptions::default()
        },
        labels: BTreeMap::new(),
    }
}

#[test]
fn an_id_comes_before_a_name_and_a_name_before_a_prefix() {
    let mut state = State::default();
    let first = network(0xab, "a");
    let of_that_id = network(0xac, &first.id.to_string());
    let of_that_prefix = network(0xcd, "ab");
    for network in [&first, &of_that_id, &of_that_prefix] {
        state.apply(&Change::AddNetwork(network.clone()));
    }
    let id = |text: &str| state.network(text).map(|network| network.id);
    assert_eq!(id(&first.id.to_string()), Ok(first.id));
    assert_eq!(id("ab"), Ok(of_that_prefix.id));
    assert_eq!(id("aba"), Ok(first.id));
    // The name "a" stands before the two ids that begin with it.
    assert_eq!(id("a"), Ok(first.id));
    assert_eq!(id("A"), Err(Refusal::NetworkNotFound("A".into())));
    state.apply(&Change::RemoveNetwork(first.id));
    state.apply(&Change::AddNetwork(network(0xab, "other")));
    let ambiguous = state.network("a").unwrap_err();
    let words = "network a is ambiguous (2 matches found based on ID prefix)";
    assert_eq!(ambiguous.to_string(), words);
}
