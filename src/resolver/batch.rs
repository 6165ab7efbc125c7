//! Batch: up to 32 datagrams read with one system call, and their replies sent with another.
//!
//! The only unsafe code of the resolver, because no safe binding reads and sends many datagrams without allocating.
//! Nothing is kept between a read and the next: a batch is answered and sent before another is read, so a resolver that is
//! killed takes at most one batch with it.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::{array, mem, ptr};

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
    reply_lengths: [usize; BATCH],
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
            reply_lengths: [0; BATCH],
        }
    }

    /// Reads what is queued, at most [`BATCH`] datagrams, without waiting, and returns how many there were.
    ///
    /// A datagram longer than [`ROOM`] is cut. An empty queue is `WouldBlock`.
    pub fn receive(&mut self, socket: BorrowedFd<'_>) -> io::Result<usize> {
        self.reply_lengths = [0; BATCH];
        let Self { queries, senders, .. } = self;
        let mut parts = queries.each_mut().map(part);
        let mut headers = headers(senders, &mut parts);
        // SAFETY: each header points to one sender and one part, each part to one buffer of ROOM bytes; all of them
        // outlive the call and nothing else refers to them. A null timeout is allowed.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                headers.as_mut_ptr(),
                BATCH as libc::c_uint,
                libc::MSG_DONTWAIT,
                ptr::null_mut(),
            )
        };
        let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
        for (length, header) in self.query_lengths.iter_mut().zip(&headers).take(count) {
            *length = header.msg_len as usize;
        }
        Ok(count)
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
        self.reply_lengths[place] = length;
    }

    /// Sends the replies there are to the batch that was read. One that the kernel does not take, because the sandbox
    /// filters it or its queue is full, is dropped: waiting for it would make others wait.
    pub fn send(&mut self, socket: BorrowedFd<'_>) {
        let Self { replies, senders, reply_lengths, .. } = self;
        let mut kept = 0;
        let mut parts = replies.each_mut().map(part);
        for place in 0..BATCH {
            if reply_lengths[place] > 0 {
                parts[kept] = libc::iovec { iov_len: reply_lengths[place], ..parts[place] };
                senders[kept] = senders[place];
                kept += 1;
            }
        }
        let mut headers = headers(senders, &mut parts);
        let mut rest = &mut headers[..kept];
        while !rest.is_empty() {
            // SAFETY: as for reading; the kernel reads reply_lengths bytes of each buffer, which it holds.
            let sent = unsafe {
                libc::sendmmsg(
                    socket.as_raw_fd(),
                    rest.as_mut_ptr(),
                    rest.len() as libc::c_uint,
                    libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL,
                )
            };
            // An error is that of the first one left.
            let done = usize::try_from(sent).unwrap_or(0).max(1);
            rest = &mut rest[done..];
        }
    }
}

fn part(buffer: &mut [u8; ROOM]) -> libc::iovec {
    libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: ROOM }
}

/// Makes headers that point to each address and each part.
fn headers(
    addresses: &mut [libc::sockaddr_in; BATCH],
    parts: &mut [libc::iovec; BATCH],
) -> [libc::mmsghdr; BATCH] {
    let (addresses, parts) = (addresses.as_mut_ptr(), parts.as_mut_ptr());
    array::from_fn(|place| {
        // SAFETY: all zeroes is a valid header, with null pointers.
        let mut header: libc::mmsghdr = unsafe { mem::zeroed() };
        header.msg_hdr.msg_name = addresses.wrapping_add(place).cast();
        header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
        header.msg_hdr.msg_iov = parts.wrapping_add(place);
        header.msg_hdr.msg_iovlen = 1;
        header
    })
}
