//! What is refused, how it ends, and in which words.

use super::{Meant, Row, Shows};

pub const ROWS: &[Row] = &[
    Row {
        key: "network-in-use",
        what: "`network rm` of one in use",
        steps: "
            net net
            run web --network net
            ? CTL network rm net",
        shows: Shows::Words("has active endpoints"),
        meant: None,
    },
    Row {
        key: "port-conflict",
        what: "a port that another has",
        steps: "
            net net
            run web --network net -p 5000:80
            ? CTL run -d --name web2 --network net -p 5000:80 IMAGE sleep 60",
        shows: Shows::Words("Bind for 0.0.0.0:5000 failed: port is already allocated"),
        meant: None,
    },
    Row {
        key: "network-twice",
        what: "a second network of one name",
        steps: "
            net net
            ? CTL network create net",
        shows: Shows::Words("network with name net already exists"),
        meant: None,
    },
    Row {
        key: "overlap",
        what: "a subnet that another network has",
        steps: "
            net net --subnet 10.77.0.0/24
            ? CTL network create other --subnet 10.77.0.128/25",
        shows: Shows::Words("Pool overlaps with other one on this address space"),
        meant: None,
    },
    Row {
        key: "name-twice",
        what: "a second sandbox of one name",
        steps: "
            run web
            ? CTL run -d --name web IMAGE sleep 60",
        shows: Shows::Words("is already in use by"),
        meant: None,
    },
    Row {
        key: "alias-default",
        what: "an alias on the default network",
        steps: "? CTL run -d --name web --network-alias www IMAGE sleep 60",
        shows: Shows::Words("network-scoped aliases are only supported for user-defined networks"),
        meant: None,
    },
    Row {
        key: "address-default",
        what: "`--ip` on the default network",
        steps: "? CTL run -d --name web --ip 172.17.0.9 IMAGE sleep 60",
        shows: Shows::Words("user-specified IP address is supported on user-defined networks only"),
        meant: Some(Meant {
            docker: "exit 125: docker: Error response from daemon: user specified IP address is supported on user defined networks only Run 'docker run --help' for more information",
            netdns: "exit 125: user-specified IP address is supported on user-defined networks only",
            why: "the words are those of newer Docker",
        }),
    },
    Row {
        key: "address-taken",
        what: "an address that another has",
        steps: "
            net net --subnet 10.77.0.0/24
            run web --network net --ip 10.77.0.9
            ? CTL run -d --name web2 --network net --ip 10.77.0.9 IMAGE sleep 60",
        shows: Shows::Words("Address already in use"),
        meant: None,
    },
    Row {
        key: "network-unknown",
        what: "`run` on a network that is not there",
        steps: "? CTL run -d --name web --network nowhere IMAGE sleep 60",
        shows: Shows::Words("network nowhere not found"),
        meant: None,
    },
    Row {
        key: "predefined",
        what: "`network rm bridge`",
        steps: "? CTL network rm bridge",
        shows: Shows::Words("bridge is a pre-defined network and cannot be removed"),
        meant: None,
    },
    Row {
        key: "inspect-unknown",
        what: "`network inspect` of one that is not there",
        steps: "? CTL network inspect nowhere",
        shows: Shows::Words("network nowhere not found"),
        meant: None,
    },
    Row {
        key: "driver-unknown",
        what: "a driver that is not there",
        steps: "? CTL network create -d nosuch net",
        shows: Shows::Words("plugin \"nosuch\" not found"),
        meant: None,
    },
    Row {
        key: "connect-twice",
        what: "`network connect` to a network that it is on",
        steps: "
            net net
            run web --network net
            ? CTL network connect net web",
        shows: Shows::Words("endpoint with name web already exists in network net"),
        meant: None,
    },
    Row {
        key: "disconnect-twice",
        what: "`network disconnect` from a network that it is not on",
        steps: "
            net net
            run web
            ? CTL network disconnect net web",
        shows: Shows::Words("is not connected to"),
        meant: None,
    },
    Row {
        key: "command-unknown",
        what: "a command that does not exist",
        steps: "? CTL run --name web IMAGE nosuchcommand",
        shows: Shows::Words("not found in $PATH"),
        meant: None,
    },
];
