//! Watching: the end of sandboxes, what the resolver says unasked, other tools at the firewall.

use super::replica::give;
use super::{Controller, Failure};
use crate::channel::{FromResolver, Watched};
use crate::driver::{self, Scope};
use crate::kernel::Kernel;
use crate::model::{AttachTo, IfName, Origin, Sandbox, SandboxId};
use crate::plan::Place;
use crate::store::Store;
use rustix::process::{Signal, pidfd_send_signal};
use std::collections::BTreeSet;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::Interest;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

/// How often sysctls are read, of whose changes the kernel tells nobody.
const SYSCTLS: Duration = Duration::from_millis(700);

/// The pause before a firewall that cannot be watched, as nf_tables may still be loaded, is tried again.
const BLIND: Duration = Duration::from_secs(5);

impl<K: Kernel, S: Store> Controller<K, S> {
    /// Records the end of a sandbox when its process ends, or when its file stands for it no more.
    pub(super) fn watch_end(&self, sandbox: &Sandbox, process: Option<Arc<OwnedFd>>) {
        let myself = self.myself.clone();
        let files = self.files.clone();
        let (id, origin, netns) = (sandbox.id, sandbox.origin.clone(), sandbox.netns);
        tokio::spawn(async move {
            let ended = match (process, &origin) {
                (Some(process), _) => readable(&process).await,
                (None, Origin::Netns(path)) => {
                    let stands = || myself.upgrade().is_some_and(|c| c.stands(id, path, netns));
                    files.vanished(path, stands).await
                }
                (None, Origin::Init(_) | Origin::Pid(_)) => return,
            };
            if let Err(error) = ended {
                return warn!(%error, sandbox = id.short(), "its end cannot be watched");
            }
            let Some(controller) = myself.upgrade() else { return };
            if let Err(failure) = controller.ended(id).await {
                warn!(failure = failure.text(), sandbox = id.short(), "end not recorded whole");
            }
        });
    }

    /// Whether a sandbox is still there and its file still stands for its namespace.
    fn stands(&self, id: SandboxId, path: &Path, netns: (u64, u64)) -> bool {
        let looked = self.kernel.look(&AttachTo::Netns(path.to_owned()));
        self.state().sandboxes.contains_key(&id)
            && looked.is_ok_and(|looked| looked.place.netns == netns)
    }

    /// Follows what the resolver says unasked, until the daemon ends.
    pub async fn follow(&self, mut events: mpsc::UnboundedReceiver<FromResolver>) {
        while let Some(event) = events.recv().await {
            let followed = match event {
                FromResolver::Ended(id) => self.ended(id).await,
                FromResolver::NeedInside { sandbox, udp, tcp } => {
                    self.give_inside(sandbox, udp, tcp).await
                }
                _ => Ok(()),
            };
            if let Err(failure) = followed {
                warn!(failure = failure.text(), "resolver's wish not met");
            }
        }
    }

    /// Puts our table and marked rules back when another tool has touched the firewall, until the daemon ends.
    pub async fn guard_firewall(&self) {
        loop {
            let touched = match self.kernel.firewall_touched().await {
                Ok(touched) => touched,
                Err(error) => {
                    debug!(%error, "the firewall cannot be watched yet");
                    sleep(BLIND).await;
                    continue;
                }
            };
            // Tools change many rules at once: wait for them to finish, but not long.
            sleep(Duration::from_millis(100)).await;
            let mut turn = self.turn().await;
            if let Err(failure) = turn.repair_firewall(touched).await {
                warn!(failure = failure.text(), "firewall not repaired");
            }
        }
    }

    /// Puts links of ours on the host right when somebody has changed them, until the daemon ends.
    pub async fn guard_links(&self) {
        loop {
            match self.kernel.links_touched().await {
                Ok(touched) => {
                    self.repair_links(touched.unwrap_or_else(|| self.bridges())).await;
                }
                Err(error) => {
                    warn!(%error, "links cannot be watched");
                    sleep(BLIND).await;
                }
            }
        }
    }

    /// The same for their sysctls.
    pub async fn guard_sysctls(&self) {
        loop {
            sleep(SYSCTLS).await;
            self.repair_links(self.unsettled()).await;
        }
    }

    async fn repair_links(&self, touched: BTreeSet<IfName>) {
        if touched.is_empty() {
            return;
        }
        let mut turn = self.turn().await;
        for link in touched {
            // Of other links too is told that they come and go.
            if !turn.knows_link(&link) {
                continue;
            }
            if let Err(failure) = turn.repair_link(&link).await {
                warn!(failure = failure.text(), %link, "not repaired");
            }
        }
    }

    /// Returns all bridges: what is plugged into one is looked at with it.
    fn bridges(&self) -> BTreeSet<IfName> {
        self.state().networks.values().filter_map(|network| network.bridge.clone()).collect()
    }

    fn unsettled(&self) -> BTreeSet<IfName> {
        let state = self.state();
        let networks = state.networks.keys().copied().collect();
        let wanted = driver::wanted(&state, &Scope { networks, ..Scope::default() });
        self.kernel.unsettled(&wanted)
    }

    /// Waits until no command has the turn. A resolver that serves nobody is ended.
    pub async fn quiesce(&self) {
        let turn = self.turn().await;
        if turn.state.sandboxes.values().all(|sandbox| !sandbox.is_running()) {
            self.resolver().retire().await;
        }
    }

    /// Gives the resolver more sockets made inside a sandbox.
    async fn give_inside(&self, id: SandboxId, udp: u16, tcp: u16) -> Result<(), Failure> {
        let turn = self.turn().await;
        let Some(sandbox) = turn.state.sandboxes.get(&id).filter(|s| s.is_running()) else {
            return Ok(());
        };
        let place = Place { origin: sandbox.origin.clone(), netns: sandbox.netns };
        let (udp, tcp) = (usize::from(udp.min(64)), usize::from(tcp.min(64)));
        let more = turn.kernel.inside_sockets(&place, udp, tcp)?;
        turn.publish(vec![give(id, more)]).await;
        Ok(())
    }
}

/// Waits for a process to end, at most so long; says whether it did.
pub(super) async fn exited(process: &Arc<OwnedFd>, patience: Duration) -> bool {
    matches!(timeout(patience, readable(process)).await, Ok(Ok(())))
}

/// Sends a signal to a process; one that has ended is fine.
pub(super) fn signal(process: &OwnedFd, signal: Signal) {
    let _ = pidfd_send_signal(process, signal);
}

/// Waits until a pidfd is readable: its process has ended. A duplicate is polled, as one descriptor can be registered
/// only once.
async fn readable(process: &OwnedFd) -> io::Result<()> {
    let watched = Watched::new(Arc::new(process.try_clone()?), Interest::READABLE)?;
    watched.readable().await.map(drop)
}
