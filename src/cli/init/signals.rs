//! Signals: those that the CLI passes on instead of dying of them, and all that the init gets, read from a signalfd. One
//! that the kernel sent came from the terminal, which sent it to the command as well: it is not passed on.

use super::{exit_code, process};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::{Pid, getpgrp, tcgetpgrp, tcsetpgrp};
use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, BorrowedFd};

/// What the CLI passes on; of the rest it dies or stops, as any program.
const FORWARDED: [Signal; 9] = [
    Signal::SIGTERM,
    Signal::SIGINT,
    Signal::SIGHUP,
    Signal::SIGQUIT,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGWINCH,
    Signal::SIGALRM,
    Signal::SIGCONT,
];

/// `si_code` of what the kernel sends by itself.
const SI_KERNEL: i32 = 0x80;

/// Blocked signals, and the mask from before.
pub struct Signals {
    fd: SignalFd,
    before: SigSet,
}

/// A signal that has come.
pub struct Arrived {
    /// Its number: nix has no word for real-time signals.
    number: i32,
    from_kernel: bool,
}

impl Signals {
    /// Blocks the signals that the CLI passes on, and SIGCHLD. Whoever is cloned afterwards reads its own through it.
    pub fn block() -> io::Result<Self> {
        process::default_child_signal()?;
        let mut set: SigSet = FORWARDED.into_iter().collect();
        set.add(Signal::SIGCHLD);
        let mut before = SigSet::empty();
        sigprocmask(SigmaskHow::SIG_BLOCK, Some(&set), Some(&mut before))?;
        let fd = SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        Ok(Self { fd, before })
    }

    /// Blocks every signal there is, as becomes a process 1: of one that it does not read, the command hears nothing. The
    /// clone's own descriptor is made anew, because the caller's is the same open file.
    pub fn block_all(self) -> io::Result<Self> {
        let set = SigSet::all();
        sigprocmask(SigmaskHow::SIG_BLOCK, Some(&set), None)?;
        let fd = SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        Ok(Self { fd, before: self.before })
    }

    /// Gives a command the signals that the caller had: the mask, and SIGPIPE, which Rust ignores.
    pub fn restore(&self) -> io::Result<()> {
        process::default_pipe_signal()?;
        sigprocmask(SigmaskHow::SIG_SETMASK, Some(&self.before), None)?;
        Ok(())
    }

    /// Returns a signal that has come, if there is one.
    pub fn next(&mut self) -> Option<Arrived> {
        let read = self.fd.read_signal().ok()??;
        Some(Arrived { number: read.ssi_signo as i32, from_kernel: read.ssi_code == SI_KERNEL })
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Arrived {
    /// Passes it on, unless the terminal did; a process that has ended misses nothing.
    pub fn forward(&self, to: Pid) {
        if !self.from_kernel && self.number != Signal::SIGCHLD as i32 {
            process::send_signal(to, self.number).ok();
        }
    }
}

/// Waits for a child of this process, passing signals on; returns its exit code. Takes the terminal back from it.
pub fn attend(child: Pid, mut signals: Signals) -> io::Result<u8> {
    let stdin = io::stdin();
    let had_terminal = stdin.is_terminal() && tcgetpgrp(&stdin) == Ok(getpgrp());
    let code = loop {
        let mut fds = [PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        // An interrupted wait is as good as one that ended.
        poll(&mut fds, PollTimeout::NONE).ok();
        while let Some(signal) = signals.next() {
            signal.forward(child);
        }
        if let Some((_, status)) = process::ended(Some(child))? {
            break exit_code(status);
        }
    };
    if had_terminal {
        take_terminal(&stdin);
    }
    Ok(code)
}

/// Becomes the terminal's foreground again after a shell that took it; its absence is no failure.
fn take_terminal(terminal: impl AsFd) {
    let mut set = SigSet::empty();
    set.add(Signal::SIGTTOU);
    if set.thread_block().is_ok() {
        tcsetpgrp(terminal, getpgrp()).ok();
    }
}
