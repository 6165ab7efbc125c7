//! Services: the names of well-known ports, as IANA lists them, and what SRV records of a port are called (RFC 2782).

use crate::model::{DnsName, Exposed, Proto};
use std::collections::HashMap;
use std::sync::LazyLock;

/// A service's name and port a line, `http 80/tcp`: those of IANA's list that systems know by name.
const LIST: &str = include_str!("services.txt");

static NAMES: LazyLock<HashMap<(u16, &str), Vec<&str>>> = LazyLock::new(|| {
    let mut names: HashMap<_, Vec<_>> = HashMap::new();
    for line in LIST.lines() {
        let parts = line.split_once(' ').and_then(|(name, at)| Some((name, at.split_once('/')?)));
        if let Some((name, (port, proto))) = parts
            && let Ok(port) = port.parse()
        {
            names.entry((port, proto)).or_default().push(name);
        }
    }
    names
});

/// Returns the owner names of a port's SRV records for one of a sandbox's names: `_80._tcp.web`, `_http._tcp.web`. One
/// that is too long is left out.
pub fn owners(service: &Exposed, name: &DnsName) -> impl Iterator<Item = DnsName> {
    let proto = match service.proto {
        Proto::Tcp => "tcp",
        Proto::Udp => "udp",
        Proto::Sctp => "sctp",
    };
    let known = NAMES.get(&(service.port, proto)).map_or(&[][..], Vec::as_slice);
    let labels =
        std::iter::once(service.port.to_string()).chain(known.iter().map(ToString::to_string));
    labels.filter_map(move |label| format!("_{label}._{proto}.{name}").parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_called_by_its_number_and_by_the_names_of_its_service() {
        let owners = |port, proto| {
            let service = Exposed { port, proto };
            let web = "web".parse().unwrap();
            let names = super::owners(&service, &web);
            names.map(|name| name.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(owners(80, Proto::Tcp), ["_80._tcp.web", "_http._tcp.web"]);
        assert_eq!(owners(53, Proto::Udp), ["_53._udp.web", "_domain._udp.web"]);
        assert_eq!(owners(65_000, Proto::Sctp), ["_65000._sctp.web"]);
    }
}
