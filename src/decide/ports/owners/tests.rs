use super::*;

fn publish(host: &str, first: u16, count: u16) -> Publish {
    let host_ip = host.parse().unwrap();
    Publish { host_ip, host_port: first, port: first, proto: Proto::Tcp, count }
}

#[test]
fn a_port_is_its_owners_whether_it_was_published_alone_or_in_a_range() {
    let [a, b, c] = ["a", "b", "c"].map(|name| name.parse::<SandboxName>().unwrap());
    let owned = [
        (publish("0.0.0.0", 8080, 1), &a),
        (publish("127.0.0.1", 8070, 1), &b),
        (publish("10.0.0.1", 8070, 1), &c),
        (publish("0.0.0.0", 8000, 50), &c),
    ];
    let owners: Owners = owned.into_iter().collect();
    let owner = |wanted| owners.clash(&wanted).map(|(port, by)| (port, by.as_str()));
    assert_eq!(owner(publish("0.0.0.0", 8080, 1)), Some((8080, "a")));
    assert_eq!(owner(publish("10.0.0.1", 8070, 1)), Some((8070, "c")), "of two addresses");
    assert_eq!(owner(publish("10.0.0.2", 8070, 1)), None);
    assert_eq!(owner(publish("0.0.0.0", 8049, 1)), Some((8049, "c")), "the last of a range");
    assert_eq!(owner(publish("0.0.0.0", 8050, 20)), None);
    assert_eq!(owner(publish("0.0.0.0", 8040, 100)), Some((8040, "c")), "the first that is met");
    assert_eq!(owner(publish("0.0.0.0", 8060, 100)), Some((8070, "b")));
    assert_eq!(owner(Publish { proto: Proto::Udp, ..publish("0.0.0.0", 8080, 1) }), None);
}
