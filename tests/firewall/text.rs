//! The text of the tables for typical states, as it was reviewed (`golden/nft`). Needs no kernel.

use super::states::{Fixture, localnet, sctp};
use netdns::driver::firewall::{table, tables};
use netdns::driver::guard;
use netdns::model::Reach;
use netdns::plan::nft::{Delta, Table, delta, dns_table};
use std::path::Path;

/// Compares with `tests/golden/nft/NAME`; `UPDATE=1` writes it.
fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/nft").join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "{name}; UPDATE=1 rewrites it");
}

#[test]
fn a_daemon_without_networks_has_no_table() {
    let mut fixture = Fixture::default();
    fixture.network("bridge", "netdns0", 17, |network| network.predefined = true);
    assert_eq!(table(&fixture.state), None);
    let network = fixture.last_network();
    fixture.sandbox(&[network], &[]);
    golden("default-bridge.nft", &table(&fixture.state).unwrap().to_string());
}

#[test]
fn the_table_of_a_network_is_as_reviewed() {
    golden("localnet.nft", &table(&localnet(&[]).state).unwrap().to_string());
}

#[test]
fn the_table_of_an_internal_network_is_as_reviewed() {
    let mut fixture = Fixture::default();
    let network = fixture.network("quiet", "br-2", 19, |network| network.internal = true);
    fixture.sandbox(&[network], &["0.0.0.0:5000:80"]);
    golden("internal.nft", &table(&fixture.state).unwrap().to_string());
}

#[test]
fn without_masquerade_the_hairpin_stays() {
    let mut fixture = Fixture::default();
    fixture.network("routed", "br-3", 20, |network| network.options.masquerade = false);
    golden("no-masquerade.nft", &table(&fixture.state).unwrap().to_string());
}

#[test]
fn published_ports_are_elements() {
    let ports = ["0.0.0.0:5000:80", "127.0.0.1:5001:80", "[::]:5000:80"];
    let fixture = localnet(&ports);
    golden("published.nft", &table(&fixture.state).unwrap().to_string());
    let change = delta(table(&localnet(&[]).state).as_ref(), table(&fixture.state).as_ref());
    let Delta::Elements { remove, add, .. } = change else { panic!("not elements: {change:?}") };
    assert_eq!((remove.len(), add.len()), (0, 2));
}

#[test]
fn the_table_at_the_bridges_is_as_reviewed() {
    let fixture = localnet(&[]);
    golden("guard.nft", &guard::table(&fixture.state).to_string());
    let mut more = localnet(&[]);
    let network = more.last_network();
    more.sandbox(&[network], &[]);
    let change = delta(Some(&guard::table(&fixture.state)), Some(&guard::table(&more.state)));
    let Delta::Elements { remove, add, .. } = change else { panic!("not elements: {change:?}") };
    assert_eq!((remove.len(), add.len()), (0, 1));
}

#[test]
fn the_tables_of_networks_that_keep_neighbours_apart_are_as_reviewed() {
    for (name, reach) in [("expose-enforce", Reach::Exposed), ("no-icc", Reach::Nothing)] {
        for internal in [false, true] {
            let mut fixture = Fixture::default();
            let network = fixture.network("apart", "br-6", 26, |network| {
                network.options.reach = reach;
                network.options.guard = !internal;
                network.internal = internal;
            });
            fixture.sandbox(&[network], &["0.0.0.0:5000:80"]);
            let suffix = if internal { "-internal-unguarded" } else { "" };
            let tables = tables(&fixture.state).iter().map(Table::to_string).collect::<String>();
            golden(&format!("{name}{suffix}.nft"), &tables);
        }
    }
}

#[test]
fn an_ended_sandbox_publishes_nothing() {
    let mut fixture = localnet(&["0.0.0.0:5000:80"]);
    fixture.end_all();
    assert_eq!(table(&fixture.state), table(&localnet(&[]).state));
}

#[test]
fn the_dns_table_is_as_reviewed() {
    golden("dns.nft", &dns_table(40001, 40002).to_string());
}

#[test]
fn sctp_is_published_and_exposed_by_elements_of_both_families_and_refused_as_what_is_no_tcp() {
    golden("sctp.nft", &table(&sctp().state).unwrap().to_string());
}
