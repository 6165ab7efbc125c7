//! A rule's statements as expressions of the kernel's small machine: load into a register, compare, look up, act.

use super::abi::{self, attr};
use super::wire::Attrs;
use crate::model::{IfName, Proto};
use crate::plan::nft::{Family, Field, Is, Onto, Reject, Rule, Statement, Verdict};
use ipnet::IpNet;
use std::net::IpAddr;

/// The first register, of 16 bytes.
const REG: u32 = libc::NFT_REG_1 as u32;
/// The verdict.
const VERDICT: u32 = libc::NFT_REG_VERDICT as u32;

const SOURCE: u32 = 12;
const DESTINATION: u32 = 16;
const SOURCE6: u32 = 8;
const DESTINATION6: u32 = 24;
const ETHER_SOURCE: u32 = 6;
const ARP_ETHER: u32 = 8;
const ARP_SOURCE: u32 = 14;
const NEIGHBOUR_TARGET: u32 = 8;
/// RFC 792.
const ICMP_REDIRECT: u8 = 5;
const SOURCE_PORT: u32 = 0;
const DESTINATION_PORT: u32 = 2;

/// Writes the expressions of a rule.
pub fn write(attrs: &mut Attrs<'_>, family: Family, rule: &Rule) {
    let known = (family == Family::Ip).then_some(Layer::Ipv4);
    let mut out = Expressions { attrs, family, known, proto: None };
    rule.0.iter().for_each(|statement| out.statement(statement));
}

/// Writes a verdict as data.
pub fn verdict(attrs: &mut Attrs<'_>, verdict: &Verdict) {
    let (code, chain) = match verdict {
        Verdict::Accept => (libc::NF_ACCEPT, None),
        Verdict::Drop => (libc::NF_DROP, None),
        Verdict::Jump(chain) => (libc::NFT_JUMP, Some(chain)),
        Verdict::Goto(chain) => (libc::NFT_GOTO, Some(chain)),
    };
    attrs.nest(attr::data::VERDICT, |attrs| {
        attrs.bytes(attr::verdict::CODE, &code.to_be_bytes());
        if let Some(chain) = chain {
            attrs.text(attr::verdict::CHAIN, chain);
        }
    });
}

/// Returns an interface's name as the kernel compares it.
pub fn interface(name: &IfName) -> [u8; libc::IFNAMSIZ] {
    let mut bytes = [0; libc::IFNAMSIZ];
    bytes[..name.as_str().len()].copy_from_slice(name.as_str().as_bytes());
    bytes
}

/// What a frame carries.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layer {
    Ipv4,
    Ipv6,
    Arp,
}

impl Layer {
    /// Returns the layer that a field belongs to, if it is of one.
    fn of(field: Field) -> Option<Self> {
        match field {
            Field::Source | Field::Destination => Some(Self::Ipv4),
            Field::Source6 | Field::Destination6 | Field::NeighbourTarget => Some(Self::Ipv6),
            Field::ArpEther | Field::ArpSource => Some(Self::Arp),
            Field::IifName
            | Field::OifName
            | Field::EtherSource
            | Field::Proto
            | Field::DestinationPort => None,
        }
    }

    fn ether_type(self) -> u16 {
        (match self {
            Self::Ipv4 => libc::ETH_P_IP,
            Self::Ipv6 => libc::ETH_P_IPV6,
            Self::Arp => libc::ETH_P_ARP,
        }) as u16
    }

    fn protocol(self) -> u8 {
        (match self {
            Self::Ipv4 => libc::NFPROTO_IPV4,
            Self::Ipv6 => libc::NFPROTO_IPV6,
            Self::Arp => libc::NFPROTO_ARP,
        }) as u8
    }
}

/// The expressions of one rule, and what those written so far have made sure of.
struct Expressions<'a, 'b> {
    attrs: &'a mut Attrs<'b>,
    family: Family,
    known: Option<Layer>,
    proto: Option<Proto>,
}

