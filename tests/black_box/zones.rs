//! The zones of the repository: they can be read, and what they say of the resolver is so.

use crate::host::Host;
use hickory_proto::serialize::txt::Parser;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn every_zone_of_the_repository_can_be_read_and_has_its_origin() {
    let mut zones = zones("zones");
    zones.extend(self::zones("zones/lab"));
    assert_eq!(zones.len(), 5, "{zones:?}");
    for path in zones {
        let text = fs::read_to_string(&path).expect("a zone");
        let parsed = Parser::new(text, None, None).parse();
        let (origin, _) = parsed.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let wanted =
            if matches!(&*name, "root" | "local") { ".".into() } else { format!("{name}.") };
        assert_eq!(origin.to_string(), wanted, "{}", path.display());
    }
}

#[test]
fn the_resolver_answers_what_the_zone_of_special_use_names_says() {
    let host = Host::with_daemon();
    host.netdns(&["network", "create", "localnet"]).ok();
    host.sleeper("box", &["--network", "localnet"]);
    let zone = include_str!("../../zones/local.zone");
    let mut told = 0;
    for line in zone.lines() {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let [name, "IN", kind @ ("A" | "AAAA"), data] = words[..] else { continue };
        let name = name.replace('*', "anything");
        let script = format!("dig +short +tries=1 @127.0.0.11 {name} {kind}");
        assert_eq!(host.inside("box", &script).ok(), data, "{name} {kind}");
        told += 1;
    }
    assert_eq!(told, 4, "{zone}");
    for name in ["x.invalid", "x.onion"] {
        let script = format!("dig +tries=1 @127.0.0.11 {name}");
        let said = host.inside("box", &script).ok();
        assert!(said.contains("status: NXDOMAIN"), "{said}");
    }
}

fn zones(dir: &str) -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join(dir);
    let entries = fs::read_dir(dir).expect("the zones can be listed");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "zone")).collect()
}
