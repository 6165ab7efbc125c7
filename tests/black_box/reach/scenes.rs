//! The rows.

use super::table::Outcome::{Denied, Seen};
use super::table::Scene;

/// Every scene, in the order of `tests/README.md`.
pub const ALL: [&Scene; 3] = [&PORTS, &INTERNAL, &APART];

/// Published ports over both families.
pub const PORTS: Scene = Scene {
    name: "Networks and published ports",
    about: "`web` and its neighbour are on a network of both families, `stranger` on another. `web` serves 80/tcp, 81/tcp \
            and 53/udp, and publishes `-p 5000:80 -p 5053:53/udp -p 127.0.0.1:5001:80 -p 8080-8081:80-81 -p 80-81:80-81`. \
            The router has routes to the networks. Also after a flush and a manager's death; beside Docker before, while and \
            after it is stopped; and beside firewalld before and after it reloads, what is denied also meanwhile.",
    rows: &[
        ("N18", "neighbour", "web.v4:80/tcp", Seen("neighbour.v4")),
        ("N18", "neighbour", "web.v6:80/tcp", Seen("neighbour.v6")),
        ("N18", "neighbour", "web.v6:53/udp", Seen("neighbour.v6")),
        ("N18", "stranger", "web.v4:80/tcp", Denied("neighbour", "web.v4:80/tcp")),
        ("N18", "stranger", "web.v6:80/tcp", Denied("neighbour", "web.v6:80/tcp")),
        ("N18", "stranger", "web.v6:53/udp", Denied("neighbour", "web.v6:53/udp")),
        ("N18", "web", "stranger.v4:80/tcp", Denied("host", "stranger.v4:80/tcp")),
        ("N18", "web", "stranger.v6:80/tcp", Denied("host", "stranger.v6:80/tcp")),
        ("N17", "web", "router.v4:80/tcp", Seen("host.v4")),
        ("N17", "web", "router.v6:80/tcp", Seen("host.v6")),
        ("N17", "web", "router.v6:53/udp", Seen("host.v6")),
        ("N19", "router", "web.v4:80/tcp", Denied("host", "web.v4:80/tcp")),
        ("N19", "router", "web.v6:80/tcp", Denied("host", "web.v6:80/tcp")),
        ("N19", "router", "web.v4:53/udp", Denied("host", "web.v4:53/udp")),
        ("N19", "router", "web.v6:53/udp", Denied("host", "web.v6:53/udp")),
        ("N19", "router", "host.v4:5001/tcp", Denied("host", "loopback.v4:5001/tcp")),
        ("N19", "neighbour", "gateway.v4:5001/tcp", Denied("neighbour", "gateway.v4:5000/tcp")),
        ("N23", "router", "host.v4:5000/tcp", Seen("router.v4")),
        ("N23", "router", "host.v6:5000/tcp", Seen("router.v6")),
        ("N23", "router", "host.v4:5053/udp", Seen("router.v4")),
        ("N23", "router", "host.v6:5053/udp", Seen("router.v6")),
        ("N23", "host", "host.v4:5000/tcp", Seen("host.v4")),
        ("N23", "host", "host.v6:5000/tcp", Seen("host.v6")),
        ("N23", "host", "host.v6:5053/udp", Seen("host.v6")),
        ("N23", "host", "loopback.v4:5000/tcp", Seen("gateway.v4")),
        ("N23", "host", "loopback.v4:5053/udp", Seen("gateway.v4")),
        ("N23", "host", "loopback.v6:5000/tcp", Denied("host", "host.v6:5000/tcp")),
        ("N23", "web", "host.v4:5000/tcp", Seen("gateway.v4")),
        ("N23", "web", "host.v6:5000/tcp", Seen("gateway.v6")),
        ("N23", "web", "host.v6:5053/udp", Seen("gateway.v6")),
        ("N23", "neighbour", "host.v4:5000/tcp", Seen("gateway.v4")),
        ("N23", "neighbour", "host.v6:5000/tcp", Seen("gateway.v6")),
        ("N23", "neighbour", "gateway.v6:5000/tcp", Seen("gateway.v6")),
        ("N23", "neighbour", "host.v6:5053/udp", Seen("gateway.v6")),
        ("N23", "stranger", "host.v4:5000/tcp", Seen("gateway.v4")),
        ("N23", "stranger", "host.v6:5000/tcp", Seen("gateway.v6")),
        ("N23", "router", "host.v4:8080/tcp", Seen("router.v4")),
        ("N23", "router", "host.v6:8081/tcp", Seen("router.v6")),
        ("N23", "router", "host.v4:81/tcp", Seen("router.v4")),
        ("N23", "router", "host.v6:81/tcp", Seen("router.v6")),
        ("N23", "neighbour", "host.v6:81/tcp", Seen("gateway.v6")),
        ("N23", "router", "host.v6:8082/tcp", Denied("router", "host.v6:8081/tcp")),
    ],
};

