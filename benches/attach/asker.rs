//! The other sandbox: it asks for a name until it resolves.

use super::host::Unable;
use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use netdns::kernel::netns::within;
use std::fs::File;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a name may take; one that is not known then counts as that long.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long one answer may take, and how long to wait before asking again.
const ANSWER: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_micros(500);

/// A socket in a sandbox, connected to its name server.
pub struct Asker(UdpSocket);

impl Asker {
    /// Opens one in a namespace.
    pub fn inside(ns: &Path, server: &str) -> Result<Self, Unable> {
        let server: SocketAddr = server.parse().map_err(|_| format!("{server} is no address"))?;
        let open = || {
            let socket = UdpSocket::bind("0.0.0.0:0")?;
            socket.connect(server)?;
            socket.set_read_timeout(Some(ANSWER))?;
            Ok(socket)
        };
        let ns = File::open(ns).map_err(|error| format!("{}: {error}", ns.display()))?;
        let opened = within(ns.as_fd(), open).and_then(|opened: std::io::Result<_>| opened);
        opened.map(Self).map_err(|error| format!("no socket in the asking sandbox: {error}"))
    }

    /// Asks until the name has an address, or until it is too late.
    pub fn until_known(&self, name: &str) -> Result<(), Unable> {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if self.knows(name)? {
                return Ok(());
            }
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }

    fn knows(&self, name: &str) -> Result<bool, Unable> {
        let broken = |error: &dyn std::fmt::Display| format!("asking for {name}: {error}");
        let mut message = Message::query();
        message.metadata.recursion_desired = true;
        let absolute = Name::from_ascii(format!("{name}.")).map_err(|error| broken(&error))?;
        message.add_query(Query::query(absolute, RecordType::A));
        let bytes = message.to_vec().map_err(|error| broken(&error))?;
        // A server that is not there yet refuses.
        if self.0.send(&bytes).is_err() {
            return Ok(false);
        }
        let mut buffer = [0; 2048];
        loop {
            let Ok(length) = self.0.recv(&mut buffer) else { return Ok(false) };
            let reply = Message::from_vec(&buffer[..length]).map_err(|error| broken(&error))?;
            if reply.metadata.id == message.metadata.id {
                let good = reply.metadata.response_code == ResponseCode::NoError;
                return Ok(good && !reply.answers.is_empty());
            }
        }
    }
}
