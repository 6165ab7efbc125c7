//! Names entered by hand.

use super::{dig, short, with_localnet};

#[test]
fn entries_of_every_type_are_answered() {
    let host = with_localnet();
    host.sleeper("web", &["--network", "localnet"]);
    let register = |words: &[&str]| host.netdns(&[&["register"], words].concat());
    register(&["printer", "192.0.2.1", "192.0.2.2", "2001:db8::1", "--ttl", "77"]).ok();
    register(&["short", "--type", "CNAME", "printer"]).ok();
    register(&["note", "--type", "TXT", "two words", "more"]).ok();
    register(&["_ipp._tcp.printer", "--type", "SRV", "1", "2", "631", "printer"]).ok();
    register(&["office", "--type", "MX", "10 web"]).ok();
    register(&["1.2.0.192.in-addr.arpa", "--type", "PTR", "printer.example"]).ok();
    assert_eq!(short(&host, "web", "printer"), ["192.0.2.1", "192.0.2.2"]);
    assert_eq!(dig(&host, "web", "PRINTER AAAA").answer, ["PRINTER. 77 IN AAAA 2001:db8::1"]);
    assert_eq!(short(&host, "web", "short"), ["192.0.2.1", "192.0.2.2", "printer."]);
    assert_eq!(short(&host, "web", "note TXT"), ["\"more\"", "\"two words\""]);
    assert_eq!(short(&host, "web", "_ipp._tcp.printer SRV"), ["1 2 631 printer."]);
    assert_eq!(short(&host, "web", "office MX"), ["10 web."]);
    assert_eq!(short(&host, "web", "-x 192.0.2.1"), ["printer.example."]);
    assert!(dig(&host, "web", "note").denies("NOERROR"));
}

#[test]
fn an_entry_belongs_to_its_network_and_is_replaced_and_removed_by_type() {
    let host = with_localnet();
    host.netdns(&["network", "create", "other"]).ok();
    host.sleeper("here", &["--network", "localnet"]);
    host.sleeper("there", &["--network", "other"]);
    host.netdns(&["register", "entry", "172.18.0.99", "--network", "localnet"]).ok();
    assert_eq!(short(&host, "here", "entry"), ["172.18.0.99"]);
    assert_eq!(short(&host, "here", "entry.localnet"), ["172.18.0.99"]);
    assert_eq!(short(&host, "here", "-x 172.18.0.99"), ["entry."]);
    assert!(short(&host, "there", "entry").is_empty());

    let replaced = host.netdns(&["register", "entry", "192.0.2.9", "--network", "localnet"]);
    assert!(replaced.err.contains("172.18.0.99"), "{replaced:?}");
    assert_eq!(short(&host, "here", "entry"), ["192.0.2.9"]);
    assert!(dig(&host, "here", "-x 172.18.0.99").denies("NXDOMAIN"));

    host.netdns(&["register", "entry", "--type", "TXT", "text", "--network", "localnet"]).ok();
    host.netdns(&["deregister", "entry", "--type", "A", "--network", "localnet"]).ok();
    assert!(dig(&host, "here", "entry").denies("NOERROR"));
    assert_eq!(short(&host, "here", "entry TXT"), ["\"text\""]);
    host.netdns(&["deregister", "entry", "--network", "localnet"]).ok();
    host.netdns(&["deregister", "entry", "--network", "localnet"]).fails(1);
    assert!(short(&host, "here", "entry TXT").is_empty());
    host.netdns(&["register", "entry", "192.0.2.9", "--network", "bridge"]).fails(1);
}

#[test]
fn names_and_resolve_say_what_is_known_and_from_where() {
    let host = with_localnet();
    host.sleeper("web", &["--network", "name=localnet,alias=www", "-h", "machine"]);
    host.netdns(&["register", "entry", "192.0.2.1"]).ok();
    let listed = host.netdns(&["names", "--format", "json"]).ok();
    let mut known: Vec<String> = listed
        .lines()
        .map(|line| -> serde_json::Value { serde_json::from_str(line).expect("JSON") })
        .filter(|item| item["Type"] == "A")
        .map(|item| {
            format!("{} {} {}", item["Name"], item["Data"], item["Source"]).replace('"', "")
        })
        .collect();
    known.sort();
    let sources = ["alias", "container", "hostname", "id", "manual"];
    for source in sources {
        assert!(
            known.iter().any(|line| line.ends_with(&format!(" {source}"))),
            "{source}: {listed}"
        );
    }
    assert!(known.contains(&"www 172.18.0.2 alias".into()), "{known:?}");
    let resolve = |words: &[&str]| host.netdns(&[&["resolve", "--format", "json"], words].concat());
    let found: serde_json::Value =
        serde_json::from_str(&resolve(&["--sandbox", "web", "www"]).ok()).expect("JSON");
    assert_eq!(
        (&found["Rcode"], &found["Source"], &found["Network"]),
        (&"NOERROR".into(), &"alias".into(), &"localnet".into()),
        "{found}"
    );
    assert_eq!(found["Answers"][0]["Data"], "172.18.0.2");
    resolve(&["--network", "localnet", "web", "AAAA"]).fails(1);
}
