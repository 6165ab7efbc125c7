//! Control: the loop that hears the manager, applies what it says, and notices the ends of sandboxes.
//!
//! Queries do not pass here, so nothing here holds one up. Without a manager the loop goes on: it waits for the next one and
//! lets go what ends.

use super::replica::{Refused, Replica};
use super::resolution::resolution;
use super::sandbox::Sandbox;
use super::shard::Shards;
use super::shared::{Event, Shared};
use crate::channel::{
    Asker, Build, ChannelError, Connection, FromResolver, Packet, Question, ToResolver, UNASKED,
    Watched,
};
use crate::model::SandboxId;
use futures_util::FutureExt;
use std::future::pending;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::Interest;
use tokio::signal::unix::Signal;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::spawn_local;
use tokio::time::{sleep, timeout};

/// How long a manager may be behind with reading before it is given up.
const BEHIND: Duration = Duration::from_secs(1);

/// How long forwards and connections are waited for at the end: their budget and a little more.
const DRAIN: Duration = Duration::from_secs(5);

/// How long nobody is accepted after that failed, for want of descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// For how long the query log is kept at least after it was last read.
const READER: Duration = Duration::from_secs(10);

/// How long a reader of the query log waits for one question.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// What the loop works with.
pub struct Control {
    /// Where managers connect.
    pub listener: Watched,
    /// Who may connect beside root: whoever started this process.
    pub trusted: u32,
    /// What this process is.
    pub build: Build,
    /// What shards and pidfds say.
    pub events: UnboundedReceiver<Event>,
    /// The signal to end.
    pub terminate: Signal,
    /// What all shards share.
    pub shared: Arc<Shared>,
    /// The shards.
    pub shards: Shards,
    /// What the manager has said.
    pub replica: Replica,
}

/// Whether the loop goes on.
#[derive(PartialEq, Eq)]
enum Next {
    Go,
    End,
}

impl Control {
    /// Runs until told to end. To be called within a `LocalSet`.
    pub async fn run(mut self) {
        let mut manager: Option<Arc<Connection>> = None;
        loop {
            tokio::select! {
                accepted = accept(&self.listener, self.trusted) => match accepted {
                    Ok(Some(connection)) => manager = Some(Arc::new(connection)),
                    Ok(None) => {}
                    Err(error) => {
                        tracing::warn!(%error, "manager cannot be accepted");
                        sleep(PAUSE).await;
                    }
                },
                received = hear(manager.as_ref()) => match received {
                    (connection, Ok(Some(packet))) => match self.obey(&connection, packet).await {
                        Ok(Next::Go) => {}
                        Ok(Next::End) => return,
                        Err(error) => manager = give_up(&error),
                    },
                    (connection, Err(ChannelError::Malformed { seq: Some(seq), source })) => {
                        let refused = FromResolver::Refused(source.to_string());
                        if let Err(error) = say(&connection, seq, &refused, &[]).await {
                            manager = give_up(&error);
                        }
                    }
                    (_, Ok(None)) => manager = None,
                    (_, Err(error)) => manager = give_up(&error),
                },
                Some(event) = self.events.recv() => {
                    let news = self.notice(event);
                    if let (Some(connection), Some(news)) = (&manager, news)
                        && let Err(error) = say(connection, UNASKED, &news, &[]).await
                    {
                        manager = give_up(&error);
                    }
                }
                _ = self.terminate.recv() => return self.drain().await,
            }
        }
    }

