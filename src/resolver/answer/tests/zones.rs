//! What zone files say, and whose word comes before theirs.

use super::*;
use crate::registry::ZoneTable;
use crate::zone::Zone;

const TEXT: &str = "$TTL 300\n@ SOA ns h 7 3600 600 86400 60\n@ NS ns\nwww A 192.0.2.1\nalias CNAME WWW\n\
                    loop CNAME loop\nout CNAME far.example.\n*.w A 192.0.2.2\nhere.w TXT here\nx.ent.w TXT x\n\
                    *.c CNAME www\nb.a TXT deep\nsub NS ns.sub\nns.sub A 192.0.2.3\n\\*.star TXT literal\n";

fn zone(origin: &str, text: &str) -> ZoneTable {
    let origin = origin.parse().unwrap();
    ZoneTable::new(&Zone::read(&origin, text.as_bytes()).unwrap()).unwrap()
}

fn world() -> World {
    let world = World::front();
    world.registry.put_zone(zone("z.test", TEXT));
    world
}

/// Returns the code of a denial that bears the zone's own SOA.
fn denied(world: &World, name: &str, rr_type: RecordType) -> ResponseCode {
    let reply = world.ask(name, rr_type).unwrap_or_else(|| panic!("{name} is forwarded"));
    let [soa] = &reply.authorities[..] else { panic!("no SOA for {name}") };
    let RData::SOA(data) = &soa.data else { panic!("no SOA for {name}") };
    assert_eq!((soa.name.to_string(), soa.ttl, data.serial), ("z.test.".into(), 60, 7), "{name}");
    reply.metadata.response_code
}

#[test]
fn a_zone_answers_what_it_holds_and_denies_the_rest() {
    let world = world();
    assert_eq!(world.data("WWW.Z.test", RecordType::A), ["192.0.2.1"]);
    assert_eq!(world.data("z.test", RecordType::NS), ["ns.z.test."]);
    assert_eq!(world.data("alias.z.test", RecordType::A), ["192.0.2.1", "www.z.test."]);
    assert_eq!(world.data("alias.z.test", RecordType::CNAME), ["www.z.test."]);
    assert_eq!(denied(&world, "www.z.test", RecordType::AAAA), ResponseCode::NoError);
    assert_eq!(
        denied(&world, "a.z.test", RecordType::A),
        ResponseCode::NoError,
        "others are below it"
    );
    assert_eq!(denied(&world, "x.www.z.test", RecordType::A), ResponseCode::NXDomain);
    let alias = world.ask("alias.z.test", RecordType::MX).unwrap();
    assert_eq!((alias.answers.len(), alias.authorities.len()), (1, 1), "{alias}");
    let looped = world.ask("loop.z.test", RecordType::A).unwrap();
    assert_eq!(looped.metadata.response_code, ResponseCode::ServFail);
    assert!(world.ask("out.z.test", RecordType::A).is_none(), "followed onward");
    assert!(world.ask("test", RecordType::A).is_none());
    assert!(world.ask("yz.test", RecordType::A).is_none());
}

/// The table of RFC 4592 section 2.2.1.
#[test]
fn a_wildcard_stands_for_what_does_not_exist_below_its_closest_encloser() {
    let world = world();
    assert_eq!(world.data("any.w.z.test", RecordType::A), ["192.0.2.2"]);
    assert_eq!(world.data("two.any.w.z.test", RecordType::A), ["192.0.2.2"]);
    assert_eq!(denied(&world, "any.w.z.test", RecordType::MX), ResponseCode::NoError);
    assert_eq!(denied(&world, "here.w.z.test", RecordType::A), ResponseCode::NoError);
    assert_eq!(denied(&world, "below.here.w.z.test", RecordType::A), ResponseCode::NXDomain);
    assert_eq!(denied(&world, "ent.w.z.test", RecordType::A), ResponseCode::NoError);
    assert_eq!(denied(&world, "y.ent.w.z.test", RecordType::A), ResponseCode::NXDomain);
    assert_eq!(denied(&world, "w.z.test", RecordType::A), ResponseCode::NoError);
    assert_eq!(world.data("any.c.z.test", RecordType::A), ["192.0.2.1", "www.z.test."]);
    assert_eq!(world.data("*.w.z.test", RecordType::A), ["192.0.2.2"], "asked for by its name");
}

