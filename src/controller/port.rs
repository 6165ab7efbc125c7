//! Host ports: each is held by a bound socket, here and in the resolver, as long as a running sandbox publishes it.

use super::replica::hold;
use super::turn::Turn;
use crate::channel::{MOST_PORTS, ToResolver};
use crate::kernel::Kernel;
use crate::model::{Publish, held};
use crate::store::Store;
use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use tracing::warn;

impl<K: Kernel, S: Store> Turn<K, S> {
    /// Keeps the sockets of host ports.
    pub(super) async fn keep_ports(&self, taken: Vec<(Publish, OwnedFd)>) {
        let taken: Vec<_> = taken.into_iter().map(|(port, fd)| (port, Arc::new(fd))).collect();
        let messages = hold(&taken).collect();
        self.replica.ports().extend(taken);
        self.publish(messages).await;
    }

    /// Lets go of host ports that no running sandbox publishes.
    pub(super) async fn release_ports(&self) {
        let wanted = self.wanted_ports();
        let held: BTreeSet<Publish> = self.replica.ports().keys().copied().collect();
        let unwanted: Vec<Publish> = held.difference(&wanted).copied().collect();
        self.replica.ports().retain(|publish, _| wanted.contains(publish));
        let some = unwanted.chunks(MOST_PORTS).map(<[Publish]>::to_vec);
        let release = |ports| (ToResolver::ReleasePorts(ports), Vec::new());
        self.publish(some.map(release).collect()).await;
    }

    /// Takes back host ports that no resolver has kept; one that a stranger has taken meanwhile is a warning.
    pub(super) fn regain_ports(&self) {
        for publish in self.wanted_ports() {
            if self.replica.ports().contains_key(&publish) {
                continue;
            }
            match self.kernel.bind_port(&publish) {
                Ok(fd) => drop(self.replica.ports().insert(publish, Arc::new(fd))),
                Err(error) => warn!(%publish, %error, "host port not held"),
            }
        }
    }

    pub(super) fn wanted_ports(&self) -> BTreeSet<Publish> {
        let running = self.state.sandboxes.values().filter(|sandbox| sandbox.is_running());
        running.flat_map(|sandbox| held(&sandbox.publish)).collect()
    }
}
