//! Zones: those of the repository can be read, and what they say of the resolver is so; those of the daemon's directory
//! are served as they stand there.

use crate::host::Host;
use crate::names::upstream::Upstream;
use crate::names::{dig, short};
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
    for (names, status) in [
        (&["x.invalid", "x.onion"][..], "NXDOMAIN"),
        (&["alt", "x.alt", "printer.local", "x.home.arpa", "_dns.resolver.arpa"], "NOERROR"),
    ] {
        for name in names {
            let said = dig(&host, "box", name);
            assert!(said.denies(status), "{name}: {said:?}");
        }
    }
}

fn zones(dir: &str) -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join(dir);
    let entries = fs::read_dir(dir).expect("the zones can be listed");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "zone")).collect()
}

/// Starts a daemon with a directory of zones, the network `localnet` and the sandbox `web`.
fn with_zones(files: &[(&str, &str)]) -> Host {
    let mut host = Host::new();
    fs::create_dir(host.path("zones")).expect("a directory");
    for (name, text) in files {
        put(&host, name, text);
    }
    host.start(&[]);
    host.netdns(&["network", "create", "localnet"]).ok();
    host.sleeper("web", &["--network", "localnet"]);
    host
}

/// Replaces a zone file as a careful program does: by another one.
fn put(host: &Host, name: &str, text: &str) {
    let (path, new) = (host.path("zones").join(name), host.path("new"));
    fs::write(&new, format!("$TTL 300\n@ SOA ns hostmaster 1 3600 600 86400 60\n{text}"))
        .expect("a file");
    fs::rename(new, path).expect("the same file system");
}

/// Waits until a sandbox is answered this.
#[track_caller]
fn until(host: &Host, question: &str, answer: &str) {
    let netdns = env!("CARGO_BIN_EXE_netdns");
    host.until(&format!(
        "test \"$({netdns} exec web dig +short +tries=1 {question})\" = '{answer}'"
    ));
}

#[test]
fn zone_files_are_served_with_wildcards_aliases_and_delegations() {
    let host = with_zones(&[(
        "corp.test.zone",
        "@ NS ns\nns A 192.0.2.53\nwww A 192.0.2.10\n  AAAA 2001:db8::10\nshop CNAME www\nout CNAME far.example.\n\
         *.dev TXT wild\na.b.c A 192.0.2.1\nsub NS ns.sub\nns.sub A 192.0.2.54\n",
    )]);
    let upstream = Upstream::at_router(&host);
    assert_eq!(dig(&host, "web", "WWW.corp.test").answer, ["WWW.corp.test. 300 IN A 192.0.2.10"]);
    assert_eq!(short(&host, "web", "shop.corp.test"), ["192.0.2.10", "www.corp.test."]);
    assert_eq!(short(&host, "web", "x.y.dev.corp.test TXT"), ["\"wild\""]);
    assert_eq!(short(&host, "web", "corp.test NS"), ["ns.corp.test."]);
    for (question, status) in [
        ("www.corp.test MX", "NOERROR"),
        ("b.c.corp.test", "NOERROR"),
        ("x.dev.corp.test", "NOERROR"),
        ("missing.corp.test", "NXDOMAIN"),
    ] {
        let reply = dig(&host, "web", question);
        assert!(reply.denies(status), "{question}: {reply:?}");
        assert!(reply.authority[0].starts_with("corp.test. 60 IN SOA ns.corp.test. "), "{reply:?}");
    }
    assert!(upstream.asked().is_empty(), "{:?}", upstream.asked());
    assert_eq!(short(&host, "web", "out.corp.test"), ["198.51.100.7", "far.example."]);
    assert_eq!(short(&host, "web", "x.sub.corp.test"), ["198.51.100.7"]);
    assert_eq!(upstream.asked().len(), 2, "{:?}", upstream.asked());
    let names = host.netdns(&["names"]).ok();
    let listed = |line: &&str| line.starts_with("www.corp.test ") && line.contains(" zone");
    assert_eq!(names.lines().filter(listed).count(), 2, "{names}");
    let resolved = host.netdns(&["resolve", "--sandbox", "web", "corp.test", "SOA"]).ok();
    assert!(
        resolved.starts_with("NOERROR from zone\ncorp.test.\t300\tSOA\tns.corp.test. "),
        "{resolved}"
    );
}

