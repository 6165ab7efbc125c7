//! A sandbox's files: the text of its /etc/resolv.conf and /etc/hosts, put where the sandbox sees it.
//!
//! They are rewritten in place when they change, and left alone once somebody else has changed them: what is found
//! there must be what State said before. A path inside a sandbox is opened below its root and nowhere else.

use super::{Listen, Settings};
use crate::etc::{self, Mode};
use crate::model::{HostTarget, Origin, Sandbox, SandboxId, Shares, State};
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::net::IpAddr;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use tracing::{debug, warn};

/// The files of one sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Texts {
    /// /etc/resolv.conf.
    pub resolv_conf: String,
    /// /etc/hosts.
    pub hosts: String,
}

/// Whether a sandbox has a resolver at 127.0.0.11: it has names, or the host has no server that can be reached from
/// inside, so that a resolver without names must ask for it.
pub fn wants_resolver(state: &State, id: SandboxId, settings: &Settings) -> bool {
    let Some(sandbox) = state.sandboxes.get(&id) else { return false };
    if settings.dns == Listen::Nowhere {
        return false;
    }
    let attached = !state.endpoints_of(id).is_empty();
    let no_server = sandbox.dns.servers.is_empty() && etc::usable(&settings.host_resolv).is_empty();
    state.has_names(id) || attached && no_server
}

/// Returns the texts of a sandbox's files: those of the sandbox whose namespace it shares, none on the host's network.
pub fn texts(state: &State, id: SandboxId, settings: &Settings) -> Option<Texts> {
    let sandbox = state.sandboxes.get(&id)?;
    if sandbox.shares == Some(Shares::Host) {
        return None;
    }
    let id = sandbox.owner();
    let sandbox = state.sandboxes.get(&id)?;
    let mode = match wants_resolver(state, id, settings) {
        true => Mode::Internal,
        false => Mode::Host,
    };
    Some(Texts {
        resolv_conf: etc::resolv_conf(&settings.host_resolv, &sandbox.dns, mode),
        hosts: hosts(state, sandbox),
    })
}

fn hosts(state: &State, sandbox: &Sandbox) -> String {
    let hostname = sandbox.config.hostname.clone();
    let mut names = vec![hostname.clone()];
    names.extend(hostname.split_once('.').map(|(first, _)| first.to_owned()));
    if !names.contains(&sandbox.name.to_string()) {
        names.push(sandbox.name.to_string());
    }
    let endpoints = state.endpoints_of(sandbox.id);
    let ipv6 = endpoints.iter().any(|(_, network)| network.has_ipv6());
    let addresses = endpoints.iter().flat_map(|(endpoint, _)| &endpoint.addresses);
    let own: Vec<(IpAddr, Vec<String>)> =
        addresses.map(|net| (net.addr(), names.clone())).collect();
    let gateway = state.host_address(sandbox.id);
    let extra = sandbox.extra_hosts.iter().flat_map(|extra| match extra.target {
        HostTarget::Address(address) => vec![(extra.name.to_string(), address)],
        HostTarget::HostGateway => {
            gateway.iter().map(|address| (extra.name.to_string(), *address)).collect()
        }
    });
    etc::hosts(ipv6, &own, &extra.collect::<Vec<_>>())
}

/// What a sandbox's files follow from.
type Given<'a> = (&'a State, &'a Settings);

/// Rewrites the files of a running sandbox, and of those that share its namespace, where State or settings have changed
/// them.
pub fn rewrite(before: Given<'_>, after: Given<'_>, id: SandboxId) {
    let sharing = after.0.sandboxes.values().filter(|s| s.shares == Some(Shares::Sandbox(id)));
    for id in sharing.map(|sandbox| sandbox.id).chain([id]) {
        rewrite_own(before, after, id);
    }
}

