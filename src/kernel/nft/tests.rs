use super::*;
use crate::model::{IfName, Proto};
use crate::plan::nft::{
    Base, BaseKind, Chain, Datum, Field, Hook, Is, Map, Neighbour, Onto, Reject, Rule, Statement,
    Table, Type, Value, ValueType, Verdict, delta,
};
use nix::sched::{CloneFlags, unshare};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, TcpStream, UdpSocket};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

/// Runs a test on a thread of its own in a network namespace of its own, lo up.
pub(in crate::kernel) fn in_namespace<T: Send>(test: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let run = || {
            unshare(CloneFlags::CLONE_NEWNET).expect("the test needs root");
            run("ip", &["link", "set", "lo", "up"]);
            test()
        };
        scope.spawn(run).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Runs a program in the namespace of the thread, and returns what it printed.
pub(in crate::kernel) fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

fn load(text: &str) {
    let mut nft = Command::new("nft").args(["-f", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    nft.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(nft.wait().unwrap().success(), "nft refused:\n{text}");
}

/// One line a statement, elements sorted: nft sorts and breaks them in ways that differ between its releases.
fn normal(text: &str) -> Vec<String> {
    let text = text.split(",\n").map(str::trim).collect::<Vec<_>>().join(", ");
    let line = |line: &str| {
        let line = line.trim();
        let Some(elements) = line.strip_prefix("elements = { ") else { return line.to_owned() };
        let mut elements: Vec<_> = elements.trim_end_matches(" }").split(", ").collect();
        elements.sort_unstable();
        format!("elements = {}", elements.join(", "))
    };
    text.lines().map(line).filter(|line| !line.is_empty()).collect()
}

fn listed(table: &Table) -> Vec<String> {
    normal(&run("nft", &["list", "table", &table.family.to_string(), &table.name]))
}

fn name(text: &str) -> IfName {
    text.parse().unwrap()
}

fn maps_of_ipv6() -> [(&'static str, Map); 3] {
    let v6 = |text: &str| text.parse::<Ipv6Addr>().unwrap();
    let subnet = |text: &str| Datum::Subnet(text.parse().unwrap());
    let by_subnet = Map {
        interval: true,
        elements: BTreeMap::from([
            (vec![subnet("fd00:1::/64")], Value::Verdict(Verdict::Accept)),
            (vec![subnet("fd00:2::/62")], Value::Verdict(Verdict::Drop)),
        ]),
        ..Map::new(&[Type::Ipv6], ValueType::Verdict)
    };
    let key = vec![Datum::Ipv6(v6("fd00::1")), Datum::Proto(Proto::Sctp), Datum::Port(5000)];
    let target = vec![Datum::Ipv6(v6("fd00:1::2")), Datum::Port(80)];
    let ports = Map {
        elements: BTreeMap::from([(key, Value::Data(target))]),
        ..Map::new(
            &[Type::Ipv6, Type::Proto, Type::Port],
            ValueType::Data(vec![Type::Ipv6, Type::Port]),
        )
    };
    let range = |net: &str, proto, first, last| {
        vec![subnet(net), Datum::Proto(proto), Datum::Ports(first, last)]
    };
    let to = |address: &str| Value::Data(vec![Datum::Ipv6(v6(address))]);
    let ranges = Map {
        interval: true,
        elements: BTreeMap::from([
            (range("::/0", Proto::Tcp, 8000, 8999), to("fd00:1::2")),
            (range("fd00::1/128", Proto::Udp, 7000, 7001), to("fd00:1::3")),
        ]),
        ..Map::new(&[Type::Ipv6, Type::Proto, Type::Port], ValueType::Data(vec![Type::Ipv6]))
    };
    [("by_subnet6", by_subnet), ("ports6", ports), ("ranges6", ranges)]
}

fn chains_of_ipv6() -> [(&'static str, Chain); 2] {
    let net = |text: &str| text.parse::<ipnet::IpNet>().unwrap();
    let accept = || Statement::Verdict(Verdict::Accept);
    let nat = Base { kind: BaseKind::Nat, hook: Hook::Output, priority: -100 };
    let dnat = |onto, map: &str| {
        let fields = vec![Field::Destination6, Field::Proto, Field::DestinationPort];
        Statement::Dnat(onto, fields, map.to_owned())
    };
    let matches = vec![
        Rule::from([Statement::Source(net("fe80::/10")), accept()]),
        Rule::from([Statement::Destination(net("fd00::/64")), accept()]),
        Rule::from([Statement::Destination(net("::1/128")), accept()]),
        Rule::from([Statement::Neighbour(Neighbour::Solicitation), accept()]),
        Rule::from([Statement::Decide(vec![Field::Source6], "by_subnet6".to_owned())]),
    ];
    let translates = vec![
        Rule::from([Statement::Ipv6, Statement::LocalDestination, accept()]),
        Rule::from([dnat(Onto::Socket6, "ports6")]),
        Rule::from([dnat(Onto::Address6, "ranges6")]),
    ];
    [
        ("matches6", Chain { base: None, rules: matches }),
        ("to_target6", Chain { base: Some(nat), rules: translates }),
    ]
}

/// A table with every statement, type and verdict.
fn everything() -> Table {
    let net = |text: &str| text.parse::<ipnet::IpNet>().unwrap();
    let jump = |chain: &str| Value::Verdict(Verdict::Jump(chain.to_owned()));
    let link = |text: &str| vec![Datum::IfName(name(text))];
    let subnet = |text: &str| vec![Datum::Subnet(net(text))];
    let by_link = Map {
        elements: BTreeMap::from([
            (link("br-0"), jump("matches")),
            (link("br-1"), Value::Verdict(Verdict::Drop)),
        ]),
        ..Map::new(&[Type::IfName], ValueType::Verdict)
    };
    let by_subnet = Map {
        interval: true,
        elements: BTreeMap::from([
            (subnet("172.18.0.0/16"), jump("matches")),
            (subnet("172.19.0.0/16"), Value::Verdict(Verdict::Goto("matches".to_owned()))),
            (subnet("192.168.7.0/24"), Value::Verdict(Verdict::Accept)),
        ]),
        ..Map::new(&[Type::Ipv4], ValueType::Verdict)
    };
    let socket = ValueType::Data(vec![Type::Ipv4, Type::Port]);
    let target =
        |port| Value::Data(vec![Datum::Ipv4(Ipv4Addr::new(172, 18, 0, 2)), Datum::Port(port)]);
    let port = |proto, port| vec![Datum::Proto(proto), Datum::Port(port)];
    let ports = Map {
        elements: BTreeMap::from([
            (port(Proto::Tcp, 5000), target(80)),
            (port(Proto::Udp, 5000), target(53)),
        ]),
        ..Map::new(&[Type::Proto, Type::Port], socket)
    };
    let open = Map {
        elements: BTreeMap::from([(
            vec![
                Datum::Ipv6("fd00::2".parse().unwrap()),
                Datum::Proto(Proto::Tcp),
                Datum::Port(80),
            ],
            Value::Nothing,
        )]),
        ..Map::new(&[Type::Ipv6, Type::Proto, Type::Port], ValueType::Nothing)
    };
    let open_to = vec![Field::Destination6, Field::Proto, Field::DestinationPort];
    let fields = vec![Field::Proto, Field::DestinationPort];
    let filter = Base { kind: BaseKind::Filter, hook: Hook::Forward, priority: 0 };
    let nat = Base { kind: BaseKind::Nat, hook: Hook::Prerouting, priority: -100 };
    let snat = Base { kind: BaseKind::Nat, hook: Hook::Postrouting, priority: 100 };
    let raw = Base { kind: BaseKind::Filter, hook: Hook::Output, priority: -300 };
    let accept = || Statement::Verdict(Verdict::Accept);
    let chain = |base, rules| Chain { base, rules };
    let chains = [
        (
            "matches",
            chain(
                None,
                vec![
                    Rule::from([
                        Statement::IifName(Is::Other, name("br-0")),
                        Statement::Verdict(Verdict::Drop),
                    ]),
                    Rule::from([Statement::OifName(Is::Equal, name("br-0")), accept()]),
                    Rule::from([Statement::Established, accept()]),
                    Rule::from([Statement::Translated, accept()]),
                    Rule::from([
                        Statement::IifGroup(Is::Equal, 28260),
                        Statement::Source(net("10.0.0.0/9")),
                        accept(),
                    ]),
                    Rule::from([
                        Statement::OifGroup(28260),
                        Statement::Destination(net("10.1.2.3/32")),
                        accept(),
                    ]),
                    Rule::from([Statement::Redirect4, Statement::Verdict(Verdict::Drop)]),
                    Rule::from([
                        Statement::Neighbour(Neighbour::Redirect),
                        Statement::Verdict(Verdict::Drop),
                    ]),
                    Rule::from([Statement::In(open_to, "open".to_owned()), accept()]),
                    Rule::from([Statement::Proto(Proto::Tcp), Statement::Reject(Reject::Reset)]),
                    Rule::from([Statement::Reject(Reject::Port)]),
                    Rule::from([
                        Statement::SourcePort(Proto::Tcp, 1),
                        Statement::DestinationPort(Proto::Tcp, 2),
                        accept(),
                    ]),
                ],
            ),
        ),
        (
            "forward",
            chain(
                Some(filter),
                vec![
                    Rule::from([Statement::Decide(vec![Field::IifName], "by_link".to_owned())]),
                    Rule::from([Statement::Decide(vec![Field::OifName], "by_link".to_owned())]),
                    Rule::from([Statement::Decide(vec![Field::Source], "by_subnet".to_owned())]),
                    Rule::from([Statement::Decide(
                        vec![Field::Destination],
                        "by_subnet".to_owned(),
                    )]),
                    Rule::from([Statement::Verdict(Verdict::Jump("matches".to_owned()))]),
                ],
            ),
        ),
        (
            "to_target",
            chain(
                Some(nat),
                vec![Rule::from([
                    Statement::LocalDestination,
                    Statement::Ipv4,
                    Statement::Dnat(Onto::Socket4, fields, "ports".to_owned()),
                ])],
            ),
        ),
        ("to_source", chain(Some(snat), vec![Rule::from([Statement::Masquerade])])),
        (
            "rewrite",
            chain(
                Some(raw),
                vec![
                    Rule::from([
                        Statement::DestinationPort(Proto::Udp, 53),
                        Statement::Notrack,
                        Statement::SetDestinationPort(Proto::Udp, 5353),
                    ]),
                    Rule::from([
                        Statement::SourcePort(Proto::Tcp, 5353),
                        Statement::Notrack,
                        Statement::SetSourcePort(Proto::Tcp, 53),
                    ]),
                ],
            ),
        ),
    ];
    Table {
        family: Family::Inet,
        name: "netdns".to_owned(),
        owned: false,
        maps: [("by_link", by_link), ("by_subnet", by_subnet), ("open", open), ("ports", ports)]
            .into_iter()
            .chain(maps_of_ipv6())
            .map(|(name, map)| (name.to_owned(), map))
            .collect(),
        chains: chains
            .into_iter()
            .chain(chains_of_ipv6())
            .map(|(name, chain)| (name.to_owned(), chain))
            .collect(),
    }
}

#[test]
fn what_is_applied_is_what_the_text_says() {
    in_namespace(|| {
        let table = everything();
        let mut nft = Nft::open().unwrap();
        nft.apply(&Delta::Replace(table.clone())).unwrap();
        assert_eq!(listed(&table), normal(&table.to_string()));
        nft.apply(&Delta::Replace(table.clone())).expect("a table may be replaced by itself");
        nft.apply(&Delta::Remove(table.family, table.name.clone())).unwrap();
        assert!(!nft.has_table(table.family, &table.name).unwrap());
        nft.apply(&Delta::Remove(table.family, table.name.clone())).expect("twice is as once");
        load(&table.to_string());
        assert!(nft.has_table(table.family, &table.name).unwrap());
        assert_eq!(listed(&table), normal(&table.to_string()));
    });
}

#[test]
fn elements_change_without_the_rules() {
    in_namespace(|| {
        let old = everything();
        let mut new = old.clone();
        new.maps.get_mut("by_subnet").unwrap().elements.pop_first();
        let ports = &mut new.maps.get_mut("ports").unwrap().elements;
        let target = ports.pop_last().unwrap().1;
        *ports.first_entry().unwrap().get_mut() = target.clone();
        ports.extend(
            (1..=900)
                .map(|port| (vec![Datum::Proto(Proto::Udp), Datum::Port(port)], target.clone())),
        );
        let change = delta(Some(&old), Some(&new));
        assert!(matches!(change, Delta::Elements { .. }));
        let mut nft = Nft::open().unwrap();
        nft.apply(&delta(None, Some(&old))).unwrap();
        nft.apply(&change).unwrap();
        assert_eq!(listed(&new), normal(&new.to_string()));
        nft.apply(&delta(Some(&new), Some(&old))).unwrap();
        assert_eq!(listed(&old), normal(&old.to_string()));
    });
}

#[test]
fn a_refusal_names_the_object_and_changes_nothing() {
    in_namespace(|| {
        let good = everything();
        let mut bad = good.clone();
        let rule = Rule::from([Statement::Verdict(Verdict::Jump("nowhere".to_owned()))]);
        bad.chains.get_mut("matches").unwrap().rules.push(rule);
        let mut nft = Nft::open().unwrap();
        nft.apply(&Delta::Replace(good.clone())).unwrap();
        let error = nft.apply(&Delta::Replace(bad)).unwrap_err();
        assert!(error.to_string().contains("rule 'jump nowhere' of chain matches"), "{error}");
        assert!(error.is_missing());
        assert_eq!(listed(&good), normal(&good.to_string()));
        run("nft", &["flush", "ruleset"]);
        let delta = delta(Some(&good), Some(&Table { maps: BTreeMap::new(), ..good.clone() }));
        assert!(matches!(delta, Delta::Replace(_)));
        let mut fewer = good.clone();
        fewer.maps.get_mut("ports").unwrap().elements.pop_first();
        let gone = nft.apply(&crate::plan::nft::delta(Some(&good), Some(&fewer))).unwrap_err();
        assert!(gone.is_missing(), "{gone}");
    });
}

/// Something that another tool does to our table.
const DAMAGES: [&str; 8] = [
    "delete table inet netdns",
    "flush chain inet netdns forward",
    "delete rule inet netdns to_source handle",
    "insert rule inet netdns forward accept",
    "delete element inet netdns ports { tcp . 5000 }",
    "add element inet netdns ports { tcp . 5001 : 172.18.0.2 . 80 }",
    "add chain inet netdns forward { policy drop; }",
    "add table inet netdns { flags dormant; }",
];

#[test]
fn tables_stand_until_anything_of_them_is_changed() {
    in_namespace(|| {
        let table = Table { owned: true, ..everything() };
        let tables = [table.clone()];
        let mut nft = Nft::open().unwrap();
        nft.share();
        assert!(!stands(&tables).unwrap(), "it is not there yet");
        for damage in DAMAGES {
            nft.apply(&Delta::Replace(table.clone())).unwrap();
            run("nft", &["add", "table", "ip", "stranger"]);
            assert!(stands(&tables).unwrap(), "as it was written");
            let listed = run("nft", &["-a", "list", "chain", "inet", "netdns", "to_source"]);
            let handle = listed.lines().find(|line| line.contains("masquerade")).unwrap();
            let handle = handle.rsplit(' ').next().unwrap();
            let damage = damage.replace("handle", &format!("handle {handle}"));
            run("nft", &[&damage]);
            assert!(!stands(&tables).unwrap(), "{damage}");
        }
        let mut changed = table.clone();
        changed.maps.get_mut("ports").unwrap().elements.pop_first();
        nft.apply(&Delta::Replace(table.clone())).unwrap();
        nft.apply(&delta(Some(&table), Some(&changed))).unwrap();
        assert!(stands(&[changed]).unwrap(), "elements came and went, in another order");
    });
}

#[test]
fn a_table_that_is_owned_passes_over_to_the_next_owner_without_a_gap() {
    in_namespace(|| {
        let table = Table { owned: true, ..everything() };
        let mut nft = Nft::open().unwrap();
        nft.apply(&Delta::Replace(table.clone())).unwrap();
        for attempt in ["delete table inet netdns", "flush chain inet netdns forward"] {
            let tried = Command::new("nft").arg(attempt).output().unwrap();
            assert!(!tried.status.success(), "{attempt}");
        }
        run("nft", &["flush", "ruleset"]);
        assert!(stands(std::slice::from_ref(&table)).unwrap(), "flushing passes over it");
        drop(nft);
        assert!(stands(std::slice::from_ref(&table)).unwrap(), "it outlives its owner");
        let mut next = Nft::open().unwrap();
        next.apply(&Delta::Replace(table.clone())).unwrap();
        run("nft", &["flush", "ruleset"]);
        assert!(stands(std::slice::from_ref(&table)).unwrap(), "and belongs to the next");
        next.apply(&Delta::Remove(table.family, table.name.clone())).unwrap();
        assert!(!next.has_table(table.family, &table.name).unwrap());
    });
}

/// Answers one datagram and one connection at sockets of the resolver's kind.
fn serve_once(udp: UdpSocket, tcp: TcpListener) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut buffer = [0; 512];
        let (length, client) = udp.recv_from(&mut buffer).unwrap();
        udp.send_to(&buffer[..length], client).unwrap();
        let (mut stream, _) = tcp.accept().unwrap();
        let length = stream.read(&mut buffer).unwrap();
        stream.write_all(&buffer[..length]).unwrap();
    })
}

#[test]
fn port_53_leads_to_the_sockets_and_leaves_no_conntrack_entry() {
    in_namespace(|| {
        // Another program of the sandbox, and a rule that makes the namespace track connections.
        let _stranger =
            (UdpSocket::bind("0.0.0.0:53").unwrap(), TcpListener::bind("0.0.0.0:53").unwrap());
        load(
            "table ip tracker { chain c { type filter hook input priority 0; ct state invalid drop; } ; }",
        );
        let udp = UdpSocket::bind("127.0.0.11:0").unwrap();
        let tcp = TcpListener::bind("127.0.0.11:0").unwrap();
        let (udp_port, tcp_port) =
            (udp.local_addr().unwrap().port(), tcp.local_addr().unwrap().port());
        let _owner = own_dns_table(udp_port, tcp_port).unwrap();
        let server = serve_once(udp, tcp);

        let client = UdpSocket::bind("0.0.0.0:0").unwrap();
        client.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        client.connect("127.0.0.11:53").unwrap();
        client.send(b"question").unwrap();
        let mut buffer = [0; 8];
        client.recv_exact_datagram(&mut buffer);
        assert_eq!(&buffer, b"question");

        let mut stream = TcpStream::connect("127.0.0.11:53").unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        stream.write_all(b"question").unwrap();
        stream.read_exact(&mut buffer).unwrap();
        assert_eq!(&buffer, b"question");
        server.join().unwrap();

        // The positive control: a datagram that is not ours is tracked.
        client.connect("127.0.0.1:9").unwrap();
        client.send(b"x").unwrap();
        let entries = std::fs::read_to_string("/proc/thread-self/net/nf_conntrack").unwrap();
        assert!(entries.contains("dst=127.0.0.1 "), "nothing was tracked:\n{entries}");
        assert!(!entries.contains("127.0.0.11"), "{entries}");
    });
}

trait RecvExact {
    fn recv_exact_datagram(&self, buffer: &mut [u8]);
}

impl RecvExact for UdpSocket {
    fn recv_exact_datagram(&self, buffer: &mut [u8]) {
        assert_eq!(self.recv(buffer).unwrap(), buffer.len());
    }
}

#[test]
fn a_sandbox_cannot_remove_the_dns_table() {
    in_namespace(|| {
        let _owner = own_dns_table(4001, 4002).unwrap();
        let table = dns_table(4001, 4002);
        run("nft", &["flush", "ruleset"]);
        let delete =
            Command::new("nft").args(["delete", "table", "ip", "netdns"]).output().unwrap();
        assert!(!delete.status.success());
        let mut stranger = Nft::open().unwrap();
        assert!(stranger.apply(&Delta::Remove(table.family, table.name.clone())).is_err());
        assert!(stranger.has_table(table.family, &table.name).unwrap());
        let rules = |lines: Vec<String>| {
            lines.into_iter().filter(|line| line.starts_with("ip ")).collect::<Vec<_>>()
        };
        assert_eq!(rules(listed(&table)), rules(normal(&table.to_string())));
        assert!(own_dns_table(4003, 4004).is_err(), "a living owner is not robbed");
    });
}

#[test]
fn the_dns_table_outlives_its_owner_and_finds_another() {
    in_namespace(|| {
        let owner = own_dns_table(4001, 4002).unwrap();
        let duplicate = owner.try_clone().unwrap();
        drop(owner);
        assert!(own_dns_table(4003, 4004).is_err(), "a duplicate keeps it");
        drop(duplicate);
        assert!(run("nft", &["list", "ruleset"]).contains("udp dport set 4001"));
        let _next = own_dns_table(4003, 4004).unwrap();
        let now = run("nft", &["list", "ruleset"]);
        assert!(now.contains("udp dport set 4003") && !now.contains("4001"), "{now}");
        run("nft", &["flush", "ruleset"]);
        assert!(run("nft", &["list", "ruleset"]).contains("udp dport set 4003"));
    });
}

#[test]
fn a_table_that_another_tool_left_under_the_name_is_replaced() {
    in_namespace(|| {
        load("table ip netdns { chain output { type filter hook output priority 0; drop; } ; }");
        let _owner = own_dns_table(4001, 4002).unwrap();
        assert!(!run("nft", &["list", "table", "ip", "netdns"]).contains("drop"));
    });
}
