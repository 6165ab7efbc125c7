//! Any datagram from a sandbox: it is parsed and answered, and what goes upstream and comes out is well formed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use netdns::model::{Id, NetworkId, SandboxId};
use netdns::registry::{
    EndpointNames, Forward, NetworkNames, Registry, SandboxView, Source, Update,
};
use netdns::resolver::answer::{Outcome, Transport, answer, upstream_query};
use netdns::resolver::query::{Parsed, parse};
use netdns::resolver::view::View;
use std::sync::{Arc, LazyLock};

static VIEW: LazyLock<View> = LazyLock::new(|| {
    let registry = Arc::new(Registry::new());
    let network = NetworkId(Id::from_bytes([1; 32]));
    registry.apply(&Update::PutNetwork(NetworkNames {
        id: network,
        name: "n".parse().expect("a name"),
        domain: "n".parse().ok(),
        named: true,
        subnets: vec!["10.0.0.0/8".parse().expect("a subnet")],
        ttl: 5,
        own_domain: false,
    }));
    let sandbox = SandboxId(Id::from_bytes([2; 32]));
    registry.apply(&Update::PutEndpoint(EndpointNames {
        id: Id::from_bytes([2; 32]).into(),
        network,
        owner: sandbox,
        sandbox: "a".parse().expect("a name"),
        names: vec![("a".parse().expect("a name"), Source::Container)],
        addresses: vec![[10, 0, 0, 2].into()],
        services: Vec::new(),
    }));
    let view = SandboxView {
        id: sandbox,
        networks: vec![network],
        forward: Forward::Host,
        host: vec![[10, 0, 0, 1].into()],
        inside_routes: Vec::new(),
        host_routes: Some(Vec::new()),
    };
    View::new(&view, &registry)
});

fuzz_target!(|packet: &[u8]| {
    let mut out = vec![0; 65_535];
    for (transport, room) in [(Transport::Udp, 4096), (Transport::Tcp, 65_535)] {
        match answer(&VIEW, packet, transport, 0, &mut out[..room]) {
            Outcome::Nothing => assert!(packet.len() < 12 || packet[2] & 0x80 != 0),
            Outcome::Reply(length) => {
                assert!(length >= 12 && out[..2] == packet[..2] && out[2] & 0x80 != 0);
            }
            Outcome::Forward(what) => {
                let mut sent = Vec::new();
                upstream_query(what.asks(packet), 7, &mut sent);
                assert!(matches!(parse(&sent), Parsed::Query(_)));
            }
        }
    }
});
