//! Signals: those that the CLI and the init pass on instead of dying of them, read from a signalfd. One that the
//! kernel sent came from the terminal, which sent it to the command as well: it is not passed on.

use super::{exit_code, process};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::{Pid, getpgrp, tcgetpgrp, tcsetpgrp};
use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, BorrowedFd};

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
    signal: Option<Signal>,
    from_kernel: bool,
}

impl Signals {
    /// Blocks the signals that are passed on, and SIGCHLD. Whoever is cloned afterwards reads its own through it.
    pub fn block() -> io::Result<Self> {
        process::default_child_signal()?;
        let mut set: SigSet = FORWARDED.into_iter().collect();
        set.add(Signal::SIGCHLD);
        let mut before = SigSet::empty();
        sigprocmask(SigmaskHow::SIG_BLOCK, Some(&set), Some(&mut before))?;
        let fd = SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        Ok(Self { fd, before })
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
        Some(Arrived {
            signal: Signal::try_from(read.ssi_signo as i32).ok(),
            from_kernel: read.ssi_code == SI_KERNEL,
        })
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
        let Some(signal) = self.signal.filter(|signal| *signal != Signal::SIGCHLD) else { return };
        if !self.from_kernel {
            kill(to, signal).ok();
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
        if let Some(code) = exit_code(waitpid(child, Some(WaitPidFlag::WNOHANG))?) {
            break code;
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