#[test]
fn below_a_delegation_others_are_asked_and_a_nearer_zone_comes_first() {
    let world = world();
    for name in ["sub.z.test", "ns.sub.z.test", "x.y.sub.z.test"] {
        assert!(world.ask(name, RecordType::A).is_none(), "{name}");
    }
    let nearer = "$TTL 9\n@ SOA ns h 8 1 1 1 1\nx A 192.0.2.9\n";
    world.registry.put_zone(zone("y.sub.z.test", nearer));
    assert_eq!(world.data("x.y.sub.z.test", RecordType::A), ["192.0.2.9"]);
    assert!(world.ask("sub.z.test", RecordType::A).is_none());
    world.registry.retain_zones(|origin| origin.as_str() != "y.sub.z.test");
    assert!(world.ask("x.y.sub.z.test", RecordType::A).is_none());
    let alone = World { view: World::new(&[FRONT], To::Nobody).view, ..world };
    assert_eq!(alone.rcode("x.sub.z.test", RecordType::A), ResponseCode::NXDomain);
}

#[test]
fn containers_and_manual_entries_come_before_zones_which_add_types() {
    let world = World::front();
    let text = "$TTL 9\n@ SOA ns h 8 1 1 1 1\nweb A 192.0.2.9\nweb TXT added\nwww CNAME web\nentry CNAME web\n* MX 1 web\n";
    world.registry.put_zone(zone("front", text));
    world.put(record(None, "entry", RrType::A, &["192.0.2.7"]));
    world.put(endpoint(3, FRONT, &["plain"], &["172.18.0.3"]));
    assert_eq!(world.data("web.front", RecordType::A), ["172.18.0.2"]);
    assert_eq!(world.data("web.front", RecordType::TXT), ["added"]);
    assert_eq!(world.data("entry.front", RecordType::A), ["192.0.2.7"]);
    for (name, rr_type) in [
        ("www.front", RecordType::TXT),
        ("entry.front", RecordType::AAAA),
        ("web.front", RecordType::MX),
        ("plain.front", RecordType::MX),
    ] {
        assert_eq!(world.rcode(name, rr_type), ResponseCode::NoError, "{name} {rr_type}");
    }
    assert_eq!(world.data("www.front", RecordType::CNAME), ["web.front."]);
    assert_eq!(world.data("other.front", RecordType::MX), ["1 web.front."]);
    world.registry.put_zone(zone("localhost", "$TTL 9\n@ SOA n h 8 1 1 1 1\n@ A 192.0.2.9\n"));
    assert_eq!(world.data("localhost", RecordType::A), ["127.0.0.1"]);
}

#[test]
fn addresses_of_all_networks_stay_here_and_a_zone_may_name_them() {
    let world = World::front();
    let (other, beyond) = ("2.0.19.172.in-addr.arpa", "2.0.20.172.in-addr.arpa");
    assert_eq!(world.rcode(other, RecordType::PTR), ResponseCode::NXDomain, "not attached");
    assert!(world.ask(beyond, RecordType::PTR).is_none());
    world.put(Update::RemoveNetwork(id(BACK)));
    assert!(world.ask(other, RecordType::PTR).is_none());
    world
        .registry
        .put_zone(zone("18.172.in-addr.arpa", "$TTL 9\n@ SOA n h 8 1 1 1 1\n9.9 PTR printer.\n"));
    assert_eq!(world.data("9.9.18.172.in-addr.arpa", RecordType::PTR), ["printer."]);
    assert_eq!(world.data("2.0.18.172.in-addr.arpa", RecordType::PTR), ["web.front."]);
}
