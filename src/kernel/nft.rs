//! nftables over nfnetlink: one transaction a change, without the nft program.
//!
//! The socket belongs to the namespace of the thread that opened it and stays open: closing one that owns a table, or
//! may, waits for the kernel. Sending is synchronous: when `send` returns, the transaction is done or was refused, and
//! the answers are in the queue. What stands there is compared with what is wanted, never decoded.

mod abi;
mod encode;
mod expr;
mod read;
pub(super) mod wire;

#[cfg(test)]
pub(super) mod tests;

pub use read::stands;

use crate::plan::nft::{Delta, Family, Hook, dns_table};
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv, send, setsockopt, sockopt};
use rtnetlink::sys::Socket;
use rtnetlink::sys::protocols::NETLINK_NETFILTER;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// Room for a batch beyond which `send` would refuse it, and for the errors of one, in bytes.
const SEND_BUFFER: usize = 16 << 20;
const RECEIVE_BUFFER: usize = 1 << 20;

/// Why a change of the firewall was not made.
#[derive(Debug, thiserror::Error)]
pub enum NftError {
    /// There is no nfnetlink socket to be had.
    #[error("cannot open an nfnetlink socket for the firewall")]
    Open(#[source] io::Error),
    /// The transaction could not be sent or its answer not read.
    #[error("cannot talk to nf_tables")]
    Talk(#[source] io::Error),
    /// The kernel lacks what the object needs.
    #[error(
        "the kernel has no nf_tables support for {object}{detail}; it needs the modules nf_tables, nft_chain_nat, nft_ct, nft_fib_inet, nft_masq"
    )]
    Unsupported {
        /// What it refused.
        object: String,
        /// Its own words in parentheses, if it said any.
        detail: String,
        /// Its error.
        #[source]
        source: io::Error,
    },
    /// The kernel refused an object, and with it the whole transaction.
    #[error("the kernel refused {object} of the firewall{detail}")]
    Refused {
        /// What it refused.
        object: String,
        /// Its own words in parentheses, if it said any.
        detail: String,
        /// Its error.
        #[source]
        source: io::Error,
    },
}

impl NftError {
    /// Whether something that the change builds on, the table or an element, is not there.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Refused { source, .. } if source.raw_os_error() == Some(libc::ENOENT))
    }

    /// Whether a table belongs to another living socket.
    pub fn is_owned(&self) -> bool {
        matches!(self, Self::Refused { source, .. } if source.raw_os_error() == Some(libc::EPERM))
    }
}

/// A blocking nfnetlink socket.
#[derive(Debug)]
pub struct Nft {
    socket: OwnedFd,
    port: u32,
    shares: bool,
}

impl Nft {
    /// Opens a socket in the namespace of the calling thread.
    pub fn open() -> Result<Self, NftError> {
        let mut socket = Socket::new(NETLINK_NETFILTER).map_err(NftError::Open)?;
        let port = socket.bind_auto().map_err(NftError::Open)?.port_number();
        // Without these, errors come without words or with the whole request: still errors.
        let _ = socket.set_ext_ack(true);
        let _ = socket.set_cap_ack(true);
        let socket = socket.as_fd().try_clone_to_owned().map_err(NftError::Open)?;
        setsockopt(&socket, sockopt::SndBufForce, &SEND_BUFFER)
            .or_else(|_| setsockopt(&socket, sockopt::SndBuf, &SEND_BUFFER))
            .and_then(|()| setsockopt(&socket, sockopt::RcvBuf, &RECEIVE_BUFFER))
            .map_err(|errno| NftError::Open(errno.into()))?;
        Ok(Self { socket, port, shares: false })
    }

    /// Lets others change the tables that it makes from now on, whatever [`crate::plan::nft::Table::owned`] says: as on a kernel before 6.9.
    pub fn share(&mut self) {
        self.shares = true;
    }

    /// Returns the netlink port that changes made here carry, for `kernel::watch`.
    pub fn port(&self) -> u32 {
        self.port
    }

    /// Makes a change in one transaction; when it is refused, nothing has changed.
    pub fn apply(&mut self, delta: &Delta) -> Result<(), NftError> {
        self.apply_all(std::slice::from_ref(delta))
    }

