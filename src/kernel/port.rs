//! Taking a host port by binding it, so that no other program can; and finding who was first.
//!
//! The socket takes nothing in: what the firewall does not hand on to a sandbox is refused (TCP does not listen) or
//! dropped (a filter stands before UDP's queue).

use super::KernelError;
use crate::model::{IfName, Proto, Publish, Refusal};
use socket2::{Domain, Protocol, SockFilter, Socket, Type};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::path::Path;

/// Binds a host port in the calling thread's namespace.
pub(super) fn bind(publish: &Publish) -> Result<OwnedFd, KernelError> {
    match hold_all(publish) {
        Ok(socket) => Ok(socket.into()),
        Err(error) => Err(match error.raw_os_error() {
            Some(libc::EADDRINUSE) => {
                let by = owner(publish);
                Refusal::PortTaken { publish: *publish, by }.into()
            }
            Some(libc::EADDRNOTAVAIL) => Refusal::PortForeign { publish: *publish }.into(),
            _ => KernelError::Socket { what: "a socket that holds a host port", source: error },
        }),
    }
}

/// Holds every address of IPv4 with a socket of both families, so that nobody else answers for the port over the other one.
/// A kernel without IPv6 has none; that is learnt by trying, as looking costs as much as binding.
fn hold_all(publish: &Publish) -> io::Result<Socket> {
    let address = |ip| SocketAddr::new(ip, publish.host_port);
    if publish.host_ip == IpAddr::V4(Ipv4Addr::UNSPECIFIED) {
        match hold(address(Ipv6Addr::UNSPECIFIED.into()), publish.proto, true) {
            Err(error) if error.raw_os_error() == Some(libc::EAFNOSUPPORT) => {}
            done => return done,
        }
    }
    hold(address(publish.host_ip), publish.proto, false)
}

fn hold(address: SocketAddr, proto: Proto, both: bool) -> io::Result<Socket> {
    let (kind, protocol) = match proto {
        Proto::Tcp => (Type::STREAM, Protocol::TCP),
        Proto::Udp => (Type::DGRAM, Protocol::UDP),
        Proto::Sctp => (Type::STREAM, Protocol::from(libc::IPPROTO_SCTP)),
    };
    let socket =
        Socket::new(Domain::for_address(address), kind.nonblocking().cloexec(), Some(protocol))?;
    if address.is_ipv6() {
        socket.set_only_v6(!both)?;
    }
    if proto == Proto::Udp {
        const RETURN_NOTHING: SockFilter =
            SockFilter::new((libc::BPF_RET | libc::BPF_K) as u16, 0, 0, 0);
        socket.attach_filter(&[RETURN_NOTHING])?;
    }
    socket.bind(&address.into())?;
    Ok(socket)
}

/// Returns the links of the calling thread's namespace that have a global address of IPv6.
pub(super) fn ipv6_links() -> BTreeSet<IfName> {
    let table = fs::read_to_string("/proc/thread-self/net/if_inet6").unwrap_or_default();
    let global = |line: &str| {
        let mut fields = line.split_ascii_whitespace();
        let scope = fields.nth(3)?;
        (scope == "00").then(|| fields.nth(1)?.parse().ok()).flatten()
    };
    table.lines().filter_map(global).collect()
}

/// Returns `pid N (name)` of the process that holds a port, as far as /proc tells.
fn owner(publish: &Publish) -> Option<String> {
    let inode = ["", "6"].iter().find_map(|family| {
        let table = format!("/proc/thread-self/net/{}{family}", publish.proto);
        inode_in(&fs::read_to_string(table).ok()?, publish.host_port)
    })?;
    let socket = format!("socket:[{inode}]");
    let holds = |process: &Path| {
        let fds = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
        fds.filter_map(|fd| fs::read_link(fd.path()).ok()).any(|to| to.as_os_str() == &*socket)
    };
    let processes = fs::read_dir("/proc").ok()?.flatten();
    processes
        .filter(|entry| entry.file_name().to_string_lossy().parse::<u32>().is_ok())
        .find(|entry| holds(&entry.path()))
        .map(|entry| {
            let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
            format!("pid {} ({})", entry.file_name().display(), name.trim_end())
        })
}

/// Returns the inode of the socket that is bound to a port and not connected, from a table of proc(5).
fn inode_in(table: &str, port: u16) -> Option<u64> {
    table.lines().skip(1).find_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let local = fields.nth(1)?.rsplit_once(':')?.1;
        let remote = fields.next()?.rsplit_once(':')?.1;
        let inode = fields.nth(6)?.parse().ok()?;
        let ours = u16::from_str_radix(local, 16).ok()? == port && remote == "0000";
        ours.then_some(inode).filter(|inode| *inode != 0)
    })
}
