//! Mounts: what a sandbox sees differently from the host: /etc/resolv.conf, hosts and hostname of its own, its own
//! /proc and /sys, and nothing of RUN_DIR and STATE_DIR. Everything else is the host's root, and nothing that is
//! mounted here reaches the host.

use crate::api::call::Attached;
use crate::cli::outcome::Failure;
use crate::cli::sysctl;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// What of the host is hidden, and how much is left open.
pub struct Place<'a> {
    /// Masked; the scratch file system stands here before.
    pub run_dir: &'a Path,
    /// Masked.
    pub state_dir: &'a Path,
    /// /proc/sys and /sys stay writable.
    pub privileged: bool,
    /// Its network namespace is nobody else's.
    pub own_network: bool,
    /// What its network namespace is told before its settings may become read-only.
    pub sysctls: &'a BTreeMap<String, String>,
}

/// Arranges the mounts of a sandbox in this process's mount namespace, which is new.
pub fn arrange(place: &Place, attached: &Attached) -> Result<(), Failure> {
    let here = std::env::current_dir();
    keep_to_ourselves()?;
    own_files(place.run_dir, attached)?;
    own_proc(place)?;
    own_sys(place.privileged)?;
    mask(place.run_dir)?;
    mask(place.state_dir)?;
    // The directory may lie below what has been mounted over.
    if let Ok(here) = here {
        std::env::set_current_dir(here).ok();
    }
    Ok(())
}

/// Arranges what `ip netns exec NAME` does: /sys of the namespace, and files of /etc/netns/NAME over those of /etc.
pub fn as_ip_netns(name: &str) -> Result<(), Failure> {
    keep_to_ourselves()?;
    own_sys(true)?;
    let dir = Path::new("/etc/netns").join(name);
    let Ok(entries) = fs::read_dir(&dir) else { return Ok(()) };
    for entry in entries.flatten() {
        let target = Path::new("/etc").join(entry.file_name());
        // A file that /etc lacks has no place to be mounted on; ip leaves it out as well.
        if target.exists() {
            bind(&entry.path(), &target)?;
        }
    }
    Ok(())
}

fn keep_to_ourselves() -> Result<(), Failure> {
    attempt(
        "separate mounts from the host's",
        NONE,
        "/",
        NONE,
        MsFlags::MS_REC | MsFlags::MS_SLAVE,
        "",
    )
}

/// Lays an overlay over /etc whose upper layer holds the sandbox's files. A bind mount on a file would be lost when the
/// host renames a new one over it; it is used only where the kernel refuses the overlay.
fn own_files(scratch: &Path, attached: &Attached) -> Result<(), Failure> {
    let harmless = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    attempt(
        "mount a scratch file system",
        "tmpfs",
        scratch,
        "tmpfs",
        harmless,
        "mode=0755,size=4m",
    )?;
    let upper = scratch.join("upper");
    let hostname = format!("{}\n", attached.hostname);
    let mut files = vec![("hostname", hostname.as_str())];
    // On the host's network, the host's files hold as they are.
    let named = [("resolv.conf", &attached.resolv_conf), ("hosts", &attached.hosts)];
    files.extend(named.iter().filter_map(|(name, text)| Some((*name, text.as_deref()?))));
    let written = || -> io::Result<()> {
        directory(&upper)?;
        directory(&scratch.join("work"))?;
        for (name, text) in &files {
            file(&upper.join(name), text)?;
        }
        // Relative layers spare escaping the path.
        std::env::set_current_dir(scratch)
    };
    written().map_err(|error| Failure::doing("write the sandbox's files", error))?;
    let layers = "lowerdir=/etc,upperdir=upper,workdir=work";
    if attempt("", "overlay", "/etc", "overlay", MsFlags::empty(), layers).is_err() {
        for (name, _) in &files {
            bind_if_there(&upper.join(name), &Path::new("/etc").join(name))?;
        }
    }
    std::env::set_current_dir("/").map_err(|error| Failure::doing("enter /", error))?;
    // What was mounted from it holds it; its path goes.
    umount2(scratch, MntFlags::MNT_DETACH)
        .map_err(|error| Failure::doing("hide the scratch file system", error))
}

fn directory(path: &Path) -> io::Result<()> {
    fs::create_dir(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o755))
}

fn file(path: &Path, text: &str) -> io::Result<()> {
    fs::write(path, text)?;
    fs::set_permissions(path, Permissions::from_mode(0o644))
}

fn bind_if_there(from: &Path, to: &Path) -> Result<(), Failure> {
    if to.exists() { bind(from, to) } else { Ok(()) }
}

fn bind(from: &Path, to: &Path) -> Result<(), Failure> {
    let what = format!("mount over {}", to.display());
    attempt(&what, from, to, NONE, MsFlags::MS_BIND, "")
}

/// What mount ignores where flags alone say what is meant.
const NONE: &str = "none";

const PSEUDO: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV).union(MsFlags::MS_NOEXEC);

/// Mounts the /proc of this PID namespace; its sys is read-only but for the net of a namespace of its own, and that
/// forwards nothing: a new namespace inherits the host's ip_forward and would be a router between its networks.
fn own_proc(place: &Place) -> Result<(), Failure> {
    attempt("mount /proc", "proc", "/proc", "proc", PSEUDO, "")?;
    if place.own_network {
        fs::write("/proc/sys/net/ipv4/ip_forward", "0")
            .map_err(|error| Failure::doing("turn forwarding off", error))?;
    }
    sysctl::write(place.sysctls)?;
    if place.privileged {
        return Ok(());
    }
    bind(Path::new("/proc/sys"), Path::new("/proc/sys"))?;
    if place.own_network {
        bind(Path::new("/proc/sys/net"), Path::new("/proc/sys/net"))?;
    }
    let read_only = PSEUDO | MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
    attempt("make /proc/sys read-only", NONE, "/proc/sys", NONE, read_only, "")
}

/// Mounts the /sys of this network namespace, with the host's cgroups below it as before.
fn own_sys(privileged: bool) -> Result<(), Failure> {
    let cgroups = File::options().read(true).custom_flags(libc::O_PATH).open("/sys/fs/cgroup");
    let access = if privileged { MsFlags::empty() } else { MsFlags::MS_RDONLY };
    attempt("mount /sys", "sysfs", "/sys", "sysfs", PSEUDO | access, "")?;
    let Ok(cgroups) = cgroups else { return Ok(()) };
    let hidden = format!("/proc/self/fd/{}", cgroups.as_raw_fd());
    let recursive = MsFlags::MS_BIND | MsFlags::MS_REC;
    attempt("keep /sys/fs/cgroup", &hidden, "/sys/fs/cgroup", NONE, recursive, "")?;
    if privileged {
        return Ok(());
    }
    let read_only = PSEUDO | MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
    attempt("make /sys/fs/cgroup read-only", NONE, "/sys/fs/cgroup", NONE, read_only, "")
}

/// Puts an empty read-only directory over one of netdns's own, which may lie in the other one, masked already.
fn mask(dir: &Path) -> Result<(), Failure> {
    if !dir.exists() {
        return Ok(());
    }
    let what = format!("mask {}", dir.display());
    attempt(&what, "tmpfs", dir, "tmpfs", PSEUDO | MsFlags::MS_RDONLY, "size=4k")
}

fn attempt(
    what: &str,
    source: impl AsRef<Path>,
    target: impl AsRef<Path>,
    kind: &str,
    flags: MsFlags,
    options: &str,
) -> Result<(), Failure> {
    mount(Some(source.as_ref()), target.as_ref(), Some(kind), flags, Some(options))
        .map_err(|error| Failure::doing(what, error))
}
