//! One system call for as many queries as there are, and one for their replies.

use super::{LONGEST, Packet, answer};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// How many datagrams one system call takes.
const BATCH: usize = 32;

/// Room for so many. The headers point to the other three, which are neither moved nor grown.
pub struct Batch {
    packets: Vec<Packet>,
    peers: Vec<libc::sockaddr_in>,
    parts: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
}

impl Batch {
    /// Makes it.
    pub fn new() -> Self {
        let mut batch = Self {
            packets: vec![[0; _]; BATCH],
            // SAFETY: all zeroes is a valid address.
            peers: vec![unsafe { std::mem::zeroed() }; BATCH],
            parts: Vec::with_capacity(BATCH),
            headers: Vec::with_capacity(BATCH),
        };
        let (packets, peers) = (batch.packets.as_mut_ptr(), batch.peers.as_mut_ptr());
        for place in 0..BATCH {
            let iov_base = packets.wrapping_add(place).cast();
            batch.parts.push(libc::iovec { iov_base, iov_len: LONGEST });
        }
        let parts = batch.parts.as_mut_ptr();
        for place in 0..BATCH {
            // SAFETY: all zeroes is a valid header, with null pointers.
            let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
            header.msg_hdr.msg_name = peers.wrapping_add(place).cast();
            header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
            header.msg_hdr.msg_iov = parts.wrapping_add(place);
            header.msg_hdr.msg_iovlen = 1;
            batch.headers.push(header);
        }
        batch
    }

    /// Answers what is there once, with these flags for reading.
    pub fn turn(&mut self, socket: BorrowedFd<'_>, flags: libc::c_int) -> io::Result<()> {
        let fd = socket.as_raw_fd();
        let (packets, parts) = (self.packets.as_mut_ptr(), self.parts.as_mut_ptr());
        let headers = self.headers.as_mut_ptr();
        let no_time = std::ptr::null_mut();
        // SAFETY: BATCH headers point to one peer and one part each, each part to LONGEST bytes of one packet; nothing
        // else refers to them meanwhile. A null timeout is allowed.
        let count = unsafe { libc::recvmmsg(fd, headers, BATCH as u32, flags, no_time) };
        let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
        for place in 0..count {
            // SAFETY: `place` is below BATCH, and the kernel is done with the packets; nothing else refers to them.
            unsafe {
                let length = (*headers.add(place)).msg_len as usize;
                (*parts.add(place)).iov_len = answer(&mut *packets.add(place), length);
            }
        }
        // Clients that went away miss nothing.
        // SAFETY: as for reading; each part is as long as what was written into its packet.
        unsafe { libc::sendmmsg(fd, headers, count as u32, 0) };
        for part in &mut self.parts[..count] {
            part.iov_len = LONGEST;
        }
        Ok(())
    }
}
