//! A change of a table as a batch of messages.

use super::abi::{self, attr};
use super::expr;
use super::wire::{Attrs, Batch};
use crate::plan::nft::{
    Base, BaseKind, Chain, Datum, Delta, Family, Key, Map, Rule, Table, Type, Value, ValueType,
};
use std::net::IpAddr;

const CREATE: u16 = libc::NLM_F_CREATE as u16;
const APPEND: u16 = libc::NLM_F_APPEND as u16;
const ACK: u16 = libc::NLM_F_ACK as u16;

const NEWTABLE: u16 = libc::NFT_MSG_NEWTABLE as u16;
const DELTABLE: u16 = libc::NFT_MSG_DELTABLE as u16;
const NEWCHAIN: u16 = libc::NFT_MSG_NEWCHAIN as u16;
const NEWRULE: u16 = libc::NFT_MSG_NEWRULE as u16;
const NEWSET: u16 = libc::NFT_MSG_NEWSET as u16;
const NEWSETELEM: u16 = libc::NFT_MSG_NEWSETELEM as u16;
const DELSETELEM: u16 = libc::NFT_MSG_DELSETELEM as u16;

/// So many elements stay below the 64 KiB of one attribute, whatever they are.
const ELEMENTS_A_MESSAGE: usize = 250;

/// A note to the nft program (`NFTNL_UDATA_SET_KEYBYTEORDER`): it reads names of links as numbers in host order, and
/// would list none without it.
const HOST_ORDER_KEY: [u8; 6] = [0, 4, 1, 0, 0, 0];

/// Returns changes as one transaction. `owning` says whether tables that are to be owned are.
pub fn changes(deltas: &[Delta], owning: bool) -> Batch {
    let mut batch = Batch::new();
    for delta in deltas {
        match delta {
            Delta::Nothing => {}
            Delta::Replace(table) => replace(&mut batch, table, table.owned && owning),
            Delta::Elements { family, table, remove, add } => {
                elements(&mut batch, *family, table, remove, add);
            }
            Delta::Remove(family, name) => clear(&mut batch, *family, name),
        }
    }
    batch
}

/// Puts a table in the place of whatever bears its name: made if absent so that removing it cannot fail, removed, made
/// anew.
///
/// One that a dead owner left may be removed by anybody, but making it "if absent" would ask for its flags to change, which
/// the kernel refuses: kernels that know owners that die have a better message.
fn replace(batch: &mut Batch, table: &Table, owned: bool) {
    if owned {
        let what = format!("table {} {}", table.family, table.name);
        batch.message(abi::MSG_DESTROYTABLE, ACK, table.family, what, |attrs| {
            attrs.text(attr::table::NAME, &table.name);
        });
    } else {
        clear(batch, table.family, &table.name);
    }
    add_table(batch, table, owned);
}

/// Changes elements of a table's maps.
fn elements(
    batch: &mut Batch,
    family: Family,
    table: &str,
    remove: &[(String, Key)],
    add: &[(String, Key, Value)],
) {
    for group in remove.chunk_by(|(one, _), (other, _)| one == other) {
        let keys = group.iter().map(|(_, key)| (key, None)).collect::<Vec<_>>();
        write_elements(batch, DELSETELEM, family, table, &group[0].0, &keys);
    }
    for group in add.chunk_by(|(one, ..), (other, ..)| one == other) {
        let pairs = group.iter().map(|(_, key, value)| (key, Some(value))).collect::<Vec<_>>();
        write_elements(batch, NEWSETELEM, family, table, &group[0].0, &pairs);
    }
}

fn clear(batch: &mut Batch, family: Family, name: &str) {
    let what = format!("table {family} {name}");
    batch.message(NEWTABLE, CREATE | ACK, family, what.clone(), |attrs| {
        attrs.text(attr::table::NAME, name);
    });
    batch.message(DELTABLE, 0, family, what, |attrs| attrs.text(attr::table::NAME, name));
}