    /// Does what the manager says, and answers.
    async fn obey(
        &mut self,
        manager: &Arc<Connection>,
        Packet { seq, message, fds }: Packet<ToResolver>,
    ) -> Result<Next, ChannelError> {
        let reply = match message {
            ToResolver::Hello(build) => {
                tracing::info!(?build, "manager");
                FromResolver::Hello(self.build.clone())
            }
            ToResolver::BeginSnapshot => {
                self.replica.begin();
                FromResolver::Ack
            }
            ToResolver::Updates(updates) => {
                updates.into_iter().for_each(|update| self.replica.apply(update));
                FromResolver::Ack
            }
            ToResolver::EndSnapshot => {
                self.replica.end();
                FromResolver::Ack
            }
            ToResolver::Sockets(set) => acked(self.replica.take(&set, fds)),
            ToResolver::HoldPorts(ports) => acked(self.replica.hold(ports, fds)),
            ToResolver::ReleasePorts(ports) => {
                ports.iter().for_each(|port| self.replica.release(port));
                FromResolver::Ack
            }
            ToResolver::PutZone(origin) => acked(self.replica.put_zone(origin, fds)),
            ToResolver::RemoveZone(origin) => {
                self.replica.remove_zone(&origin);
                FromResolver::Ack
            }
            ToResolver::HostDns(address) => acked(self.replica.serve_host(address, fds)),
            ToResolver::ReturnSockets => {
                self.give_back(manager, seq).await?;
                FromResolver::Ack
            }
            ToResolver::ReadLog(after) => {
                self.read_log(manager, seq, after);
                return Ok(Next::Go);
            }
            ToResolver::CacheSize(bytes) => {
                self.shared.cache.resize(bytes);
                FromResolver::Ack
            }
            ToResolver::FlushCache => {
                self.replica.flush_caches();
                FromResolver::Ack
            }
            ToResolver::Count => FromResolver::Counted(self.shared.count(self.replica.len())),
            ToResolver::CountEach(ids) => self.count_each(&ids),
            ToResolver::Resolve(question) => return self.resolve(manager, seq, question).await,
            ToResolver::Ping => {
                let come_by = self.shards.ping();
                later(manager, seq, come_by.map(|()| FromResolver::Ack));
                return Ok(Next::Go);
            }
            ToResolver::Drain => {
                self.drain().await;
                say(manager, seq, &FromResolver::Ack, &[]).await?;
                return Ok(Next::End);
            }
        };
        say(manager, seq, &reply, &[]).await.map(|()| Next::Go)
    }

    fn count_each(&self, ids: &[SandboxId]) -> FromResolver {
        let served = ids.iter().filter_map(|id| self.replica.sandbox(*id).ok());
        let counted = served.map(|sandbox| (sandbox.id, sandbox.stats.read())).collect();
        FromResolver::CountedEach(counted, self.shared.count_upstreams())
    }

    /// Answers with what is asked after a query, or after a while with nothing.
    fn read_log(&self, manager: &Arc<Connection>, seq: u64, after: Option<u64>) {
        if self.shared.log.open() {
            spawn_local(close_unread(self.shared.clone()));
        }
        let shared = self.shared.clone();
        later(manager, seq, async move {
            let more = shared.log.more();
            let batch = shared.log.after(after);
            let is_news = after.is_none() || !batch.queries.is_empty() || batch.lost > 0;
            if is_news || timeout(LONGEST_WAIT, more).await.is_err() {
                return FromResolver::Logged(batch);
            }
            FromResolver::Logged(shared.log.after(after))
        });
    }

    /// Answers a person's question, which may take as long as a forward.
    async fn resolve(
        &self,
        manager: &Arc<Connection>,
        seq: u64,
        question: Question,
    ) -> Result<Next, ChannelError> {
        match self.asker(&question) {
            Ok(sandbox) => {
                let shared = self.shared.clone();
                later(manager, seq, async move {
                    FromResolver::Resolved(resolution(&shared, &sandbox, &question).await)
                });
            }
            Err(refused) => say(manager, seq, &acked(Err(refused)), &[]).await?,
        }
        Ok(Next::Go)
    }

    /// Finds the sandbox that a question is asked as, or makes one up.
    fn asker(&self, question: &Question) -> Result<Arc<Sandbox>, Refused> {
        match &question.asker {
            Asker::Sandbox(id) => self.replica.sandbox(*id).cloned(),
            Asker::Imagined(view) => {
                Ok(Arc::new(Sandbox::new(view, self.replica.registry(), &self.shared)))
            }
        }
    }

