//! The walk of the README.

use super::{Meant, Row, Shows};

pub const ROWS: &[Row] = &[
    Row {
        key: "network-ls",
        what: "the networks that are there from the start",
        steps: "? CTL network ls",
        shows: Shows::Printed,
        meant: None,
    },
    Row {
        key: "bridge-name",
        what: "`network inspect bridge`, the kernel's bridge",
        steps: "? CTL network inspect bridge | grep bridge.name",
        shows: Shows::Printed,
        meant: Some(Meant {
            docker: "\"com.docker.network.bridge.name\": \"docker0\",",
            netdns: "\"com.docker.network.bridge.name\": \"netdns0\",",
            why: "both live on one machine, and the kernel has one docker0",
        }),
    },
    Row {
        key: "network-create",
        what: "`network create` prints",
        steps: "
            ? CTL network create -d bridge localnet
            CTL network rm localnet",
        shows: Shows::Printed,
        meant: None,
    },
    Row {
        key: "run",
        what: "`run -d` prints",
        steps: "
            net localnet
            ? CTL run -d --name demo1 --network localnet IMAGE sleep 3600",
        shows: Shows::Printed,
        meant: None,
    },
    Row {
        key: "brctl",
        what: "`brctl show` with two on one network",
        steps: "
            net localnet
            run demo1 --network localnet
            run demo2 --network localnet
            ? brctl show",
        shows: Shows::Printed,
        meant: Some(Meant {
            docker: "bridge name bridge id STP enabled interfaces; docker0 8000.ID no; br-ID 8000.ID no vethID; vethID",
            netdns: "bridge name bridge id STP enabled interfaces; br-ID 8000.ID no vethID; vethID",
            why: "the default network has no bridge until somebody is on it",
        }),
    },
    Row {
        key: "ping",
        what: "`exec demo2 ping -c1 demo1`",
        steps: "
            net localnet
            run demo1 --network localnet
            run demo2 --network localnet
            ? CTL exec demo2 ping -c1 demo1",
        shows: Shows::Success,
        meant: None,
    },
    Row {
        key: "ping-default",
        what: "the same on the default network: by name / by address",
        steps: "
            run plain1
            run plain2
            ? CTL exec plain2 ping -c1 plain1
            ? CTL exec plain2 ping -c1 {plain1}",
        shows: Shows::Success,
        meant: None,
    },
    Row {
        key: "rm",
        what: "`rm -f` of two prints",
        steps: "
            net localnet
            run demo1 --network localnet
            run demo2 --network localnet
            ? CTL rm -f demo1 demo2",
        shows: Shows::Printed,
        meant: None,
    },
    Row {
        key: "prune",
        what: "`network prune -f` prints",
        steps: "
            CTL network create localnet
            ? CTL network prune -f",
        shows: Shows::Printed,
        meant: None,
    },
];
