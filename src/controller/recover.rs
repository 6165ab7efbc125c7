//! Starting up: what was pending is withdrawn, what has ended is recorded, and everything is converged. There is no
//! other recovery code.

use super::sandbox::end_of;
use super::supervise::Returned;
use super::turn::Turn;
use super::{Controller, Failure, file};
use crate::driver::{self, Scope, firewall};
use crate::kernel::Kernel;
use crate::model::{AttachTo, Change, IfName, Origin, Sandbox, SandboxId};
use crate::plan::{Step, nft};
use crate::store::{Loaded, Store};
use std::collections::BTreeSet;
use std::sync::Arc;
use tracing::{debug, info, warn};

impl<K: Kernel, S: Store> Controller<K, S> {
    /// Makes true what the store holds, with what an adopted resolver gave back.
    pub async fn recover(&self, returned: Returned) -> Result<(), Failure> {
        let mut turn = self.turn().await;
        let interrupted = turn.load()?;
        turn.bury_the_dead()?;
        file::sweep(&turn.state, &turn.settings);
        turn.settle_predefined().await?;
        turn.take_back(returned);
        turn.sweep(interrupted).await?;
        let running = turn.state.sandboxes.values().filter(|sandbox| sandbox.is_running());
        let running: Vec<_> = running.collect();
        info!(networks = turn.state.networks.len(), sandboxes = running.len(), "recovered");
        for sandbox in running {
            self.watch_end(sandbox, turn.processes.get(&sandbox.id).cloned());
        }
        Ok(())
    }
}

impl<K: Kernel, S: Store> Turn<K, S> {
    /// Reads State, and withdraws the changes whose callers had no answer; says whether there were any.
    fn load(&mut self) -> Result<bool, Failure> {
        let Loaded { state, pending } = self.store.load()?;
        self.state = Arc::new(state);
        self.replica.show(self.state.clone());
        let interrupted = !pending.is_empty();
        for (ticket, change) in pending {
            if let Some(withdrawal) = change.withdrawal() {
                self.note(&withdrawal)?;
            }
            self.store.settle(ticket)?;
        }
        Ok(interrupted)
    }

    /// Records a change that the sweep makes true.
    pub(super) fn note(&mut self, change: &Change) -> Result<(), Failure> {
        let ticket = self.record(change)?;
        Ok(self.store.settle(ticket)?)
    }

    /// Finds the namespaces of running sandboxes again, and records the end of those that are gone.
    fn bury_the_dead(&mut self) -> Result<(), Failure> {
        let running: Vec<Arc<Sandbox>> =
            self.state.sandboxes.values().filter(|sandbox| sandbox.is_running()).cloned().collect();
        for sandbox in running {
            match self.kernel.look(&attach_to(&sandbox)) {
                Ok(looked) if looked.place.netns == sandbox.netns => {
                    let process = looked.pidfd.map(|pidfd| (sandbox.id, Arc::new(pidfd)));
                    self.processes.extend(process);
                }
                _ => {
                    info!(sandbox = %sandbox.name, "ended while no manager ran");
                    let code = file::exit_code(&sandbox, &self.settings);
                    let end = end_of(&sandbox, code);
                    let removed = matches!(end, Change::RemoveSandbox(_));
                    file::displace(&self.state, sandbox.id, &self.settings);
                    let before = self.state.clone();
                    self.note(&end)?;
                    self.tell(&end, &before);
                    file::discard(&sandbox, removed, &self.settings);
                }
            }
        }
        Ok(())
    }

    /// Takes over the descriptors of sandboxes that still run.
    fn take_back(&mut self, returned: Returned) {
        let state = self.state.clone();
        let runs =
            |id: &SandboxId| state.sandboxes.get(id).is_some_and(|sandbox| sandbox.is_running());
        let sockets = returned.sockets.into_iter().filter(|(id, _)| runs(id));
        self.replica.sockets().extend(sockets);
        self.replica.ports().extend(returned.ports);
    }

    /// Converges everything, piece by piece, so that what is in the way of one network or sandbox stops no other; what
    /// bears our mark and is not wanted goes.
    async fn sweep(&mut self, interrupted: bool) -> Result<(), Failure> {
        match firewall::tables(&self.state).is_empty() {
            false => self.converge_firewall().await?,
            true => self.clear_firewall(interrupted).await,
        }
        self.converge(&Scope { gone: self.strays().await?, ..Scope::default() }).await?;
        let networks: Vec<_> = self.state.networks.values().cloned().collect();
        for network in networks {
            let scope = Scope { networks: [network.id].into(), ..Scope::default() };
            if let Err(failure) = self.converge(&scope).await {
                warn!(network = %network.name, failure = failure.text(), "not whole");
            }
        }
        let sandboxes: Vec<_> = self.state.sandboxes.values().cloned().collect();
        for sandbox in sandboxes.into_iter().filter(|sandbox| sandbox.is_running()) {
            let scope = Scope { sandboxes: [sandbox.id].into(), ..Scope::default() };
            let converged = self.converge(&scope).await;
            // The snapshot tells the resolver of them; sockets for own servers are asked for by whoever lacks them.
            let opened = self.open_sockets(sandbox.id);
            if let Err(failure) = converged.and(opened.map(drop)) {
                warn!(sandbox = %sandbox.name, failure = failure.text(), "not whole");
            }
        }
        let wanted = self.wanted_ports();
        self.replica.ports().retain(|publish, _| wanted.contains(publish));
        self.regain_ports();
        self.reserve_ports();
        Ok(())
    }

    /// Takes away what bears our mark and belongs to nothing that is known.
    pub(super) async fn clear(&mut self) -> Result<(), Failure> {
        let strays = self.strays().await?;
        let found = !strays.is_empty();
        self.converge(&Scope { gone: strays, ..Scope::default() }).await?;
        if firewall::tables(&self.state).is_empty() {
            self.clear_firewall(found).await;
        }
        Ok(())
    }

    /// Takes away the tables that a manager has left which died while removing the last network, and its marked rules:
    /// to look for those loads modules of iptables, so nobody looks without cause.
    async fn clear_firewall(&self, interrupted: bool) {
        let remove = |family| nft::Delta::Remove(family, nft::TABLE.to_owned());
        let tables = [nft::Family::Inet, nft::Family::Bridge].map(remove);
        if let Err(error) = self.kernel.apply(&Step::Firewall(tables.into())).await {
            // Without nf_tables there is no table; the first network will say what is missing.
            return debug!(%error, "firewall not looked at");
        }
        if interrupted {
            self.converge_foreign_hooks().await;
        }
    }

    /// Returns the links of the host that bear our mark and belong to nothing.
    async fn strays(&self) -> Result<BTreeSet<IfName>, Failure> {
        let wanted = driver::wanted(&self.state, &Scope::all(&self.state));
        let mut marked = self.kernel.marked_links().await?;
        marked
            .retain(|name| !wanted.bridges.contains_key(name) && !wanted.veths.contains_key(name));
        Ok(marked)
    }
}

fn attach_to(sandbox: &Sandbox) -> AttachTo {
    match &sandbox.origin {
        Origin::Init(pid) if sandbox.shares.is_some() => AttachTo::Shared(*pid),
        Origin::Init(pid) => AttachTo::Init(*pid),
        Origin::Pid(pid) => AttachTo::Pid(*pid),
        Origin::Netns(path) => AttachTo::Netns(path.clone()),
    }
}
