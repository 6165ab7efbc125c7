//! Netlink framing: a batch of nf_tables messages and their attributes, as bytes.

use crate::plan::nft::Family;

const HEADER: usize = 16;
const NESTED: u16 = libc::NLA_F_NESTED as u16;
const REQUEST: u16 = libc::NLM_F_REQUEST as u16;
const SUBSYSTEM: u16 = (libc::NFNL_SUBSYS_NFTABLES as u16) << 8;

/// Messages that the kernel carries out together or not at all.
pub struct Batch {
    bytes: Vec<u8>,
    names: Vec<String>,
}

impl Batch {
    /// Begins a batch.
    pub fn new() -> Self {
        let mut batch = Self { bytes: Vec::new(), names: Vec::new() };
        let subsystem = libc::NFNL_SUBSYS_NFTABLES as u16;
        batch.raw(
            libc::NFNL_MSG_BATCH_BEGIN as u16,
            REQUEST,
            0,
            subsystem,
            "the transaction",
            |_| {},
        );
        batch
    }

    /// Adds a message; `what` names its object in errors. The kernel's number of `kind` is one of `NFT_MSG_*`.
    pub fn message(
        &mut self,
        kind: u16,
        flags: u16,
        family: Family,
        what: impl Into<String>,
        body: impl FnOnce(&mut Attrs<'_>),
    ) {
        self.raw(SUBSYSTEM | kind, REQUEST | flags, family_number(family), 0, what, body);
    }

    /// Ends the batch: the bytes to send, and the name of each message's object by sequence number.
    pub fn finish(mut self) -> (Vec<u8>, Vec<String>) {
        let subsystem = libc::NFNL_SUBSYS_NFTABLES as u16;
        self.raw(libc::NFNL_MSG_BATCH_END as u16, REQUEST, 0, subsystem, "the transaction", |_| {});
        (self.bytes, self.names)
    }

    fn raw(
        &mut self,
        kind: u16,
        flags: u16,
        family: u8,
        resource: u16,
        what: impl Into<String>,
        body: impl FnOnce(&mut Attrs<'_>),
    ) {
        let sequence = self.names.len() as u32;
        self.names.push(what.into());
        append(&mut self.bytes, kind, flags, sequence, family, resource, body);
    }
}

/// Returns one message that stands alone.
pub fn single(kind: u16, family: Family, body: impl FnOnce(&mut Attrs<'_>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    append(&mut bytes, SUBSYSTEM | kind, REQUEST, 0, family_number(family), 0, body);
    bytes
}

/// Returns one message that asks for all objects of a kind, or for those that it names.
pub fn dump(kind: u16, family: Family, body: impl FnOnce(&mut Attrs<'_>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let flags = REQUEST | libc::NLM_F_DUMP as u16;
    append(&mut bytes, SUBSYSTEM | kind, flags, 0, family_number(family), 0, body);
    bytes
}

fn append(
    bytes: &mut Vec<u8>,
    kind: u16,
    flags: u16,
    sequence: u32,
    family: u8,
    resource: u16,
    body: impl FnOnce(&mut Attrs<'_>),
) {
    let start = bytes.len();
    bytes.extend([0; 4]);
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend([0; 4]);
    // struct nfgenmsg
    bytes.extend([family, libc::NFNETLINK_V0 as u8]);
    bytes.extend(resource.to_be_bytes());
    body(&mut Attrs(bytes));
    let length = (bytes.len() - start) as u32;
    bytes[start..start + 4].copy_from_slice(&length.to_ne_bytes());
}

/// Returns the kernel's number of a family.
pub fn family_number(family: Family) -> u8 {
    (match family {
        Family::Ip => libc::NFPROTO_IPV4,
        Family::Inet => libc::NFPROTO_INET,
        Family::Bridge => libc::NFPROTO_BRIDGE,
    }) as u8
}

/// The attributes of a message or of a nest, being written.
pub struct Attrs<'a>(&'a mut Vec<u8>);

impl Attrs<'_> {
    /// Writes bytes as they are.
    pub fn bytes(&mut self, kind: u16, value: &[u8]) {
        self.framed(kind, |bytes| bytes.extend(value));
    }

    /// Writes text with its final NUL.
    pub fn text(&mut self, kind: u16, value: &str) {
        self.framed(kind, |bytes| {
            bytes.extend(value.as_bytes());
            bytes.push(0);
        });
    }

    /// Writes a number; nf_tables has them in network order.
    pub fn number(&mut self, kind: u16, value: u32) {
        self.bytes(kind, &value.to_be_bytes());
    }

    /// Writes attributes within an attribute.
    pub fn nest(&mut self, kind: u16, body: impl FnOnce(&mut Attrs<'_>)) {
        self.framed(kind | NESTED, |bytes| body(&mut Attrs(bytes)));
    }

    fn framed(&mut self, kind: u16, body: impl FnOnce(&mut Vec<u8>)) {
        let start = self.0.len();
        self.0.extend([0; 2]);
        self.0.extend(kind.to_ne_bytes());
        body(self.0);
        let length = u16::try_from(self.0.len() - start).expect("an attribute is below 64 KiB");
        self.0[start..start + 2].copy_from_slice(&length.to_ne_bytes());
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }
}

/// A message that was read.
pub struct Message<'a> {
    /// Its type.
    pub kind: u16,
    /// Its flags.
    pub flags: u16,
    /// The sequence number of the request it answers.
    pub sequence: u32,
    /// The netlink port of whoever caused it.
    pub port: u32,
    /// What follows the header.
    pub payload: &'a [u8],
}

impl Message<'_> {
    /// Whether it is about an nf_tables object, not about an error or a transaction as such.
    pub fn is_nf_tables(&self) -> bool {
        self.kind & 0xff00 == SUBSYSTEM
    }

    /// Returns its `NFT_MSG_*`.
    pub fn nft_kind(&self) -> i32 {
        i32::from(self.kind & 0xff)
    }
}

/// Reads the messages of a datagram; one cut short ends it.
pub fn messages(mut datagram: &[u8]) -> impl Iterator<Item = Message<'_>> {
    std::iter::from_fn(move || {
        let header = datagram.get(..HEADER)?;
        let length = number(header, 0)? as usize;
        let payload = datagram.get(HEADER..length)?;
        datagram = datagram.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(Message {
            kind: u16::from_ne_bytes([header[4], header[5]]),
            flags: u16::from_ne_bytes([header[6], header[7]]),
            sequence: number(header, 8)?,
            port: number(header, 12)?,
            payload,
        })
    })
}

/// Reads the attributes of a payload: type without flags, and value.
pub fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let header = bytes.get(..4)?;
        let length = usize::from(u16::from_ne_bytes([header[0], header[1]]));
        let kind = u16::from_ne_bytes([header[2], header[3]]) & libc::NLA_TYPE_MASK as u16;
        let value = bytes.get(4..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// Reads a number in this machine's order.
pub fn number(bytes: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(offset..offset + 4)?.try_into().ok()?))
}
