//! Commands on sandboxes: a namespace becomes one, is stopped, is let go.

use super::event::Happening;
use super::file::{self, Texts};
use super::orphan::{self, Orphan};
use super::turn::Turn;
use super::watch::{exited, signal};
use super::{Controller, Failure, now};
use crate::decide::{self, Attachment, Decision, Ports};
use crate::kernel::{Kernel, Looked, send_signal};
use crate::model::{
    Change, Endpoint, HostFacts, Kind, Origin, Publish, Refusal, RunRequest, Sandbox, SandboxId,
    Status, held, reserved,
};
use crate::store::Store;
use rustix::process::Signal;
use std::collections::BTreeSet;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;
use tracing::{info, warn};

/// How long a killed process may take to end.
const DEATH: Duration = Duration::from_secs(10);
/// How often a reset that commands get in the way of begins again.
const ROUNDS: u32 = 20;

/// A namespace that has become a sandbox.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// The sandbox.
    pub sandbox: Arc<Sandbox>,
    /// The files for its /etc; none on the host's network, where the host's hold.
    pub texts: Option<Texts>,
    /// Lines for the user.
    pub warnings: Vec<String>,
}

impl<K: Kernel, S: Store> Controller<K, S> {
    /// Makes a namespace a sandbox with its endpoints. The same namespace under the same name again is no error.
    pub async fn attach(&self, request: RunRequest) -> Result<Admitted, Failure> {
        let mut turn = self.turn().await;
        let looked = turn.kernel.look(&request.attach)?;
        turn.settle_idle_default(&request.networks).await?;
        let decision = turn.decide_attach(&request, looked.place.netns)?;
        let (id, warnings) = match decision {
            Attachment::Existing(id) => (id, Vec::new()),
            Attachment::New(decision) => self.admit(&mut turn, looked, *decision).await?,
        };
        let sandbox = turn.state.sandbox(&id.to_string())?.clone();
        let texts = file::texts(&turn.state, id, &turn.settings);
        Ok(Admitted { sandbox, texts, warnings })
    }

    async fn admit(
        &self,
        turn: &mut Turn<K, S>,
        looked: Looked,
        decision: Decision<(Sandbox, Vec<Endpoint>)>,
    ) -> Result<(SandboxId, Vec<String>), Failure> {
        let Decision { noun: (sandbox, endpoints), mut warnings } = decision;
        let id = sandbox.id;
        info!(sandbox = %sandbox.name, id = id.short(), "attach");
        let ports = turn.take_ports(&sandbox.publish)?;
        let process = looked.pidfd.map(Arc::new);
        if let Some(process) = &process {
            turn.processes.insert(id, process.clone());
        }
        turn.remember(&endpoints);
        let made = turn.make_true(Change::AddSandbox(Box::new(sandbox), endpoints)).await;
        warnings.extend(made.inspect_err(|_| drop(turn.processes.remove(&id)))?);
        turn.keep_ports(ports).await;
        turn.reserve_ports();
        if let Some(sandbox) = turn.state.sandboxes.get(&id) {
            self.watch_end(sandbox, process);
        }
        file::place(&turn.state, id, &turn.settings, &mut warnings);
        Ok((id, warnings))
    }

    /// Lets an adopted namespace go; false if there is no such sandbox.
    pub async fn detach(&self, text: &str) -> Result<bool, Failure> {
        let mut turn = self.turn().await;
        let Some(sandbox) = decide::detach(&turn.state, text)? else { return Ok(false) };
        info!(sandbox = %sandbox.name, "detach");
        turn.forget(Change::RemoveSandbox(sandbox.id)).await?;
        if let Origin::Netns(path) = &sandbox.origin {
            // Nobody waits any more for the end of what has been let go.
            self.files.ask(path);
        }
        Ok(true)
    }

    /// Stops a sandbox: SIGTERM, and SIGKILL after the grace period. One that is stopped already is fine.
    pub async fn stop(&self, text: &str, seconds: u32) -> Result<Arc<Sandbox>, Failure> {
        let (sandbox, process) = self.own(text).await?;
        let Some(process) = process else { return Ok(sandbox) };
        info!(sandbox = %sandbox.name, seconds, "stop");
        signal(&process, Signal::TERM);
        if !exited(&process, Duration::from_secs(seconds.into())).await {
            self.kill(&sandbox, &process).await?;
        }
        self.ended(sandbox.id).await?;
        Ok(sandbox)
    }