impl Expressions<'_, '_> {
    fn statement(&mut self, statement: &Statement) {
        match statement {
            Statement::IifName(is, name) => {
                self.meta_is(libc::NFT_META_IIFNAME, *is, &interface(name))
            }
            Statement::OifName(is, name) => {
                self.meta_is(libc::NFT_META_OIFNAME, *is, &interface(name))
            }
            Statement::IifGroup(is, group) => {
                self.meta_is(libc::NFT_META_IIFGROUP, *is, &group.to_ne_bytes());
            }
            Statement::OifGroup(group) => {
                self.meta_is(libc::NFT_META_OIFGROUP, Is::Equal, &group.to_ne_bytes());
            }
            Statement::Ipv4 => self.need(Layer::Ipv4),
            Statement::Ipv6 => self.need(Layer::Ipv6),
            Statement::Source(net) => self.subnet([SOURCE, SOURCE6], net),
            Statement::Destination(net) => self.subnet([DESTINATION, DESTINATION6], net),
            Statement::SourcePort(proto, port) => self.port(*proto, SOURCE_PORT, *port),
            Statement::DestinationPort(proto, port) => self.port(*proto, DESTINATION_PORT, *port),
            Statement::Established => {
                self.ct_has(libc::NFT_CT_STATE, abi::CT_STATE_ESTABLISHED_RELATED);
            }
            Statement::Translated => self.ct_has(libc::NFT_CT_STATUS, abi::CT_STATUS_DNAT),
            Statement::LocalDestination => self.local_destination(),
            Statement::Proto(proto) => self.need_proto(*proto),
            Statement::Icmp6 => {
                let protocol = libc::IPPROTO_ICMPV6 as u8;
                self.meta_is(libc::NFT_META_L4PROTO, Is::Equal, &[protocol]);
            }
            Statement::Redirect4 => self.icmp(Layer::Ipv4, libc::IPPROTO_ICMP, ICMP_REDIRECT),
            Statement::Neighbour(message) => {
                self.icmp(Layer::Ipv6, libc::IPPROTO_ICMPV6, *message as u8);
            }
            Statement::In(fields, set) => self.look_up(fields, set, To::Set(Is::Equal)),
            Statement::NotIn(fields, set) => self.look_up(fields, set, To::Set(Is::Other)),
            Statement::Decide(fields, map) => self.look_up(fields, map, To::Register(VERDICT)),
            Statement::Dnat(onto, fields, map) => self.dnat(*onto, fields, map),
            Statement::Masquerade => self.expression("masq", |_| {}),
            Statement::Notrack => self.expression("notrack", |_| {}),
            Statement::SetSourcePort(proto, port) => self.set_port(*proto, SOURCE_PORT, *port),
            Statement::SetDestinationPort(proto, port) => {
                self.set_port(*proto, DESTINATION_PORT, *port);
            }
            Statement::Reject(how) => self.reject(*how),
            Statement::Verdict(what) => self.immediate(VERDICT, |attrs| verdict(attrs, what)),
        }
    }

