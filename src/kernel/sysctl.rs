//! Sysctls of the network namespace that the calling thread is in: /proc/sys/net follows the thread.

use super::KernelError;
use crate::model::{IfName, PortSet};
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;

const FORWARDING: &str = "net/ipv4/ip_forward";
const RESERVED: &str = "net/ipv4/ip_local_reserved_ports";
const FORWARDING_6: &str = "net/ipv6/conf/all/forwarding";

/// Whether the namespace forwards IPv4; no if that cannot be read.
pub(super) fn forwards() -> bool {
    is_set(FORWARDING)
}

fn is_set(key: &str) -> bool {
    fs::read_to_string(Path::new("/proc/sys").join(key)).is_ok_and(|text| text.trim() != "0")
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

    fn read(&self) -> Option<String> {
        fs::read_to_string(Path::new("/proc/sys").join(&self.key)).ok()
    }

    fn is_set(&self) -> bool {
        self.read().map_or(self.may_miss, |text| text.trim() == self.value)
    }
}

/// Whether all sysctls are what they are to be.
pub(super) fn settled(settings: &[Setting]) -> bool {
    settings.iter().all(Setting::is_set)
}

/// Sets those that are not what they are to be.
pub(super) fn settle(settings: &[Setting]) -> Result<(), KernelError> {
    for setting in settings.iter().filter(|setting| !setting.is_set()) {
        match write(setting.key.clone(), setting.value) {
            Err(KernelError::Sysctl { source, .. })
                if setting.may_miss && source.kind() == ErrorKind::NotFound => {}
            done => done?,
        }
    }
    Ok(())
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
    let follows = fs::read_to_string(Path::new("/proc/sys").join(&key));
    if follows.is_ok_and(|text| text.trim() == "1") {
        return write(key, "2").map(|()| true);
    }
    Ok(false)
}

/// Settles IPv6 of a link that is not up yet, so that not even a link-local address appears: off, or on but deaf to
/// router advertisements. A kernel without IPv6 has nothing to settle.
pub(super) fn ipv6(link: &IfName, on: bool) -> Result<(), KernelError> {
    settle(&ipv6_of(link, on))
}

/// Returns what [`ipv6`] sets.
pub(super) fn ipv6_of(link: &IfName, on: bool) -> Vec<Setting> {
    let setting = |key: &str, value| Setting::ipv6(format!("net/ipv6/conf/{link}/{key}"), value);
    match on {
        true => vec![setting("accept_ra", "0"), setting("disable_ipv6", "0")],
        false => vec![setting("disable_ipv6", "1")],
    }
}

fn write(key: String, value: &str) -> Result<(), KernelError> {
    // Without O_CREAT: with it, a missing sysctl is not missing but forbidden.
    let file = OpenOptions::new().write(true).open(Path::new("/proc/sys").join(&key));
    let done = file.and_then(|mut file| file.write_all(value.as_bytes()));
    done.map_err(|source| KernelError::Sysctl { key, source })
}

/// Returns first and last of the ports that the kernel chooses from.
pub(super) fn ephemeral_ports() -> (u16, u16) {
    let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let mut numbers = text.split_ascii_whitespace().map_while(|word| word.parse().ok());
    match (numbers.next(), numbers.next()) {
        (Some(first), Some(last)) if first <= last => (first, last),
        _ => (32_768, 60_999),
    }
}

/// Returns the ports that the kernel does not choose from.
pub(super) fn reserved_ports() -> PortSet {
    let text = fs::read_to_string(Path::new("/proc/sys").join(RESERVED)).unwrap_or_default();
    PortSet::parse(&text)
}

/// Sets the ports that the kernel does not choose from.
pub(super) fn reserve_ports(ports: &PortSet) -> Result<(), KernelError> {
    write(RESERVED.to_owned(), &format!("{ports}\n"))
}
