//! Shard: one thread with its own event loop that serves its share of the sandboxes. Shards share nothing that one could
//! hold against another; the control loop tells them what to serve and asks whether they still come by.

use super::batch::Batch;
use super::connections::Connections;
use super::sandbox::Sandbox;
use super::shared::Shared;
use super::{tcp, udp};
use crate::model::SandboxId;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::future::Future;
use std::hash::{Hash, Hasher};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::{io, thread};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinSet, LocalSet};

/// The most shards: more threads do not answer faster what few sandboxes ask.
const MOST: usize = 4;

/// The sockets at which a sandbox's queries arrive.
#[derive(Clone, Debug)]
pub struct Sockets {
    /// UDP.
    pub udp: Arc<OwnedFd>,
    /// TCP, listening.
    pub tcp: Arc<OwnedFd>,
}

#[derive(Debug)]
enum Command {
    Serve(Arc<Sandbox>, Sockets),
    Stop(SandboxId),
    Ping(oneshot::Sender<()>),
    Drain(oneshot::Sender<()>),
}

/// All shards, as the control loop sees them.
#[derive(Clone, Debug)]
pub struct Shards(Vec<UnboundedSender<Command>>);

/// What the tasks of one shard share.
pub struct Shard {
    /// What all shards share.
    pub shared: Arc<Shared>,
    /// The buffers for datagrams.
    pub batch: RefCell<Batch>,
    /// The buffer for one answer over TCP.
    pub scratch: RefCell<Vec<u8>>,
    /// The TCP connections.
    pub connections: RefCell<Connections>,
    /// Whether no more queries are to be read.
    pub draining: watch::Sender<bool>,
    turn: Cell<u32>,
}

impl Shards {
    /// Starts a thread for each core, at most four.
    pub fn start(shared: &Arc<Shared>) -> io::Result<Self> {
        let count = thread::available_parallelism().map_or(1, |cores| cores.get().min(MOST));
        let connections = (shared.limits.connections / count).max(1);
        let start = |number| {
            let (commands, received) = mpsc::unbounded_channel();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let shared = shared.clone();
            thread::Builder::new().name(format!("shard-{number}")).spawn(move || {
                let shard = Rc::new(Shard::new(shared, connections));
                LocalSet::new().block_on(&runtime, shard.run(received));
            })?;
            Ok(commands)
        };
        (0..count).map(start).collect::<io::Result<_>>().map(Self)
    }

    /// Serves a sandbox at these sockets, in the place of those it was served at.
    pub fn serve(&self, sandbox: Arc<Sandbox>, sockets: Sockets) {
        self.tell(sandbox.id, Command::Serve(sandbox, sockets));
    }

    /// Serves a sandbox no longer, and closes its connections.
    pub fn stop(&self, sandbox: SandboxId) {
        self.tell(sandbox, Command::Stop(sandbox));
    }

    /// Waits until every shard has come by.
    pub fn ping(&self) -> impl Future<Output = ()> + use<> {
        self.ask_all(Command::Ping)
    }

    /// Has every shard read no more queries and waits until they have stopped.
    pub fn drain(&self) -> impl Future<Output = ()> + use<> {
        self.ask_all(Command::Drain)
    }

    fn tell(&self, sandbox: SandboxId, command: Command) {
        let mut hasher = DefaultHasher::new();
        sandbox.hash(&mut hasher);
        let place = hasher.finish() as usize % self.0.len();
        // A shard that has panicked took the process with it.
        let _ = self.0[place].send(command);
    }

    fn ask_all(
        &self,
        command: fn(oneshot::Sender<()>) -> Command,
    ) -> impl Future<Output = ()> + use<> {
        let ask = |shard: &UnboundedSender<Command>| {
            let (tell, told) = oneshot::channel();
            let _ = shard.send(command(tell));
            told
        };
        let asked: Vec<_> = self.0.iter().map(ask).collect();
        async move {
            for told in asked {
                let _ = told.await;
            }
        }
    }
}

impl Shard {
    fn new(shared: Arc<Shared>, connections: usize) -> Self {
        Self {
            shared,
            batch: RefCell::new(Batch::new()),
            scratch: RefCell::new(vec![0; usize::from(u16::MAX)]),
            connections: RefCell::new(Connections::new(connections)),
            draining: watch::Sender::new(false),
            turn: Cell::new(0),
        }
    }

    /// Returns a number that differs from one query to the next.
    pub fn turn(&self) -> u32 {
        let turn = self.turn.get();
        self.turn.set(turn.wrapping_add(1));
        turn
    }

    async fn run(self: Rc<Self>, mut commands: UnboundedReceiver<Command>) {
        let mut served: HashMap<SandboxId, JoinSet<()>> = HashMap::new();
        while let Some(command) = commands.recv().await {
            match command {
                Command::Serve(sandbox, sockets) => {
                    // The old ones leave the event loop first: the new may be the same.
                    if let Some(mut old) = served.remove(&sandbox.id) {
                        old.shutdown().await;
                    }
                    served.insert(sandbox.id, self.serve(&sandbox, sockets));
                }
                Command::Stop(sandbox) => {
                    served.remove(&sandbox);
                    self.connections.borrow_mut().close_all(sandbox);
                }
                Command::Ping(tell) => drop(tell.send(())),
                Command::Drain(tell) => {
                    for (_, mut tasks) in served.drain() {
                        tasks.shutdown().await;
                    }
                    self.draining.send_replace(true);
                    let _ = tell.send(());
                }
            }
        }
    }

    fn serve(self: &Rc<Self>, sandbox: &Arc<Sandbox>, sockets: Sockets) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        let udp = udp::serve(self.clone(), sandbox.clone(), sockets.udp);
        tasks.spawn_local(complain(sandbox.id, "UDP", udp));
        let tcp = tcp::serve(self.clone(), sandbox.clone(), sockets.tcp);
        tasks.spawn_local(complain(sandbox.id, "TCP", tcp));
        tasks
    }
}

/// Says so when a sandbox cannot be served, as when the kernel watches no more descriptors.
async fn complain(
    sandbox: SandboxId,
    transport: &'static str,
    serve: impl Future<Output = io::Result<()>>,
) {
    if let Err(error) = serve.await {
        tracing::error!(?sandbox, transport, %error, "sandbox is not served");
    }
}
