//! Any text in the host's resolv.conf: what a sandbox's file then says can be read, says what was meant, and no more.

use netdns::etc::{HostResolv, Mode, resolv_conf, usable};
use netdns::model::DnsConfig;
use std::net::IpAddr;

/// Holds for all bytes, or panics.
pub fn holds(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let host = HostResolv::parse(text);
    let asked = DnsConfig::default();
    let search: Vec<&String> = host.search.iter().filter(|domain| *domain != ".").collect();
    for (mode, servers) in
        [(Mode::Internal, vec![IpAddr::from([127, 0, 0, 11])]), (Mode::Host, usable(&host))]
    {
        let written = resolv_conf(&host, &asked, mode);
        let read = HostResolv::parse(&written);
        assert_eq!(read.nameservers, servers, "{written}");
        assert!(read.invalid.is_empty() && read.search.iter().eq(search.iter().copied()));
        match mode {
            Mode::Host => assert_eq!(read.options, host.options),
            Mode::Internal => {
                let ndots = |option: &&String| option.starts_with("ndots:");
                assert!(read.options.iter().any(|option| ndots(&option)));
                assert!(
                    read.options
                        .iter()
                        .all(|option| ndots(&option) || host.options.contains(option))
                );
            }
        }
        // Comments, a line for each kind of thing, and a server's line each: nothing else gets in.
        let kinds = ["nameserver ", "search ", "options ", "# "];
        assert!(written.lines().all(|l| l.is_empty() || kinds.iter().any(|k| l.starts_with(k))));
    }
}
