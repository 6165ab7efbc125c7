//! Sysctls of the network namespace that the calling thread is in: /proc/sys/net follows the thread.
//!
//! The kernel remembers a name once for every namespace in which it was looked up, all in one list: with 500 sandboxes a
//! path below /proc/sys/net takes half a millisecond. So the host's files are opened once and kept, and nothing is
//! looked up in a sandbox that need not be.

use super::KernelError;
use crate::model::{IfName, PortSet};
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::Mode;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const FORWARDING: &str = "net/ipv4/ip_forward";
const FORWARDING_6: &str = "net/ipv6/conf/all/forwarding";
const PORTS: &str = "net/ipv4/ip_local_port_range";
const RESERVED: &str = "net/ipv4/ip_local_reserved_ports";
const IPV4: &str = "net/ipv4/";
const IPV6: &str = "net/ipv6/";

/// The host's sysctls that commands need, opened once.
#[derive(Debug)]
pub(super) struct Host {
    forwarding: Option<File>,
    forwarding6: Option<File>,
    ports: Option<File>,
    reserved: Option<File>,
    ipv4: Option<OwnedFd>,
    ipv6: Option<OwnedFd>,
}

impl Host {
    /// Opens those of the calling thread's namespace. What cannot be opened reads as what is usual.
    pub(super) fn open() -> Self {
        let read = |key| File::open(path(key)).ok();
        let flags = libc::O_PATH | libc::O_DIRECTORY;
        let directory = |key| {
            let opened = OpenOptions::new().read(true).custom_flags(flags).open(path(key));
            opened.ok().map(OwnedFd::from)
        };
        Self {
            forwarding: read(FORWARDING),
            forwarding6: read(FORWARDING_6),
            ports: read(PORTS),
            reserved: read(RESERVED),
            ipv4: directory(IPV4),
            ipv6: directory(IPV6),
        }
    }

    /// Whether the host forwards IPv4; no if that cannot be read.
    pub(super) fn forwards(&self) -> bool {
        !matches!(text(&self.forwarding).trim(), "" | "0")
    }

    /// Whether the host forwards IPv6; no if that cannot be read.
    pub(super) fn forwards6(&self) -> bool {
        !matches!(text(&self.forwarding6).trim(), "" | "0")
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

    /// Returns the ports that the kernel does not choose from.
    pub(super) fn reserved_ports(&self) -> PortSet {
        PortSet::parse(&text(&self.reserved))
    }

    /// Switches IPv6 of a link off, as [`ipv6`] does.
    pub(super) fn no_ipv6(&self, link: &IfName) -> Result<(), KernelError> {
        let mut settings = ipv6_of(link, false).into_iter();
        settings.try_for_each(|setting| self.set(&setting))
    }

    /// Whether all these are what they are to be.
    pub(super) fn settled(&self, settings: &[Setting]) -> bool {
        settings.iter().all(|setting| self.is_set(setting))
    }

    /// Sets those that are not what they are to be.
    pub(super) fn settle(&self, settings: &[Setting]) -> Result<(), KernelError> {
        let mut unset = settings.iter().filter(|setting| !self.is_set(setting));
        unset.try_for_each(|setting| self.set(setting))
    }

    fn is_set(&self, setting: &Setting) -> bool {
        let read = self.open_one(&setting.key, OFlag::O_RDONLY).and_then(io::read_to_string);
        read.map_or(setting.may_miss, |text| text.trim() == setting.value)
    }

    fn set(&self, setting: &Setting) -> Result<(), KernelError> {
        let file = self.open_one(&setting.key, OFlag::O_WRONLY);
        let done = file.and_then(|mut file| file.write_all(setting.value.as_bytes()));
        let failed = |source| KernelError::Sysctl { key: setting.key.clone(), source };
        let done = done.map_err(failed);
        if setting.may_miss { unless_missing(done) } else { done }
    }

    /// Opens the file of a key from a kept directory.
    fn open_one(&self, key: &str, access: OFlag) -> io::Result<File> {
        let kept = [(IPV4, &self.ipv4), (IPV6, &self.ipv6)];
        let below = |(prefix, dir): (&str, &'_ Option<OwnedFd>)| {
            let (name, flags) = (key.strip_prefix(prefix)?, access | OFlag::O_CLOEXEC);
            Some(openat(dir.as_ref()?, name, flags, Mode::empty()))
        };
        let opened = kept.into_iter().find_map(below);
        let opened = opened.unwrap_or_else(|| open(&path(key), access, Mode::empty()));
        Ok(File::from(opened?))
    }
}

/// Reads a file from its beginning; of one that cannot be read there is no text.
fn text(file: &Option<File>) -> String {
    let (mut text, mut piece) = (Vec::new(), [0; 4096]);
    while let Some(length) =
        file.as_ref().and_then(|f| f.read_at(&mut piece, text.len() as u64).ok())
        && length > 0
    {
        text.extend_from_slice(&piece[..length]);
    }
    String::from_utf8_lossy(&text).into_owned()
}

fn path(key: &str) -> PathBuf {
    Path::new("/proc/sys").join(key)
}

/// Whether the calling thread's namespace forwards IPv4; no if that cannot be read.
pub(super) fn forwards() -> bool {
    is_set(FORWARDING)
}

fn is_set(key: &str) -> bool {
    fs::read_to_string(path(key)).is_ok_and(|text| text.trim() != "0")
}

/// Switches forwarding of IPv4. What is so already is not written: the kernel resets other sysctls with every change.
pub(super) fn set_forwarding(on: bool) -> Result<(), KernelError> {
    if forwards() == on {
        return Ok(());
    }
    write(FORWARDING.to_owned(), if on { "1" } else { "0" })
}

/// A sysctl and what it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    key: String,
    value: &'static str,
    /// Whether there may be no such sysctl: of IPv6 on a kernel without it.
    may_miss: bool,
}

