//! Names of sandboxes: which there are, who sees them, and what is said of other types.

use super::upstream::Upstream;
use super::{dig, short, with_localnet};
use crate::host::Host;

#[test]
fn a_sandbox_answers_to_its_name_aliases_short_id_and_hostname_also_below_its_network() {
    let host = with_localnet();
    let flags =
        ["--network", "localnet", "--net-alias", "www", "--net-alias", "site", "-h", "machine"];
    let id = host.sleeper("Web", &flags);
    host.sleeper("client", &["--network", "localnet"]);
    for name in ["web", "www", "site", "machine", &id[..12]] {
        assert_eq!(short(&host, "client", name), ["172.18.0.2"], "{name}");
        assert_eq!(short(&host, "client", &format!("{name}.localnet")), ["172.18.0.2"], "{name}");
        assert_eq!(short(&host, "client", &format!("{name}.LOCALNET.")), ["172.18.0.2"], "{name}");
    }
    assert_eq!(
        host.inside("client", "getent ahostsv4 wEb. | head -1").ok().split(' ').next(),
        Some("172.18.0.2")
    );
    let reply = dig(&host, "client", "wEB.LocalNet");
    assert_eq!(reply.answer, ["wEB.LocalNet. 5 IN A 172.18.0.2"]);
    for flag in ["qr", "aa", "rd", "ra"] {
        assert!(reply.flags.contains(&flag.into()), "{flag}: {reply:?}");
    }
}

#[test]
fn several_sandboxes_of_one_alias_all_answer_and_each_comes_first() {
    let host = with_localnet();
    for name in ["one", "two", "three"] {
        host.sleeper(name, &["--network", "name=localnet,alias=pool"]);
    }
    let all = ["172.18.0.2", "172.18.0.3", "172.18.0.4"];
    assert_eq!(short(&host, "one", "pool"), all);
    let firsts = "for i in $(seq 20); do dig +short pool | head -1; done | sort -u";
    assert_eq!(host.inside("one", firsts).ok(), all.join("\n"));
    host.netdns(&["stop", "-t", "0", "two"]).ok();
    assert_eq!(short(&host, "one", "pool"), [all[0], all[2]]);
}

#[test]
fn names_with_dots_work() {
    let host = with_localnet();
    host.sleeper("db.prod", &["--network", "name=localnet,alias=a.b.c"]);
    for name in ["db.prod", "db.prod.localnet", "a.b.c", "a.b.c.localnet"] {
        assert_eq!(short(&host, "db.prod", name), ["172.18.0.2"], "{name}");
    }
    assert_eq!(short(&host, "db.prod", "-x 172.18.0.2"), ["db.prod.localnet."]);
}

#[test]
fn a_local_name_of_another_type_is_denied_here_and_asked_of_nobody() {
    let host = with_localnet();
    let upstream = Upstream::at_router(&host);
    host.sleeper("web", &["--network", "localnet"]);
    for rr_type in ["AAAA", "HTTPS", "MX", "TXT", "TYPE65280"] {
        for transport in ["+notcp", "+tcp"] {
            let reply = dig(&host, "web", &format!("{transport} web {rr_type}"));
            assert!(reply.denies("NOERROR"), "{rr_type}: {reply:?}");
        }
        assert!(dig(&host, "web", &format!("web.localnet {rr_type}")).denies("NOERROR"));
    }
    assert_eq!(short(&host, "web", "web.example.test"), ["198.51.100.7"]);
    assert_eq!(upstream.asked(), ["udp 10.9.0.2 web.example.test 1"]);
}

#[test]
fn an_address_leads_back_to_its_sandbox_and_an_unknown_one_of_the_subnet_is_denied_here() {
    let host = with_localnet();
    let upstream = Upstream::at_router(&host);
    host.sleeper("web", &["--network", "name=localnet,alias=www"]);
    assert_eq!(short(&host, "web", "-x 172.18.0.2"), ["web.localnet."]);
    let reply = dig(&host, "web", "-x 172.18.9.9");
    assert!(reply.denies("NXDOMAIN"), "{reply:?}");
    assert!(upstream.asked().is_empty(), "{:?}", upstream.asked());
    dig(&host, "web", "-x 192.0.2.9");
    assert_eq!(upstream.asked(), ["udp 10.9.0.2 9.2.0.192.in-addr.arpa 12"]);
}

#[test]
fn a_sandbox_sees_names_and_addresses_of_its_own_networks_alone() {
    let host = with_localnet();
    host.netdns(&["network", "create", "other"]).ok();
    host.sleeper("left", &["--network", "localnet"]);
    host.sleeper("both", &["--network", "localnet", "--network", "other"]);
    host.sleeper("right", &["--network", "other"]);
    let (here, there) = (host.address("both", "localnet"), host.address("both", "other"));
    assert_eq!(short(&host, "left", "both"), [here.as_str()]);
    assert_eq!(short(&host, "right", "both"), [there.as_str()]);
    assert!(
        short(&host, "left", "right").is_empty() && short(&host, "left", "both.other").is_empty()
    );
    assert!(short(&host, "right", "left").is_empty());
    assert_eq!(short(&host, "both", "left"), [host.address("left", "localnet")]);
    assert_eq!(short(&host, "both", "right"), [host.address("right", "other")]);
    assert_eq!(short(&host, "left", &format!("-x {here}")), ["both.localnet."]);
    assert_eq!(short(&host, "right", &format!("-x {there}")), ["both.other."]);
    assert!(!dig(&host, "left", &format!("-x {there}")).text.contains("both."));
}