    /// Removes a stopped sandbox, or with `force` a running one, whose processes are killed.
    pub async fn remove_sandbox(&self, text: &str, force: bool) -> Result<Arc<Sandbox>, Failure> {
        let (sandbox, process) = {
            let turn = self.turn().await;
            let sandbox = decide::remove_sandbox(&turn.state, text, force)?;
            let process = turn.processes.get(&sandbox.id).cloned();
            (sandbox, process)
        };
        if let Some(process) = process {
            self.kill(&sandbox, &process).await?;
        }
        info!(sandbox = %sandbox.name, "remove");
        let mut turn = self.turn().await;
        if turn.state.sandboxes.contains_key(&sandbox.id) {
            turn.forget(Change::RemoveSandbox(sandbox.id)).await?;
        }
        Ok(sandbox)
    }

    /// Waits until the end of a sandbox whose init has ended is recorded.
    pub async fn settle(&self, text: &str) -> Result<(), Failure> {
        let (id, process) = {
            let turn = self.turn().await;
            let Ok(sandbox) = turn.state.sandbox(text) else { return Ok(()) };
            (sandbox.id, turn.processes.get(&sandbox.id).cloned())
        };
        match process {
            Some(process) if exited(&process, DEATH).await => self.ended(id).await,
            _ => Ok(()),
        }
    }

    /// Stops and removes every sandbox, every network and every entry, and what else bears our mark: nothing of ours remains.
    pub async fn reset(&self) -> Result<Vec<String>, Failure> {
        info!("reset");
        let mut warnings = self.remove_known().await?;
        let (resolver, _) = self.resolver.status().await;
        let known = resolver.map(|(pid, _)| pid).into_iter().collect();
        for Orphan { what, pid, process } in orphan::find(&self.settings.run_dir, &known) {
            signal(&process, Signal::KILL);
            let ended = if exited(&process, DEATH).await { "is ended" } else { "does not end" };
            warnings.push(format!("a {what} of an earlier manager, pid {pid}, {ended}"));
        }
        self.turn().await.clear().await?;
        Ok(warnings)
    }

    async fn remove_known(&self) -> Result<Vec<String>, Failure> {
        for _ in 1..ROUNDS {
            match self.remove_all().await {
                // A command came in between: look again at what there is.
                Err(Failure::Refused(_)) => {}
                done => return done,
            }
        }
        self.remove_all().await
    }

    async fn remove_all(&self) -> Result<Vec<String>, Failure> {
        let state = self.state();
        for sandbox in state.sandboxes.values() {
            if sandbox.origin.is_adopted() {
                self.detach(&sandbox.id.to_string()).await?;
            } else {
                match self.remove_sandbox(&sandbox.id.to_string(), true).await {
                    // It has ended meanwhile and went by itself (--rm).
                    Err(failure) if failure.kind() == Some(Kind::NotFound) => {}
                    removed => drop(removed?),
                }
            }
        }
        let mut warnings = Vec::new();
        for (network, name, rr_type) in state.registrations.keys().cloned() {
            let mut turn = self.turn().await;
            warnings.extend(turn.make_true(Change::Deregister { network, name, rr_type }).await?);
        }
        for network in state.networks.values().filter(|network| !network.predefined) {
            warnings.extend(self.remove_network(&network.id.to_string()).await?.1);
        }
        Ok(warnings)
    }

    /// Records that a sandbox has ended, however it did. Whoever comes second finds it done.
    pub(super) async fn ended(&self, id: SandboxId) -> Result<(), Failure> {
        let mut turn = self.turn().await;
        let Some(sandbox) = turn.state.sandboxes.get(&id).filter(|s| s.is_running()).cloned()
        else {
            return Ok(());
        };
        let code = file::exit_code(&sandbox, &turn.settings);
        info!(sandbox = %sandbox.name, code, "ended");
        let forgotten = turn.forget(end_of(&sandbox, code)).await;
        if turn.state.sandboxes.get(&id).is_some_and(|sandbox| sandbox.is_running()) {
            // It could not be recorded, and is true all the same.
            self.events.tell([Happening::Ended(sandbox, code)], now());
        }
        forgotten
    }

