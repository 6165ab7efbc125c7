//! A published port, from each place that reaches it.

use super::{Row, Shows};

pub const ROWS: &[Row] = &[
    Row {
        key: "port-other-host",
        what: "a published port from another host",
        steps: "
            net net
            serve web --network net -p 5000:80
            ? ip netns exec router curl -sS -m 10 http://10.9.0.2:5000/cgi-bin/who",
        shows: Shows::Asker,
        meant: None,
    },
    Row {
        key: "port-host-address",
        what: "from the host by its address",
        steps: "
            net net
            serve web --network net -p 5000:80
            ? curl -sS -m 10 http://10.9.0.2:5000/cgi-bin/who",
        shows: Shows::Asker,
        meant: None,
    },
    Row {
        key: "port-loopback",
        what: "from the host by 127.0.0.1",
        steps: "
            net net
            serve web --network net -p 5000:80
            ? curl -sS -m 10 http://127.0.0.1:5000/cgi-bin/who",
        shows: Shows::Asker,
        meant: None,
    },
    Row {
        key: "port-neighbour",
        what: "from a neighbour by the host's address",
        steps: "
            net net
            serve web --network net -p 5000:80
            run client --network net
            in client curl -sS -m 10 http://10.9.0.2:5000/cgi-bin/who",
        shows: Shows::Asker,
        meant: None,
    },
    Row {
        key: "port-stranger",
        what: "from another network by the host's address",
        steps: "
            net net
            net other
            serve web --network net -p 5000:80
            run client --network other
            in client curl -sS -m 10 http://10.9.0.2:5000/cgi-bin/who",
        shows: Shows::Asker,
        meant: None,
    },
    Row {
        key: "port-unpublished",
        what: "a port that is not published, from another network",
        steps: "
            net net
            net other
            serve web --network net
            run client --network other
            in client curl -sS -m 1 http://{web}/cgi-bin/who",
        shows: Shows::Asker,
        meant: None,
    },
    Row {
        key: "port",
        what: "`port`",
        steps: "
            net net
            run web --network net -p 127.0.0.1:5000:80 -p 10.9.0.2:5053:53/udp
            ? CTL port web",
        shows: Shows::Printed,
        meant: None,
    },
];