#[test]
fn the_host_is_the_first_networks_gateway() {
    let host = with_localnet();
    host.sleeper("web", &["--network", "localnet"]);
    for name in ["host.docker.internal", "host.netdns.internal"] {
        assert_eq!(short(&host, "web", name), ["172.18.0.1"], "{name}");
        assert!(dig(&host, "web", &format!("{name} AAAA")).denies("NOERROR"));
        let taken = host.netdns(&["run", "-d", "--name", name, "sleep", "9"]).fails(125);
        assert!(taken.contains(name), "{taken}");
    }
    assert_eq!(short(&host, "web", "localhost"), ["127.0.0.1"]);
    host.netdns(&["register", "any.localhost", "192.0.2.1"]).fails(1);
}

#[test]
fn a_sandbox_on_the_default_network_has_no_resolver_until_it_joins_another() {
    let host = with_localnet();
    host.sleeper("web", &["--network", "localnet"]);
    host.sleeper("plain", &[]);
    let asked =
        |server: &str| host.inside("plain", &format!("dig +short +tries=1 +time=1 {server} web"));
    assert_ne!(asked("@127.0.0.11").code, 0);
    host.netdns(&["network", "connect", "localnet", "plain"]).ok();
    assert_eq!(asked("").ok(), "172.18.0.2");
    assert_eq!(short(&host, "web", "plain"), [host.address("plain", "localnet")]);
    host.netdns(&["network", "disconnect", "localnet", "plain"]).ok();
    assert_ne!(asked("@127.0.0.11").code, 0);
    assert!(!host.inside("plain", "cat /etc/resolv.conf").ok().contains("127.0.0.11"));
}

#[test]
fn an_alias_that_is_anothers_name_answers_with_both_and_is_warned_of() {
    let host = with_localnet();
    host.sleeper("web", &["--network", "localnet"]);
    let flags = ["--network", "localnet", "--net-alias", "web"];
    let run = [&["run", "-d", "--name", "second"], &flags[..], &["sleep", "3600"]].concat();
    let ran = host.netdns(&run);
    assert!(ran.code == 0 && ran.err.contains("web"), "{ran:?}");
    assert_eq!(short(&host, "web", "web"), ["172.18.0.2", "172.18.0.3"]);
    assert_eq!(short(&host, "web", "second"), ["172.18.0.3"]);
    host.netdns(&["rm", "-f", "second"]).ok();
    assert_eq!(short(&host, "web", "web"), ["172.18.0.2"]);
}

#[test]
fn the_network_of_the_default_route_is_the_first_to_be_asked() {
    let host = with_localnet();
    host.netdns(&["network", "create", "other"]).ok();
    host.sleeper("here", &["--network", "name=localnet,alias=db"]);
    host.sleeper("there", &["--network", "name=other,alias=db"]);
    host.sleeper("plain", &["--network", "localnet", "--network", "other"]);
    host.sleeper("ranked", &["--network", "localnet", "--network", "name=other,gw-priority=1"]);
    let (here, there) = (host.address("here", "localnet"), host.address("there", "other"));
    for (sandbox, first) in [("plain", &here), ("ranked", &there)] {
        assert_eq!(short(&host, sandbox, "db"), [first.as_str()], "{sandbox}");
        assert_eq!(short(&host, sandbox, "db.localnet"), [here.as_str()], "{sandbox}");
        assert_eq!(short(&host, sandbox, "db.other"), [there.as_str()], "{sandbox}");
    }
}

#[test]
fn exposed_and_published_ports_have_srv_records() {
    let host = with_localnet();
    let flags = ["--network", "localnet", "--expose", "53/udp", "-p", "127.0.0.1:8080:80"];
    host.sleeper("web", &flags);
    for (name, port) in
        [("_http._tcp.web", 80), ("_80._tcp.web.localnet", 80), ("_domain._udp.web", 53)]
    {
        let reply = dig(&host, "web", &format!("{name} SRV"));
        assert_eq!(reply.answer, [format!("{name}. 5 IN SRV 0 0 {port} web.localnet.")]);
        assert!(reply.text.contains("ADDITIONAL SECTION:\nweb.localnet."), "{reply:?}");
    }
}

