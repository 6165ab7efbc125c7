//! What the targets ask: a sandbox on two networks with names of every kind, and on a zone.

use netdns::model::{
    DnsName, Exposed, Id, NetworkId, Proto, Rdata, Registration, RrType, SandboxId,
};
use netdns::registry::{
    EndpointNames, Forward, NetworkNames, Registry, SandboxView, Source, Update, ZoneTable,
};
use netdns::resolver::view::View;
use netdns::zone::Zone;
use std::sync::Arc;

const ZONE: &[u8] = b"$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n* TXT any\n\
    a.b CNAME out.test.\nsub NS ns\nin CNAME ns\nbig TXT \"0123456789012345678901234567890123456789\"\n";

/// A view that asks others what it does not know, or nobody.
pub fn view(forward: Forward) -> View {
    let registry = Arc::new(Registry::new());
    network(&registry, 1, "n", "10.0.0.0/8");
    network(&registry, 2, "b.c", "fd00::/64");
    record(&registry, "cname", RrType::Cname, &["far.test"]);
    record(&registry, "loop", RrType::Cname, &["loop.n"]);
    record(&registry, "t", RrType::Txt, &[&"x".repeat(3000)]);
    record(&registry, "m", RrType::Mx, &["1 a", "2 b.n"]);
    record(&registry, "_s._tcp", RrType::Srv, &["1 2 3 a"]);
    let origin: DnsName = "z".parse().expect("a name");
    let zone = Zone::read(&origin, ZONE).expect("a zone");
    registry.put_zone(ZoneTable::new(&zone).expect("an apex"));
    View::new(&sandbox(forward), &registry)
}

/// What a sandbox on both networks sees.
pub fn sandbox(forward: Forward) -> SandboxView {
    SandboxView {
        id: SandboxId(id(9)),
        networks: vec![NetworkId(id(1)), NetworkId(id(2))],
        forward,
        host: vec![[10, 0, 0, 1].into()],
        inside_routes: Vec::new(),
        host_routes: Some(Vec::new()),
    }
}

fn id(byte: u8) -> Id {
    Id::from_bytes([byte; 32])
}

fn network(registry: &Registry, byte: u8, name: &str, subnet: &str) {
    let network = NetworkId(id(byte));
    registry.apply(&Update::PutNetwork(NetworkNames {
        id: network,
        name: name.parse().expect("a name"),
        domain: name.parse().ok(),
        named: true,
        subnets: vec![subnet.parse().expect("a subnet")],
        ttl: 5,
        own_domain: byte == 2,
    }));
    for host in 2..6 {
        registry.apply(&Update::PutEndpoint(EndpointNames {
            id: id(16 * byte + host).into(),
            network,
            owner: SandboxId(id(host)),
            sandbox: "a".parse().expect("a name"),
            names: vec![("a".parse().expect("a name"), Source::Container)],
            addresses: vec![
                [10, 0, 0, host].into(),
                [0xfd00, 0, 0, 0, 0, 0, 0, host.into()].into(),
            ],
            services: vec![Exposed { port: 80, proto: Proto::Tcp }],
        }));
    }
}

fn record(registry: &Registry, name: &str, rr_type: RrType, data: &[&str]) {
    registry.apply(&Update::PutRecord(Registration {
        name: name.parse().expect("a name"),
        network: Some(NetworkId(id(1))),
        ttl: 60,
        created: 0,
        data: data.iter().map(|text| Rdata::parse(rr_type, text).expect("data")).collect(),
    }));
}
