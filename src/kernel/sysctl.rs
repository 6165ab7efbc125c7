//! Sysctls of the network namespace that the calling thread is in: /proc/sys/net follows the thread.
//!
//! The kernel remembers a name once for every namespace in which it was looked up, all in one list: with 500 sandboxes a
//! path below /proc/sys/net takes half a millisecond. So the host's files are opened once and kept, and nothing is
//! looked up in a sandbox that need not be.

use super::KernelError;
use crate::model::IfName;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const FORWARDING: &str = "net/ipv4/ip_forward";
const PORTS: &str = "net/ipv4/ip_local_port_range";
const LINKS: &str = "net/ipv6/conf";

/// The host's sysctls that commands need, opened once.
#[derive(Debug)]
pub(super) struct Host {
    forwarding: Option<File>,
    ports: Option<File>,
    links: Option<OwnedFd>,
}

impl Host {
    /// Opens those of the calling thread's namespace. What cannot be opened reads as what is usual.
    pub(super) fn open() -> Self {
        let read = |key| File::open(path(key)).ok();
        let flags = libc::O_PATH | libc::O_DIRECTORY;
        let links = OpenOptions::new().read(true).custom_flags(flags).open(path(LINKS));
        Self {
            forwarding: read(FORWARDING),
            ports: read(PORTS),
            links: links.ok().map(OwnedFd::from),
        }
    }

    /// Whether the host forwards IPv4; no if that cannot be read.
    pub(super) fn forwards(&self) -> bool {
        !matches!(text(&self.forwarding).trim(), "" | "0")
    }

    /// Returns first and last of the ports that the kernel chooses from.
    pub(super) fn ephemeral_ports(&self) -> (u16, u16) {
        let text = text(&self.ports);
        let mut numbers = text.split_ascii_whitespace().map_while(|word| word.parse().ok());
        match (numbers.next(), numbers.next()) {
            (Some(first), Some(last)) if first <= last => (first, last),
            _ => (32_768, 60_999),
        }
    }

    /// Switches IPv6 of a link off, as [`ipv6`] does.
    pub(super) fn no_ipv6(&self, link: &IfName) -> Result<(), KernelError> {
        let Some(links) = &self.links else { return ipv6(link, false) };
        let key = format!("{link}/disable_ipv6");
        let flags = OFlag::O_WRONLY | OFlag::O_CLOEXEC;
        let file = openat(links, key.as_str(), flags, Mode::empty()).map_err(io::Error::from);
        let done = file.and_then(|file| File::from(file).write_all(b"1"));
        let key = format!("{LINKS}/{key}");
        unless_missing(done.map_err(|source| KernelError::Sysctl { key, source }))
    }
}

fn text(file: &Option<File>) -> String {
    let mut bytes = [0; 64];
    let read = file.as_ref().and_then(|file| file.read_at(&mut bytes, 0).ok());
    String::from_utf8_lossy(&bytes[..read.unwrap_or(0)]).into_owned()
}

fn path(key: &str) -> PathBuf {
    Path::new("/proc/sys").join(key)
}

/// Whether the calling thread's namespace forwards IPv4; no if that cannot be read.
pub(super) fn forwards() -> bool {
    fs::read_to_string(path(FORWARDING)).is_ok_and(|text| text.trim() != "0")
}

/// Switches forwarding of IPv4. What is so already is not written: the kernel resets other sysctls with every change.
pub(super) fn set_forwarding(on: bool) -> Result<(), KernelError> {
    if forwards() == on {
        return Ok(());
    }
    write(FORWARDING.to_owned(), if on { "1" } else { "0" })
}

/// Lets packets to 127.0.0.0/8 be rewritten to leave through a link: a port published on 127.0.0.1 needs it.
pub(super) fn route_localnet(link: &IfName) -> Result<(), KernelError> {
    write(format!("net/ipv4/conf/{link}/route_localnet"), "1")
}

/// Settles IPv6 of a link that is not up yet, so that not even a link-local address appears: off, or on but deaf to
/// router advertisements. A kernel without IPv6 has nothing to settle.
pub(super) fn ipv6(link: &IfName, on: bool) -> Result<(), KernelError> {
    let (key, value) = if on { ("accept_ra", "0") } else { ("disable_ipv6", "1") };
    unless_missing(write(format!("{LINKS}/{link}/{key}"), value))
}

fn unless_missing(done: Result<(), KernelError>) -> Result<(), KernelError> {
    match done {
        Err(KernelError::Sysctl { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn write(key: String, value: &str) -> Result<(), KernelError> {
    // Without O_CREAT: with it, a missing sysctl is not missing but forbidden.
    let file = OpenOptions::new().write(true).open(path(&key));
    let done = file.and_then(|mut file| file.write_all(value.as_bytes()));
    done.map_err(|source| KernelError::Sysctl { key, source })
}
