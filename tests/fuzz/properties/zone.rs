//! Any text in a zone file: it is refused with a line of the file, or it is a zone that is the same when it is printed and
//! read, when it goes to the resolver, and that can be asked.

use netdns::model::{DnsName, Rdata};
use netdns::registry::{Key, ZoneTable, Zones};
use netdns::zone::{Record, Zone, data_text, type_text};
use std::fmt::Write;
use std::sync::LazyLock;

static ORIGIN: LazyLock<DnsName> = LazyLock::new(|| "example".parse().expect("a name"));

/// A zone's text, data in the form that any type has (RFC 3597).
fn print(records: &[Record]) -> String {
    let mut text = String::new();
    for Record { owner, rr_type, ttl, rdata } in records {
        let data = Rdata::Other(*rr_type, rdata.clone());
        writeln!(text, "{owner} {ttl} TYPE{rr_type} {data}").expect("room");
    }
    text
}

/// Holds for all bytes, or panics.
pub fn holds(text: &[u8]) {
    let zone = match Zone::read(&ORIGIN, text) {
        Ok(zone) => zone,
        Err(error) => {
            let lines = 1 + text.iter().filter(|byte| **byte == b'\n').count();
            assert!((1..=lines).contains(&error.line), "{error}");
            return;
        }
    };
    let printed = print(&zone.records);
    assert_eq!(Zone::read(&ORIGIN, printed.as_bytes()), Ok(zone.clone()), "{printed}");
    assert_eq!(Zone::from_bytes(&ORIGIN, &zone.to_bytes()), Some(zone.clone()));
    let mut zones = Zones::default();
    zones.put(ZoneTable::new(&zone).expect("a zone has an SOA"));
    for record in &zone.records {
        type_text(record.rr_type);
        data_text(record.rr_type, &record.rdata);
        let key = Key::of_wire(record.owner.as_bytes());
        // Only a delegation hides what the file says.
        let found = zones.find(&key, record.rr_type, true);
        assert!(found.is_some() || zone.records.iter().any(|record| record.rr_type == 2));
    }
}
