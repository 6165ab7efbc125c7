//! Rootless: who is not root becomes root of a user namespace, and of nothing else. Whether that is allowed is tried, not
//! guessed; only when the kernel refuses are its settings read, to name the one that stands in the way.

use crate::cli::outcome::Failure;
use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{getegid, geteuid};
use std::fs;
use std::io;

/// Where the kernel and distributions switch user namespaces of ordinary users off, with the value that does it, and
/// what would switch them on.
const SWITCHES: [(&str, &str, &str); 3] = [
    ("user/max_user_namespaces", "0", "user.max_user_namespaces=10000"),
    ("kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
    (
        "kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "kernel.apparmor_restrict_unprivileged_userns=0",
    ),
];

/// Makes the process root of a user namespace of its own, in which its uid and gid alone are mapped (no newuidmap is
/// asked for more). The caller has one thread.
pub fn become_root() -> Result<(), Failure> {
    let (uid, gid) = (geteuid(), getegid());
    unshare(CloneFlags::CLONE_NEWUSER).map_err(|errno| refused(errno.into()))?;
    let mapped = || -> io::Result<()> {
        // user_namespaces(7): a gid is mapped only by who has given up setgroups.
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("0 {uid} 1"))?;
        fs::write("/proc/self/gid_map", format!("0 {gid} 1"))?;
        // AppArmor lets the namespace be made, and takes its capabilities away.
        Ok(unshare(CloneFlags::CLONE_NEWUTS)?)
    };
    mapped().map_err(refused)
}

/// Says what stands in the way, and how it is done as root.
fn refused(error: io::Error) -> Failure {
    let me = std::env::current_exe().map_or("netdns".into(), |path| path.display().to_string());
    let failure = Failure::new(format!(
        "demo needs root here: no user namespace for ordinary users: {}",
        because(&error, |name| fs::read_to_string(format!("/proc/sys/{name}")).ok())
    ));
    failure.hint(format!("sudo {me} demo"))
}

fn because(error: &io::Error, setting: impl Fn(&str) -> Option<String>) -> String {
    let closed = SWITCHES
        .into_iter()
        .find(|(name, value, _)| setting(name).is_some_and(|found| found.trim() == *value));
    if let Some((name, value, opened)) = closed {
        return format!("{} is {value} ({opened} would allow it)", name.replace('/', "."));
    }
    match Errno::from_raw(error.raw_os_error().unwrap_or_default()) {
        Errno::ENOSPC => "user.max_user_namespaces of this or an outer namespace is used up".into(),
        Errno::EPERM => {
            "something else forbids it, as the seccomp filter of a container does".into()
        }
        Errno::EINVAL | Errno::ENOSYS => "this kernel has none".into(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setting_that_forbids_user_namespaces_is_named() {
        let said = |errno: Errno, set: &str, value: &str| {
            because(&errno.into(), |name| (name == set).then(|| format!("{value}\n")))
        };
        let clone = "kernel/unprivileged_userns_clone";
        assert!(said(Errno::EPERM, clone, "0").contains("kernel.unprivileged_userns_clone is 0"));
        let apparmor = "kernel/apparmor_restrict_unprivileged_userns";
        assert!(said(Errno::EPERM, apparmor, "1").contains("restrict_unprivileged_userns is 1"));
        let limit = "user/max_user_namespaces";
        assert!(said(Errno::ENOSPC, limit, "0").contains("user.max_user_namespaces is 0"));
        assert!(said(Errno::ENOSPC, limit, "96365").contains("used up"));
        assert!(said(Errno::EPERM, clone, "1").contains("seccomp"));
    }
}