/// Chains before what jumps to them, maps before the rules that ask them, elements last.
fn add_table(batch: &mut Batch, table: &Table, owned: bool) {
    let flags = if owned { abi::TABLE_F_OWNER | abi::TABLE_F_PERSIST } else { 0 };
    batch.message(
        NEWTABLE,
        CREATE,
        table.family,
        format!("table {} {}", table.family, table.name),
        |attrs| {
            attrs.text(attr::table::NAME, &table.name);
            attrs.number(attr::table::FLAGS, flags);
        },
    );
    for (name, chain) in &table.chains {
        add_chain(batch, table, name, chain);
    }
    for (id, (name, map)) in table.maps.iter().enumerate() {
        add_map(batch, table, id as u32 + 1, name, map);
    }
    for (name, chain) in &table.chains {
        chain.rules.iter().for_each(|rule| add_rule(batch, table, name, rule));
    }
    for (name, map) in &table.maps {
        let pairs: Vec<_> = map.elements.iter().map(|(key, value)| (key, Some(value))).collect();
        write_elements(batch, NEWSETELEM, table.family, &table.name, name, &pairs);
    }
}

fn add_chain(batch: &mut Batch, table: &Table, name: &str, chain: &Chain) {
    batch.message(NEWCHAIN, CREATE, table.family, format!("chain {name}"), |attrs| {
        attrs.text(attr::chain::TABLE, &table.name);
        attrs.text(attr::chain::NAME, name);
        if let Some(base) = &chain.base {
            write_base(attrs, base);
        }
    });
}

fn write_base(attrs: &mut Attrs<'_>, base: &Base) {
    let kind = match base.kind {
        BaseKind::Filter => "filter",
        BaseKind::Nat => "nat",
    };
    attrs.nest(attr::chain::HOOK, |attrs| {
        attrs.number(attr::hook::HOOKNUM, base.hook as u32);
        attrs.bytes(attr::hook::PRIORITY, &base.priority.to_be_bytes());
    });
    attrs.number(attr::chain::POLICY, libc::NF_ACCEPT as u32);
    attrs.text(attr::chain::TYPE, kind);
}

fn add_map(batch: &mut Batch, table: &Table, id: u32, name: &str, map: &Map) {
    let concatenated = map.interval && map.key.len() > 1;
    let interval = if map.interval { libc::NFT_SET_INTERVAL as u32 } else { 0 };
    let interval = interval | if concatenated { abi::SET_CONCAT } else { 0 };
    let data = match &map.value {
        ValueType::Nothing => None,
        ValueType::Verdict => Some((abi::DATA_VERDICT, 0)),
        ValueType::Data(types) => Some((type_number(types), length(types))),
    };
    let kind = if data.is_some() { libc::NFT_SET_MAP } else { 0 };
    batch.message(NEWSET, CREATE, table.family, format!("map {name}"), |attrs| {
        attrs.text(attr::set::TABLE, &table.name);
        attrs.text(attr::set::NAME, name);
        attrs.number(attr::set::FLAGS, kind as u32 | interval);
        attrs.number(attr::set::KEY_TYPE, type_number(&map.key));
        attrs.number(attr::set::KEY_LEN, length(&map.key));
        if let Some((kind, length)) = data {
            attrs.number(attr::set::DATA_TYPE, kind);
            attrs.number(attr::set::DATA_LEN, length);
        }
        if concatenated {
            attrs.nest(attr::set::DESC, |attrs| write_parts(attrs, &map.key));
        }
        attrs.number(attr::set::ID, id);
        if map.key == [Type::IfName] {
            attrs.bytes(attr::set::USERDATA, &HOST_ORDER_KEY);
        }
    });
}

/// Writes how long the parts of a key are in themselves.
fn write_parts(attrs: &mut Attrs<'_>, key: &[Type]) {
    attrs.nest(attr::desc::CONCAT, |attrs| {
        for part in key {
            let length = match part {
                Type::Ether => 6,
                Type::Proto => 1,
                Type::Port => 2,
                part => length(&[*part]),
            };
            attrs.nest(attr::list::ELEM, |attrs| attrs.number(attr::desc::FIELD_LEN, length));
        }
    });
}

fn add_rule(batch: &mut Batch, table: &Table, chain: &str, rule: &Rule) {
    batch.message(
        NEWRULE,
        CREATE | APPEND,
        table.family,
        format!("rule '{rule}' of chain {chain}"),
        |attrs| {
            attrs.text(attr::rule::TABLE, &table.name);
            attrs.text(attr::rule::CHAIN, chain);
            attrs.nest(attr::rule::EXPRESSIONS, |attrs| expr::write(attrs, table.family, rule));
        },
    );
}

