//! /etc/hosts: localhost, entries asked for, and the sandbox's own addresses with its own names.

use std::fmt::Display;
use std::net::IpAddr;

const LOCALHOST: [(&str, &str); 1] = [("127.0.0.1", "localhost")];
const LOCALHOST_IPV6: [(&str, &str); 5] = [
    ("::1", "localhost ip6-localhost ip6-loopback"),
    ("fe00::", "ip6-localnet"),
    ("ff00::", "ip6-mcastprefix"),
    ("ff02::1", "ip6-allnodes"),
    ("ff02::2", "ip6-allrouters"),
];

/// Writes the file: `own` are the sandbox's addresses with their names, `extra` are names with an address each. Without
/// `ipv6` the usual lines of IPv6 are left out.
pub fn hosts(ipv6: bool, own: &[(IpAddr, Vec<String>)], extra: &[(String, IpAddr)]) -> String {
    let mut text: String = LOCALHOST.iter().map(|(address, names)| line(address, names)).collect();
    if ipv6 {
        text.extend(LOCALHOST_IPV6.iter().map(|(address, names)| line(address, names)));
    }
    text.extend(extra.iter().map(|(name, address)| line(address, name)));
    text.extend(own.iter().map(|(address, names)| line(address, names.join(" "))));
    text
}

fn line(address: impl Display, names: impl Display) -> String {
    format!("{address}\t{names}\n")
}
