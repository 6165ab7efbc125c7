//! Supervision of the resolver: one that lives is adopted, one that dies is replaced and given the same sockets.
//!
//! ```text
//!            adopt: connect, Hello                    closed, or silent for 2 s: kill
//!  start ──────────────────────────▶ Up (snapshot) ───────────────────────────────▶ Down
//!    │ nobody, or another build         ▲                                             │
//!    └──────────▶ spawn ────────────────┴──────────────── spawn ◀────────────────────┘
//! ```

use super::event::{Events, Happening};
use super::replica::{HostDns, Message, Replica, Sockets};
use super::spawn::{self, Process};
use super::{Failure, now};
use crate::channel::{
    self, Build, ChannelError, Client, Counters, FromResolver, SandboxCounters, ToResolver,
    Unasked, UpstreamCounters,
};
use crate::model::{Publish, SandboxId};
use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

/// How long a command waits for the resolver, and how long a resolver may be silent.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often a resolver is asked whether it lives.
const WATCHDOG: Duration = Duration::from_secs(1);
/// How many messages may be on their way at once: the kernel bounds the descriptors that are.
const ON_THE_WAY: usize = 8;
/// The pause before a resolver that could not be started is tried again.
const PAUSE: Duration = Duration::from_millis(200);

/// A resolver that serves.
struct Link {
    client: Client,
    process: Process,
    build: Build,
}

#[derive(Clone)]
enum Standing {
    /// No resolver has been given anything yet: the first snapshot will say it all.
    Starting,
    /// None serves: the next is on its way, or being given everything.
    Down,
    /// One serves.
    Up(Arc<Link>),
}

/// The way to whichever resolver serves.
#[derive(Clone)]
pub struct Resolver {
    standing: watch::Receiver<Standing>,
}

/// What a resolver has counted.
#[derive(Debug, Default)]
pub struct DnsCounts {
    /// Of each sandbox's queries.
    pub sandboxes: BTreeMap<SandboxId, SandboxCounters>,
    /// Of the servers of the host or the daemon.
    pub upstreams: Vec<UpstreamCounters>,
}

/// What an adopted resolver gave back.
#[derive(Default)]
pub struct Returned {
    /// The descriptors of each sandbox.
    pub sockets: BTreeMap<SandboxId, Sockets>,
    /// The sockets that hold host ports.
    pub ports: BTreeMap<Publish, Arc<OwnedFd>>,
    /// Where the host itself is answered.
    pub host_dns: Option<HostDns>,
}

impl Resolver {
    /// Sends messages in order and waits until each is understood, at most 2 s in all. A resolver that dies meanwhile
    /// is no failure if its successor understands.
    pub async fn tell(&self, messages: Vec<Message>) -> Result<(), Failure> {
        let telling = async {
            let mut standing = self.standing.clone();
            loop {
                let Some(link) = link(&mut standing).await? else { return Ok(()) };
                match send(&link.client, &messages).await {
                    Ok(()) => return Ok(()),
                    Err(error) => warn!(%error, "resolver went away, waiting for the next"),
                }
                standing.changed().await.map_err(|_| Failure::Silent)?;
            }
        };
        timeout(PATIENCE, telling).await.unwrap_or(Err(Failure::Silent))
    }

    /// Asks the resolver that serves; the answer may take as long as upstream servers do. One that dies meanwhile leaves
    /// the question to the next, once: it may have died of it.
    pub async fn ask(&self, question: ToResolver) -> Result<FromResolver, Failure> {
        let mut standing = self.standing.clone();
        let Some(answer) = Self::ask_once(&mut standing, &question).await? else {
            let up = async {
                standing.changed().await?;
                standing.wait_for(|standing| matches!(standing, Standing::Up(_))).await.map(drop)
            };
            let Ok(Ok(())) = timeout(PATIENCE * 3, up).await else { return Err(Failure::Silent) };
            return Self::ask_once(&mut standing, &question).await?.ok_or(Failure::Silent);
        };
        Ok(answer)
    }

    /// Asks the resolver that serves; nothing if it goes away meanwhile.
    async fn ask_once(
        standing: &mut watch::Receiver<Standing>,
        question: &ToResolver,
    ) -> Result<Option<FromResolver>, Failure> {
        let asking = async {
            let link = link(standing).await?.ok_or(Failure::Silent)?;
            Ok(link.client.request(question, &[]).await.ok())
        };
        timeout(PATIENCE * 3, asking).await.unwrap_or(Err(Failure::Silent))
    }

