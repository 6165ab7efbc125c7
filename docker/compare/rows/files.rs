//! Files under /etc.

use super::{Meant, Row, Shows};

pub const ROWS: &[Row] = &[
    Row {
        key: "resolv-conf",
        what: "/etc/resolv.conf, without comments",
        steps: "
            net net
            run web --network net
            ? CTL exec web cat /etc/resolv.conf",
        shows: Shows::File,
        meant: None,
    },
    Row {
        key: "resolv-conf-own",
        what: "the same with `--dns`, `--dns-search` and `--dns-option`",
        steps: "
            net net
            run web --network net --dns 192.0.2.53 --dns-search example.com --dns-option ndots:2
            ? CTL exec web cat /etc/resolv.conf",
        shows: Shows::File,
        meant: Some(Meant {
            docker: "search example.com; nameserver 127.0.0.11; options ndots:2",
            netdns: "nameserver 127.0.0.11; search example.com; options ndots:2",
            why: "the order of lines is that of Docker since 26, and nothing depends on it",
        }),
    },
    Row {
        key: "resolv-conf-default",
        what: "the same on the default network",
        steps: "
            run web
            ? CTL exec web cat /etc/resolv.conf",
        shows: Shows::File,
        meant: None,
    },
    Row {
        key: "hosts",
        what: "/etc/hosts",
        steps: "
            net net
            run web --network net -h web.example.com --add-host db:192.0.2.5
            ? CTL exec web cat /etc/hosts",
        shows: Shows::File,
        meant: Some(Meant {
            docker: "127.0.0.1 localhost; ::1 localhost ip6-localhost ip6-loopback; fe00::0 ip6-localnet; ff00::0 ip6-mcastprefix; ff02::1 ip6-allnodes; ff02::2 ip6-allrouters; 192.0.2.5 db; [web] web.example.com web",
            netdns: "127.0.0.1 localhost; 192.0.2.5 db; [web] web.example.com web",
            why: "IPv6 is off in the sandbox; newer Docker leaves the lines out there, too",
        }),
    },
    Row {
        key: "etc-hostname",
        what: "/etc/hostname and `hostname`",
        steps: "
            net net
            run web --network net
            ? CTL exec web cat /etc/hostname
            ? CTL exec web hostname",
        shows: Shows::File,
        meant: None,
    },
];