#[test]
fn ports_of_a_sandbox_that_shares_a_namespace_are_served_by_its_owners_name() {
    let mut host = with_localnet();
    host.sleeper("web", &["--network", "localnet", "--expose", "80"]);
    let ports = |host: &Host| {
        let asked = ["_http._tcp.web SRV", "_7070._sctp.web SRV"];
        asked.map(|question| dig(host, "web", question).answer.len())
    };
    assert_eq!(ports(&host), [1, 0]);
    host.sleeper("side", &["--network", "container:web", "--expose", "7070/sctp"]);
    let reply = dig(&host, "web", "_7070._sctp.web SRV");
    assert_eq!(reply.answer, ["_7070._sctp.web. 5 IN SRV 0 0 7070 web.localnet."]);
    host.end_daemon("KILL");
    host.start(&[]);
    assert_eq!(ports(&host), [1, 1]);
    host.netdns(&["rm", "-f", "side"]).ok();
    assert_eq!(ports(&host), [1, 0]);
}

#[test]
fn queries_are_counted_for_each_sandbox_and_server() {
    let mut host = Host::new();
    host.start(&["--metrics", "127.0.0.1:9153"]);
    host.netdns(&["network", "create", "localnet"]).ok();
    let _upstream = Upstream::at_router(&host);
    host.sleeper("web", &["--network", "localnet"]);
    host.sleeper("other", &["--network", "localnet"]);
    for question in ["other", "+tcp web", "far.test", "+tcp near.test"] {
        short(&host, "web", question);
    }
    let stats = host.netdns(&["stats", "--format", "json", "web"]).ok();
    let stats: serde_json::Value = serde_json::from_str(&stats).expect("JSON");
    let dns = &stats["DNS"];
    assert_eq!(
        (&dns["Queries"], &dns["Local"], &dns["Forwarded"]),
        (&4.into(), &2.into(), &2.into())
    );
    let socket = host.path("run/api.sock");
    let by_socket = format!("curl -sf --unix-socket {} http://netdns/metrics", socket.display());
    for curl in [&by_socket, "curl -sf http://127.0.0.1:9153/metrics"] {
        let shown = host.sh(curl).ok();
        for line in [
            "netdns_dns_queries_total{sandbox=\"web\"} 4",
            "netdns_dns_queries_total{sandbox=\"other\"} 0",
            "netdns_dns_upstream_answered_total{server=\"10.9.0.1:53\"} 2",
            "# TYPE netdns_sandboxes_running gauge",
            "netdns_sandboxes_running 2",
        ] {
            assert!(shown.lines().any(|shown| shown == line), "{line} in:\n{shown}");
        }
    }
    assert_ne!(host.sh("curl -sf -XPOST -d '{}' http://127.0.0.1:9153/v1/status").code, 0);
}

#[test]
fn who_only_connects_to_the_metrics_takes_few_descriptors_and_not_for_long() {
    let mut host = Host::new();
    host.start(&["--metrics", "127.0.0.1:9153"]);
    let descriptors = format!("ls /proc/{}/fd | wc -l", host.pid("ManagerPid"));
    let before: usize = host.sh(&descriptors).ok().trim().parse().expect("a number");
    let held = host.sh(&format!(
        "for _ in {{1..100}}; do exec {{fd}}<>/dev/tcp/127.0.0.1/9153; done
         sleep 1; {descriptors}
         curl -sf --max-time 60 http://127.0.0.1:9153/metrics | grep -c ^netdns_sandboxes_running"
    ));
    let held = held.ok();
    let (during, shown) = held.trim().split_once('\n').expect(&held);
    let during: usize = during.parse().expect("a number");
    assert!((before + 60..before + 70).contains(&during), "{before} before, {during} during");
    assert_eq!(shown, "1");
}

#[test]
fn a_network_has_its_own_ttl_and_keeps_its_own_domain_to_itself_if_it_is_told_to() {
    let host = with_localnet();
    let upstream = Upstream::at_router(&host);
    let options = ["-o", "netdns.ttl=60", "-o", "netdns.domain=local"];
    host.netdns(&[&["network", "create", "lab"], &options[..]].concat()).ok();
    host.netdns(&["network", "create", "-o", "netdns.ttl=0", "brief"]).ok();
    for (network, ttl) in [("lab", "60"), ("brief", "0"), ("localnet", "5")] {
        let name = format!("on-{network}");
        host.sleeper(&name, &["--network", network]);
        let reply = dig(&host, &name, &name);
        let address = host.address(&name, network);
        assert_eq!(reply.answer, [format!("{name}. {ttl} IN A {address}")]);
        // What is denied is denied for as long.
        let denied = dig(&host, &name, &format!("{name} AAAA"));
        assert!(denied.denies("NOERROR"), "{denied:?}");
        assert!(denied.authority[0].ends_with(&format!(" {ttl}")), "{denied:?}");
    }
    // Below its own domain nothing is asked of others; a network that was not told so has no domain of its own.
    let unknown = dig(&host, "on-lab", "nobody.lab");
    assert!(unknown.denies("NXDOMAIN"), "{unknown:?}");
    assert!(!upstream.was_asked("nobody.lab"));
    dig(&host, "on-localnet", "nobody.localnet");
    assert!(upstream.was_asked("nobody.localnet"));
    dig(&host, "on-localnet", "nobody.lab");
    assert!(upstream.was_asked("nobody.lab"), "it is not on that network");
}
