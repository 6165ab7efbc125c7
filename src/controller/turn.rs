//! Turn: what a command has while it works, and the beats after deciding.

use super::effect::Effect;
use super::event::{self, Events, Happening};
use super::replica::{Message, Replica, Sockets, give};
use super::{Failure, Listen, Resolver, Settings, file, now};
use crate::channel::{ToResolver, batches};
use crate::driver::{self, Scope, Standing, firewall};
use crate::kernel::{Kernel, Touched};
use crate::model::{Change, IfName, Network, NetworkId, Sandbox, SandboxId, State};
use crate::plan::{self, Place, Step, Wanted, nft};
use crate::registry::{Update, sandbox_view};
use crate::store::{Store, Ticket};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use tracing::{info, warn};

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
    /// The addresses last given on each network, one of each family.
    pub(super) cursors: BTreeMap<NetworkId, Vec<IpAddr>>,
    /// The pidfd of each sandbox's process.
    pub(super) processes: BTreeMap<SandboxId, Arc<OwnedFd>>,
    /// The host's tables as they were applied last; none while no network has a bridge.
    pub(super) firewall: Standing,
    pub(super) events: Arc<Events>,
}

impl<K: Kernel, S: Store> Turn<K, S> {
    pub(super) fn new(
        kernel: Arc<K>,
        store: S,
        resolver: Resolver,
        replica: Arc<Replica>,
        settings: Settings,
        events: Arc<Events>,
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
            firewall: Standing::default(),
            events,
        }
    }

    /// Makes a decided change true, or leaves everything as it was. Returns warnings.
    pub(super) async fn make_true(&mut self, change: Change) -> Result<Vec<String>, Failure> {
        let before = self.state.clone();
        let ticket = self.record(&change)?;
        let done = self.follow(&change, &before).await;
        let Some(withdrawal) = change.withdrawal() else {
            // Nothing withdraws it at the next start either.
            self.settle(ticket);
            self.tell(&change, &before);
            return done;
        };
        // What stays pending is withdrawn at the next start, so it is not done.
        let done = match done {
            Ok(warnings) => self.store.settle(ticket).map(|()| warnings).map_err(Failure::from),
            Err(failure) => Err(failure),
        };
        match &done {
            Ok(_) => self.tell(&change, &before),
            Err(failure) => {
                warn!(failure = failure.text(), "withdrawing what could not be made true");
                if self.withdraw(&withdrawal).await {
                    self.settle(ticket);
                }
            }
        }
        done
    }

    /// Tells what a change that is recorded has brought about.
    pub(super) fn tell(&self, change: &Change, before: &State) {
        let code = |sandbox: &Sandbox| file::exit_code(sandbox, &self.settings);
        self.events.tell(event::of(change, before, &self.state, code), now());
    }

    /// Beat 2: appends the change to the store, pending, then applies it to State.
    pub(super) fn record(&mut self, change: &Change) -> Result<Ticket, Failure> {
        let mut after = self.state.as_ref().clone();
        after.apply(change);
        let ticket = self.store.record(change, &self.state, &after)?;
        self.show(after);
        Ok(ticket)
    }

    fn show(&mut self, after: State) {
        self.state = Arc::new(after);
        self.replica.show(self.state.clone());
    }

    fn settle(&mut self, ticket: Ticket) {
        if let Err(error) = self.store.settle(ticket) {
            warn!(%error, "left pending until the next start");
        }
    }

    /// Records and follows a withdrawal; what the kernel refuses now is left to the next start. Says whether it is
    /// recorded: where the disk is full it is not, and what it withdraws must stay pending.
    pub(super) async fn withdraw(&mut self, withdrawal: &Change) -> bool {
        let before = self.state.clone();
        let ticket = match self.record(withdrawal) {
            Ok(ticket) => Some(ticket),
            Err(failure) => {
                warn!(failure = failure.text(), "withdrawal not recorded");
                let mut after = before.as_ref().clone();
                after.apply(withdrawal);
                self.show(after);
                None
            }
        };
        match self.follow(withdrawal, &before).await {
            Ok(_) => ticket.into_iter().for_each(|ticket| self.settle(ticket)),
            Err(failure) => warn!(failure = failure.text(), "withdrawal not complete"),
        }
        ticket.is_some()
    }

    /// Beats 3 and 4 for what a change touches; a name goes before its wire and comes after it.
    async fn follow(&mut self, change: &Change, before: &State) -> Result<Vec<String>, Failure> {
        let effect = Effect::of(change, before, &self.state);
        let mut warnings = Vec::new();
        let mut messages: Vec<Message> =
            batches(effect.updates).map(|batch| (ToResolver::Updates(batch), Vec::new())).collect();
        if effect.withdraws {
            warnings.extend(self.publish(std::mem::take(&mut messages)).await);
        }
        self.converge(&effect.scope).await?;
        for id in &effect.sandboxes {
            messages.extend(self.open_sockets(*id)?);
            file::rewrite((before, &self.settings), (&self.state, &self.settings), *id);
        }
        warnings.extend(self.publish(messages).await);
        for address in effect.released {
            self.kernel.flush_conntrack(address).await;
        }
        if !effect.rerouted.is_empty() {
            self.kernel.flush_udp_ports(&effect.rerouted).await;
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
        self.converge_links(&wanted).await?;
        if !scope.gone.is_empty() {
            self.converge_firewall().await?;
        }
        Ok(())
    }

    /// Applies the difference between links as they are wanted and as they are found; says whether there was any.
    async fn converge_links(&mut self, wanted: &Wanted) -> Result<bool, Failure> {
        let found = self.kernel.observe(wanted).await?;
        let steps = plan::diff(&found, wanted)
            .map_err(|conflict| Failure::Conflict(conflict.to_string()))?;
        let any = !steps.is_empty();
        for step in steps {
            match step {
                Step::EnableForwarding => {
                    info!(
                        "net.ipv4.ip_forward switched on: networks that are not internal need it"
                    );
                }
                Step::EnableForwarding6 => {
                    info!(
                        "net.ipv6.conf.all.forwarding switched on: networks with IPv6 that are not internal need it"
                    );
                }
                _ => {}
            }
            self.kernel.apply(&step).await?;
        }
        Ok(any)
    }

    /// Makes a link of the host, and what depends on it, true again after somebody has changed it.
    pub(super) async fn repair_link(&mut self, link: &IfName) -> Result<(), Failure> {
        let mut scope = Scope::default();
        let networks = self.state.networks.values();
        let networks = networks.filter(|network| is_on(network, link));
        scope.networks.extend(networks.map(|network| network.id));
        let endpoints = self.state.endpoints.values();
        let plugged = endpoints.filter(|endpoint| {
            endpoint.host_link == *link || scope.networks.contains(&endpoint.network)
        });
        scope.sandboxes.extend(plugged.map(|endpoint| endpoint.sandbox));
        let wanted = driver::wanted(&self.state, &scope);
        if self.converge_links(&wanted).await? {
            warn!(%link, "somebody changed a link of ours: put right");
            self.events.tell([Happening::LinkRepaired(link.clone())], now());
        }
        Ok(())
    }

    /// Whether something of ours is, or hangs on, a link of the host.
    pub(super) fn knows_link(&self, link: &IfName) -> bool {
        self.state.networks.values().any(|network| is_on(network, link))
            || self.state.endpoints.values().any(|endpoint| endpoint.host_link == *link)
    }

    /// Applies the difference between the host's tables as they are wanted and as they were applied last.
    pub(super) async fn converge_firewall(&mut self) -> Result<(), Failure> {
        let deltas = self.firewall.deltas(&self.state);
        let applied = self.kernel.apply(&Step::Firewall(deltas.clone())).await;
        if let Err(error) = applied {
            // What it builds on may just have been flushed by another tool: then the whole is put back.
            warn!(%error, "firewall not as it was left");
            let whole = nft::deltas(&[], &firewall::tables(&self.state));
            self.kernel.apply(&Step::Firewall(whole)).await?;
        }
        let stood = !self.firewall.tables().is_empty();
        self.firewall.note(self.state.clone(), deltas);
        let stands = !self.firewall.tables().is_empty();
        if stood != stands {
            self.converge_foreign_hooks().await;
        }
        Ok(())
    }

    /// Makes our tables and our marked rules true again after another tool has changed something. That it may have (the
    /// kernel had more to say than the queue holds) is no reason to write: they are read first.
    pub(super) async fn repair_firewall(&mut self, touched: Touched) -> Result<(), Failure> {
        if touched != Touched::Foreign
            && !self.firewall.tables().is_empty()
            && !self.kernel.firewall_stands(self.firewall.tables()).await?
        {
            warn!("another tool changed our firewall tables: put back");
            let whole = nft::deltas(&[], self.firewall.tables());
            self.kernel.apply(&Step::Firewall(whole)).await?;
            self.events.tell([Happening::FirewallRepaired], now());
        }
        if self.settings.foreign_hooks && !self.firewall.tables().is_empty() {
            self.converge_foreign_hooks().await;
        }
        Ok(())
    }

    /// Puts our marked rules where another tool's FORWARD policy would drop, or takes them away: with the last network,
    /// and what an earlier daemon put there if this one is not to.
    pub(super) async fn converge_foreign_hooks(&self) {
        let wanted = self.settings.foreign_hooks && !self.firewall.tables().is_empty();
        match self.kernel.foreign_hooks(wanted).await {
            Ok(Some(place)) => info!(place, "marked rules accept our traffic there"),
            Ok(None) => {}
            Err(error) => warn!(%error, "another tool's FORWARD chain may drop our traffic"),
        }
    }

    /// Gives a sandbox the sockets it is to have, or takes them away. Returns what the resolver is to be told.
    pub(super) fn open_sockets(&mut self, id: SandboxId) -> Result<Vec<Message>, Failure> {
        let Some(sandbox) = self.state.sandboxes.get(&id).filter(|sandbox| sandbox.is_running())
        else {
            self.close_sockets(id);
            return Ok(Vec::new());
        };
        let wanted = file::wants_resolver(&self.state, id, &self.settings);
        let had = self.replica.sockets().get(&id).map(Sockets::listens);
        if had == Some(wanted) {
            return Ok(Vec::new());
        }
        let place = Place { origin: sandbox.origin.clone(), netns: sandbox.netns };
        let direct = self.settings.dns == Listen::Direct;
        let dns = wanted.then(|| self.kernel.dns_sockets(&place, direct)).transpose()?;
        self.close_sockets(id);
        let sockets = Sockets::new(dns, self.processes.get(&id).cloned());
        let mut messages = vec![sockets.message(id)];
        self.replica.sockets().insert(id, sockets);
        if had == Some(true) {
            // The resolver closes what it has of a sandbox that goes; it comes back without.
            let again = Update::PutSandbox(sandbox_view(&self.state, id));
            let updates = vec![Update::RemoveSandbox(id), again];
            messages.insert(0, (ToResolver::Updates(updates), Vec::new()));
        }
        let asks = !sandbox.dns.servers.is_empty() || !sandbox.dns.routes.is_empty();
        if wanted && asks {
            messages.push(give(id, self.kernel.inside_sockets(&place, INSIDE.0, INSIDE.1)?));
        }
        Ok(messages)
    }

    /// Lets go of a sandbox's sockets, and removes first what would outlive them and lead nowhere.
    fn close_sockets(&self, id: SandboxId) {
        let held = self.replica.sockets().remove(&id);
        let Some(sockets) = held else { return };
        if let Some(owner) = sockets.owner()
            && let Err(error) = self.kernel.remove_dns_table(owner)
        {
            warn!(sandbox = id.short(), %error, "its DNS table stays");
        }
        let owner = sockets.into_owner();
        // To close it, the kernel waits until the table is destroyed (nft_rcv_nl_event: rcu_barrier); nobody else has to.
        tokio::task::spawn_blocking(move || drop(owner));
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

/// Whether a link is a network's bridge or parent.
fn is_on(network: &Network, link: &IfName) -> bool {
    let parent = network.options.parent.as_ref().map(|parent| &parent.link);
    network.bridge.as_ref() == Some(link) || parent == Some(link)
}
