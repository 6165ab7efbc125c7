//! Keys of sysctls, and where they lead.

use super::*;

#[test]
fn a_key_of_network_namespaces_leads_below_net_and_nowhere_else() {
    for (key, place) in [
        ("net.ipv4.ip_forward", "net/ipv4/ip_forward"),
        ("net/ipv4/ip_forward", "net/ipv4/ip_forward"),
        ("net.ipv4.conf.eth0/1.forwarding", "net/ipv4/conf/eth0.1/forwarding"),
        ("net/ipv4/conf/eth0.1/forwarding", "net/ipv4/conf/eth0.1/forwarding"),
    ] {
        assert_eq!(path(key), Some(place.into()), "{key}");
    }
    for key in ["", "net", "net.", "kernel.panic", "net/../kernel/panic", "net.//.kernel", "nets.x"]
    {
        assert_eq!(path(key), None, "{key}");
    }
}

#[test]
fn what_is_no_sysctl_of_a_sandbox_is_refused() {
    let parsed = parse(&["net.a=1 2".into(), "net.b=".into()]).unwrap();
    assert_eq!(parsed["net.a"], "1 2");
    assert_eq!(parsed["net.b"], "");
    for text in ["kernel.panic=1", "net.ipv4.ip_forward", "=1", "net.a=1\n2", "/net/a=1"] {
        let refused = parse(&[text.into()]).unwrap_err();
        assert_eq!(refused.text, format!("sysctl '{}' is not allowed", text.escape_debug()));
    }
}
