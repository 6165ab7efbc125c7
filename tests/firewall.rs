//! The host's firewall: its text for typical states (golden files), and what it does to packets.

mod firewall {
    pub mod effects;
    pub mod lab;
    pub mod spoof;
    pub mod states;
    mod text;
}

use firewall::lab::Lab;
use firewall::states::{localnet, sctp};
use netdns::driver::firewall::tables;
use netdns::kernel::nft::{Nft, stands};
use netdns::plan::nft::{Table, deltas};
use std::process::Command;

/// One line a statement, one word an element: nft breaks and orders elements as it likes.
fn normal(text: &str) -> Vec<String> {
    let text = text.split(",\n").map(str::trim).collect::<Vec<_>>().join(", ");
    let sorted = |line: &str| {
        let line = line.trim().replace("elements = { ", "elements = {, ").replace(" }", ", }");
        let mut words: Vec<_> = line.split(", ").map(str::to_owned).collect();
        words.sort();
        words.join(", ")
    };
    text.lines().map(sorted).filter(|line| !line.is_empty()).collect()
}

#[test]
fn the_kernel_lists_what_was_reviewed() {
    for fixture in [localnet(&["0.0.0.0:5000:80", "127.0.0.1:5001:80"]), sctp()] {
        let lab = Lab::new();
        let tables = tables(&fixture.state);
        lab.host.run(|| {
            let mut nft = Nft::open().unwrap();
            nft.share();
            nft.apply_all(&deltas(&[], &tables)).unwrap();
            assert!(stands(&tables).unwrap());
        });
        for table in tables.into_iter().map(|table| Table { owned: false, ..table }) {
            let list = ["list", "table", &table.family.to_string(), &table.name];
            let listed = lab.host.run(|| Command::new("nft").args(list).output().unwrap().stdout);
            assert_eq!(normal(&String::from_utf8(listed).unwrap()), normal(&table.to_string()));
        }
    }
}