    async fn give_back(&self, manager: &Connection, seq: u64) -> Result<(), ChannelError> {
        for (set, fds) in self.replica.sockets() {
            say(manager, seq, &FromResolver::Sockets(set), &fds).await?;
        }
        for (port, fd) in self.replica.ports() {
            say(manager, seq, &FromResolver::Port(port), &[fd]).await?;
        }
        if let Some(host) = self.replica.host() {
            say(manager, seq, &FromResolver::HostDns(host.address()), &host.sockets()).await?;
        }
        Ok(())
    }

    /// Acts on an event and returns what the manager is told, if there is one.
    fn notice(&mut self, event: Event) -> Option<FromResolver> {
        match event {
            Event::Ended(sandbox) => {
                self.replica.ended(sandbox).then_some(FromResolver::Ended(sandbox))
            }
            Event::NeedInside { sandbox, udp, tcp } => {
                Some(FromResolver::NeedInside { sandbox, udp, tcp })
            }
        }
    }

    /// Reads no more queries and waits until those that were read are answered.
    async fn drain(&mut self) {
        self.replica.stop_host();
        self.shards.drain().await;
        let all = u32::try_from(self.shared.limits.forwards).unwrap_or(u32::MAX);
        if timeout(DRAIN, self.shared.forwards.acquire_many(all)).await.is_err() {
            tracing::warn!("forwards were still outstanding at the end");
        }
    }
}

/// Closes the query log once nobody reads it any more.
async fn close_unread(shared: Arc<Shared>) {
    let mut readings = 0;
    loop {
        sleep(READER).await;
        let Some(by_now) = shared.log.close_unless_read(readings) else { return };
        readings = by_now;
    }
}

/// Accepts a manager; nothing if whoever connected may not speak.
async fn accept(listener: &Watched, trusted: u32) -> io::Result<Option<Connection>> {
    use rustix::net::{SocketFlags, accept_with};
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let accept = |fd: &Arc<OwnedFd>| Ok(accept_with(fd, flags)?);
    let connection = Connection::new(listener.async_io(Interest::READABLE, accept).await?)?;
    let uid = connection.peer()?.uid.as_raw();
    if uid != 0 && uid != trusted {
        tracing::warn!(uid, "a stranger is turned away");
        return Ok(None);
    }
    Ok(Some(connection))
}

type Heard = (Arc<Connection>, Result<Option<Packet<ToResolver>>, ChannelError>);

async fn hear(manager: Option<&Arc<Connection>>) -> Heard {
    match manager {
        Some(connection) => (connection.clone(), connection.recv().await),
        None => pending().await,
    }
}

/// Answers when the answer is known. By then there may be another manager; this one's connection is kept until then.
fn later(manager: &Arc<Connection>, seq: u64, reply: impl Future<Output = FromResolver> + 'static) {
    let manager = manager.clone();
    spawn_local(async move {
        let reply = reply.await;
        if let Err(error) = say(&manager, seq, &reply, &[]).await {
            tracing::debug!(%error, "manager did not wait for its answer");
        }
    });
}

async fn say(
    manager: &Connection,
    seq: u64,
    message: &FromResolver,
    fds: &[BorrowedFd<'_>],
) -> Result<(), ChannelError> {
    let sent = timeout(BEHIND, manager.send(seq, message, fds)).await;
    sent.unwrap_or_else(|late| Err(io::Error::from(late).into()))
}

fn give_up(error: &ChannelError) -> Option<Arc<Connection>> {
    tracing::warn!(%error, "manager is given up");
    None
}

fn acked(done: Result<(), Refused>) -> FromResolver {
    match done {
        Ok(()) => FromResolver::Ack,
        Err(refused) => FromResolver::Refused(refused.to_string()),
    }
}