/// A network without a way out.
pub const INTERNAL: Scene = Scene {
    name: "An internal network",
    about: "`inner` and `second` are on an internal network of both families, `outer` on one that is not; all three have \
            taken a default route to their gateway and serve 80/tcp and 53/udp, as the router and the host do.",
    rows: &[
        ("N18", "inner", "second.v4:80/tcp", Seen("inner.v4")),
        ("N18", "inner", "second.v6:80/tcp", Seen("inner.v6")),
        ("N18", "inner", "second.v6:53/udp", Seen("inner.v6")),
        ("N18", "inner", "gateway.v4:80/tcp", Seen("inner.v4")),
        ("N18", "inner", "gateway.v6:80/tcp", Seen("inner.v6")),
        ("N18", "host", "inner.v6:80/tcp", Seen("gateway.v6")),
        ("N18", "inner", "host.v4:80/tcp", Denied("outer", "host.v4:80/tcp")),
        ("N18", "inner", "host.v6:80/tcp", Denied("outer", "host.v6:80/tcp")),
        ("N18", "inner", "router.v4:80/tcp", Denied("outer", "router.v4:80/tcp")),
        ("N18", "inner", "router.v6:80/tcp", Denied("outer", "router.v6:80/tcp")),
        ("N18", "inner", "router.v6:53/udp", Denied("outer", "router.v6:53/udp")),
        ("N18", "outer", "inner.v4:80/tcp", Denied("host", "inner.v4:80/tcp")),
        ("N18", "outer", "inner.v6:80/tcp", Denied("host", "inner.v6:80/tcp")),
        ("N18", "router", "inner.v4:80/tcp", Denied("host", "inner.v4:80/tcp")),
        ("N18", "router", "inner.v6:80/tcp", Denied("host", "inner.v6:80/tcp")),
    ],
};

/// Networks that keep neighbours apart, and one that sends as somebody else.
pub const APART: Scene = Scene {
    name: "Neighbours kept apart",
    about: "`web`, which exposes 80/tcp, `dns`, which publishes `-p 5053:53/udp`, `client` and `liar`, which has taken other \
            addresses than its own, are on a network of both families with `netdns.expose=enforce`; `one` and `two` on one \
            with `enable_icc=false`. All serve 80/tcp, 81/tcp and 53/udp. With br_netfilter on and off, and after a rule was \
            deleted by hand.",
    rows: &[
        ("N21", "client", "web.v4:80/tcp", Seen("client.v4")),
        ("N21", "client", "web.v6:80/tcp", Seen("client.v6")),
        ("N21", "client", "dns.v4:53/udp", Seen("client.v4")),
        ("N21", "client", "dns.v6:53/udp", Seen("client.v6")),
        ("N21", "client", "web.v4:81/tcp", Denied("host", "web.v4:81/tcp")),
        ("N21", "client", "web.v6:81/tcp", Denied("host", "web.v6:81/tcp")),
        ("N21", "client", "web.v6:53/udp", Denied("host", "web.v6:53/udp")),
        ("N21", "web", "client.v6:80/tcp", Denied("host", "client.v6:80/tcp")),
        ("N21", "router", "host.v6:5053/udp", Seen("router.v6")),
        ("N21", "one", "two.v4:80/tcp", Denied("host", "two.v4:80/tcp")),
        ("N21", "one", "two.v6:80/tcp", Denied("host", "two.v6:80/tcp")),
        ("N21", "one", "two.v6:53/udp", Denied("host", "two.v6:53/udp")),
        ("N17", "one", "router.v6:80/tcp", Seen("host.v6")),
        ("N20", "liar", "web.v4:80/tcp", Denied("client", "web.v4:80/tcp")),
        ("N20", "liar", "web.v6:80/tcp", Denied("client", "web.v6:80/tcp")),
        ("N20", "liar", "router.v4:80/tcp", Denied("client", "router.v4:80/tcp")),
        ("N20", "liar", "router.v6:80/tcp", Denied("client", "router.v6:80/tcp")),
        ("N20", "liar", "gateway.v6:80/tcp", Denied("client", "gateway.v6:80/tcp")),
    ],
};
