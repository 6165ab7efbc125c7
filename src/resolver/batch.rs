//! Batch: up to 32 datagrams read with one system call, and their replies sent with another.
//!
//! The only unsafe code of the resolver, because no safe binding reads and sends many datagrams without allocating.
//! Nothing is kept between a read and the next: a batch is answered and sent before another is read, so a resolver that is
//! killed takes at most one batch with it.

use std::io;
use std::mem::{self, MaybeUninit};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

/// How many datagrams are read at once.
pub const BATCH: usize = 32;

/// The longest query and reply over UDP, in bytes: towards a sandbox, over lo, nothing fragments.
pub const ROOM: usize = 4096;

type Buffers = Box<[[u8; ROOM]; BATCH]>;

/// The buffers of one shard: queries, their senders, and replies.
pub struct Batch {
    queries: Buffers,
    replies: Buffers,
    senders: [libc::sockaddr_in; BATCH],
    query_lengths: [usize; BATCH],
    /// The replies there are: whose place, and how long.
    ready: Vec<(usize, usize)>,
    /// How many datagrams are looked for at once: some more than there were lately, as each costs its preparation.
    wanted: usize,
}

fn buffers() -> Buffers {
    let rows = vec![[0; ROOM]; BATCH].into_boxed_slice();
    rows.try_into().expect("as many rows as were asked for")
}

impl Batch {
    /// Makes empty buffers, a quarter of a megabyte.
    pub fn new() -> Self {
        let nobody = libc::sockaddr_in {
            sin_family: libc::AF_INET as libc::sa_family_t,
            sin_port: 0,
            sin_addr: libc::in_addr { s_addr: 0 },
            sin_zero: [0; 8],
        };
        Self {
            queries: buffers(),
            replies: buffers(),
            senders: [nobody; BATCH],
            query_lengths: [0; BATCH],
            ready: Vec::with_capacity(BATCH),
            wanted: BATCH,
        }
    }

    /// Reads what is queued, at most [`BATCH`] datagrams, without waiting. Returns how many there were, and whether
    /// there may be more.
    ///
    /// A datagram longer than [`ROOM`] is cut. An empty queue is `WouldBlock`.
    pub fn receive(&mut self, socket: BorrowedFd<'_>) -> io::Result<(usize, bool)> {
        self.ready.clear();
        let wanted = self.wanted;
        let mut headers = [const { MaybeUninit::uninit() }; BATCH];
        let mut parts = [const { MaybeUninit::uninit() }; BATCH];
        let (base, senders) = (self.queries.as_mut_ptr(), self.senders.as_mut_ptr());
        for place in 0..wanted {
            let (room, sender) = (base.wrapping_add(place).cast(), senders.wrapping_add(place));
            let part = parts[place].write(libc::iovec { iov_base: room, iov_len: ROOM });
            headers[place].write(header(sender, part));
        }
        // SAFETY: so many headers were written; each points to one sender and one part, each part to one buffer of ROOM
        // bytes; all of them outlive the call and nothing else refers to them. A null timeout is allowed.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                headers.as_mut_ptr().cast(),
                wanted as libc::c_uint,
                libc::MSG_DONTWAIT,
                ptr::null_mut(),
            )
        };
        let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
        for (length, header) in self.query_lengths.iter_mut().zip(&headers).take(count) {
            // SAFETY: there are no more of them than were written.
            *length = unsafe { header.assume_init_ref() }.msg_len as usize;
        }
        self.wanted = (2 * count + 2).min(BATCH);
        Ok((count, count == wanted))
    }

    /// Returns the query with this place in the batch, and the room for its reply.
    pub fn query(&mut self, place: usize) -> (&[u8], &mut [u8]) {
        (&self.queries[place][..self.query_lengths[place]], &mut self.replies[place][..])
    }

    /// Returns who sent the query.
    pub fn sender(&self, place: usize) -> SocketAddrV4 {
        let sender = &self.senders[place];
        let address = Ipv4Addr::from(u32::from_be(sender.sin_addr.s_addr));
        SocketAddrV4::new(address, u16::from_be(sender.sin_port))
    }

    /// Says how long the reply is that was written into the room for it.
    pub fn reply(&mut self, place: usize, length: usize) {
        if length > 0 {
            self.ready.push((place, length));
        }
    }

    /// Sends the replies there are to the batch that was read. One that the kernel does not take, because the sandbox
    /// filters it or its queue is full, is dropped: waiting for it would make others wait.
    pub fn send(&mut self, socket: BorrowedFd<'_>) {
        let mut headers = [const { MaybeUninit::uninit() }; BATCH];
        let mut parts = [const { MaybeUninit::uninit() }; BATCH];
        let (base, senders) = (self.replies.as_mut_ptr(), self.senders.as_mut_ptr());
        let mut count = 0;
        for (at, (place, length)) in self.ready.drain(..).take(BATCH).enumerate() {
            let (room, sender) = (base.wrapping_add(place).cast(), senders.wrapping_add(place));
            let part = parts[at].write(libc::iovec { iov_base: room, iov_len: length });
            headers[at].write(header(sender, part));
            count = at + 1;
        }
        let (mut done, mut fragmented) = (0, false);
        while done < count {
            // SAFETY: as for reading; the kernel reads as many bytes of each buffer as the reply has.
            let sent = unsafe {
                libc::sendmmsg(
                    socket.as_raw_fd(),
                    headers[done..].as_mut_ptr().cast(),
                    (count - done) as libc::c_uint,
                    libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL,
                )
            };
            if sent < 0 && !fragmented && is_too_long(&io::Error::last_os_error()) {
                fragmented = true;
                fragment(socket, true);
                continue;
            }
            // An error is that of the first one left.
            done += usize::try_from(sent).unwrap_or(0).max(1);
        }
    }
}

/// Says whether a socket's datagrams may be fragmented. Those that are not need no number of the kernel's (RFC 6864
/// section 4), which costs it more than anything else of a header. Over lo all fit, unless somebody made it small.
pub fn fragment(socket: BorrowedFd<'_>, may: bool) {
    let value = if may { libc::IP_PMTUDISC_DONT } else { libc::IP_PMTUDISC_PROBE };
    // SAFETY: the option is an int, which outlives the call.
    let done = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_IP,
            libc::IP_MTU_DISCOVER,
            (&raw const value).cast(),
            size_of_val(&value) as libc::socklen_t,
        )
    };
    if done < 0 {
        tracing::debug!(error = %io::Error::last_os_error(), may, "fragments stay as they were");
    }
}

/// Whether a datagram was not sent because it would have had to be fragmented.
pub fn is_too_long(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EMSGSIZE)
}

/// Makes a header that points to one address and one part.
fn header(address: *mut libc::sockaddr_in, part: *mut libc::iovec) -> libc::mmsghdr {
    // SAFETY: all zeroes is a valid header, with null pointers.
    let mut header: libc::mmsghdr = unsafe { mem::zeroed() };
    header.msg_hdr.msg_name = address.cast();
    header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
    header.msg_hdr.msg_iov = part;
    header.msg_hdr.msg_iovlen = 1;
    header
}