    /// Sends a signal to a running sandbox's command, through its init. After SIGKILL it returns when the end is recorded.
    pub async fn signal(&self, text: &str, number: i32) -> Result<Arc<Sandbox>, Failure> {
        let (sandbox, process) = self.own(text).await?;
        let process = process.ok_or_else(|| Refusal::NotRunning(sandbox.name.clone()))?;
        if number == Signal::STOP.as_raw() {
            // It would stop the init, which cannot pass it on, and not the command.
            return Err(Refusal::Unstoppable(sandbox.name.clone()).into());
        }
        info!(sandbox = %sandbox.name, number, "signal");
        if number == Signal::KILL.as_raw() {
            self.kill(&sandbox, &process).await?;
            self.ended(sandbox.id).await?;
        } else {
            match send_signal(process.as_fd(), number) {
                Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
                    return Err(Refusal::BadSignal(number).into());
                }
                // One that has just ended misses nothing.
                _ => {}
            }
        }
        Ok(sandbox)
    }

    /// Waits until a sandbox has ended, and returns its exit code.
    pub async fn wait(&self, text: &str) -> Result<i32, Failure> {
        // Listening comes before looking: an end in between is told.
        let mut seen = self.events.last();
        let id = match self.state().sandbox(text)? {
            sandbox if sandbox.is_running() => sandbox.id,
            sandbox => return Ok(exit_code(sandbox)),
        };
        loop {
            let batch = self.events.next(seen).await;
            if let Some(code) = batch.events.iter().find_map(|event| event.end_of(id)) {
                return Ok(code);
            }
            seen = batch.last;
            if batch.lost {
                match self.state().sandboxes.get(&id) {
                    Some(sandbox) if sandbox.is_running() => {}
                    Some(sandbox) => return Ok(exit_code(sandbox)),
                    None => return Err(Refusal::SandboxNotFound(text.to_owned()).into()),
                }
            }
        }
    }

    /// Finds a sandbox whose processes are ours, and its init if it runs.
    async fn own(&self, text: &str) -> Result<(Arc<Sandbox>, Option<Arc<OwnedFd>>), Failure> {
        let turn = self.turn().await;
        let sandbox = decide::stop(&turn.state, text)?;
        let process = turn.processes.get(&sandbox.id).cloned();
        Ok((sandbox, process))
    }

    async fn kill(&self, sandbox: &Sandbox, process: &Arc<OwnedFd>) -> Result<(), Failure> {
        signal(process, Signal::KILL);
        match exited(process, DEATH).await {
            true => Ok(()),
            false => Err(Failure::Undead(sandbox.name.clone())),
        }
    }
}

/// Returns the exit code of a sandbox that has ended.
fn exit_code(sandbox: &Sandbox) -> i32 {
    match sandbox.status {
        Status::Exited { code, .. } => code,
        Status::Running => 0,
    }
}

/// Returns the change for a sandbox whose processes are gone: one of ours stays as stopped unless it was to be
/// removed; a namespace of somebody else's is no more.
pub(super) fn end_of(sandbox: &Sandbox, code: i32) -> Change {
    match sandbox.config.auto_remove || sandbox.origin.is_adopted() {
        true => Change::RemoveSandbox(sandbox.id),
        false => Change::EndSandbox { id: sandbox.id, code, at: now() },
    }
}

impl<K: Kernel, S: Store> Turn<K, S> {
    fn decide_attach(
        &self,
        request: &RunRequest,
        netns: (u64, u64),
    ) -> Result<Attachment, Failure> {
        let facts = HostFacts::default();
        let busy = |publish: &Publish| self.kernel.bind_port(publish).is_err();
        let ports = Ports {
            range: self.kernel.ephemeral_ports(),
            reserved: &self.kernel.reserved_ports(),
            busy: &busy,
            ipv6: self.has_ipv6(),
        };
        Ok(decide::attach(&self.given(&facts), request, netns, &ports)?)
    }

    /// Whether a link of the host that is not one of our bridges has an address of IPv6.
    fn has_ipv6(&self) -> bool {
        let networks = self.state.networks.values();
        let ours: BTreeSet<_> = networks.filter_map(|network| network.bridge.as_ref()).collect();
        self.kernel.ipv6_links().iter().any(|link| !ours.contains(link))
    }

    /// Makes the end of a sandbox true, lets go of all that it had, and tells those who wait for it.
    async fn forget(&mut self, change: Change) -> Result<(), Failure> {
        let (Change::RemoveSandbox(id) | Change::EndSandbox { id, .. }) = &change else {
            return Ok(());
        };
        let Some(sandbox) = self.state.sandboxes.get(id).cloned() else { return Ok(()) };
        let removed = matches!(change, Change::RemoveSandbox(_));
        self.processes.remove(id);
        let before = self.state.clone();
        self.make_true(change).await?;
        file::displace(&before, sandbox.id, &self.settings);
        file::discard(&sandbox, removed, &self.settings);
        self.release_ports().await;
        self.reserve_ports();
        Ok(())
    }

    fn take_ports(&self, wanted: &[Publish]) -> Result<Vec<(Publish, OwnedFd)>, Failure> {
        let bind = |publish: &Publish| {
            let bound = self.kernel.bind_port(publish);
            bound.inspect_err(|error| warn!(%publish, %error, "port not taken"))
        };
        // Nobody may have one of a long range now, though not even we hold all of them.
        for publish in reserved(wanted).flat_map(Publish::singles) {
            drop(bind(&publish)?);
        }
        held(wanted).map(|publish| Ok((publish, bind(&publish)?))).collect()
    }
}
