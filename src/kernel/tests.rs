//! Against the real kernel. Each test runs on a thread with a network namespace of its own that plays the host.

use super::*;
use crate::model::{EndpointId, Id, IfName, NetworkId, Origin, Proto, Refusal, SandboxId};
use crate::plan::{Bridge, GROUP, Inside, Veth, alias, diff};
use nix::sched::{CloneFlags, unshare};
use std::collections::BTreeSet;
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// Runs a test in a namespace that plays the host.
fn on_a_host(test: impl AsyncFnOnce(Linux) + Send) {
    std::thread::scope(|scope| {
        let host = scope.spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET).expect("tests of the kernel need root");
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async { test(Linux::new().unwrap()).await });
        });
        host.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}

/// A process in a network namespace of its own.
struct Guest(Child);

impl Guest {
    fn start() -> Self {
        let child = Command::new("unshare").args(["-n", "sleep", "60"]).spawn().unwrap();
        let comm = format!("/proc/{}/comm", child.id());
        let started = Instant::now();
        while std::fs::read_to_string(&comm).unwrap().trim() != "sleep" {
            assert!(started.elapsed() < Duration::from_secs(5), "unshare does not start sleep");
            std::thread::sleep(Duration::from_millis(1));
        }
        Self(child)
    }

    fn pid(&self) -> i32 {
        self.0.id() as i32
    }

    fn place(&self, linux: &Linux) -> Place {
        linux.look(&AttachTo::Init(self.pid())).unwrap().place
    }

