//! What the table at the bridges does to frames: each denied one has an allowed twin.

use super::lab::{Lab, Ns};
use super::states::Fixture;
use netdns::driver::firewall::tables;
use netdns::kernel::nft::Nft;
use netdns::model::{Endpoint, Mac};
use netdns::plan::nft::deltas;
use socket2::{Domain, Protocol, Socket, Type};
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// Sends frames, a line of hex each, out of eth0.
const SEND: &str = "
import socket, sys
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
out.bind(('eth0', 0))
for line in sys.stdin: out.send(bytes.fromhex(line))
";

/// The sandbox that sends, and its address.
const MINE: [u8; 4] = [172, 18, 0, 2];
/// That of its neighbour.
const THEIRS: [u8; 4] = [172, 18, 0, 3];
const IPV4: u16 = 0x0800;
const ARP: u16 = 0x0806;
const IPV6: u16 = 0x86dd;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;

/// Our own end, so that frames are told from all others.
const MARK: [u8; 6] = *b"netdns";

struct Row {
    what: &'static str,
    passes: bool,
    frame: Vec<u8>,
}

struct Parties {
    mine: [u8; 6],
    theirs: [u8; 6],
}

impl Parties {
    /// Makes one to everybody: a stolen MAC would lead what is for its owner astray.
    fn frame(&self, from: [u8; 6], kind: u16, payload: &[u8]) -> Vec<u8> {
        [&[0xff; 6][..], &from, &kind.to_be_bytes(), payload].concat()
    }

    fn row(&self, passes: bool, what: &'static str, kind: u16, payload: &[u8]) -> Row {
        Row { what, passes, frame: self.frame(self.mine, kind, payload) }
    }

    fn rows(&self) -> Vec<Row> {
        let (mine6, theirs6) = (ipv6_of(2), ipv6_of(3));
        let (local, their_local) = (link_local(self.mine), link_local(self.theirs));
        let udp4 = |source, to| ipv4(source, &udp(to));
        let udp6 = |source, to| ipv6(source, UDP, &udp(to));
        let nd = |source, kind, target| ipv6(source, ICMPV6, &neighbour(kind, target));
        let advertisement = neighbour(134, [0; 16]);
        let behind_options = [&[ICMPV6, 0, 1, 4, 0, 0, 0, 0], &advertisement[..]].concat();
        let tagged = |payload: Vec<u8>| [&[0, 5][..], &IPV4.to_be_bytes(), &payload].concat();
        let double = |payload| [&[0, 5][..], &0x8100_u16.to_be_bytes(), &tagged(payload)].concat();
        let is = |passes, what, kind, payload: Vec<u8>| self.row(passes, what, kind, &payload);
        let mut rows = vec![
            is(true, "its own address", IPV4, udp4(MINE, 9)),
            is(false, "its neighbour's address", IPV4, udp4(THEIRS, 9)),
            is(false, "the gateway's address", IPV4, udp4([172, 18, 0, 1], 9)),
            is(false, "an address of nobody", IPV4, udp4([10, 0, 0, 9], 9)),
            is(true, "its own IPv6 address", IPV6, udp6(mine6, 9)),
            is(true, "its own link-local address", IPV6, udp6(local, 9)),
            is(false, "its neighbour's IPv6 address", IPV6, udp6(theirs6, 9)),
            is(false, "its neighbour's link-local address", IPV6, udp6(their_local, 9)),
            is(true, "ARP for its own", ARP, arp(self.mine, MINE)),
            is(false, "ARP for its neighbour's", ARP, arp(self.mine, THEIRS)),
            is(false, "ARP for its own at another's MAC", ARP, arp(self.theirs, MINE)),
            is(true, "ND for its own", IPV6, nd(mine6, 136, mine6)),
            is(true, "ND for its own link-local", IPV6, nd(local, 136, local)),
            is(false, "ND for its neighbour's", IPV6, nd(mine6, 136, theirs6)),
            is(true, "a neighbour solicitation", IPV6, nd(mine6, 135, theirs6)),
            is(true, "a router solicitation", IPV6, nd(local, 133, [0; 16])),
            is(false, "a router advertisement", IPV6, nd(local, 134, [0; 16])),
            is(false, "one behind options", IPV6, ipv6(local, 0, &behind_options)),
            is(false, "a redirect", IPV6, nd(local, 137, theirs6)),
            is(true, "a DHCP client", IPV4, udp4(MINE, 67)),
            is(false, "a DHCP server", IPV4, udp4(MINE, 68)),
            is(true, "a DHCPv6 client", IPV6, udp6(local, 547)),
            is(false, "a DHCPv6 server", IPV6, udp6(local, 546)),
            is(true, "a tag, its own address", 0x8100, tagged(udp4(MINE, 9))),
            is(false, "a tag, its neighbour's address", 0x8100, tagged(udp4(THEIRS, 9))),
            is(false, "tags within tags", 0x8100, double(udp4(MINE, 9))),
            is(false, "another protocol", 0x88b5, vec![0; 40]),
        ];
        let stolen = self.frame(self.theirs, IPV4, &udp4(MINE, 9));
        rows.push(Row { what: "its neighbour's MAC", passes: false, frame: stolen });
        // What tells the receiver that all has come that comes.
        rows.push(is(true, "the last", IPV4, udp4(MINE, 7)));
        rows
    }
}

