//! What is recorded is there after the store is opened again; what is not whole is refused.

use super::*;
use crate::model::{Id, NetworkId, Rdata, Registration};
use std::fs;
use std::path::Path;

fn scratch(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("netdns-store-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    dir
}

fn open(dir: &Path, boot: &str) -> Result<RedbStore, StoreError> {
    RedbStore::open(dir, dir, boot)
}

fn registration(name: &str) -> Change {
    Change::Register(Registration {
        name: name.parse().unwrap(),
        network: None,
        ttl: 60,
        created: 1,
        data: vec![Rdata::A([10, 0, 0, 1].into())],
    })
}

fn record(store: &mut RedbStore, change: &Change) -> Ticket {
    let before = store.load().unwrap().state;
    let mut after = before.clone();
    after.apply(change);
    store.record(change, &before, &after).unwrap()
}

#[test]
fn a_recorded_change_is_there_and_pending_after_opening_again() {
    let dir = scratch("pending");
    let change = registration("db.example");
    let ticket = record(&mut open(&dir, "boot").unwrap(), &change);
    let mut store = open(&dir, "boot").unwrap();
    let loaded = store.load().unwrap();
    assert_eq!(loaded.state.registrations.len(), 1);
    assert_eq!(loaded.pending, vec![(ticket, change)]);
    store.settle(ticket).unwrap();
    drop(store);
    assert!(open(&dir, "boot").unwrap().load().unwrap().pending.is_empty());
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_removed_network_takes_its_registrations_along() {
    let dir = scratch("remove");
    let mut store = open(&dir, "boot").unwrap();
    let id = NetworkId(Id::from_bytes([7; 32]));
    let mut change = registration("db.example");
    if let Change::Register(registration) = &mut change {
        registration.network = Some(id);
    }
    record(&mut store, &change);
    record(&mut store, &Change::RemoveNetwork(id));
    assert!(store.load().unwrap().state.registrations.is_empty());
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_half_written_state_file_is_refused_with_its_path_and_a_way_out() {
    for (name, cut) in [("cut", 1000_u64), ("empty-page", 4096)] {
        let dir = scratch(name);
        record(&mut open(&dir, "boot").unwrap(), &registration("db.example"));
        let path = dir.join(RedbStore::DURABLE);
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(cut).unwrap();
        let error = open(&dir, "boot").err().expect("a cut file must be refused");
        assert!(error.to_string().contains("state.redb"), "{error}");
        assert!(error.hint().unwrap().contains("--recover"));
        fs::remove_dir_all(dir).unwrap();
    }
}

#[test]
fn another_boots_sandboxes_are_dropped_and_networks_stay() {
    let dir = scratch("boot");
    record(&mut open(&dir, "one").unwrap(), &registration("db.example"));
    let loaded = open(&dir, "two").unwrap().load().unwrap();
    assert_eq!(loaded.state.registrations.len(), 1);
    assert!(loaded.state.sandboxes.is_empty());
    fs::remove_dir_all(dir).unwrap();
}