fn rewrite_own(before: Given<'_>, after: Given<'_>, id: SandboxId) {
    let Some(sandbox) = after.0.sandboxes.get(&id).filter(|sandbox| sandbox.is_running()) else {
        return;
    };
    if !before.0.sandboxes.get(&id).is_some_and(|sandbox| sandbox.is_running()) {
        return;
    }
    let (Some(old), Some(new)) = (texts(before.0, id, before.1), texts(after.0, id, after.1))
    else {
        return;
    };
    let files =
        [("resolv.conf", old.resolv_conf, new.resolv_conf), ("hosts", old.hosts, new.hosts)];
    for (name, old, new) in files {
        if old == new {
            continue;
        }
        match open(&sandbox.origin, name).and_then(|file| replace(file, &old, &new)) {
            Ok(true) => {}
            Ok(false) => debug!(sandbox = %sandbox.name, name, "changed by its owner, left alone"),
            Err(error) => debug!(sandbox = %sandbox.name, name, %error, "not rewritten"),
        }
    }
}

/// Puts the files of an adopted namespace where `ip netns exec` looks for them, or says what to put where.
pub fn place(state: &State, id: SandboxId, settings: &Settings, warnings: &mut Vec<String>) {
    let Some(sandbox) = state.sandboxes.get(&id) else { return };
    let Some(texts) = texts(state, id, settings) else { return };
    match &sandbox.origin {
        Origin::Init(_) => {}
        Origin::Netns(path) if netns_dir(path).is_some() => {
            let dir = netns_dir(path).unwrap_or_default();
            for (name, text) in [("resolv.conf", texts.resolv_conf), ("hosts", texts.hosts)] {
                let file = dir.join(name);
                let made = fs::create_dir_all(&dir)
                    .and_then(|()| File::create_new(&file))
                    .and_then(|mut file| file.write_all(text.as_bytes()));
                match made {
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                        warnings.push(format!("{} is there already: left alone", file.display()));
                    }
                    Err(error) => warnings.push(format!("{} not written: {error}", file.display())),
                    Ok(()) => {}
                }
            }
        }
        Origin::Pid(_) | Origin::Netns(_) => {
            if wants_resolver(state, id, settings) {
                let advice = "for names, its /etc/resolv.conf should say: nameserver 127.0.0.11";
                warnings.push(advice.to_owned());
            }
        }
    }
}

/// Removes the files that [`place`] made, unless somebody has changed them.
pub fn displace(state: &State, id: SandboxId, settings: &Settings) {
    let Some(sandbox) = state.sandboxes.get(&id) else { return };
    let Origin::Netns(path) = &sandbox.origin else { return };
    let Some(dir) = netns_dir(path) else { return };
    let Some(texts) = texts(state, id, settings) else { return };
    for (name, text) in [("resolv.conf", texts.resolv_conf), ("hosts", texts.hosts)] {
        let file = dir.join(name);
        if fs::read_to_string(&file).is_ok_and(|found| found == text)
            && let Err(error) = fs::remove_file(&file)
        {
            warn!(file = %file.display(), %error, "not removed");
        }
    }
    // It may hold files of the user's: then it stays.
    let _ = fs::remove_dir(&dir);
}

/// Reads the exit code that a sandbox's init has left. Without one it was killed: 137.
pub fn exit_code(sandbox: &Sandbox, settings: &Settings) -> i32 {
    let Some(path) = exit_path(sandbox, settings) else { return 0 };
    let code = fs::read_to_string(path).ok().and_then(|text| text.trim().parse().ok());
    code.unwrap_or(137)
}

/// Removes what an ended sandbox's init has left, and its log too if the sandbox is removed.
pub fn discard(sandbox: &Sandbox, removed: bool, settings: &Settings) {
    let logs = settings.state_dir.join("logs");
    let log = |end: &str| logs.join(format!("{}.log{end}", sandbox.id));
    let logs = if removed { vec![log(""), log(".1")] } else { Vec::new() };
    for path in exit_path(sandbox, settings).into_iter().chain(logs) {
        // Not every sandbox has each of them.
        let _ = fs::remove_file(path);
    }
}