/// Puts each row's number before the mark at the end of its frame.
fn numbered(rows: &[Row]) -> Vec<Vec<u8>> {
    let frame = |(number, row): (u8, &Row)| [&row.frame[..], &[number], &MARK].concat();
    (0..).zip(rows).map(frame).collect()
}

fn checksum(header: &[u8]) -> u16 {
    let words = header.chunks(2).map(|word| u32::from(u16::from_be_bytes([word[0], word[1]])));
    let sum: u32 = words.sum();
    !((sum & 0xffff) + (sum >> 16)) as u16
}

/// An IPv4 packet to the neighbour, with room for the mark.
fn ipv4(source: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let length = (20 + payload.len() + 7) as u16;
    let mut header = [&[0x45, 0][..], &length.to_be_bytes(), &[0, 0, 0, 0, 64, UDP, 0, 0]].concat();
    header.extend([source, THEIRS].concat());
    let sum = checksum(&header);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    [&header, payload].concat()
}

fn ipv6(source: [u8; 16], next: u8, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() + 7) as u16;
    [&[0x60, 0, 0, 0], &length.to_be_bytes()[..], &[next, 255], &source, &ipv6_of(3), payload]
        .concat()
}

fn udp(to: u16) -> Vec<u8> {
    [&4000_u16.to_be_bytes()[..], &to.to_be_bytes(), &15_u16.to_be_bytes(), &[0, 0]].concat()
}

fn arp(ether: [u8; 6], source: [u8; 4]) -> Vec<u8> {
    [&[0, 1, 8, 0, 6, 4, 0, 2][..], &ether, &source, &[0; 6], &THEIRS].concat()
}

fn neighbour(kind: u8, target: [u8; 16]) -> Vec<u8> {
    [&[kind, 0, 0, 0, 0, 0, 0, 0][..], &target].concat()
}

fn ipv6_of(last: u8) -> [u8; 16] {
    let mut address = [0; 16];
    (address[0], address[15]) = (0xfd, last);
    address
}

fn link_local([a, b, c, d, e, f]: [u8; 6]) -> [u8; 16] {
    [0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f]
}

/// Plugs an endpoint into the bridge, as the manager does.
fn plug(lab: &Lab, endpoint: &Endpoint) -> Ns {
    let sandbox = Ns::new();
    let (port, mac, pid) = (&endpoint.host_link, endpoint.mac, sandbox.pid());
    lab.host.ip(&format!(
        "link add {port} group 28260 master br-1 type veth peer name eth0 address {mac} netns {pid}\nlink set {port} up\n"
    ));
    sandbox.ip("link set eth0 up\n");
    sandbox
}

