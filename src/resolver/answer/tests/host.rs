//! What the host itself is told at the address of `--host-dns`.

use super::*;

fn host() -> World {
    let world = World::front();
    world.put(record(None, "files", RrType::Txt, &["everywhere"]));
    World { view: View::of_host(&world.registry), ..world }
}

#[test]
fn the_host_knows_names_below_their_networks_and_addresses_of_subnets() {
    let world = host();
    assert_eq!(world.data("WEB.front", RecordType::A), ["172.18.0.2"]);
    assert_eq!(world.data("db.b.c", RecordType::AAAA), ["fd00:19::2"]);
    assert_eq!(world.data("files.front", RecordType::TXT), ["everywhere"]);
    assert_eq!(world.data("2.0.18.172.in-addr.arpa", RecordType::PTR), ["web.front."]);
    assert_eq!(world.rcode("web.front", RecordType::MX), ResponseCode::NoError);
    assert_eq!(world.rcode("front", RecordType::A), ResponseCode::NoError);
    assert_eq!(world.rcode("nobody.front", RecordType::A), ResponseCode::NXDomain);
    assert_eq!(world.rcode("9.0.18.172.in-addr.arpa", RecordType::PTR), ResponseCode::NXDomain);
}

#[test]
fn the_host_knows_no_bare_name_and_none_of_netdns_own() {
    let world = host();
    for name in ["web", "files", "localhost", "host.netdns.internal", "x.invalid", "example.com"] {
        assert!(world.ask(name, RecordType::A).is_none(), "{name}");
    }
    assert!(world.ask("1.0.20.172.in-addr.arpa", RecordType::PTR).is_none());
}

#[test]
fn the_host_is_told_of_networks_that_have_names() {
    let world = World::front();
    let plain = NetworkNames { named: false, ..network(3, "plain", &[]) };
    world.put(Update::PutNetwork(plain));
    let named: Vec<NetworkId> = world.registry.named().into_iter().map(|(id, _)| id).collect();
    assert_eq!(named, [id(FRONT), id(BACK)]);
}