    /// Makes several changes in one transaction.
    ///
    /// A table that is to be owned belongs to this socket: nobody else can change it, nor flush it, while the socket is
    /// open. A kernel that has no such tables gets one without.
    ///
    /// # Errors
    /// Besides what the kernel lacks or refuses: `EPERM` while another living socket owns a table.
    pub fn apply_all(&mut self, deltas: &[Delta]) -> Result<(), NftError> {
        if deltas.iter().all(|delta| *delta == Delta::Nothing) {
            return Ok(());
        }
        if self.shares {
            return self.commit(encode::changes(deltas, false));
        }
        match self.commit(encode::changes(deltas, true)) {
            Err(error) if lacks_ownership(&error) => {
                self.commit(encode::changes(deltas, false))?;
                self.shares = true;
                Ok(())
            }
            done => done,
        }
    }

    /// Whether a table exists.
    pub fn has_table(&mut self, family: Family, name: &str) -> Result<bool, NftError> {
        let request = wire::single(libc::NFT_MSG_GETTABLE as u16, family, |attrs| {
            attrs.text(abi::attr::table::NAME, name);
        });
        self.drain()?;
        self.send(&request)?;
        let names = [format!("table {family} {name}")];
        match self.read_answers(&names) {
            Ok(()) => Ok(true),
            Err(error) if error.is_missing() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Returns every chain of a family that drops what is passed on and no rule of it accepts, as `TABLE` and `CHAIN`.
    pub fn dropping(&mut self, family: Family) -> Result<Vec<(String, String)>, NftError> {
        self.drain()?;
        self.send(&wire::dump(libc::NFT_MSG_GETCHAIN as u16, family, |_| {}))?;
        let mut buffer = vec![0; 64 << 10];
        let mut found = Vec::new();
        while let Some(length) = self.receive(&mut buffer)? {
            for message in wire::messages(&buffer[..length]) {
                refusal_of(&message, &[]).map_or(Ok(()), Err)?;
                found.extend(dropping_chain(&message));
            }
        }
        Ok(found)
    }

    fn commit(&mut self, batch: wire::Batch) -> Result<(), NftError> {
        let (bytes, names) = batch.finish();
        self.drain()?;
        self.send(&bytes)?;
        self.read_answers(&names)
    }

    fn send(&self, bytes: &[u8]) -> Result<(), NftError> {
        loop {
            match send(self.socket.as_raw_fd(), bytes, MsgFlags::empty()) {
                Ok(_) => return Ok(()),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(NftError::Talk(errno.into())),
            }
        }
    }

    /// Forgets answers that an interrupted exchange left.
    fn drain(&self) -> Result<(), NftError> {
        while self.receive(&mut [0; 64])?.is_some() {}
        Ok(())
    }

    /// Reads what the kernel has queued. The first error is the cause, the rest follow from it; silence is no success.
    fn read_answers(&self, names: &[String]) -> Result<(), NftError> {
        let mut buffer = vec![0; 64 << 10];
        let mut answer = None;
        while let Some(length) = self.receive(&mut buffer)? {
            for message in wire::messages(&buffer[..length]) {
                let refusal = refusal_of(&message, names).map_or(Ok(()), Err);
                answer = answer.filter(Result::is_err).or(Some(refusal));
            }
        }
        answer.unwrap_or_else(|| Err(NftError::Talk(io::ErrorKind::UnexpectedEof.into())))
    }

    fn receive(&self, buffer: &mut [u8]) -> Result<Option<usize>, NftError> {
        loop {
            match recv(self.socket.as_raw_fd(), buffer, MsgFlags::MSG_DONTWAIT) {
                Ok(length) => return Ok(Some(length)),
                Err(Errno::EAGAIN) => return Ok(None),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(NftError::Talk(errno.into())),
            }
        }
    }
}

/// Reads a chain that was dumped: its table and name if it stands at the forward hook and its policy is to drop.
fn dropping_chain(message: &wire::Message<'_>) -> Option<(String, String)> {
    use abi::attr::{chain, hook};
    const FAMILY_HEADER: usize = 4;
    if !message.is_nf_tables() {
        return None;
    }
    let payload = message.payload.get(FAMILY_HEADER..)?;
    let of =
        |bytes, wanted| wire::attributes(bytes).find(|(kind, _)| *kind == wanted).map(|(_, v)| v);
    let number = |bytes: &[u8]| Some(u32::from_be_bytes(bytes.try_into().ok()?));
    let text = |bytes: &[u8]| {
        String::from_utf8_lossy(bytes.strip_suffix(&[0]).unwrap_or(bytes)).into_owned()
    };
    let stands = number(of(of(payload, chain::HOOK)?, hook::HOOKNUM)?)?;
    let policy = number(of(payload, chain::POLICY)?)?;
    let drops = stands == Hook::Forward as u32 && policy == libc::NF_DROP as u32;
    drops.then_some((text(of(payload, chain::TABLE)?), text(of(payload, chain::NAME)?)))
}

/// Tries whether a table can belong to a socket and outlive it, in the namespace of the calling thread.
pub(super) fn try_ownership() -> Result<(), NftError> {
    Nft::open()?.commit(encode::changes(&[Delta::Replace(dns_table(1, 1))], true))
}

fn refusal_of(message: &wire::Message<'_>, names: &[String]) -> Option<NftError> {
    if i32::from(message.kind) != libc::NLMSG_ERROR {
        return None;
    }
    let code = wire::number(message.payload, 0)? as i32;
    if code == 0 {
        return None;
    }
    let object = names.get(message.sequence as usize).cloned();
    let object = object.unwrap_or_else(|| "the transaction".to_owned());
    let detail = words(message).map_or_else(String::new, |words| format!(" ({words})"));
    let source = io::Error::from_raw_os_error(-code);
    Some(match -code {
        libc::EOPNOTSUPP | libc::EPROTONOSUPPORT | libc::EAFNOSUPPORT => {
            NftError::Unsupported { object, detail, source }
        }
        _ => NftError::Refused { object, detail, source },
    })
}

/// Returns the kernel's words about an error (`NLMSGERR_ATTR_MSG`), which follow the header of the refused message.
fn words(message: &wire::Message<'_>) -> Option<String> {
    const HAS_ATTRIBUTES: u16 = 0x200;
    const MSG: u16 = 1;
    if message.flags & HAS_ATTRIBUTES == 0 {
        return None;
    }
    let (_, text) = wire::attributes(message.payload.get(20..)?).find(|(kind, _)| *kind == MSG)?;
    let text = text.strip_suffix(&[0]).unwrap_or(text);
    Some(String::from_utf8_lossy(text).into_owned())
}

/// Makes the DNS table in the namespace of the calling thread, and returns the socket that owns it. While that socket,
/// or a duplicate, is open, nobody else can change the table; afterwards it stays until somebody removes it. One that a
/// dead owner left is replaced. A kernel before 6.9 gets it without that protection.
///
/// # Errors
/// Besides what the kernel lacks: `EPERM` while another living socket owns the table.
pub fn own_dns_table(udp_port: u16, tcp_port: u16) -> Result<OwnedFd, NftError> {
    let mut nft = Nft::open()?;
    nft.apply(&Delta::Replace(dns_table(udp_port, tcp_port)))?;
    Ok(nft.socket)
}

/// Removes the DNS table of a namespace through the socket that owns it, which nobody else could.
pub fn remove_dns_table(owner: OwnedFd) -> Result<(), NftError> {
    let table = dns_table(0, 0);
    // Whose changes they are matters to the host's watch alone.
    Nft { socket: owner, port: 0, shares: false }.apply(&Delta::Remove(table.family, table.name))
}

/// Before 6.3 the kernel knows no DESTROYTABLE, before 6.9 no persist flag; both are EINVAL or EOPNOTSUPP.
fn lacks_ownership(error: &NftError) -> bool {
    match error {
        NftError::Unsupported { .. } => true,
        NftError::Refused { source, .. } => source.raw_os_error() == Some(libc::EINVAL),
        NftError::Open(_) | NftError::Talk(_) => false,
    }
}