/// Sends the rows, and returns which of them came.
fn sent(rows: &[Row], from: &Ns, to: &Ns) -> Vec<bool> {
    let every = Protocol::from(i32::from((libc::ETH_P_ALL as u16).to_be()));
    let mut listener = to
        .run(|| Socket::new(Domain::PACKET, Type::RAW, Some(every)))
        .expect("the test needs root");
    listener.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut sender = from
        .run(|| Command::new("python3").args(["-c", SEND]).stdin(Stdio::piped()).spawn().unwrap());
    let mut input = sender.stdin.take().unwrap();
    for frame in numbered(rows) {
        let hex: String = frame.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(input, "{hex}").unwrap();
    }
    drop(input);
    assert!(sender.wait().unwrap().success());
    let mut came = vec![false; rows.len()];
    let mut frame = [0; 2048];
    while came.last() == Some(&false) {
        let length = listener.read(&mut frame).expect("the last frame comes");
        if let Some(rest) = frame[..length].strip_suffix(&MARK) {
            came[usize::from(*rest.last().unwrap())] = true;
        }
    }
    came
}

#[track_caller]
fn all_as_said(rows: &[Row], from: &Ns, to: &Ns, when: &str) {
    let came = sent(rows, from, to);
    let wrong = rows.iter().zip(came).filter(|(row, came)| row.passes != *came);
    let wrong: Vec<_> = wrong.map(|(row, came)| format!("{}: {came}", row.what)).collect();
    assert!(wrong.is_empty(), "{when}: {wrong:?}");
}

#[test]
fn a_sandbox_sends_as_itself_and_as_nobody_else() {
    let lab = Lab::new();
    let mut fixture = Fixture::default();
    let network = fixture.network("one", "br-1", 18, |_| {});
    fixture.sandbox(&[network], &[]);
    fixture.sandbox(&[network], &[]);
    for endpoint in fixture.state.endpoints.values_mut() {
        let endpoint = Arc::make_mut(endpoint);
        let std::net::IpAddr::V4(address) = endpoint.addresses[0].addr() else { panic!("IPv4") };
        let sixth = std::net::Ipv6Addr::from(ipv6_of(address.octets()[3]));
        endpoint.addresses.push(ipnet::IpNet::new(sixth.into(), 64).unwrap());
    }
    lab.bridge("br-1", 18);
    let mut endpoints: Vec<_> = fixture.state.endpoints.values().collect();
    endpoints.sort_by_key(|endpoint| endpoint.addresses[0]);
    let [mine, theirs] = [endpoints[0], endpoints[1]].map(|endpoint| plug(&lab, endpoint));
    let [mac, their_mac] = [endpoints[0], endpoints[1]].map(|endpoint| Mac::bytes(endpoint.mac));
    let rows = Parties { mine: mac, theirs: their_mac }.rows();

    // Without the table all of them come, so each way is there.
    let came = sent(&rows, &mine, &theirs);
    assert_eq!(came, vec![true; rows.len()]);
    let mut owner = lab.host.run(|| Nft::open().unwrap());
    owner.apply_all(&deltas(&[], &tables(&fixture.state))).unwrap();
    for bridged in [true, false] {
        lab.bridged_packets_pass_ip_hooks(bridged);
        all_as_said(&rows, &mine, &theirs, &format!("br_netfilter {bridged}"));
    }
    let flushed = lab.host.run(|| Command::new("nft").args(["flush", "ruleset"]).status().unwrap());
    assert!(flushed.success());
    all_as_said(&rows, &mine, &theirs, "flushed");
    drop(owner);
    all_as_said(&rows, &mine, &theirs, "without an owner");
}