    /// Waits until a resolver has been given everything, at most 2 s; says whether one has.
    pub async fn serving(&self) -> bool {
        let mut standing = self.standing.clone();
        let up = standing.wait_for(|standing| matches!(standing, Standing::Up(_)));
        matches!(timeout(PATIENCE, up).await, Ok(Ok(_)))
    }

    /// Tells the resolver that serves to end.
    pub async fn retire(&self) {
        let Standing::Up(link) = self.standing.borrow().clone() else { return };
        // One that does not hear it goes on serving nobody, and is adopted or replaced at the next start.
        let _ = timeout(PATIENCE, link.client.request(&ToResolver::Drain, &[])).await;
    }

    /// Returns what was counted of each of these sandboxes, and of the servers of the host or the daemon; nothing where
    /// no resolver serves.
    pub async fn count_each(&self, ids: &[SandboxId]) -> DnsCounts {
        // So many fit a message.
        const AT_ONCE: usize = 1000;
        let mut counts = DnsCounts::default();
        let at_least_one = ids.chunks(AT_ONCE).chain(ids.is_empty().then_some(&[][..]));
        for chunk in at_least_one {
            let asked = self.ask(ToResolver::CountEach(chunk.to_vec())).await;
            if let Ok(FromResolver::CountedEach(counted, upstreams)) = asked {
                counts.sandboxes.extend(counted);
                counts.upstreams = upstreams;
            }
        }
        counts
    }

    /// Returns pid and build of the resolver that serves, and what it has counted.
    pub async fn status(&self) -> (Option<(i32, Build)>, Option<Counters>) {
        let Standing::Up(link) = self.standing.borrow().clone() else { return (None, None) };
        let counters = match self.ask(ToResolver::Count).await {
            Ok(FromResolver::Counted(counters)) => Some(counters),
            _ => None,
        };
        (Some((link.process.pid, link.build.clone())), counters)
    }
}

/// Waits until one serves; nothing while the first has been given nothing. What it returns counts as seen, so that
/// `changed` waits for another one.
async fn link(standing: &mut watch::Receiver<Standing>) -> Result<Option<Arc<Link>>, Failure> {
    let settled = standing.wait_for(|standing| !matches!(standing, Standing::Down)).await;
    match &*settled.map_err(|_| Failure::Silent)? {
        Standing::Up(link) => Ok(Some(link.clone())),
        Standing::Starting | Standing::Down => Ok(None),
    }
}

/// Keeps a resolver serving.
pub struct Supervisor {
    socket: PathBuf,
    log: PathBuf,
    build: Build,
    replica: Arc<Replica>,
    standing: watch::Sender<Standing>,
    unasked: mpsc::UnboundedSender<FromResolver>,
    events: Arc<Events>,
    listener: Option<OwnedFd>,
    adopted: Option<(Link, Unasked)>,
    retiring: Option<Client>,
}

impl Supervisor {
    /// Makes a supervisor, and the way to its resolver. What a resolver says unasked goes to `unasked`.
    pub fn new(
        run_dir: &std::path::Path,
        replica: Arc<Replica>,
        unasked: mpsc::UnboundedSender<FromResolver>,
        events: Arc<Events>,
    ) -> io::Result<(Self, Resolver)> {
        let (standing, receiver) = watch::channel(Standing::Starting);
        let supervisor = Self {
            socket: run_dir.join("resolver.sock"),
            log: run_dir.join("resolver.log"),
            build: Build::current()?,
            replica,
            standing,
            unasked,
            events,
            listener: None,
            adopted: None,
            retiring: None,
        };
        Ok((supervisor, Resolver { standing: receiver }))
    }

    /// Looks for a living resolver and takes duplicates of its sockets back. One of another build will be retired as
    /// soon as its successor serves; one that does not answer is killed.
    pub async fn adopt(&mut self) -> Returned {
        let Ok((client, unasked)) = Client::connect(&self.socket) else {
            return Returned::default();
        };
        let peer = client.peer().map(|peer| peer.pid.as_raw_nonzero().get());
        let Ok(process) = peer.and_then(Process::of) else { return Returned::default() };
        let pid = process.pid;
        let Some(build) = self.greet(&client).await else {
            warn!(pid, "a resolver that does not answer is killed");
            process.kill();
            return Returned::default();
        };
        let returned = match timeout(PATIENCE, client.return_sockets()).await {
            Ok(Ok(replies)) => Returned::from(replies),
            _ => Returned::default(),
        };
        if build == self.build {
            info!(pid, sandboxes = returned.sockets.len(), "adopted the living resolver");
            self.adopted = Some((Link { client, process, build }, unasked));
        } else {
            info!(pid, release = build.release, "a resolver of another build is replaced");
            self.retiring = Some(client);
        }
        returned
    }

