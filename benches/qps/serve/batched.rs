//! One system call for as many queries as there are, and one for their replies.

use super::{LONGEST, Packet, answer};
use std::io;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;

/// How many datagrams one system call takes.
const BATCH: usize = 32;

/// Serves until the socket fails.
pub fn serve(socket: &UdpSocket) -> io::Result<()> {
    let fd = socket.as_raw_fd();
    let mut packets: Vec<Packet> = vec![[0; _]; BATCH];
    // SAFETY: all zeroes is a valid address.
    let mut peers: Vec<libc::sockaddr_in> = vec![unsafe { std::mem::zeroed() }; BATCH];
    let mut parts: Vec<libc::iovec> = Vec::with_capacity(BATCH);
    let mut headers: Vec<libc::mmsghdr> = Vec::with_capacity(BATCH);
    let base = packets.as_mut_ptr();
    for place in 0..BATCH {
        let iov_base = base.wrapping_add(place).cast();
        parts.push(libc::iovec { iov_base, iov_len: LONGEST });
    }
    for place in 0..BATCH {
        // SAFETY: all zeroes is a valid header, with null pointers.
        let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
        header.msg_hdr.msg_name = peers.as_mut_ptr().wrapping_add(place).cast();
        header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
        header.msg_hdr.msg_iov = parts.as_mut_ptr().wrapping_add(place);
        header.msg_hdr.msg_iovlen = 1;
        headers.push(header);
    }
    let (parts, headers) = (parts.as_mut_ptr(), headers.as_mut_ptr());
    loop {
        // SAFETY: BATCH headers point to one peer and one part each, each part to LONGEST bytes of one packet; the
        // vectors are neither moved nor grown while this function runs. A null timeout is allowed.
        let count = unsafe {
            libc::recvmmsg(fd, headers, BATCH as u32, libc::MSG_WAITFORONE, std::ptr::null_mut())
        };
        let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
        for place in 0..count {
            // SAFETY: `place` is below BATCH, and the kernel is done with the packets; nothing else refers to them.
            unsafe {
                let length = (*headers.add(place)).msg_len as usize;
                (*parts.add(place)).iov_len = answer(&mut *base.add(place), length);
            }
        }
        // Clients that went away miss nothing.
        // SAFETY: as for reading; each part is as long as what was written into its packet.
        unsafe { libc::sendmmsg(fd, headers, count as u32, 0) };
        for place in 0..count {
            // SAFETY: `place` is below BATCH.
            unsafe { (*parts.add(place)).iov_len = LONGEST };
        }
    }
}
