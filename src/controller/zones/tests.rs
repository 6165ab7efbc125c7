use super::*;

const ZONE: &str = "$TTL 300\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 192.0.2.1\n";

#[test]
fn a_file_that_was_refused_for_anothers_sake_is_taken_once_that_one_goes() {
    let dir = std::env::temp_dir().join(format!("netdns-zones-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    for name in ["Z.test.zone", "z.test.zone", "bad.zone"] {
        fs::write(dir.join(name), if name == "bad.zone" { "bad" } else { ZONE }).unwrap();
    }
    let mut files = ZoneFiles::new(dir.clone());
    let (zones, _, happened) = files.read();
    assert_eq!((zones.len(), files.refused().len(), happened.len()), (1, 2, 3));
    fs::remove_file(dir.join("Z.test.zone")).unwrap();
    let (zones, messages, happened) = files.read();
    assert_eq!((zones.len(), files.refused().len(), messages.len()), (1, 1, 2));
    let loaded = matches!(happened[..], [Happening::ZoneRemoved(_), Happening::ZoneLoaded(..)]);
    assert!(loaded, "the bad one is told of once: {happened:?}");
    fs::remove_dir_all(dir).unwrap();
}
