//! Traffic: what a link has carried.

/// What a sandbox's link has carried since it was made, as the sandbox sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// What it has received.
    pub received: Flow,
    /// What it has sent.
    pub sent: Flow,
}

/// One direction of a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// Bytes, with the headers of Ethernet.
    pub bytes: u64,
    /// Packets.
    pub packets: u64,
    /// Packets that were lost for want of room.
    pub dropped: u64,
    /// Packets that were broken.
    pub errors: u64,
}
