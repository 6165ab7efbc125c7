//! Client: the manager's side. Requests of several tasks share one connection; each gets the answers to its number.

use super::{ChannelError, Connection, FromResolver, Packet, ToResolver, UNASKED};
use rustix::net::UCred;
use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinHandle;

type Reply = (FromResolver, Vec<OwnedFd>);

/// A connection to a resolver. Dropping it closes the connection. Time limits are the caller's: a request may be
/// dropped at any time.
#[derive(Debug)]
pub struct Client {
    connection: Arc<Connection>,
    waiting: Arc<Waiting>,
    next: AtomicU64,
    reader: JoinHandle<()>,
}

/// What the resolver says unasked.
#[derive(Debug)]
pub struct Unasked(UnboundedReceiver<FromResolver>);

/// Who waits for which number; none once the connection is closed, so that nobody waits in vain.
#[derive(Debug)]
struct Waiting(Mutex<Option<HashMap<u64, UnboundedSender<Reply>>>>);

impl Client {
    /// Connects to the resolver that listens at a path; to be called within a tokio runtime.
    pub fn connect(path: &Path) -> io::Result<(Self, Unasked)> {
        let connection = Arc::new(Connection::connect(path)?);
        let waiting = Arc::new(Waiting(Mutex::new(Some(HashMap::new()))));
        let (tell, unasked) = mpsc::unbounded_channel();
        let reader = tokio::spawn(read(connection.clone(), waiting.clone(), tell));
        let client = Self { connection, waiting, next: AtomicU64::new(UNASKED + 1), reader };
        Ok((client, Unasked(unasked)))
    }

    /// Returns who last called listen at the other side: the resolver, once it serves.
    pub fn peer(&self) -> io::Result<UCred> {
        self.connection.peer()
    }

    /// Asks, and returns the answer.
    pub async fn request(
        &self,
        message: &ToResolver,
        fds: &[BorrowedFd<'_>],
    ) -> Result<FromResolver, ChannelError> {
        let mut replies = self.ask(message, fds).await?;
        replies.recv().await.map(|(reply, _)| reply).ok_or(ChannelError::Closed)
    }

    /// Asks several things in order, the next before the answer to the last, and returns the answers.
    pub async fn request_all(
        &self,
        messages: &[(ToResolver, Vec<Arc<OwnedFd>>)],
    ) -> Result<Vec<FromResolver>, ChannelError> {
        let mut asked = Vec::new();
        for (message, fds) in messages {
            let fds: Vec<BorrowedFd<'_>> = fds.iter().map(|fd| fd.as_fd()).collect();
            asked.push(self.ask(message, &fds).await?);
        }
        let mut answers = Vec::new();
        for mut replies in asked {
            let (answer, _) = replies.recv().await.ok_or(ChannelError::Closed)?;
            answers.push(answer);
        }
        Ok(answers)
    }

    /// Asks for duplicates of all descriptors, and returns each `Sockets`, `Port` and `HostDns` with its own.
    pub async fn return_sockets(&self) -> Result<Vec<Reply>, ChannelError> {
        let mut replies = self.ask(&ToResolver::ReturnSockets, &[]).await?;
        let mut returned = Vec::new();
        loop {
            match replies.recv().await.ok_or(ChannelError::Closed)? {
                (FromResolver::Ack, _) => return Ok(returned),
                reply => returned.push(reply),
            }
        }
    }

    async fn ask(
        &self,
        message: &ToResolver,
        fds: &[BorrowedFd<'_>],
    ) -> Result<Pending<'_>, ChannelError> {
        let seq = self.next.fetch_add(1, Ordering::Relaxed);
        let (tell, replies) = mpsc::unbounded_channel();
        self.waiting.add(seq, tell)?;
        let pending = Pending { replies, seq, waiting: &self.waiting };
        self.connection.send(seq, message, fds).await?;
        Ok(pending)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Unasked {
    /// Waits for the next message; nothing once the connection is closed.
    pub async fn next(&mut self) -> Option<FromResolver> {
        self.0.recv().await
    }
}

/// Answers to one number; when the request is dropped, the number is forgotten.
struct Pending<'a> {
    replies: UnboundedReceiver<Reply>,
    seq: u64,
    waiting: &'a Waiting,
}

impl Pending<'_> {
    async fn recv(&mut self) -> Option<Reply> {
        self.replies.recv().await
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.waiting.with(|waiting| waiting.remove(&self.seq));
    }
}

impl Waiting {
    fn add(&self, seq: u64, tell: UnboundedSender<Reply>) -> Result<(), ChannelError> {
        self.with(|waiting| waiting.insert(seq, tell)).map(|_| ()).ok_or(ChannelError::Closed)
    }

    fn with<T>(
        &self,
        act: impl FnOnce(&mut HashMap<u64, UnboundedSender<Reply>>) -> T,
    ) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(act)
    }

    fn close(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

async fn read(
    connection: Arc<Connection>,
    waiting: Arc<Waiting>,
    unasked: UnboundedSender<FromResolver>,
) {
    loop {
        let Packet { seq, message, fds } = match connection.recv().await {
            Ok(Some(packet)) => packet,
            Ok(None) => break,
            Err(error) => {
                tracing::warn!(%error, "channel to the resolver is given up");
                break;
            }
        };
        // A receiver that is gone has given its request up.
        if seq == UNASKED {
            let _ = unasked.send(message);
        } else {
            waiting.with(|waiting| waiting.get(&seq).map(|tell| tell.send((message, fds))));
        }
    }
    waiting.close();
}
