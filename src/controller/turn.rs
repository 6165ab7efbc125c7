//! Turn: what a command has while it works, and the beats after deciding.

use super::effect::Effect;
use super::replica::{self, Message, Replica, Sockets};
use super::{Failure, Resolver, Settings, file};
use crate::channel::{ToResolver, batches};
use crate::driver::{self, Scope, firewall};
use crate::kernel::{Kernel, Touched};
use crate::model::{Change, NetworkId, Sandbox, SandboxId, State};
use crate::plan::{self, Place, Step, nft};
use crate::registry::{Forward, sandbox_view};
use crate::store::{Store, Ticket};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use tracing::{debug, info, warn};

/// How many UDP and TCP sockets a sandbox with servers of its own is given at first.
const INSIDE: (usize, usize) = (8, 2);

/// The writer's own: State, the store, the kernel, and what it remembers of them.
pub struct Turn<K, S> {
    pub(super) state: Arc<State>,
    pub(super) store: S,
    pub(super) kernel: Arc<K>,
    pub(super) resolver: Resolver,
    pub(super) replica: Arc<Replica>,
    pub(super) settings: Settings,
    /// The address last given on each network.
    pub(super) cursors: BTreeMap<NetworkId, IpAddr>,
    /// The pidfd of each sandbox's process.
    pub(super) processes: BTreeMap<SandboxId, Arc<OwnedFd>>,
    /// The host's table as it was applied last.
    pub(super) firewall: Option<nft::Table>,
}

impl<K: Kernel, S: Store> Turn<K, S> {
    pub(super) fn new(
        kernel: Arc<K>,
        store: S,
        resolver: Resolver,
        replica: Arc<Replica>,
        settings: Settings,
    ) -> Self {
        Self {
            state: Arc::default(),
            store,
            kernel,
            resolver,
            replica,
            settings,
            cursors: BTreeMap::new(),
            processes: BTreeMap::new(),
            firewall: None,
        }
    }

    /// Makes a decided change true, or leaves everything as it was. Returns warnings.
    pub(super) async fn make_true(&mut self, change: Change) -> Result<Vec<String>, Failure> {
        let before = self.state.clone();
        let ticket = self.record(&change)?;
        let done = self.follow(&change, &before).await;
        if let Err(failure) = &done
            && let Some(withdrawal) = change.withdrawal()
        {
            warn!(failure = failure.text(), "withdrawing what could not be made true");
            self.withdraw(&withdrawal).await;
        }
        self.store.settle(ticket)?;
        done
    }

    /// Beat 2: appends the change to the store, pending, then applies it to State.
    pub(super) fn record(&mut self, change: &Change) -> Result<Ticket, Failure> {
        let mut after = self.state.as_ref().clone();
        after.apply(change);
        let ticket = self.store.record(change, &self.state, &after)?;
        self.state = Arc::new(after);
        self.replica.show(self.state.clone());
        Ok(ticket)
    }

    /// Records and follows a withdrawal; what the kernel refuses now is left to the next start.
    pub(super) async fn withdraw(&mut self, withdrawal: &Change) {
        let before = self.state.clone();
        let ticket = match self.record(withdrawal) {
            Ok(ticket) => ticket,
            Err(failure) => return warn!(failure = failure.text(), "withdrawal not recorded"),
        };
        match self.follow(withdrawal, &before).await {
            Ok(_) => {
                if let Err(error) = self.store.settle(ticket) {
                    warn!(%error, "withdrawal not settled");
                }
            }
            Err(failure) => warn!(failure = failure.text(), "withdrawal not complete"),
        }
    }

    /// Beats 3 and 4 for what a change touches; a name goes before its wire and comes after it.
    async fn follow(&mut self, change: &Change, before: &State) -> Result<Vec<String>, Failure> {
        let effect = Effect::of(change, before, &self.state);
        let mut warnings = Vec::new();
        if effect.withdraws {
            warnings.extend(self.publish(updates(&effect)).await);
        }
        self.converge(&effect.scope).await?;
        let mut news = if effect.withdraws { Vec::new() } else { updates(&effect) };
        for id in &effect.sandboxes {
            self.close_sockets(*id, before).await;
            news.extend(self.open_sockets(*id)?);
            file::rewrite(before, &self.state, *id, &self.settings);
        }
        warnings.extend(self.publish(news).await);
        for address in effect.released {
            self.kernel.flush_conntrack(address).await;
        }
        Ok(warnings)
    }

    /// Beat 3: wanted against found, and the difference applied, for a scope.
    pub(super) async fn converge(&mut self, scope: &Scope) -> Result<(), Failure> {
        let wanted = driver::wanted(&self.state, scope);
        // Rules are there before the links that they guard, and go after them.
        if scope.gone.is_empty() {
            self.converge_firewall().await?;
        }
        let found = self.kernel.observe(&wanted).await?;
        let steps = plan::diff(&found, &wanted)
            .map_err(|conflict| Failure::Conflict(conflict.to_string()))?;
        for step in steps {
            if step == Step::EnableForwarding {
                info!("net.ipv4.ip_forward switched on: networks that are not internal need it");
            }
            self.kernel.apply(&step).await?;
        }
        if !scope.gone.is_empty() {
            self.converge_firewall().await?;
        }
        Ok(())
    }

