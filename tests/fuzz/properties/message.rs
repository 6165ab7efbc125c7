//! Any packet on the channel, in either direction, and any zone that comes with one: an error, or a message that encodes
//! to the same. What the manager says of networks and names goes into a registry that can then be asked.

use netdns::channel::{FromResolver, ToResolver, batches, decode};
use netdns::model::DnsName;
use netdns::registry::{Forward, Registry, Update, ZoneTable};
use netdns::resolver::answer::{Outcome, Transport, answer};
use netdns::resolver::view::View;
use netdns::zone::Zone;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::sync::{Arc, LazyLock};

static ORIGIN: LazyLock<DnsName> = LazyLock::new(|| "z".parse().expect("a name"));

/// Reads a message, which is the same when it is sent on.
fn same<T: Serialize + DeserializeOwned + PartialEq + Debug>(packet: &[u8]) -> Option<T> {
    let (number, message) = decode::<T>(packet).ok()?;
    let again = serde_json::to_vec(&(number, &message)).expect("a message can be written");
    assert_eq!(decode::<T>(&again).expect("a message can be read"), (number, message));
    decode(packet).ok().map(|(_, message)| message)
}

/// Asks for A and ANY of `a`.
fn ask(registry: &Arc<Registry>) {
    let views =
        [View::new(&super::world::sandbox(Forward::Host), registry), View::of_host(registry)];
    let mut out = vec![0; 4096];
    for view in &views {
        for rr_type in [1, 255] {
            let query = [b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x01a\0\0", &[rr_type][..], b"\0\x01"];
            let outcome = answer(view, &query.concat(), Transport::Udp, 0, &mut out);
            assert!(!matches!(outcome, Outcome::Nothing));
        }
    }
}

fn apply(updates: Vec<Update>) {
    let registry = Arc::new(Registry::new());
    let cut: Vec<Vec<Update>> = batches(updates.clone()).collect();
    assert_eq!(cut.concat(), updates);
    updates.iter().for_each(|update| registry.apply(update));
    ask(&registry);
    // Each replaces what it names whole: twice is as once.
    updates.iter().for_each(|update| registry.apply(update));
    ask(&registry);
}

/// Holds for all bytes, or panics.
pub fn holds(packet: &[u8]) {
    same::<FromResolver>(packet);
    if let Some(ToResolver::Updates(updates)) = same::<ToResolver>(packet) {
        apply(updates);
    }
    if let Some(zone) = Zone::from_bytes(&ORIGIN, packet) {
        let again = Zone::from_bytes(&ORIGIN, &zone.to_bytes());
        assert_eq!(again.as_ref(), Some(&zone));
        if let Some(table) = ZoneTable::new(&zone) {
            let registry = Arc::new(Registry::new());
            registry.put_zone(table);
            ask(&registry);
        }
    }
}
