//! Process: the system calls that Rust cannot check: clone, fork, signal dispositions, capability sets. Nothing here
//! decides anything.

use nix::sys::signal::{SigHandler, Signal, signal};
use nix::unistd::{ForkResult, Pid};
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// Clones this process into new PID, mount, UTS and IPC namespaces, and a new network namespace if it is to have its
/// own; none is the child, which is process 1 there. The caller has one thread.
pub fn clone_init(own_network: bool) -> io::Result<Option<Pid>> {
    let network = if own_network { libc::CLONE_NEWNET } else { 0 };
    let namespaces =
        network | libc::CLONE_NEWPID | libc::CLONE_NEWNS | libc::CLONE_NEWUTS | libc::CLONE_NEWIPC;
    // SAFETY: clone_args is plain integers, for which zero means nothing asked.
    let mut args: libc::clone_args = unsafe { std::mem::zeroed() };
    args.flags = namespaces as u64;
    args.exit_signal = libc::SIGCHLD as u64;
    // SAFETY: without CLONE_VM and a stack it is a fork: the child has a copy of all memory. The CLI is one thread
    // until here, so no lock is held by a thread that the child lacks.
    let pid = unsafe { libc::syscall(libc::SYS_clone3, &args, size_of_val(&args)) };
    match pid {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(None),
        pid => Ok(Some(Pid::from_raw(pid as i32))),
    }
}

/// Forks; none is the child. The caller has one thread.
pub fn fork() -> io::Result<Option<Pid>> {
    // SAFETY: CLI and init are one thread each, so no lock is held by a thread that the child lacks.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Parent { child } => Ok(Some(child)),
        ForkResult::Child => Ok(None),
    }
}

/// Opens a pidfd: it stands for the process even when its pid is another's.
pub fn open_process(pid: Pid) -> io::Result<OwnedFd> {
    // SAFETY: the call reads integers only.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) };
    check(fd)?;
    // SAFETY: the kernel has just made it for us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// Sends a signal by its number: nix and rustix have none for real-time signals.
pub fn send_signal(to: Pid, number: i32) -> io::Result<()> {
    // SAFETY: the call reads integers only.
    check(unsafe { libc::kill(to.as_raw(), number) }.into())
}

/// Reaps one child, or any, if one has ended; says how. (nix's waitpid fails for a child that a real-time signal ended.)
pub fn ended(child: Option<Pid>) -> io::Result<Option<(Pid, ExitStatus)>> {
    let mut status = 0;
    let which = child.map_or(-1, Pid::as_raw);
    // SAFETY: the kernel writes one integer, which lives until the call has returned.
    let pid = unsafe { libc::waitpid(which, &mut status, libc::WNOHANG) };
    check(pid.into())?;
    Ok((pid != 0).then(|| (Pid::from_raw(pid), ExitStatus::from_raw(status))))
}

/// Makes children waitable even if the caller ignored SIGCHLD.
pub fn default_child_signal() -> io::Result<()> {
    default(Signal::SIGCHLD)
}

/// Lets a command inherit its three standard descriptors and no other, whatever the caller left open.
pub fn close_others_on_exec() -> io::Result<()> {
    // SAFETY: the call reads integers only; what it marks stays open until the exec.
    let marked = unsafe {
        libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC)
    };
    match check(marked) {
        // Before Linux 5.11 there is no such flag: then what the caller left open is the caller's affair.
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => Ok(()),
        other => other,
    }
}

/// Undoes what Rust's runtime did to SIGPIPE.
pub fn default_pipe_signal() -> io::Result<()> {
    default(Signal::SIGPIPE)
}

fn default(which: Signal) -> io::Result<()> {
    // SAFETY: the default disposition runs no code of ours.
    unsafe { signal(which, SigHandler::SigDfl) }?;
    Ok(())
}

/// Takes a capability out of the bounding set.
pub fn drop_bounding(capability: u32) -> io::Result<()> {
    // SAFETY: the call reads integers only.
    check(
        unsafe { libc::prctl(libc::PR_CAPBSET_DROP, libc::c_ulong::from(capability), 0, 0, 0) }
            .into(),
    )
}

/// Empties the ambient set.
pub fn clear_ambient() -> io::Result<()> {
    let clear = libc::PR_CAP_AMBIENT_CLEAR_ALL as libc::c_ulong;
    // SAFETY: the call reads integers only.
    check(unsafe { libc::prctl(libc::PR_CAP_AMBIENT, clear, 0, 0, 0) }.into())
}

/// `struct __user_cap_header_struct` of linux/capability.h.
#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

/// `struct __user_cap_data_struct`: 32 capabilities.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Data {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// _LINUX_CAPABILITY_VERSION_3: two data of 32 capabilities each.
const VERSION_3: u32 = 0x2008_0522;

/// Keeps of the permitted capabilities those in the mask, makes them effective, and empties the inheritable set.
pub fn limit_capabilities(mask: u64) -> io::Result<()> {
    let mut header = Header { version: VERSION_3, pid: 0 };
    let mut data = [Data::default(); 2];
    // SAFETY: both point to structures of the layout that version 3 asks for, two data long.
    check(unsafe { libc::syscall(libc::SYS_capget, &mut header, data.as_mut_ptr()) })?;
    for (data, mask) in data.iter_mut().zip([mask as u32, (mask >> 32) as u32]) {
        data.permitted &= mask;
        data.effective = data.permitted;
        data.inheritable = 0;
    }
    // SAFETY: as above; the kernel only reads.
    check(unsafe { libc::syscall(libc::SYS_capset, &header, data.as_ptr()) })
}

fn check(result: libc::c_long) -> io::Result<()> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