    fn within<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let ns = File::open(format!("/proc/{}/ns/net", self.pid())).unwrap();
        netns::within(ns.as_fd(), work).unwrap()
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn name(text: &str) -> IfName {
    text.parse().unwrap()
}

fn id(n: u8) -> Id {
    Id::from_bytes([n; 32])
}

fn bridge() -> Bridge {
    Bridge {
        name: name("br-test"),
        network: NetworkId(id(1)),
        mtu: 1400,
        addresses: vec!["172.18.0.1/16".parse().unwrap()],
        ipv6: false,
        apart: false,
        proxied: BTreeSet::new(),
    }
}

fn veth(n: u8, place: Place) -> Veth {
    Veth {
        name: name(&format!("veth{n}")),
        endpoint: EndpointId(id(n)),
        bridge: bridge().name,
        mtu: 1400,
        ipv6: false,
        apart: false,
        place,
        link: name("eth0"),
        mac: format!("02:00:00:00:00:{n:02x}").parse().unwrap(),
        addresses: vec![format!("172.18.0.{n}/16").parse().unwrap()],
    }
}

fn inside(place: Place) -> Inside {
    let default_routes = vec![(name("eth0"), "172.18.0.1".parse().unwrap())];
    Inside { place, macvlans: BTreeMap::new(), default_routes, no_forwarding: true }
}

fn wanted(guests: &[(u8, Place)]) -> Wanted {
    let veths = guests.iter().map(|(n, place)| veth(*n, place.clone()));
    let insides = guests.iter().map(|(n, place)| (SandboxId(id(*n)), inside(place.clone())));
    Wanted {
        bridges: [(bridge().name, bridge())].into(),
        veths: veths.map(|veth| (veth.name.clone(), veth)).collect(),
        insides: insides.collect(),
        forwarding: true,
        forwarding6: false,
        ..Wanted::default()
    }
}

async fn converge(linux: &Linux, wanted: &Wanted) -> usize {
    let steps = diff(&linux.observe(wanted).await.unwrap(), wanted).unwrap();
    for step in &steps {
        linux.apply(step).await.unwrap();
    }
    steps.len()
}

fn ip(arguments: &str) -> String {
    let output = Command::new("ip").args(arguments.split(' ')).output().unwrap();
    assert!(output.status.success(), "ip {arguments}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn sysctl(key: &str) -> String {
    std::fs::read_to_string(format!("/proc/sys/net/{key}")).unwrap().trim().to_owned()
}

#[test]
fn two_sandboxes_on_a_bridge_reach_each_other_and_nothing_is_left_to_do() {
    on_a_host(async |linux| {
        let (a, b) = (Guest::start(), Guest::start());
        let wanted = wanted(&[(2, a.place(&linux)), (3, b.place(&linux))]);
        assert_eq!(converge(&linux, &wanted).await, 6);
        assert_eq!(converge(&linux, &wanted).await, 0);

        let to = b.within(|| UdpSocket::bind("172.18.0.3:4000").unwrap());
        to.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
        a.within(|| {
            let from = UdpSocket::bind("172.18.0.2:0").unwrap();
            from.send_to(b"hello", "172.18.0.3:4000").unwrap();
        });
        let mut buffer = [0; 16];
        let (length, from) = to.recv_from(&mut buffer).unwrap();
        assert_eq!((&buffer[..length], from.ip()), (&b"hello"[..], [172, 18, 0, 2].into()));
    });
}

#[test]
fn links_bear_our_mark_and_no_ipv6_address() {
    on_a_host(async |linux| {
        let guest = Guest::start();
        converge(&linux, &wanted(&[(2, guest.place(&linux))])).await;

        let links = ip("-d link");
        for (link, id) in [("br-test", id(1)), ("veth2", id(2))] {
            assert!(links.contains(&format!("alias {}", alias(id))), "{links}");
            let shown = ip(&format!("link show dev {link}"));
            assert!(shown.contains(&format!("group {GROUP} ")), "{shown}");
            assert!(shown.contains("mtu 1400"), "{shown}");
            assert_eq!(sysctl(&format!("ipv6/conf/{link}/disable_ipv6")), "1");
        }
        assert_eq!(sysctl("ipv4/conf/br-test/route_localnet"), "1");
        assert_eq!(sysctl("ipv4/ip_forward"), "1");
        assert_eq!(ip("-6 addr show dev br-test"), "");
        guest.within(|| {
            assert_eq!(ip("-6 addr show dev eth0"), "");
            assert!(ip("addr show dev eth0").contains("172.18.0.2/16"));
            assert!(ip("link show dev eth0").contains("02:00:00:00:00:02"));
            assert!(ip("link show dev lo").contains("LOWER_UP"));
            assert_eq!(ip("route show default"), "default via 172.18.0.1 dev eth0 proto 110 \n");
            assert_eq!(sysctl("ipv4/ip_forward"), "0");
        });
    });
}

#[test]
fn with_ipv6_a_link_has_its_address_at_once_and_hears_no_advertisement() {
    on_a_host(async |linux| {
        let guest = Guest::start();
        let both = ["172.18.0.2/16", "fd00:1::2/64"].map(|net| net.parse().unwrap());
        let veth = Veth { ipv6: true, addresses: both.into(), ..veth(2, guest.place(&linux)) };
        let route = (name("eth0"), "fd00:1::1".parse().unwrap());
        let inside = Inside { default_routes: vec![route], ..inside(guest.place(&linux)) };
        linux.apply(&Step::AddBridge(Bridge { ipv6: true, ..bridge() })).await.unwrap();
        linux.apply(&Step::AddVeth(veth)).await.unwrap();
        linux.apply(&Step::SetInside(inside)).await.unwrap();
        guest.within(|| {
            UdpSocket::bind("[fd00:1::2]:0").unwrap();
            assert_eq!(sysctl("ipv6/conf/eth0/accept_ra"), "0");
            assert!(ip("-6 route show default").contains("via fd00:1::1"));
        });
    });
}

#[test]
fn each_step_can_be_repeated() {
    on_a_host(async |linux| {
        let guest = Guest::start();
        let place = guest.place(&linux);
        let steps = [
            Step::AddBridge(bridge()),
            Step::MendBridge(bridge()),
            Step::AddVeth(veth(2, place.clone())),
            Step::MendVeth(veth(2, place.clone())),
            Step::SetInside(inside(place.clone())),
            Step::EnableForwarding,
        ];
        for step in &steps {
            linux.apply(step).await.unwrap();
            linux.apply(step).await.unwrap();
        }
        for step in &steps {
            linux.apply(step).await.unwrap();
        }
        assert_eq!(converge(&linux, &wanted(&[(2, place)])).await, 0);
    });
}

#[test]
fn a_link_that_was_never_finished_is_made_again() {
    on_a_host(async |linux| {
        let guest = Guest::start();
        ip(&format!("link add br-test group {GROUP} type bridge"));
        ip(&format!("link add veth2 group {GROUP} type veth peer name other"));
        let wanted = wanted(&[(2, guest.place(&linux))]);
        converge(&linux, &wanted).await;
        assert_eq!(converge(&linux, &wanted).await, 0);
    });
}

#[test]
fn a_strangers_link_is_never_touched() {
    on_a_host(async |linux| {
        let guest = Guest::start();
        let place = guest.place(&linux);
        ip("link add br-test type bridge");
        let before = ip("-d link show dev br-test");
        let mut wanted = wanted(&[(2, place)]);
        let found = linux.observe(&wanted).await.unwrap();
        let conflict = diff(&found, &wanted).unwrap_err();
        let text = "interface br-test exists and was not made by netdns (bridge)";
        assert_eq!(conflict.to_string(), text);
        assert!(linux.apply(&Step::AddBridge(bridge())).await.is_err());
        linux.apply(&Step::RemoveLinks(vec![bridge().name])).await.unwrap();

        wanted.bridges.clear();
        wanted.gone.insert(bridge().name);
        let found = linux.observe(&wanted).await.unwrap();
        let steps = diff(&found, &wanted).unwrap();
        assert!(!steps.iter().any(|step| matches!(step, Step::RemoveLinks(_))));
        assert_eq!(ip("-d link show dev br-test"), before);
    });
}

#[test]
fn a_pair_that_cannot_be_finished_leaves_nothing() {
    on_a_host(async |linux| {
        let guest = Guest::start();
        let error = linux.apply(&Step::AddVeth(veth(2, guest.place(&linux)))).await.unwrap_err();
        assert_eq!(error.to_string(), "cannot find interface br-test");
        assert!(!ip("link").contains("veth2"));
        guest.within(|| assert!(!ip("link").contains("eth0")));
    });
}

#[test]
fn a_link_of_the_sandboxs_own_is_named_when_it_is_in_the_way() {
    on_a_host(async |linux| {
        let guest = Guest::start();
        guest.within(|| ip("link add eth0 type bridge"));
        linux.apply(&Step::AddBridge(bridge())).await.unwrap();
        let error = linux.apply(&Step::AddVeth(veth(2, guest.place(&linux)))).await.unwrap_err();
        let text = "interface eth0 exists in the sandbox and was not made by netdns";
        assert_eq!(error.to_string(), text);
        assert!(!ip("link").contains("veth2"));
    });
}

#[test]
fn many_links_go_at_once_and_missing_ones_are_passed_over() {
    on_a_host(async |linux| {
        let guests: Vec<_> = (2..8).map(|n| (n, Guest::start())).collect();
        let places: Vec<_> = guests.iter().map(|(n, guest)| (*n, guest.place(&linux))).collect();
        let wanted = wanted(&places);
        converge(&linux, &wanted).await;
        let mut names: Vec<_> = wanted.veths.keys().cloned().collect();
        names.push(name("missing"));
        linux.apply(&Step::RemoveLinks(names.clone())).await.unwrap();
        linux.apply(&Step::RemoveLinks(names)).await.unwrap();
        let left = ip("link");
        assert!(!left.contains("veth") && left.contains("br-test"), "{left}");
        linux.apply(&Step::RemoveLinks(vec![name("br-test")])).await.unwrap();
        assert!(!ip("link").contains("br-test"));
    });
}

#[test]
fn the_default_route_moves_and_a_strangers_stays() {
    on_a_host(async |linux| {
        let guest = Guest::start();
        let place = guest.place(&linux);
        converge(&linux, &wanted(&[(2, place.clone())])).await;
        guest.within(|| ip("route add default via 172.18.0.9 metric 50"));
        let mut moved = inside(place.clone());
        moved.default_routes[0].1 = "172.18.0.7".parse().unwrap();
        linux.apply(&Step::SetInside(moved)).await.unwrap();
        let routes = guest.within(|| ip("route show default"));
        assert!(routes.starts_with("default via 172.18.0.7 dev eth0 proto 110"), "{routes}");
        assert!(routes.contains("172.18.0.9") && !routes.contains("172.18.0.1 "), "{routes}");
        let none = Inside { default_routes: Vec::new(), ..inside(place) };
        linux.apply(&Step::SetInside(none)).await.unwrap();
        assert_eq!(guest.within(|| ip("route show default")).lines().count(), 1);
    });
}

#[test]
fn a_namespace_that_is_gone_is_left_out_of_what_is_found() {
    on_a_host(async |linux| {
        let guest = Guest::start();
        let wanted = wanted(&[(2, guest.place(&linux))]);
        drop(guest);
        let found = linux.observe(&wanted).await.unwrap();
        assert!(found.insides.is_empty());
    });
}

#[test]
fn only_a_network_namespace_other_than_the_hosts_is_looked_at() {
    on_a_host(async |linux| {
        let refusal = |attach: AttachTo| match linux.look(&attach) {
            Err(KernelError::Refused(refusal)) => refusal.to_string(),
            other => panic!("{attach:?}: {other:?}"),
        };
        let netns = |path: &str| AttachTo::Netns(path.into());
        for path in ["/dev/null", "/proc/self/ns/mnt", "/nowhere", "/proc"] {
            assert_eq!(refusal(netns(path)), format!("{path} is not a network namespace"));
        }
        let own = "/proc/thread-self/ns/net";
        assert_eq!(refusal(netns(own)), format!("{own} is the host's own network namespace"));
        assert_eq!(refusal(AttachTo::Pid(-1)), "no process has pid -1");
        assert_eq!(refusal(AttachTo::Pid(0x3fff_ffff)), "no process has pid 1073741823");

        let mut guest = Guest::start();
        let pid = guest.pid();
        let looked = linux.look(&AttachTo::Pid(pid)).unwrap();
        assert_eq!(looked.place.origin, Origin::Pid(pid));
        assert!(looked.pidfd.is_some());
        guest.0.kill().unwrap();
        guest.0.wait().unwrap();
        assert_eq!(refusal(AttachTo::Pid(pid)), format!("no process has pid {pid}"));
    });
}

fn publish(host_ip: &str, proto: Proto) -> Publish {
    Publish { host_ip: host_ip.parse().unwrap(), host_port: 5000, port: 80, proto, count: 1 }
}

#[test]
fn a_port_is_ours_alone_while_it_is_held() {
    on_a_host(async |linux| {
        ip("link set lo up");
        for proto in [Proto::Tcp, Proto::Udp] {
            let held = linux.bind_port(&publish("0.0.0.0", proto)).unwrap();
            let taken = linux.bind_port(&publish("127.0.0.1", proto)).unwrap_err();
            assert!(matches!(taken, KernelError::Refused(Refusal::PortTaken { .. })));
            drop(held);
            // Another test's child that is about to exec may hold a duplicate for a moment.
            let until = Instant::now() + Duration::from_secs(5);
            while let Err(error) = linux.bind_port(&publish("127.0.0.1", proto)) {
                assert!(Instant::now() < until, "{error}");
            }
        }
        let foreign = linux.bind_port(&publish("192.0.2.1", Proto::Tcp)).unwrap_err();
        assert!(matches!(foreign, KernelError::Refused(Refusal::PortForeign { .. })));
    });
}

#[test]
fn a_port_that_a_stranger_serves_is_refused_and_the_stranger_named() {
    on_a_host(async |linux| {
        ip("link set lo up");
        let _tcp = TcpListener::bind("127.0.0.1:5000").unwrap();
        let _udp = UdpSocket::bind("127.0.0.1:5000").unwrap();
        for proto in [Proto::Tcp, Proto::Udp] {
            let Err(KernelError::Refused(Refusal::PortTaken { by: Some(by), .. })) =
                linux.bind_port(&publish("0.0.0.0", proto))
            else {
                panic!("{proto}")
            };
            assert!(by.starts_with(&format!("pid {} (", std::process::id())), "{by}");
        }
    });
}

#[test]
fn a_held_port_takes_nothing_in() {
    on_a_host(async |linux| {
        ip("link set lo up");
        let _tcp = linux.bind_port(&publish("0.0.0.0", Proto::Tcp)).unwrap();
        let refused = TcpStream::connect("127.0.0.1:5000").unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);

        let udp = UdpSocket::from(linux.bind_port(&publish("0.0.0.0", Proto::Udp)).unwrap());
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.send_to(b"lost", "127.0.0.1:5000").unwrap();
        let error = udp.recv_from(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    });
}

#[test]
fn facts_tell_addresses_routes_and_the_uplinks_mtu_but_not_what_is_ours() {
    on_a_host(async |linux| {
        assert_eq!(linux.facts().await.unwrap().uplink_mtu, 1500);
        ip("link add up0 mtu 1380 type bridge");
        ip("addr add 192.0.2.7/24 dev up0");
        ip("link set up0 up");
        ip("route add default via 192.0.2.1");
        ip("route add 10.0.0.0/8 via 192.0.2.1");
        ip("route add 0.0.0.0/1 via 192.0.2.1");
        ip("route add 10.77.0.0/16 dev up0");
        linux.apply(&Step::AddBridge(bridge())).await.unwrap();
        let facts = linux.facts().await.unwrap();
        assert_eq!(facts.uplink_mtu, 1380);
        let pair = |net: &str| (net.parse().unwrap(), "up0".to_owned());
        assert_eq!(facts.routed, [pair("10.0.0.0/8")]);
        for net in ["192.0.2.7/24", "192.0.2.0/24", "10.77.0.0/16"] {
            assert!(facts.taken.contains(&pair(net)), "{facts:?}");
        }
        assert!(!facts.taken.iter().any(|(net, _)| net.to_string().starts_with("172.18.")));
    });
}

#[test]
fn what_is_asked_of_127_0_0_11_arrives_at_the_dns_sockets_and_the_answer_comes_from_there() {
    on_a_host(async |linux| {
        let guest = Guest::start();
        let sockets = linux.dns_sockets(&guest.place(&linux), false).unwrap();
        let udp = UdpSocket::from(sockets.udp);
        let tcp = TcpListener::from(sockets.tcp);
        guest.within(|| {
            // A server of the sandbox's own at every address does not get between.
            let _own = UdpSocket::bind("0.0.0.0:53").unwrap();
            let client = UdpSocket::bind("0.0.0.0:0").unwrap();
            client.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
            client.send_to(b"question", "127.0.0.11:53").unwrap();
            let mut buffer = [0; 16];
            let (length, from) = udp.recv_from(&mut buffer).unwrap();
            assert_eq!(&buffer[..length], b"question");
            udp.send_to(b"answer", from).unwrap();
            let (length, from) = client.recv_from(&mut buffer).unwrap();
            assert_eq!(
                (&buffer[..length], from),
                (&b"answer"[..], "127.0.0.11:53".parse().unwrap())
            );

            let _stream = TcpStream::connect("127.0.0.11:53").unwrap();
            tcp.accept().unwrap();
        });
    });
}

#[test]
fn sockets_made_inside_belong_to_the_sandbox() {
    on_a_host(async |linux| {
        let guest = Guest::start();
        let sockets = linux.inside_sockets(&guest.place(&linux), 8, 2).unwrap();
        assert_eq!((sockets.udp.len(), sockets.tcp.len()), (8, 2));
        guest.within(|| ip("link set lo up"));
        let inside = guest.within(|| UdpSocket::bind((Ipv4Addr::LOCALHOST, 4001)).unwrap());
        inside.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
        let ours = UdpSocket::from(sockets.udp.into_iter().next().unwrap());
        ours.send_to(b"hello", (Ipv4Addr::LOCALHOST, 4001)).unwrap();
        assert_eq!(inside.recv(&mut [0; 16]).unwrap(), 5);
    });
}

#[test]
fn the_connections_of_a_released_address_are_forgotten_and_no_others() {
    on_a_host(async |linux| {
        ip("link set lo up");
        let rules = "table ip t { chain c { type filter hook output priority 0; ct state new; }; }";
        assert!(Command::new("nft").arg(rules).status().unwrap().success());
        let tracked = || std::fs::read_to_string("/proc/thread-self/net/nf_conntrack").unwrap();
        for (from, to) in
            [("127.0.0.2", "127.0.0.3"), ("127.0.0.3", "127.0.0.4"), ("127.0.0.5", "127.0.0.4")]
        {
            let socket = UdpSocket::bind((from, 0)).unwrap();
            socket.send_to(b"hello", (to, 9)).unwrap();
        }
        assert_eq!(tracked().matches("[UNREPLIED]").count(), 3, "{}", tracked());
        linux.flush_conntrack("127.0.0.3".parse().unwrap()).await;
        let left = tracked();
        assert!(left.lines().count() == 1 && left.contains("src=127.0.0.5"), "{left}");
        linux.flush_conntrack("fd00::2".parse().unwrap()).await;
        assert_eq!(tracked().lines().count(), 1);
    });
}

#[test]
fn the_flows_to_a_rerouted_udp_port_are_forgotten_and_no_others() {
    on_a_host(async |linux| {
        ip("link set lo up");
        let rules = "table ip t { chain c { type filter hook output priority 0; ct state new; }; }";
        assert!(Command::new("nft").arg(rules).status().unwrap().success());
        let tracked = || std::fs::read_to_string("/proc/thread-self/net/nf_conntrack").unwrap();
        let socket = UdpSocket::bind("127.0.0.2:53").unwrap();
        let few = BTreeSet::from([53]);
        let many: BTreeSet<u16> = (53..1053).collect();
        for ports in [few, many] {
            for port in [9, 53] {
                socket.send_to(b"hello", ("127.0.0.3", port)).unwrap();
            }
            linux.flush_udp_ports(&ports).await;
            let left = tracked();
            assert!(left.lines().count() == 1 && left.contains("sport=53 dport=9"), "{left}");
        }
    });
}
