use super::super::stored::{Age, Stored};
use super::*;
use crate::channel::Asker;
use crate::channel::Question;
use crate::model::{Exposed, Id, NetworkId, Proto, Registration};
use crate::registry::{
    EndpointNames, Forward as To, NetworkNames, Registry, SandboxView, Source, Update,
};
use hickory_proto::op::{Edns, Message, Query as Asked, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use proptest::prelude::*;
use std::net::IpAddr;

mod host;
mod zones;

const FRONT: u8 = 1;
const BACK: u8 = 2;

fn id<T: From<Id>>(byte: u8) -> T {
    Id::from_bytes([byte; 32]).into()
}

fn network(byte: u8, name: &str, subnets: &[&str]) -> NetworkNames {
    NetworkNames {
        id: id(byte),
        name: name.parse().unwrap(),
        domain: name.parse().ok(),
        named: true,
        subnets: subnets.iter().map(|subnet| subnet.parse().unwrap()).collect(),
        ttl: 5,
        own_domain: false,
    }
}

fn endpoint(byte: u8, network: u8, names: &[&str], addresses: &[&str]) -> Update {
    Update::PutEndpoint(EndpointNames {
        id: id(byte),
        network: id(network),
        owner: id(byte),
        sandbox: names[0].parse().unwrap(),
        names: names.iter().map(|name| (name.parse().unwrap(), Source::Container)).collect(),
        addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
        services: vec![Exposed { port: 80, proto: Proto::Tcp }],
    })
}

fn record(network: Option<u8>, name: &str, rr_type: RrType, data: &[&str]) -> Update {
    Update::PutRecord(Registration {
        name: name.parse().unwrap(),
        network: network.map(id),
        ttl: 60,
        created: 0,
        data: data.iter().map(|text| Rdata::parse(rr_type, text).unwrap()).collect(),
    })
}

/// The view of a sandbox on no network.
fn sandbox_view() -> SandboxView {
    SandboxView {
        id: id(9),
        networks: Vec::new(),
        forward: To::Nobody,
        host: vec!["172.18.0.1".parse().unwrap()],
        inside_routes: Vec::new(),
        host_routes: None,
    }
}

/// A registry with two networks, and the view of a sandbox on some of them.
struct World {
    registry: Arc<Registry>,
    view: View,
}

impl World {
    fn new(networks: &[u8], forward: To) -> Self {
        let registry = Arc::new(Registry::new());
        let networks = networks.iter().map(|byte| id(*byte)).collect();
        let view = View::new(&SandboxView { networks, forward, ..sandbox_view() }, &registry);
        let world = Self { registry, view };
        world.put(Update::PutNetwork(network(FRONT, "front", &["172.18.0.0/16"])));
        world.put(Update::PutNetwork(network(BACK, "b.c", &["172.19.0.0/16", "fd00:19::/64"])));
        world.put(endpoint(1, FRONT, &["web", "www"], &["172.18.0.2"]));
        world.put(endpoint(2, BACK, &["db", "web"], &["172.19.0.2", "fd00:19::2"]));
        world
    }

    fn front() -> Self {
        Self::new(&[FRONT], To::Host)
    }

    fn put(&self, update: Update) {
        self.registry.apply(&update);
    }

    fn send(&self, packet: &[u8], transport: Transport, turn: u32) -> Option<Message> {
        let mut out = [0xff; 65_535];
        let size = if transport == Transport::Udp { 4096 } else { out.len() };
        match answer(&self.view, packet, transport, turn, &mut out[..size]) {
            Outcome::Reply(len) => Some(Message::from_vec(&out[..len]).unwrap()),
            Outcome::Forward(_) => None,
            Outcome::Nothing => panic!("no answer"),
        }
    }

    fn ask(&self, name: &str, rr_type: RecordType) -> Option<Message> {
        self.send(&packet(name, rr_type), Transport::Udp, 0)
    }

    fn data(&self, name: &str, rr_type: RecordType) -> Vec<String> {
        texts(&self.ask(name, rr_type).unwrap_or_else(|| panic!("{name} is forwarded")))
    }

    fn rcode(&self, name: &str, rr_type: RecordType) -> ResponseCode {
        let reply = self.ask(name, rr_type).unwrap_or_else(|| panic!("{name} is forwarded"));
        assert!(reply.answers.is_empty());
        let [soa] = &reply.authorities[..] else { panic!("no SOA for {name}") };
        assert!(soa.name.zone_of(&reply.queries[0].name), "{} is no zone of {name}", soa.name);
        let RData::SOA(data) = &soa.data else { panic!("no SOA for {name}") };
        assert_eq!((soa.ttl, data.minimum), (5, 5));
        reply.metadata.response_code
    }
}

fn packet(name: &str, rr_type: RecordType) -> Vec<u8> {
    message(name, rr_type).to_vec().unwrap()
}

fn message(name: &str, rr_type: RecordType) -> Message {
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    let mut name = Name::from_ascii(name).unwrap();
    name.set_fqdn(true);
    message.add_query(Asked::query(name, rr_type));
    message
}

fn texts(reply: &Message) -> Vec<String> {
    let mut texts: Vec<String> = reply.answers.iter().map(|r| r.data.to_string()).collect();
    texts.sort();
    texts
}

#[test]
fn an_endpoint_answers_to_each_name_bare_and_qualified() {
    let world = World::front();
    for name in ["web", "www", "web.front", "WWW.Front.", "web."] {
        assert_eq!(world.data(name, RecordType::A), ["172.18.0.2"], "{name}");
    }
}

#[test]
fn a_reply_repeats_the_case_of_the_question() {
    let reply = World::front().ask("wEb.FrOnt", RecordType::A).unwrap();
    assert_eq!(reply.queries[0].name.to_string(), "wEb.FrOnt.");
    assert_eq!(reply.answers[0].name.to_string(), "wEb.FrOnt.");
}

#[test]
fn a_sandbox_sees_its_own_networks_only() {
    let world = World::front();
    assert!(world.ask("db", RecordType::A).is_none());
    assert!(world.ask("db.b.c", RecordType::A).is_none());
    assert!(World::new(&[], To::Host).ask("web", RecordType::A).is_none());
}

#[test]
fn the_first_network_that_knows_a_name_wins() {
    assert_eq!(World::new(&[FRONT, BACK], To::Host).data("web", RecordType::A), ["172.18.0.2"]);
    let world = World::new(&[BACK, FRONT], To::Host);
    assert_eq!(world.data("web", RecordType::A), ["172.19.0.2"]);
    assert_eq!(world.data("web.front", RecordType::A), ["172.18.0.2"]);
    assert_eq!(
        World::new(&[FRONT, BACK], To::Host).rcode("web", RecordType::AAAA),
        ResponseCode::NoError
    );
}

#[test]
fn a_name_with_dots_is_tried_whole_then_with_the_shortest_suffix() {
    let world = World::new(&[BACK, FRONT], To::Host);
    world.put(Update::PutNetwork(network(3, "c", &[])));
    let view = SandboxView {
        id: id(9),
        networks: vec![id(BACK), id(FRONT), id(3)],
        forward: To::Host,
        host: Vec::new(),
        inside_routes: Vec::new(),
        host_routes: None,
    };
    let world = World { view: View::new(&view, &world.registry), ..world };
    world.put(endpoint(3, BACK, &["a"], &["172.19.0.3"]));
    assert_eq!(world.data("a.b.c", RecordType::A), ["172.19.0.3"]);
    world.put(endpoint(4, 3, &["a.b"], &["10.0.0.4"]));
    assert_eq!(world.data("a.b.c", RecordType::A), ["10.0.0.4"]);
    world.put(endpoint(5, FRONT, &["a.b.c"], &["172.18.0.5"]));
    assert_eq!(world.data("a.b.c", RecordType::A), ["172.18.0.5"]);
}

#[test]
fn holders_of_one_name_take_turns_at_the_front() {
    let world = World::front();
    world.put(endpoint(3, FRONT, &["other", "web"], &["172.18.0.2"]));
    for host in 4..=12 {
        let (name, address) = (format!("web{host}"), format!("172.18.0.{host}"));
        world.put(endpoint(host, FRONT, &[&name, "web"], &[&address]));
    }
    assert_eq!(world.data("web", RecordType::A).len(), 10, "an address twice is one");
    let first = |turn| {
        let reply = world.send(&packet("web", RecordType::A), Transport::Udp, turn).unwrap();
        reply.answers[0].data.to_string()
    };
    let firsts: std::collections::BTreeSet<String> = (100..120).map(first).collect();
    assert_eq!(firsts.len(), 10);
}

#[test]
fn a_change_is_seen_by_the_next_query_of_an_old_view() {
    let world = World::front();
    world.put(endpoint(1, FRONT, &["renamed"], &["172.18.0.2"]));
    assert!(world.ask("www", RecordType::A).is_none());
    assert_eq!(world.data("renamed", RecordType::A), ["172.18.0.2"]);
    world.put(Update::RemoveEndpoint(id(FRONT), id(1)));
    assert!(world.ask("renamed", RecordType::A).is_none());
    world.put(Update::RemoveNetwork(id(FRONT)));
    world.put(Update::PutNetwork(network(FRONT, "front", &[])));
    world.put(endpoint(1, FRONT, &["again"], &["172.18.0.2"]));
    assert_eq!(world.data("again", RecordType::A), ["172.18.0.2"]);
}

#[test]
fn the_host_and_localhost_have_names() {
    let world = World::front();
    for name in ["host.netdns.internal", "HOST.docker.internal"] {
        assert_eq!(world.data(name, RecordType::A), ["172.18.0.1"]);
        assert_eq!(world.rcode(name, RecordType::AAAA), ResponseCode::NoError);
    }
    for world in [world, World::new(&[], To::Host)] {
        assert_eq!(world.data("localhost", RecordType::A), ["127.0.0.1"]);
        assert_eq!(world.data("any.thing.LOCALHOST", RecordType::AAAA), ["::1"]);
        assert_eq!(world.rcode("localhost", RecordType::MX), ResponseCode::NoError);
    }
}

#[test]
fn manual_entries_of_every_type_are_served() {
    let world = World::front();
    world.put(record(None, "files", RrType::A, &["10.9.9.9", "10.9.9.10"]));
    world.put(record(None, "files", RrType::Aaaa, &["fd00::9"]));
    world.put(record(Some(FRONT), "files", RrType::Txt, &["hello world"]));
    world.put(record(Some(FRONT), "_x._tcp.files", RrType::Srv, &["1 2 80 files."]));
    world.put(record(Some(FRONT), "files", RrType::Mx, &["10 mail.example.com"]));
    world.put(record(None, "1.2.0.192.in-addr.arpa", RrType::Ptr, &["files"]));
    world.put(record(Some(BACK), "hidden", RrType::A, &["10.0.0.1"]));
    assert_eq!(world.data("files", RecordType::A), ["10.9.9.10", "10.9.9.9"]);
    assert_eq!(world.data("files.front", RecordType::AAAA), ["fd00::9"]);
    assert_eq!(world.data("files", RecordType::TXT), ["hello world"]);
    assert_eq!(world.data("_x._tcp.files", RecordType::SRV), ["1 2 80 files."]);
    assert_eq!(world.data("files", RecordType::MX), ["10 mail.example.com."]);
    assert_eq!(world.data("1.2.0.192.in-addr.arpa", RecordType::PTR), ["files."]);
    assert!(world.ask("hidden", RecordType::A).is_none());
    assert_eq!(world.ask("files", RecordType::A).unwrap().answers[0].ttl, 60);
    world.put(Update::RemoveRecord(None, "files".parse().unwrap(), RrType::A));
    assert_eq!(world.rcode("files", RecordType::A), ResponseCode::NoError);
}

#[test]
fn served_ports_have_srv_records_with_the_addresses_of_their_targets() {
    let world = World::new(&[FRONT, BACK], To::Host);
    for name in ["_80._tcp.www", "_HTTP._tcp.web.front"] {
        let reply = world.ask(name, RecordType::SRV).unwrap();
        assert_eq!(texts(&reply), ["0 0 80 web.front."], "{name}");
        let added: Vec<_> = reply.additionals.iter().map(ToString::to_string).collect();
        assert_eq!(added, ["web.front. 5 IN A 172.18.0.2"], "{name}");
    }
    let reply = world.ask("_80._tcp.db", RecordType::SRV).unwrap();
    assert_eq!(reply.additionals.len(), 2, "both families: {reply}");
    world.put(endpoint(3, FRONT, &["web2", "web"], &["172.18.0.3"]));
    assert_eq!(
        world.data("_http._tcp.web.front", RecordType::SRV),
        ["0 0 80 web.front.", "0 0 80 web2.front."]
    );
    assert_eq!(world.rcode("_80._tcp.web", RecordType::A), ResponseCode::NoError);
    assert!(world.ask("_81._tcp.web", RecordType::SRV).is_none());
    world.put(Update::RemoveEndpoint(id(FRONT), id(1)));
    assert_eq!(world.data("_80._tcp.web.front", RecordType::SRV), ["0 0 80 web2.front."]);
}

#[test]
fn a_container_comes_before_a_manual_entry_which_adds_types() {
    let world = World::front();
    world.put(record(Some(FRONT), "web", RrType::A, &["10.9.9.9"]));
    world.put(record(None, "web", RrType::Txt, &["note"]));
    world.put(record(Some(FRONT), "www", RrType::Cname, &["example.com"]));
    assert_eq!(world.data("web", RecordType::A), ["172.18.0.2"]);
    assert_eq!(world.data("web", RecordType::TXT), ["note"]);
    assert_eq!(world.rcode("www", RecordType::AAAA), ResponseCode::NoError);
}

#[test]
fn a_cname_is_followed_here_and_onward() {
    let world = World::front();
    world.put(record(None, "one", RrType::Cname, &["two"]));
    world.put(record(None, "two", RrType::Cname, &["web.front"]));
    world.put(record(None, "away", RrType::Cname, &["example.com"]));
    world.put(record(None, "round", RrType::Cname, &["round"]));
    let reply = world.ask("One", RecordType::A).unwrap();
    let owners: Vec<String> = reply.answers.iter().map(|r| r.name.to_string()).collect();
    assert_eq!(owners, ["One.", "two.", "web.front."]);
    assert_eq!(reply.answers[2].data.to_string(), "172.18.0.2");
    assert_eq!(world.data("one", RecordType::CNAME), ["two."]);
    let nodata = world.ask("one", RecordType::AAAA).unwrap();
    assert_eq!(
        (nodata.answers.len(), nodata.authorities[0].name.to_string()),
        (2, "front.".into())
    );
    assert!(world.ask("away", RecordType::A).is_none());
    let round = world.ask("round", RecordType::A).unwrap();
    assert_eq!(round.metadata.response_code, ResponseCode::ServFail);
}

#[test]
fn a_sandbox_that_asks_nobody_asks_its_own_servers_for_the_domains_that_lead_to_them() {
    let world = World::new(&[FRONT], To::Nobody);
    let view = SandboxView {
        id: id(9),
        networks: vec![id(FRONT)],
        forward: To::Nobody,
        host: Vec::new(),
        inside_routes: vec!["corp.example=172.18.0.9".parse().unwrap()],
        host_routes: None,
    };
    let world = World { view: View::new(&view, &world.registry), ..world };
    assert!(world.ask("www.corp.example", RecordType::A).is_none(), "forwarded");
    let denied = world.ask("www.example", RecordType::A).unwrap();
    assert_eq!(denied.metadata.response_code, ResponseCode::NXDomain);
}

#[test]
fn a_special_domain_that_a_route_leads_away_is_asked_of_its_servers() {
    let world = World::new(&[FRONT], To::Host);
    let far = |routes: &[&str]| SandboxView {
        id: id(9),
        networks: vec![id(FRONT)],
        forward: To::Host,
        host: Vec::new(),
        inside_routes: Vec::new(),
        host_routes: Some(routes.iter().map(|route| route.parse().unwrap()).collect()),
    };
    let forwards = |view: &SandboxView, name| {
        let mut out = [0; 512];
        let view = View::new(view, &world.registry);
        let packet = packet(name, RecordType::A);
        matches!(answer(&view, &packet, Transport::Udp, 0, &mut out), Outcome::Forward(_))
    };
    assert!(!forwards(&far(&[]), "printer.local"));
    // A route for everything is none for this.
    assert!(!forwards(&far(&[".=10.0.0.1"]), "printer.local"));
    assert!(forwards(&far(&["office.local=10.0.0.1"]), "printer.office.local"));
    assert!(!forwards(&far(&["office.local=10.0.0.1"]), "printer.local"));
    world.put(Update::SetHostRoutes(vec!["local=10.0.0.1".parse().unwrap()]));
    assert!(forwards(&far(&[]), "printer.local"));
    assert!(!forwards(&SandboxView { host_routes: None, ..far(&[]) }, "printer.local"));
}

#[test]
fn a_cname_that_leads_away_is_put_before_the_upstreams_answer() {
    let world = World::front();
    world.put(record(None, "away", RrType::Cname, &["www.example.com"]));
    let mut query = message("aWay", RecordType::A);
    query.set_edns(Edns::new());
    let client = query.to_vec().unwrap();
    let mut out = [0; 4096];
    let Outcome::Forward(forward) = answer(&world.view, &client, Transport::Udp, 0, &mut out)
    else {
        panic!("not forwarded")
    };
    let mut sent = Vec::new();
    upstream_query(forward.asks(&client), 7, &mut sent);
    let mut upstream = Message::from_vec(&sent).unwrap().into_response();
    let name = |text: &str| Name::from_ascii(text).unwrap();
    assert_eq!(upstream.queries[0].name, name("www.example.com."));
    let cname = RData::CNAME(hickory_proto::rr::rdata::CNAME(name("web.example.com.")));
    upstream.add_answer(Record::from_rdata(name("www.example.com."), 9, cname));
    let address = RData::A(std::net::Ipv4Addr::new(192, 0, 2, 1).into());
    upstream.add_answer(Record::from_rdata(name("web.example.com."), 9, address));
    let upstream = upstream.to_vec().unwrap();
    assert!(reply_matches(&sent, &upstream));
    let stored = Stored::of(&upstream).unwrap();
    let Parsed::Query(query) = query::parse(&client) else { panic!("{client:?}") };
    let links = forward.links();
    let len = stored.write(&query, links, Age::Seconds(0), Transport::Udp, &mut out);
    let reply = Message::from_vec(&out[..len]).unwrap();
    let lines: Vec<String> =
        reply.answers.iter().map(|r| format!("{} {} {}", r.name, r.ttl, r.data)).collect();
    assert_eq!(
        lines,
        [
            "aWay. 60 www.example.com.",
            "www.example.com. 9 web.example.com.",
            "web.example.com. 9 192.0.2.1"
        ]
    );
    assert_eq!(reply.queries[0].name.to_string(), "aWay.");
}

#[test]
fn a_known_name_of_another_type_never_leaves() {
    let world = World::front();
    for rr_type in [RecordType::AAAA, RecordType::HTTPS, RecordType::TXT, RecordType::Unknown(4711)]
    {
        assert_eq!(world.rcode("web", rr_type), ResponseCode::NoError);
        assert_eq!(world.rcode("web.front", rr_type), ResponseCode::NoError);
    }
}

#[test]
fn reverse_names_inside_a_subnet_never_leave() {
    let world = World::new(&[FRONT, BACK], To::Host);
    let ptr = RecordType::PTR;
    assert_eq!(world.data("2.0.18.172.in-addr.arpa", ptr), ["web.front."]);
    let v6 = hickory_proto::rr::Name::from("fd00:19::2".parse::<IpAddr>().unwrap()).to_string();
    assert_eq!(world.data(&v6, ptr), ["db.b.c."]);
    assert_eq!(world.rcode("3.0.18.172.in-addr.arpa", ptr), ResponseCode::NXDomain);
    assert_eq!(world.rcode("2.0.18.172.in-addr.arpa", RecordType::A), ResponseCode::NoError);
    assert_eq!(world.rcode("0.18.172.in-addr.arpa", ptr), ResponseCode::NoError);
    assert_eq!(world.rcode("x.3.0.18.172.in-addr.arpa", ptr), ResponseCode::NXDomain);
    assert!(world.ask("1.0.20.172.in-addr.arpa", ptr).is_none());
    assert!(world.ask("172.in-addr.arpa", ptr).is_none());
}

#[test]
fn a_manual_address_has_a_reverse_name_inside_a_subnet_alone() {
    let world = World::front();
    world.put(record(None, "files", RrType::A, &["172.18.9.9", "10.9.9.9"]));
    assert_eq!(world.data("9.9.18.172.in-addr.arpa", RecordType::PTR), ["files."]);
    assert!(world.ask("9.9.9.10.in-addr.arpa", RecordType::PTR).is_none());
    let world = World::new(&[BACK], To::Host);
    world.put(record(None, "files", RrType::Aaaa, &["fd00:19::9"]));
    let v6 = Name::from("fd00:19::9".parse::<IpAddr>().unwrap()).to_string();
    assert_eq!(world.data(&v6, RecordType::PTR), ["files."]);
}

#[test]
fn an_internal_sandbox_asks_nobody() {
    let world = World::new(&[FRONT], To::Nobody);
    for rr_type in [RecordType::A, RecordType::HTTPS, RecordType::ANY, RecordType::PTR] {
        for name in ["example.com", "nobody", "nobody.front", "1.0.0.127.in-addr.arpa", "."] {
            assert_eq!(world.rcode(name, rr_type), ResponseCode::NXDomain, "{name}");
        }
    }
    assert_eq!(world.rcode("front", RecordType::A), ResponseCode::NoError);
    assert_eq!(world.data("web", RecordType::A), ["172.18.0.2"]);
}

#[test]
fn an_unknown_name_below_a_network_is_forwarded_unless_the_domain_is_local() {
    let world = World::front();
    assert!(world.ask("nobody.front", RecordType::A).is_none());
    assert!(world.ask("front", RecordType::A).is_none());
    let own = NetworkNames { own_domain: true, ..network(FRONT, "front", &[]) };
    world.put(Update::PutNetwork(own));
    assert_eq!(world.rcode("nobody.front", RecordType::A), ResponseCode::NXDomain);
    assert_eq!(world.rcode("front", RecordType::SOA), ResponseCode::NoError);
    assert_eq!(world.data("web.front", RecordType::A), ["172.18.0.2"]);
    assert!(world.ask("example.com", RecordType::A).is_none());
}

#[test]
fn special_names_are_not_forwarded() {
    for name in ["invalid", "a.INVALID", "x.y.onion"] {
        assert_eq!(World::front().rcode(name, RecordType::A), ResponseCode::NXDomain);
    }
}

#[test]
fn flags_say_local_recursive_and_what_was_asked() {
    let mut query = message("web", RecordType::A);
    query.metadata.checking_disabled = true;
    query.metadata.authentic_data = true;
    let reply = World::front().send(&query.to_vec().unwrap(), Transport::Udp, 0).unwrap();
    let meta = reply.metadata;
    assert!(meta.authoritative && meta.recursion_available && meta.recursion_desired);
    assert!(meta.checking_disabled && !meta.authentic_data && !meta.truncation);
    assert_eq!(meta.id, query.metadata.id);
    assert_eq!(reply.answers[0].ttl, 5);
}

#[test]
fn what_does_not_fit_is_truncated_and_whole_over_tcp() {
    let world = World::front();
    for host in 1..=200u8 {
        let (name, address) = (format!("n{host}"), format!("172.18.1.{host}"));
        world.put(endpoint(host, FRONT, &[&name, "many"], &[&address]));
    }
    let mut query = message("many", RecordType::A);
    let plain = world.send(&query.to_vec().unwrap(), Transport::Udp, 3).unwrap();
    assert_eq!((plain.metadata.truncation, plain.answers.len()), (true, (512 - 12 - 10) / 16));
    assert!(plain.edns.is_none());
    query.set_edns(Edns::new());
    query.edns.as_mut().unwrap().set_max_payload(1232);
    let edns = world.send(&query.to_vec().unwrap(), Transport::Udp, 3).unwrap();
    assert_eq!((edns.metadata.truncation, edns.answers.len()), (true, (1232 - 12 - 10 - 11) / 16));
    assert!(edns.edns.is_some());
    query.edns.as_mut().unwrap().set_max_payload(65_000);
    let large = world.send(&query.to_vec().unwrap(), Transport::Udp, 3).unwrap();
    assert_eq!((large.metadata.truncation, large.answers.len()), (false, 200));
    let whole = world.send(&query.to_vec().unwrap(), Transport::Tcp, 3).unwrap();
    assert_eq!((whole.metadata.truncation, whole.answers.len()), (false, 200));
}

#[test]
fn services_that_do_not_fit_come_without_addresses() {
    let world = World::front();
    let name = "a".repeat(60);
    for host in 1..=9u8 {
        let name = format!("{name}{host}");
        world.put(endpoint(host, FRONT, &[&name, "many"], &[&format!("172.18.1.{host}")]));
    }
    // The address of a short name would fit.
    world.put(endpoint(10, FRONT, &["b", "many"], &["172.18.1.10"]));
    let reply = world.ask("_80._tcp.many", RecordType::SRV).unwrap();
    assert!(reply.metadata.truncation && !reply.answers.is_empty());
    assert_eq!(reply.additionals, [], "{reply}");
    let whole = world.send(&packet("_80._tcp.many", RecordType::SRV), Transport::Tcp, 0).unwrap();
    assert_eq!((whole.answers.len(), whole.additionals.len()), (10, 10));
}

/// RFC 6891 section 6.1.3 and RFC 3225 section 3.
#[test]
fn an_unknown_version_of_edns_is_answered_with_badvers_and_the_do_bit_as_asked() {
    for dnssec_ok in [true, false] {
        let mut query = message("web", RecordType::A);
        let mut edns = Edns::new();
        edns.set_version(1).set_dnssec_ok(dnssec_ok);
        query.set_edns(edns);
        let reply = World::front().send(&query.to_vec().unwrap(), Transport::Udp, 0).unwrap();
        let edns = reply.edns.as_ref().unwrap();
        assert_eq!(edns.flags().dnssec_ok, dnssec_ok);
        assert_eq!((edns.version(), edns.rcode_high()), (0, 1));
        assert_eq!(reply.answers, []);
    }
}

#[test]
fn a_denial_has_the_ttl_of_the_network_whose_domain_it_is_of() {
    let world = World::new(&[BACK, FRONT], To::Host);
    world.put(Update::PutNetwork(NetworkNames {
        own_domain: true,
        ttl: 77,
        ..network(FRONT, "front", &[])
    }));
    for name in ["front", "nobody.front"] {
        let reply = world.ask(name, RecordType::A).unwrap();
        assert_eq!(reply.authorities[0].ttl, 77, "{name}");
    }
    assert_eq!(world.ask("x.invalid", RecordType::A).unwrap().authorities[0].ttl, 5);
}

#[test]
fn any_is_answered_with_one_rrset() {
    let world = World::new(&[BACK], To::Host);
    assert_eq!(world.data("db", RecordType::ANY), ["172.19.0.2"]);
}

#[test]
fn a_snapshot_drops_what_it_does_not_mention() {
    let world = World::new(&[FRONT, BACK], To::Host);
    world.put(record(None, "files", RrType::A, &["10.9.9.9"]));
    let mut mentioned = crate::registry::Mentioned::default();
    mentioned.note(&Update::PutNetwork(network(FRONT, "front", &[])));
    mentioned.note(&endpoint(1, FRONT, &["web"], &[]));
    world.put(endpoint(3, FRONT, &["gone"], &["172.18.0.3"]));
    world.registry.retain(&mentioned);
    assert!(world.ask("gone", RecordType::A).is_none());
    assert!(mentioned.has_endpoint(id(1)) && !mentioned.has_endpoint(id(3)));
    assert_eq!(world.data("web", RecordType::A), ["172.18.0.2"]);
    assert!(world.ask("db", RecordType::A).is_none());
    assert!(world.ask("files", RecordType::A).is_none());
    assert!(!mentioned.has_sandbox(id(9)));
    mentioned.note(&Update::PutSandbox(sandbox_view()));
    assert!(mentioned.has_sandbox(id(9)));
}

#[test]
fn a_person_is_told_where_an_answer_comes_from() {
    let world = World::front();
    world.put(record(None, "one", RrType::Cname, &["web.front"]));
    let ask = |name: &str, rr_type: RrType| {
        let name = name.parse().unwrap();
        let asker = Asker::Sandbox(id(9));
        resolve(&world.view, &Question { asker, name, rr_type: rr_type.number() })
    };
    let web = ask("web", RrType::A).unwrap();
    let front: NetworkId = id(FRONT);
    assert_eq!(
        (web.rcode.as_str(), web.source, web.network),
        ("NOERROR", Some(Source::Container), Some(front))
    );
    assert_eq!(
        (web.answers[0].name.as_str(), web.answers[0].data.as_str()),
        ("web.", "172.18.0.2")
    );
    assert_eq!(ask("one", RrType::A).unwrap().answers.len(), 2);
    world.put(record(None, "away", RrType::Cname, &["example.com"]));
    let away = ask("away", RrType::A).unwrap();
    assert_eq!((away.answers.len(), away.source), (1, Some(Source::Manual)));
    assert_eq!(ask("web", RrType::Aaaa).unwrap().answers, []);
    assert_eq!(ask("x.invalid", RrType::A).unwrap().rcode, "NXDOMAIN");
    assert_eq!(ask("example.com", RrType::A), None);
}

fn message_like_bytes() -> impl Strategy<Value = Vec<u8>> {
    let counts = prop::collection::vec(0u8..3, 4);
    let body = prop::collection::vec(
        prop_oneof![Just(0u8), 0u8..8, Just(0xc0u8), Just(41u8), any::<u8>()],
        0..120,
    );
    (
        any::<[u8; 2]>(),
        prop_oneof![Just([1u8, 0]), Just([0x81, 0x80]), any::<[u8; 2]>()],
        counts,
        body,
    )
        .prop_map(|(id, flags, counts, body)| {
            let counts = counts.into_iter().flat_map(|count| [0, count]);
            id.into_iter().chain(flags).chain(counts).chain(body).collect()
        })
}

proptest! {
    #[test]
    fn any_bytes_never_panic(
        bytes in prop_oneof![prop::collection::vec(any::<u8>(), 0..200), message_like_bytes()],
        reply in prop_oneof![prop::collection::vec(any::<u8>(), 0..200), message_like_bytes()],
        name in "([a-c]|web|front|[0-9]){0,8}(\\.([a-c]|arpa|ip6|in-addr|18|172)){0,6}",
        turn: u32,
        size in 0usize..700,
    ) {
        let world = World::new(&[FRONT, BACK], To::Nobody);
        let mut out = vec![0; size];
        let mut large = [0; 4096];
        let mut sent = Vec::new();
        let stored = Stored::of(&reply);
        let mut asked = vec![bytes];
        asked.extend(Name::from_ascii(&name).ok().map(|_| packet(&name, RecordType::A)));
        for packet in &asked {
            for transport in [Transport::Udp, Transport::Tcp] {
                answer(&world.view, packet, transport, turn, &mut out);
                let outcome = answer(&world.view, packet, transport, turn, &mut large);
                if let Outcome::Reply(len) = outcome {
                    prop_assert!(Message::from_vec(&large[..len]).is_ok(), "{:?}", &large[..len]);
                }
                if let (Parsed::Query(query), Some(stored)) = (query::parse(packet), &stored) {
                    for age in [Age::Seconds(turn), Age::Stale] {
                        stored.write(&query, &[], age, transport, &mut out);
                        let len = stored.write(&query, &[], age, transport, &mut large);
                        prop_assert!(len >= 12);
                    }
                }
                failure(packet, Rcode::ServFail, Some(22), transport, &mut out);
            }
            upstream_query(packet, 1, &mut sent);
            reply_matches(&sent, &reply);
            reply_matches(packet, &reply);
        }
    }
}
