//! What the resolver answers.

use super::{Meant, Row, Shows};

pub const ROWS: &[Row] = &[
    Row {
        key: "name",
        what: "a neighbour's name",
        steps: "
            net net
            run web --network net
            run client --network net
            ask client web",
        shows: Shows::Answers,
        meant: None,
    },
    Row {
        key: "header",
        what: "flags and time to live of that answer",
        steps: "
            net net
            run web --network net
            run client --network net
            ask client web",
        shows: Shows::Header,
        meant: Some(Meant {
            docker: "qr rd ra, TTL 600",
            netdns: "qr aa rd ra, TTL 5",
            why: "clients that keep what they were told must not keep a dead address for ten minutes; the answer is ours, hence AA",
        }),
    },
    Row {
        key: "tcp",
        what: "a name over TCP",
        steps: "
            net net
            run web --network net
            run client --network net
            ask client web +tcp",
        shows: Shows::Answers,
        meant: None,
    },
    Row {
        key: "qualified",
        what: "a name below its network's",
        steps: "
            net net
            run web --network net
            run client --network net
            ask client web.net",
        shows: Shows::Answers,
        meant: None,
    },
    Row {
        key: "alias",
        what: "an alias",
        steps: "
            net net
            run web --network net --network-alias www
            run client --network net
            ask client www",
        shows: Shows::Answers,
        meant: None,
    },
    Row {
        key: "shared-alias",
        what: "an alias of two",
        steps: "
            net net
            run web1 --network net --network-alias www
            run web2 --network net --network-alias www
            run client --network net
            ask client www",
        shows: Shows::Answers,
        meant: None,
    },
    Row {
        key: "hostname",
        what: "a host name given with `-h`",
        steps: "
            net net
            run web --network net -h machine
            run client --network net
            ask client machine",
        shows: Shows::Answers,
        meant: None,
    },
    Row {
        key: "own-name",
        what: "its own name",
        steps: "
            net net
            run web --network net
            ask web web",
        shows: Shows::Answers,
        meant: None,
    },
    Row {
        key: "upper-case",
        what: "a name in upper case",
        steps: "
            net net
            run web --network net
            run client --network net
            ask client WEB",
        shows: Shows::Answers,
        meant: None,
    },
    Row {
        key: "other-network",
        what: "a name of a network that it is not on",
        steps: "
            net net
            net other
            run web --network other
            run client --network net
            ask client web",
        shows: Shows::Answers,
        meant: None,
    },
    Row {
        key: "connect",
        what: "after `network connect` / after `network disconnect`",
        steps: "
            net net
            net other
            run web --network other
            run client --network net
            CTL network connect net web
            look web
            ask client web
            CTL network disconnect net web
            ask client web",
        shows: Shows::Answers,
        meant: None,
    },
    Row {
        key: "rename",
        what: "after `rename`: the new name / the old one",
        steps: "
            net net
            run web --network net
            run client --network net
            CTL rename web shop
            ask client shop
            ask client web",
        shows: Shows::Answers,
        meant: None,
    },
    Row {
        key: "stop",
        what: "after `stop`",
        steps: "
            net net
            run web --network net
            run client --network net
            CTL stop -t 0 web
            ask client web",
        shows: Shows::Answers,
        meant: None,
    },
    Row {
        key: "aaaa",
        what: "AAAA of a name that has an IPv4 address alone",
        steps: "
            net net
            run web --network net
            run client --network net
            ask client web AAAA",
        shows: Shows::Answers,
        meant: Some(Meant {
            docker: "NOERROR",
            netdns: "NOERROR with SOA",
            why: "an empty answer says how long it holds (RFC 2308)",
        }),
    },
    Row {
        key: "https",
        what: "type HTTPS of a name",
        steps: "
            net net
            run web --network net
            run client --network net
            ask client web HTTPS",
        shows: Shows::Answers,
        meant: Some(Meant {
            docker: "NXDOMAIN; left the host: web HTTPS",
            netdns: "NOERROR with SOA",
            why: "the name exists, so NXDOMAIN is false, and no question for a local name leaves the host",
        }),
    },
    Row {
        key: "txt",
        what: "type TXT of a name",
        steps: "
            net net
            run web --network net
            run client --network net
            ask client web TXT",
        shows: Shows::Answers,
        meant: Some(Meant {
            docker: "NXDOMAIN; left the host: web TXT",
            netdns: "NOERROR with SOA",
            why: "the name exists, so NXDOMAIN is false, and no question for a local name leaves the host",
        }),
    },
    Row {
        key: "mx",
        what: "type MX of a name",
        steps: "
            net net
            run web --network net
            run client --network net
            ask client web MX",
        shows: Shows::Answers,
        meant: Some(Meant {
            docker: "NOERROR",
            netdns: "NOERROR with SOA",
            why: "an empty answer says how long it holds (RFC 2308)",
        }),
    },
    Row {
        key: "ptr",
        what: "an address back to its name",
        steps: "
            net net
            run web --network net
            run client --network net
            ask client -x {web}",
        shows: Shows::Answers,
        meant: None,
    },
    Row {
        key: "ptr-unknown",
        what: "an address of the network that nobody has",
        steps: "
            net net --subnet 10.77.0.0/24
            run client --network net
            ask client -x 10.77.0.200",
        shows: Shows::Answers,
        meant: Some(Meant {
            docker: "NOERROR; left the host: 10.77.0.200 reversed PTR",
            netdns: "NXDOMAIN with SOA",
            why: "the subnet is ours, so nobody beyond the host knows better",
        }),
    },
    Row {
        key: "forwarded",
        what: "a name of the world",
        steps: "
            net net
            run client --network net
            ask client www.example.com",
        shows: Shows::Answers,
        meant: None,
    },
    Row {
        key: "unknown",
        what: "a name that nobody has",
        steps: "
            net net
            run client --network net
            ask client nobody",
        shows: Shows::Answers,
        meant: None,
    },
    Row {
        key: "internal-unknown",
        what: "an unknown name on an internal network",
        steps: "
            net net --internal
            run client --network net
            ask client nobody",
        shows: Shows::Answers,
        meant: Some(Meant {
            docker: "no reply within 10 s",
            netdns: "NXDOMAIN with SOA",
            why: "nobody may be asked, so the denial comes at once",
        }),
    },
    Row {
        key: "internal-world",
        what: "a name of the world on an internal network",
        steps: "
            net net --internal
            run client --network net
            ask client www.example.com",
        shows: Shows::Answers,
        meant: Some(Meant {
            docker: "no reply within 10 s",
            netdns: "NXDOMAIN with SOA",
            why: "nobody may be asked, so the denial comes at once",
        }),
    },
    Row {
        key: "host-docker-internal",
        what: "`host.docker.internal`",
        steps: "
            net net
            run client --network net
            ask client host.docker.internal",
        shows: Shows::Answers,
        meant: Some(Meant {
            docker: "NOERROR: host.docker.internal A 198.51.100.7; left the host: host.docker.internal A",
            netdns: "NOERROR: host.docker.internal A [gateway of net]",
            why: "Docker has this name on desktops, or where --add-host gives it; here it always is the host",
        }),
    },
    Row {
        key: "localhost",
        what: "`localhost`",
        steps: "
            net net
            run client --network net
            ask client localhost",
        shows: Shows::Answers,
        meant: Some(Meant {
            docker: "NXDOMAIN; left the host: localhost A",
            netdns: "NOERROR: localhost A 127.0.0.1",
            why: "localhost is never asked of others (RFC 6761)",
        }),
    },
    Row {
        key: "container-network",
        what: "a name, asked from `--network container:NAME`",
        steps: "
            net net
            run web --network net
            run client --network net
            run guest --network container:client
            ask guest web",
        shows: Shows::Answers,
        meant: None,
    },
];