#[test]
fn a_container_comes_before_a_zone_which_adds_types_but_nothing_by_a_wildcard() {
    let host =
        with_zones(&[("localnet.zone", "web A 192.0.2.1\n  TXT added\n* AAAA 2001:db8::1\n")]);
    host.sleeper("db", &["--network", "localnet"]);
    assert_eq!(short(&host, "web", "web.localnet"), [host.address("web", "localnet")]);
    assert_eq!(short(&host, "web", "web.localnet TXT"), ["\"added\""]);
    assert!(dig(&host, "web", "db.localnet AAAA").denies("NOERROR"));
    assert_eq!(short(&host, "web", "nobody.localnet AAAA"), ["2001:db8::1"]);
}

#[test]
fn a_change_of_a_zone_file_is_served_and_one_with_an_error_is_refused_whole() {
    let host = with_zones(&[("corp.test.zone", "www A 192.0.2.1\n")]);
    assert_eq!(short(&host, "web", "www.corp.test"), ["192.0.2.1"]);
    put(&host, "corp.test.zone", "www A 192.0.2.2\n");
    until(&host, "www.corp.test", "192.0.2.2");
    put(&host, "corp.test.zone", "www A 192.0.2.3\nbad A 192.0.2.300\n");
    let file = host.path("zones/corp.test.zone").display().to_string();
    let reason = "line 4: not a IPv4 address: 192.0.2.300";
    let netdns = env!("CARGO_BIN_EXE_netdns");
    host.until(&format!("{netdns} doctor | grep -qF '{file}: {reason}'"));
    assert!(host.log().contains(reason), "{}", host.log());
    assert_eq!(short(&host, "web", "www.corp.test"), ["192.0.2.2"], "the version before");
    host.sh(&format!("sed -i '$d' {file}")).ok();
    until(&host, "www.corp.test", "192.0.2.3");
    put(&host, "other.test.zone", "@ TXT here\n");
    until(&host, "other.test TXT", "\"here\"");
    // In force while no manager runs, and in the next resolver.
    let resolver = host.pid("ResolverPid");
    host.sh(&format!("kill -KILL {resolver}")).ok();
    until(&host, "www.corp.test", "192.0.2.3");
    fs::remove_file(host.path("zones/corp.test.zone")).expect("it is there");
    host.until(&format!("! {netdns} names | grep -q corp.test"));
    let told = host
        .sh(&format!(
            "timeout 1 {netdns} events --since 1h --format json | grep '\"zone\"' || true"
        ))
        .ok();
    for action in ["load", "refuse", "remove"] {
        assert!(told.contains(&format!("\"Action\":\"{action}\"")), "{action}: {told}");
    }
}

#[test]
fn what_a_link_among_the_zone_files_leads_to_is_watched() {
    let host = with_zones(&[("kept.zone", "www A 192.0.2.1\n")]);
    fs::rename(host.path("zones/kept.zone"), host.path("elsewhere")).expect("the same file system");
    std::os::unix::fs::symlink("../elsewhere", host.path("zones/link.test.zone")).expect("a link");
    until(&host, "www.link.test", "192.0.2.1");
    put(&host, "../elsewhere", "www A 192.0.2.2\n");
    until(&host, "www.link.test", "192.0.2.2");
    host.sh(&format!("sed -i s/192.0.2.2/192.0.2.3/ {}", host.path("elsewhere").display())).ok();
    until(&host, "www.link.test", "192.0.2.3");
}

#[test]
fn a_directory_of_zones_that_comes_later_is_served() {
    let mut host = Host::new();
    host.start(&[]);
    host.netdns(&["network", "create", "localnet"]).ok();
    host.sleeper("web", &["--network", "localnet"]);
    fs::create_dir(host.path("zones")).expect("a directory");
    put(&host, "corp.test.zone", "www A 192.0.2.1\n");
    until(&host, "www.corp.test", "192.0.2.1");
    fs::remove_dir_all(host.path("zones")).expect("it is there");
    let netdns = env!("CARGO_BIN_EXE_netdns");
    host.until(&format!("! {netdns} names | grep -q corp.test"));
    fs::create_dir(host.path("zones")).expect("a directory");
    put(&host, "corp.test.zone", "www A 192.0.2.2\n");
    until(&host, "www.corp.test", "192.0.2.2");
}