impl Setting {
    /// Makes one that every kernel has.
    pub(super) fn ipv4(key: String, value: &'static str) -> Self {
        Self { key, value, may_miss: false }
    }

    /// Makes one that a kernel without IPv6 has not.
    pub(super) fn ipv6(key: String, value: &'static str) -> Self {
        Self { key, value, may_miss: true }
    }
}

/// Whether the namespace forwards IPv6; no if that cannot be read.
pub(super) fn forwards6() -> bool {
    is_set(FORWARDING_6)
}

/// Switches forwarding of IPv6. A kernel without IPv6 forwards none.
pub(super) fn set_forwarding6(on: bool) -> Result<(), KernelError> {
    if forwards6() == on {
        return Ok(());
    }
    write(FORWARDING_6.to_owned(), if on { "1" } else { "0" })
}

/// Makes a link that follows router advertisements follow them also while the host forwards. One that does not follow
/// them, or does so already, stays as it is; says whether it has changed.
pub(super) fn keep_advertised(link: &IfName) -> Result<bool, KernelError> {
    let key = format!("net/ipv6/conf/{link}/accept_ra");
    let follows = fs::read_to_string(path(&key));
    if follows.is_ok_and(|text| text.trim() == "1") {
        return write(key, "2").map(|()| true);
    }
    Ok(false)
}

/// Settles IPv6 of a link that is not up yet, so that not even a link-local address appears: off, or on but deaf to
/// router advertisements. A kernel without IPv6 has nothing to settle.
pub(super) fn ipv6(link: &IfName, on: bool) -> Result<(), KernelError> {
    // The link is new: reading first would cost as much as the writing.
    let mut settings = ipv6_of(link, on).into_iter();
    settings.try_for_each(|setting| unless_missing(write(setting.key, setting.value)))
}

/// Returns what [`ipv6`] sets.
pub(super) fn ipv6_of(link: &IfName, on: bool) -> Vec<Setting> {
    let setting = |key: &str, value| Setting::ipv6(format!("net/ipv6/conf/{link}/{key}"), value);
    match on {
        true => vec![setting("accept_ra", "0"), setting("disable_ipv6", "0")],
        false => vec![setting("disable_ipv6", "1")],
    }
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

/// Sets the ports that the kernel does not choose from.
pub(super) fn reserve_ports(ports: &PortSet) -> Result<(), KernelError> {
    write(RESERVED.to_owned(), &format!("{ports}\n"))
}