/// Removes what is nobody's any more: exit files of `run`s that were killed before the manager knew of them, and logs
/// of sandboxes that are forgotten, as every boot forgets them.
pub fn sweep(state: &State, settings: &Settings) {
    let inits: Vec<&Origin> =
        state.sandboxes.values().filter(|s| s.is_running()).map(|s| &s.origin).collect();
    // A hidden one is named after a `run` that has no init yet. One that lives may be about to attach.
    let dead = |name: &str| {
        let pid: i32 = name.strip_prefix('.').unwrap_or(name).parse().ok()?;
        let alive = Path::new("/proc").join(pid.to_string()).exists();
        Some(!alive && !inits.contains(&&Origin::Init(pid)))
    };
    let forgotten = |name: &str| {
        let id: SandboxId = name.split_once(".log")?.0.parse().ok()?;
        Some(!state.sandboxes.contains_key(&id))
    };
    remove_where(&settings.run_dir.join("exits"), dead);
    remove_where(&settings.state_dir.join("logs"), forgotten);
}

/// Removes the files of a directory whose names are found to be nobody's; other names are left alone.
fn remove_where(dir: &Path, nobodys: impl Fn(&str) -> Option<bool>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_name().to_str().and_then(&nobodys) == Some(true)
            && let Err(error) = fs::remove_file(entry.path())
        {
            warn!(file = %entry.path().display(), %error, "not removed");
        }
    }
}

fn exit_path(sandbox: &Sandbox, settings: &Settings) -> Option<PathBuf> {
    match sandbox.origin {
        Origin::Init(pid) => Some(settings.run_dir.join("exits").join(pid.to_string())),
        Origin::Pid(_) | Origin::Netns(_) => None,
    }
}

fn netns_dir(path: &Path) -> Option<PathBuf> {
    let named =
        ["/run/netns", "/var/run/netns"].iter().any(|dir| path.parent() == Some(Path::new(dir)));
    named.then(|| Path::new("/etc/netns").join(path.file_name().unwrap_or_default()))
}

/// Opens a file of /etc as the sandbox sees it. Its root is a magic link; below it no link may lead out.
fn open(origin: &Origin, name: &str) -> io::Result<File> {
    let path = match origin {
        Origin::Init(pid) => {
            let root = File::open(format!("/proc/{pid}/root"))?;
            let how = OpenHow::new()
                .flags(OFlag::O_PATH | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW)
                .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
            let found = openat2(&root, Path::new("etc").join(name).as_path(), how)?;
            return open_regular(&found.into());
        }
        Origin::Netns(path) => netns_dir(path).ok_or(io::ErrorKind::NotFound)?.join(name),
        Origin::Pid(_) => return Err(io::ErrorKind::Unsupported.into()),
    };
    File::options().read(true).write(true).open(path)
}

/// Opens for reading and writing what was found, if it is a regular file. The sandbox may have put a FIFO there, or a
/// device, at which the manager would wait for ever, or hold a lease, for which it would wait long.
fn open_regular(found: &File) -> io::Result<File> {
    if !found.metadata()?.is_file() {
        return Err(io::Error::other("no regular file"));
    }
    let path = format!("/proc/self/fd/{}", found.as_raw_fd());
    File::options().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(path)
}

/// Writes a file anew in place if it still says what it said; says whether it did.
fn replace(mut file: File, old: &str, new: &str) -> io::Result<bool> {
    let mut found = String::new();
    Read::by_ref(&mut file).take(old.len() as u64 + 1).read_to_string(&mut found)?;
    if found != old {
        return Ok(false);
    }
    file.rewind()?;
    file.write_all(new.as_bytes())?;
    file.set_len(new.len() as u64)?;
    Ok(true)
}