    fn expression(&mut self, name: &str, data: impl FnOnce(&mut Attrs<'_>)) {
        self.attrs.nest(attr::list::ELEM, |attrs| {
            attrs.text(attr::expr::NAME, name);
            attrs.nest(attr::expr::DATA, data);
        });
    }

    fn meta_is(&mut self, key: i32, is: Is, value: &[u8]) {
        self.load("meta", key, REG);
        self.compare(is, value);
    }

    /// Loads what `meta` and `ct` know by a key.
    fn load(&mut self, from: &str, key: i32, register: u32) {
        self.expression(from, |attrs| {
            attrs.number(attr::load::KEY, key as u32);
            attrs.number(attr::load::DREG, register);
        });
    }

    fn compare(&mut self, is: Is, value: &[u8]) {
        let operator = match is {
            Is::Equal => libc::NFT_CMP_EQ,
            Is::Other => libc::NFT_CMP_NEQ,
        };
        self.expression("cmp", |attrs| {
            attrs.number(attr::cmp::SREG, REG);
            attrs.number(attr::cmp::OP, operator as u32);
            attrs.nest(attr::cmp::DATA, |attrs| attrs.bytes(attr::data::VALUE, value));
        });
    }

    fn mask(&mut self, mask: &[u8]) {
        self.expression("bitwise", |attrs| {
            attrs.number(attr::bitwise::SREG, REG);
            attrs.number(attr::bitwise::DREG, REG);
            attrs.number(attr::bitwise::LEN, mask.len() as u32);
            attrs.nest(attr::bitwise::MASK, |attrs| attrs.bytes(attr::data::VALUE, mask));
            let none = vec![0; mask.len()];
            attrs.nest(attr::bitwise::XOR, |attrs| attrs.bytes(attr::data::VALUE, &none));
        });
    }

    /// A field of one layer means nothing in a packet of another, where a table sees both.
    fn need(&mut self, layer: Layer) {
        if self.known == Some(layer) {
            return;
        }
        match self.family {
            Family::Bridge => {
                let ether_type = layer.ether_type().to_be_bytes();
                self.meta_is(libc::NFT_META_PROTOCOL, Is::Equal, &ether_type);
            }
            Family::Ip | Family::Inet => {
                self.meta_is(libc::NFT_META_NFPROTO, Is::Equal, &[layer.protocol()]);
            }
        }
        self.known = Some(layer);
    }

    fn need_proto(&mut self, proto: Proto) {
        if self.proto != Some(proto) {
            self.meta_is(libc::NFT_META_L4PROTO, Is::Equal, &[proto.number()]);
            self.proto = Some(proto);
        }
    }

    fn payload(&mut self, base: i32, offset: u32, length: u32, register: u32) {
        self.expression("payload", |attrs| {
            attrs.number(attr::payload::DREG, register);
            attrs.number(attr::payload::BASE, base as u32);
            attrs.number(attr::payload::OFFSET, offset);
            attrs.number(attr::payload::LEN, length);
        });
    }

    /// Whole bytes of a prefix are compared as they are, other prefixes through a mask: what nft itself does.
    fn subnet(&mut self, [ipv4, ipv6]: [u32; 2], net: &IpNet) {
        let (layer, offset) = match net {
            IpNet::V4(_) => (Layer::Ipv4, ipv4),
            IpNet::V6(_) => (Layer::Ipv6, ipv6),
        };
        self.need(layer);
        let network = octets(net.network());
        let whole = usize::from(net.prefix_len() / 8);
        if net.prefix_len().is_multiple_of(8) && whole > 0 {
            self.payload(libc::NFT_PAYLOAD_NETWORK_HEADER, offset, whole as u32, REG);
            self.compare(Is::Equal, &network[..whole]);
        } else {
            self.payload(libc::NFT_PAYLOAD_NETWORK_HEADER, offset, network.len() as u32, REG);
            self.mask(&octets(net.netmask()));
            self.compare(Is::Equal, &network);
        }
    }

    fn port(&mut self, proto: Proto, offset: u32, port: u16) {
        self.need_proto(proto);
        self.payload(libc::NFT_PAYLOAD_TRANSPORT_HEADER, offset, 2, REG);
        self.compare(Is::Equal, &port.to_be_bytes());
    }

    fn ct_has(&mut self, key: i32, bits: u32) {
        self.load("ct", key, REG);
        self.mask(&bits.to_ne_bytes());
        self.compare(Is::Other, &[0; 4]);
    }

    fn local_destination(&mut self) {
        self.expression("fib", |attrs| {
            attrs.number(attr::fib::DREG, REG);
            attrs.number(attr::fib::RESULT, attr::fib::RESULT_ADDRTYPE);
            attrs.number(attr::fib::FLAGS, attr::fib::F_DADDR);
        });
        self.compare(Is::Equal, &abi::FIB_LOCAL.to_ne_bytes());
    }

    fn icmp(&mut self, layer: Layer, protocol: i32, message: u8) {
        self.need(layer);
        self.meta_is(libc::NFT_META_L4PROTO, Is::Equal, &[protocol as u8]);
        self.payload(libc::NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1, REG);
        self.compare(Is::Equal, &[message]);
    }

    fn reject(&mut self, how: Reject) {
        let kind = match how {
            Reject::Reset => attr::reject::TCP_RST,
            Reject::Port => attr::reject::ICMPX_UNREACH,
        };
        self.expression("reject", |attrs| {
            attrs.number(attr::reject::TYPE, kind);
            if how == Reject::Port {
                attrs.bytes(attr::reject::CODE, &[attr::reject::ICMPX_PORT]);
            }
        });
    }

    /// Loads the fields side by side and asks the map or set.
    fn look_up(&mut self, fields: &[Field], map: &str, to: To) {
        if let Some(layer) = fields.iter().find_map(|field| Layer::of(*field)) {
            self.need(layer);
        }
        let mut place = 0;
        for field in fields {
            self.field(*field, word(place));
            place += words(*field);
        }
        self.expression("lookup", |attrs| {
            attrs.text(attr::lookup::SET, map);
            attrs.number(attr::lookup::SREG, REG);
            match to {
                To::Register(register) => attrs.number(attr::lookup::DREG, register),
                To::Set(Is::Equal) => {}
                To::Set(Is::Other) => attrs.number(attr::lookup::FLAGS, attr::lookup::F_INV),
            }
        });
    }

    fn field(&mut self, field: Field, register: u32) {
        let (network, transport) =
            (libc::NFT_PAYLOAD_NETWORK_HEADER, libc::NFT_PAYLOAD_TRANSPORT_HEADER);
        match field {
            Field::IifName => self.load("meta", libc::NFT_META_IIFNAME, register),
            Field::OifName => self.load("meta", libc::NFT_META_OIFNAME, register),
            Field::Proto => self.load("meta", libc::NFT_META_L4PROTO, register),
            Field::EtherSource => {
                self.payload(libc::NFT_PAYLOAD_LL_HEADER, ETHER_SOURCE, 6, register);
            }
            Field::ArpEther => self.payload(network, ARP_ETHER, 6, register),
            Field::ArpSource => self.payload(network, ARP_SOURCE, 4, register),
            Field::Source6 => self.payload(network, SOURCE6, 16, register),
            Field::Destination6 => self.payload(network, DESTINATION6, 16, register),
            Field::NeighbourTarget => self.payload(transport, NEIGHBOUR_TARGET, 16, register),
            Field::Source => self.payload(network, SOURCE, 4, register),
            Field::Destination => self.payload(network, DESTINATION, 4, register),
            Field::DestinationPort => self.payload(transport, DESTINATION_PORT, 2, register),
        }
    }

    fn dnat(&mut self, onto: Onto, fields: &[Field], map: &str) {
        let (family, port) = match onto {
            Onto::Socket4 => (libc::NFPROTO_IPV4, Some(1)),
            Onto::Address4 => (libc::NFPROTO_IPV4, None),
            Onto::Socket6 => (libc::NFPROTO_IPV6, Some(4)),
            Onto::Address6 => (libc::NFPROTO_IPV6, None),
        };
        self.look_up(fields, map, To::Register(REG));
        self.expression("nat", |attrs| {
            attrs.number(attr::nat::TYPE, attr::nat::TYPE_DNAT);
            attrs.number(attr::nat::FAMILY, family as u32);
            attrs.number(attr::nat::REG_ADDR_MIN, word(0));
            if let Some(place) = port {
                attrs.number(attr::nat::REG_PROTO_MIN, word(place));
            }
        });
    }

    fn set_port(&mut self, proto: Proto, offset: u32, port: u16) {
        let (kind, checksum) = match proto {
            Proto::Tcp => (libc::NFT_PAYLOAD_CSUM_INET as u32, 16),
            Proto::Udp => (libc::NFT_PAYLOAD_CSUM_INET as u32, 6),
            Proto::Sctp => (attr::payload::CSUM_SCTP, 8),
        };
        self.immediate(REG, |attrs| attrs.bytes(attr::data::VALUE, &port.to_be_bytes()));
        self.expression("payload", |attrs| {
            attrs.number(attr::payload::SREG, REG);
            attrs.number(attr::payload::BASE, libc::NFT_PAYLOAD_TRANSPORT_HEADER as u32);
            attrs.number(attr::payload::OFFSET, offset);
            attrs.number(attr::payload::LEN, 2);
            attrs.number(attr::payload::CSUM_TYPE, kind);
            attrs.number(attr::payload::CSUM_OFFSET, checksum);
        });
    }

    fn immediate(&mut self, register: u32, data: impl FnOnce(&mut Attrs<'_>)) {
        self.expression("immediate", |attrs| {
            attrs.number(attr::immediate::DREG, register);
            attrs.nest(attr::immediate::DATA, data);
        });
    }
}

/// What is asked for with a look-up.
#[derive(Clone, Copy)]
enum To {
    /// What a map leads to, into this register.
    Register(u32),
    /// Whether it is in a set.
    Set(Is),
}

/// Returns how many words a field fills.
fn words(field: Field) -> u32 {
    match field {
        Field::IifName | Field::OifName => 4,
        Field::Source6 | Field::Destination6 | Field::NeighbourTarget => 4,
        Field::EtherSource | Field::ArpEther => 2,
        Field::ArpSource
        | Field::Source
        | Field::Destination
        | Field::Proto
        | Field::DestinationPort => 1,
    }
}

/// Returns the register of a concatenation's nth word; the first one is the first four bytes of [`REG`].
fn word(index: u32) -> u32 {
    match index {
        0 => REG,
        index => libc::NFT_REG32_00 as u32 + index,
    }
}

/// Returns an address in wire order.
pub fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().into(),
        IpAddr::V6(address) => address.octets().into(),
    }
}
