//! Lockdown: what the resolver gives up before its first thread.
//!
//! Order matters. The bounding set is emptied while there is still the capability to do it; groups go before the uid that
//! may change them; what a uid change does not clear is cleared after it. A step that fails ends the process: a
//! resolver with privileges is worse than none. seccomp and landlock are not here yet.

use rustix::io::Errno;
use rustix::process::{DumpableBehavior, Resource, Rlimit};
use rustix::thread::{CapabilitySet, CapabilitySets};
use std::fs::read_to_string;
use std::io;

/// The uid and gid where no user `netdns` exists: above what distributions hand out, below systemd's dynamic range and
/// nobody's 65534, so that no other program runs under it.
const NUMBER: u32 = 64853;

/// Why the resolver did not start.
#[derive(Debug, thiserror::Error)]
#[error("resolver keeps a privilege: {step}")]
pub struct LockdownError {
    step: &'static str,
    #[source]
    source: io::Error,
}

fn step<T, E: Into<io::Error>>(step: &'static str, done: Result<T, E>) -> Result<T, LockdownError> {
    done.map_err(|source| LockdownError { step, source: source.into() })
}

/// Gives up every privilege for good. The caller has one thread.
pub fn lock_down() -> Result<(), LockdownError> {
    step("bounding set", empty_bounding_set())?;
    step("ambient set", rustix::thread::clear_ambient_capability_set())?;
    become_nobody_else()?;
    let none = CapabilitySet::empty();
    let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
    step("capabilities", rustix::thread::set_capabilities(None, sets))?;
    step("no_new_privs", rustix::thread::set_no_new_privs(true))?;
    let hidden = DumpableBehavior::NotDumpable;
    step("dumpable", rustix::process::set_dumpable_behavior(hidden))
}

/// Raises the soft limit of descriptors to the hard one and returns it.
pub fn raise_descriptor_limit() -> u64 {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    match rustix::process::setrlimit(Resource::Nofile, raised) {
        Ok(()) => raised.current.unwrap_or(u64::MAX),
        Err(_) => limit.current.unwrap_or(u64::MAX),
    }
}

fn empty_bounding_set() -> Result<(), Errno> {
    for number in 0..u64::BITS {
        let capability = CapabilitySet::from_bits_retain(1 << number);
        match rustix::thread::remove_capability_from_bounding_set(capability) {
            // The kernel knows no more than those before.
            Err(Errno::INVAL) => break,
            removed => removed?,
        }
    }
    Ok(())
}

/// Changes to the resolver's own user and group, but for a user namespace where no other is mapped.
fn become_nobody_else() -> Result<(), LockdownError> {
    let map = step("uid map", read_to_string("/proc/self/uid_map"))?;
    if maps_one(&map) {
        tracing::warn!("one uid is mapped in this user namespace: the resolver keeps it");
        return Ok(());
    }
    let passwd = read_to_string("/etc/passwd").unwrap_or_default();
    let (uid, gid) = account(&passwd).unwrap_or((NUMBER, NUMBER));
    let (uid, gid) = (nix::unistd::Uid::from_raw(uid), nix::unistd::Gid::from_raw(gid));
    step("groups", nix::unistd::setgroups(&[]))?;
    step("gid", nix::unistd::setresgid(gid, gid, gid))?;
    step("uid", nix::unistd::setresuid(uid, uid, uid))
}

/// Whether a user namespace's map holds one uid alone.
fn maps_one(map: &str) -> bool {
    let mut counts = map.lines().filter_map(|line| line.split_ascii_whitespace().nth(2));
    counts.next() == Some("1") && counts.next().is_none()
}

/// Finds user `netdns` with its group, unless somebody gave it root's.
fn account(passwd: &str) -> Option<(u32, u32)> {
    let line = passwd.lines().find(|line| line.starts_with("netdns:"))?;
    let mut fields = line.split(':').skip(2).map(|field| field.parse::<u32>().ok());
    let (uid, gid) = (fields.next()??, fields.next()??);
    (uid != 0 && gid != 0).then_some((uid, gid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_with_roots_uid_is_not_taken() {
        assert_eq!(account("root:x:0:0::/:\nnetdns:x:991:990::/:/bin/false\n"), Some((991, 990)));
        assert_eq!(account("netdns:x:0:990::/:\n"), None);
        assert_eq!(account("netdnsx:x:991:990::/:\n"), None);
    }

    #[test]
    fn a_rootless_namespace_is_known_by_its_map() {
        assert!(maps_one("         0       1000          1\n"));
        assert!(!maps_one("         0          0 4294967295\n"));
        assert!(!maps_one("         0       1000          1\n         1     100000      65536\n"));
    }
}
