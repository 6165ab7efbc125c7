//! What `stats` writes of what it is told.

use super::*;
use crate::api::view::{DnsStats, LinkStats};

#[test]
fn bytes_are_written_with_three_digits() {
    for (bytes, text) in [
        (0, "0B"),
        (999, "999B"),
        (1000, "1.00kB"),
        (12_345, "12.3kB"),
        (123_456, "123kB"),
        (5_000_000_000, "5.00GB"),
        (u64::MAX, "18.4EB"),
    ] {
        assert_eq!(size(bytes), text);
    }
}

#[test]
fn a_row_sums_the_links_of_a_sandbox() {
    let link = |network: &str, bytes| LinkStats {
        network: network.into(),
        interface: "eth0".into(),
        received: Flow { bytes, packets: 2, dropped: 1, errors: 0 },
        sent: Flow { bytes: 7, packets: 1, dropped: 0, errors: 1 },
    };
    let stats = Stats {
        id: "ab".repeat(32),
        name: "web".into(),
        running: true,
        links: vec![link("a", 500), link("b", 600)],
        dns: DnsStats { queries: 9, forwarded: 3, ..DnsStats::default() },
    };
    let table = table(&[stats], false);
    let rows: Vec<Vec<&str>> =
        table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[1], ["abababababab", "web", "a,b", "1.10kB", "4", "14B", "2", "4", "9", "3"]);
}
