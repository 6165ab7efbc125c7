//! The grammars inside flags.

use super::*;

fn said<T: std::fmt::Debug>(result: Result<T, Failure>) -> String {
    result.expect_err("refused").text
}

#[test]
fn a_port_has_docker_s_grammar() {
    let range = |text: &str| text.parse::<PortRange>().unwrap();
    let any = |host: Option<u16>, port: u16, proto| PublishRequest {
        host_ip: None,
        host: host.map(PortRange::from),
        ports: port.into(),
        proto,
    };
    let on = |ip: &str, host: Option<u16>, port: u16| PublishRequest {
        host_ip: Some(ip.parse().unwrap()),
        ..any(host, port, Proto::Tcp)
    };
    let ranges = |host: Option<&str>, ports: &str, proto| PublishRequest {
        host_ip: None,
        host: host.map(range),
        ports: range(ports),
        proto,
    };
    let good = [
        ("80", any(None, 80, Proto::Tcp)),
        ("5000:80", any(Some(5000), 80, Proto::Tcp)),
        ("0:80", any(None, 80, Proto::Tcp)),
        ("53:53/udp", any(Some(53), 53, Proto::Udp)),
        ("5000:80/TCP", any(Some(5000), 80, Proto::Tcp)),
        ("127.0.0.1:5000:80", on("127.0.0.1", Some(5000), 80)),
        ("127.0.0.1::80", on("127.0.0.1", None, 80)),
        ("[::1]:5000:80", on("::1", Some(5000), 80)),
        ("[::1]::80", on("::1", None, 80)),
        ("::1:5000:80", on("::1", Some(5000), 80)),
        ("80/sctp", any(None, 80, Proto::Sctp)),
        ("8000-8009:80-89/udp", ranges(Some("8000-8009"), "80-89", Proto::Udp)),
        ("8000-8009:80", ranges(Some("8000-8009"), "80", Proto::Tcp)),
        ("80-89", ranges(None, "80-89", Proto::Tcp)),
    ];
    for (text, expected) in good {
        assert_eq!(publish(text).unwrap(), expected, "{text}");
    }
    let bad = [
        ("", "no port specified: <empty>"),
        ("5000:", "no port specified: 5000:<empty>"),
        ("x", "invalid containerPort: x"),
        ("0", "invalid containerPort: 0"),
        ("+80", "invalid containerPort: +80"),
        ("65536", "invalid containerPort: 65536"),
        ("65536:80", "invalid hostPort: 65536"),
        ("5-1:80", "invalid hostPort: 5-1"),
        ("0-5:80", "invalid hostPort: 0-5"),
        ("1-:80", "invalid hostPort: 1-"),
        ("1-65536:80", "invalid hostPort: 1-65536"),
        ("80:8-1", "invalid containerPort: 8-1"),
        ("80:1-2-3", "invalid containerPort: 1-2-3"),
        ("x:80", "invalid hostPort: x"),
        ("80/dccp", "invalid proto: dccp"),
        ("80/", "invalid proto: "),
        ("[::1:80:80", "invalid IP address: [::1"),
        ("[]:5113:80", "invalid IP address: []"),
        ("[]::80", "invalid IP address: []"),
        ("[]:80", "invalid hostPort: []"),
        ("localhost:80:80", "invalid IP address: localhost"),
        ("[fe80::1%eth0]:80:80", "invalid IP address: [fe80::1%eth0]"),
        ("80/tcp/udp", "invalid proto: tcp/udp"),
        ("1.2.3:80:80", "invalid IP address: 1.2.3"),
    ];
    for (text, expected) in bad {
        assert_eq!(said(publish(text)), expected, "{text}");
    }
}

#[test]
fn a_network_is_a_name_or_fields() {
    assert_eq!(network("localnet").unwrap().network, "localnet");
    let all =
        network("name=n,alias=a,alias=B,ip=10.0.0.2,mac-address=02:00:00:00:00:01,gw-priority=-1");
    let all = all.unwrap();
    assert_eq!((all.network.as_str(), all.gw_priority), ("n", -1));
    assert_eq!(all.aliases.iter().map(DnsName::as_str).collect::<Vec<_>>(), ["a", "b"]);
    assert!(all.ip.is_some() && all.mac.is_some());
    assert!(network("name=n,ip6=fd00::2").unwrap().ip6.is_some());
    for text in ["alias=a", "name=n,ip6=10.0.0.1", "name=n,ip=x", "name=n,x"] {
        said(network(text));
    }
}

#[test]
fn an_extra_host_has_an_address_or_the_gateway_s() {
    assert_eq!(extra_host("db:host-gateway").unwrap().target, HostTarget::HostGateway);
    for text in ["db:10.0.0.1", "db=10.0.0.1", "db:2001:db8::1", "db=[2001:db8::1]"] {
        assert!(matches!(extra_host(text).unwrap().target, HostTarget::Address(_)), "{text}");
    }
    assert_eq!(said(extra_host("db")), "bad format for add-host: \"db\"");
    assert_eq!(said(extra_host("db:x")), "invalid IP address in add-host: \"x\"");
}

#[test]
fn a_moment_is_a_date_an_epoch_or_a_span() {
    let now = 1_000_000_000;
    assert_eq!(moment("10m", now).unwrap(), now - 600_000);
    assert_eq!(moment("1h30m", now).unwrap(), now - 5_400_000);
    assert_eq!(moment("7", now).unwrap(), 7000);
    assert_eq!(moment("1970-01-02T00:00:00Z", now).unwrap(), 86_400_000);
    for text in ["", "m", "10x", "-1", "99999999999999999999h"] {
        said(moment(text, now));
    }
}

#[test]
fn a_signal_has_a_name_or_a_number_real_time_ones_too() {
    for text in ["15", "TERM", "SIGTERM", "sigterm"] {
        assert_eq!(signal(text).unwrap(), 15, "{text}");
    }
    assert_eq!(signal("SIGRTMIN+3").unwrap(), libc::SIGRTMIN() + 3);
    assert_eq!(signal("rtmax-1").unwrap(), libc::SIGRTMAX() - 1);
    assert_eq!(signal("64").unwrap(), 64);
    for text in ["", "0", "-1", "32", "65", "RTMIN-1", "RTMAX+1", "RTMIN+99999999999", "15x"] {
        assert_eq!(said(signal(text)), format!("invalid signal: {text}"));
    }
}