fn write_elements(
    batch: &mut Batch,
    kind: u16,
    family: Family,
    table: &str,
    map: &str,
    pairs: &[(&Key, Option<&Value>)],
) {
    for part in pairs.chunks(ELEMENTS_A_MESSAGE) {
        batch.message(kind, CREATE | ACK, family, format!("an element of map {map}"), |attrs| {
            attrs.text(attr::elements::TABLE, table);
            attrs.text(attr::elements::SET, map);
            attrs.nest(attr::elements::ELEMENTS, |attrs| {
                part.iter().for_each(|(key, value)| write_element(attrs, key, *value));
            });
        });
    }
}

fn write_element(attrs: &mut Attrs<'_>, key: &Key, value: Option<&Value>) {
    attrs.nest(attr::list::ELEM, |attrs| {
        let bytes = |end| concatenated(key, end);
        attrs.nest(attr::element::KEY, |attrs| attrs.bytes(attr::data::VALUE, &bytes(End::First)));
        if is_range(key) {
            attrs.nest(attr::element::KEY_END, |attrs| {
                attrs.bytes(attr::data::VALUE, &bytes(End::Last));
            });
        }
        match value {
            Some(Value::Verdict(verdict)) => {
                attrs.nest(attr::element::DATA, |attrs| expr::verdict(attrs, verdict));
            }
            Some(Value::Data(data)) => attrs.nest(attr::element::DATA, |attrs| {
                attrs.bytes(attr::data::VALUE, &concatenated(data, End::First));
            }),
            Some(Value::Nothing) | None => {}
        }
    });
    // The kernel keeps a range of one part as two elements: where it begins, and the first key beyond it.
    if let Some(end) = range_end(key) {
        attrs.nest(attr::list::ELEM, |attrs| {
            attrs.nest(attr::element::KEY, |attrs| attrs.bytes(attr::data::VALUE, &end));
            attrs.number(attr::element::FLAGS, abi::SET_ELEM_INTERVAL_END);
        });
    }
}

/// Returns the first address beyond a subnet; none for one that goes to the end of all addresses.
fn range_end(key: &Key) -> Option<Vec<u8>> {
    let [Datum::Subnet(net)] = key.as_slice() else { return None };
    match net.broadcast() {
        IpAddr::V4(last) => u32::from(last).checked_add(1).map(|end| end.to_be_bytes().into()),
        IpAddr::V6(last) => u128::from(last).checked_add(1).map(|end| end.to_be_bytes().into()),
    }
}

/// Whether a key of several parts has one that is a range.
fn is_range(key: &Key) -> bool {
    key.len() > 1 && key.iter().any(|part| matches!(part, Datum::Subnet(_) | Datum::Ports(..)))
}

/// Which end of the ranges among a key's parts.
#[derive(Clone, Copy)]
enum End {
    First,
    Last,
}

/// The value of a concatenation: every part fills whole words.
fn concatenated(parts: &[Datum], end: End) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in parts {
        match part {
            Datum::IfName(name) => bytes.extend(expr::interface(name)),
            Datum::Ipv4(address) => bytes.extend(address.octets()),
            Datum::Ipv6(address) => bytes.extend(address.octets()),
            Datum::Ether(mac) => bytes.extend(mac.bytes()),
            Datum::Subnet(net) => bytes.extend(expr::octets(match end {
                End::First => net.network(),
                End::Last => net.broadcast(),
            })),
            Datum::Proto(proto) => bytes.push(proto.number()),
            Datum::Port(port) => bytes.extend(port.to_be_bytes()),
            Datum::Ports(first, last) => bytes.extend(match end {
                End::First => first.to_be_bytes(),
                End::Last => last.to_be_bytes(),
            }),
        }
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    bytes
}

/// The types as the nft program numbers them, six bits each; the kernel keeps the number for it.
fn type_number(types: &[Type]) -> u32 {
    types.iter().fold(0, |number, part| {
        let part = match part {
            Type::IfName => 41,
            Type::Ipv4 => 7,
            Type::Ipv6 => 8,
            Type::Ether => 9,
            Type::Proto => 12,
            Type::Port => 13,
        };
        number << 6 | part
    })
}

fn length(types: &[Type]) -> u32 {
    let length = |part: &Type| match part {
        Type::IfName => libc::IFNAMSIZ as u32,
        Type::Ipv6 => 16,
        Type::Ether => 8,
        Type::Ipv4 | Type::Proto | Type::Port => 4,
    };
    types.iter().map(length).sum()
}