    /// Applies the difference between the host's table as it is wanted and as it was applied last.
    pub(super) async fn converge_firewall(&mut self) -> Result<(), Failure> {
        let wanted = firewall::table(&self.state);
        let delta = nft::delta(self.firewall.as_ref(), wanted.as_ref());
        let applied = self.kernel.apply(&Step::Firewall(delta)).await;
        if let Err(error) = applied {
            // What it builds on may just have been flushed by another tool: then the whole is put back.
            warn!(%error, "firewall not as it was left");
            let whole = nft::delta(None, wanted.as_ref());
            self.kernel.apply(&Step::Firewall(whole)).await?;
        }
        let appeared = self.firewall.is_none() && wanted.is_some();
        let vanished = self.firewall.is_some() && wanted.is_none();
        self.firewall = wanted;
        if self.settings.foreign_hooks && (appeared || vanished) {
            self.converge_foreign_hooks().await;
        }
        Ok(())
    }

    /// Makes our table and our marked rules true again after another tool has changed something.
    pub(super) async fn repair_firewall(&mut self, touched: Touched) -> Result<(), Failure> {
        if touched != Touched::Foreign && self.firewall.is_some() {
            warn!("another tool changed our firewall table: put back");
            self.firewall = None;
            self.converge_firewall().await?;
        }
        if self.settings.foreign_hooks && self.firewall.is_some() {
            self.converge_foreign_hooks().await;
        }
        Ok(())
    }

    /// Puts our marked rules where another tool's FORWARD policy would drop, or takes them away with the last network.
    pub(super) async fn converge_foreign_hooks(&self) {
        let wanted = self.firewall.is_some();
        match self.kernel.foreign_hooks(wanted).await {
            Ok(Some(place)) => info!(place, "marked rules accept our traffic there"),
            Ok(None) => {}
            Err(error) => warn!(%error, "another tool's FORWARD chain may drop our traffic"),
        }
    }

    /// Takes the resolver away from a sandbox that is to have none any more: first its sockets, so that its table is
    /// nobody's, then the table.
    async fn close_sockets(&mut self, id: SandboxId, before: &State) {
        if !self.listens(id) || self.is_to_listen(id) {
            return;
        }
        if self.state.sandboxes.get(&id).is_some_and(|sandbox| sandbox.is_running()) {
            self.publish(vec![(ToResolver::CloseSockets(id), Vec::new())]).await;
        }
        self.replica.sockets().remove(&id);
        let Some(place) = before.sandboxes.get(&id).map(|sandbox| place(sandbox)) else { return };
        if let Err(error) = self.kernel.remove_dns_table(&place) {
            // A namespace that has ended took it along.
            debug!(sandbox = id.short(), %error, "no DNS table removed");
        }
    }

    /// Gives a running sandbox the sockets it is to have. Returns what the resolver is to be told of them.
    pub(super) fn open_sockets(&mut self, id: SandboxId) -> Result<Vec<Message>, Failure> {
        let Some(sandbox) = self.state.sandboxes.get(&id).filter(|sandbox| sandbox.is_running())
        else {
            self.replica.sockets().remove(&id);
            return Ok(Vec::new());
        };
        let wanted = self.is_to_listen(id);
        if wanted == self.listens(id) && (wanted || self.replica.sockets().contains_key(&id)) {
            return Ok(Vec::new());
        }
        let place = place(sandbox);
        let dns = wanted.then(|| self.kernel.dns_sockets(&place)).transpose()?;
        let sockets = Sockets::new(dns, self.processes.get(&id).cloned());
        let mut messages = vec![sockets.message(id)];
        self.replica.sockets().insert(id, sockets);
        if wanted && matches!(sandbox_view(&self.state, id).forward, Forward::Inside(_)) {
            let inside = self.kernel.inside_sockets(&place, INSIDE.0, INSIDE.1)?;
            messages.push(replica::inside(id, inside));
        }
        Ok(messages)
    }

    fn listens(&self, id: SandboxId) -> bool {
        self.replica.sockets().get(&id).is_some_and(Sockets::listens)
    }

    fn is_to_listen(&self, id: SandboxId) -> bool {
        let running = self.state.sandboxes.get(&id).is_some_and(|sandbox| sandbox.is_running());
        running && self.settings.dns && file::wants_resolver(&self.state, id, &self.settings)
    }

    /// Beat 4: tells the resolver and waits until it has understood. A silent resolver is a warning: its successor is
    /// given everything.
    pub(super) async fn publish(&self, messages: Vec<Message>) -> Option<String> {
        if messages.is_empty() {
            return None;
        }
        let told = self.resolver.tell(messages).await;
        told.err().map(|_| "the resolver has not confirmed yet: names may take a moment".to_owned())
    }
}

/// Returns the messages that change the resolver's names.
fn updates(effect: &Effect) -> Vec<Message> {
    batches(effect.updates.clone()).map(|batch| (ToResolver::Updates(batch), Vec::new())).collect()
}

fn place(sandbox: &Sandbox) -> Place {
    Place { origin: sandbox.origin.clone(), netns: sandbox.netns }
}