    /// Keeps a resolver serving until the daemon ends.
    pub async fn run(mut self) {
        loop {
            let served = match self.adopted.take() {
                Some((link, unasked)) => {
                    let adopted = Happening::ResolverAdopted(link.process.pid);
                    self.serve(Arc::new(link), unasked, adopted).await
                }
                None => match self.start().await {
                    Ok((link, unasked)) => {
                        let started = Happening::ResolverStarted(link.process.pid);
                        self.serve(Arc::new(link), unasked, started).await
                    }
                    Err(error) => Err(error),
                },
            };
            self.standing.send_replace(Standing::Down);
            if let Err(error) = served {
                warn!(%error, "no resolver serves; trying again");
                sleep(PAUSE).await;
            }
        }
    }

    async fn start(&mut self) -> Result<(Link, Unasked), ChannelError> {
        let listener = match self.listener.take() {
            Some(listener) if self.socket.exists() => listener,
            _ => channel::listen(&self.socket)?,
        };
        let spawned = spawn::resolver(&listener, &self.log);
        self.listener = Some(listener);
        let process = spawned?;
        let (client, unasked) = Client::connect(&self.socket)?;
        let Some(build) = self.greet(&client).await else {
            process.kill();
            return Err(io::Error::other("a new resolver does not answer").into());
        };
        info!(pid = process.pid, "resolver started");
        Ok((Link { client, process, build }, unasked))
    }

    /// Asks a resolver who it is; nothing if it does not say so in time.
    async fn greet(&self, client: &Client) -> Option<Build> {
        let hello = ToResolver::Hello(self.build.clone());
        match timeout(PATIENCE, client.request(&hello, &[])).await {
            Ok(Ok(FromResolver::Hello(build))) => Some(build),
            _ => None,
        }
    }

    /// Gives a resolver everything, tells that it serves, then watches it. Returns when it is no more.
    async fn serve(
        &mut self,
        link: Arc<Link>,
        mut unasked: Unasked,
        serves: Happening,
    ) -> Result<(), ChannelError> {
        // What changes while the snapshot is on its way is told to whoever has been given it.
        self.standing.send_replace(Standing::Down);
        send(&link.client, &self.replica.snapshot()).await?;
        self.standing.send_replace(Standing::Up(link.clone()));
        self.events.tell([serves], now());
        if let Some(old) = self.retiring.take() {
            // It ends by itself once it has answered what it has read.
            let _ = timeout(PATIENCE, old.request(&ToResolver::Drain, &[])).await;
        }
        loop {
            tokio::select! {
                event = unasked.next() => match event {
                    Some(event) => drop(self.unasked.send(event)),
                    None => break,
                },
                () = sleep(WATCHDOG) => {
                    if !self.socket.exists() {
                        // The next manager would not find it. Its successor is given the same sockets, and one of its own.
                        let _ = timeout(PATIENCE, link.client.request(&ToResolver::Drain, &[])).await;
                        break;
                    }
                    let ping = link.client.request(&ToResolver::Ping, &[]);
                    if !matches!(timeout(PATIENCE, ping).await, Ok(Ok(_))) {
                        break;
                    }
                }
            }
        }
        // Whoever is stopped and wakes later must not answer beside its successor.
        link.process.kill();
        warn!(pid = link.process.pid, "the resolver is gone");
        self.events.tell([Happening::ResolverDied(link.process.pid)], now());
        Ok(())
    }
}

async fn send(client: &Client, messages: &[Message]) -> Result<(), ChannelError> {
    for few in messages.chunks(ON_THE_WAY) {
        for answer in client.request_all(few).await? {
            if let FromResolver::Refused(why) = answer {
                warn!(why, "the resolver refused a message");
            }
        }
    }
    Ok(())
}

impl From<Vec<(FromResolver, Vec<OwnedFd>)>> for Returned {
    fn from(replies: Vec<(FromResolver, Vec<OwnedFd>)>) -> Self {
        let mut returned = Self::default();
        for (reply, fds) in replies {
            match reply {
                FromResolver::Sockets(set) => {
                    returned.sockets.insert(set.sandbox, Sockets::returned(&set.fds, fds));
                }
                FromResolver::Port(publish) => {
                    let held = fds.into_iter().next().map(|fd| (publish, Arc::new(fd)));
                    returned.ports.extend(held);
                }
                FromResolver::HostDns(address) => {
                    let sockets = fds.try_into().ok();
                    returned.host_dns = sockets.map(|sockets| HostDns::new(address, sockets));
                }
                _ => {}
            }
        }
        returned
    }
}
