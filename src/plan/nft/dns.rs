//! The table in a sandbox that leads 127.0.0.11 port 53 to the resolver's sockets.
//!
//! Ports are rewritten in the output hook, both ways, before anything else sees the packet and without connection
//! tracking: a look-up leaves no entry, and a program of the sandbox may itself listen on 0.0.0.0:53.

use super::{Base, BaseKind, Chain, Family, Hook, Rule, Statement, TABLE, Table};
use crate::model::Proto;
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

/// Where a sandbox's resolver answers.
pub const RESOLVER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 11);

/// The port that clients ask.
const DOMAIN: u16 = 53;

/// Before connection tracking, whose priority is -200.
const RAW: i32 = -300;

/// Returns the table for sockets that are bound to [`RESOLVER`] at these ports.
pub fn dns_table(udp_port: u16, tcp_port: u16) -> Table {
    let pairs = [(Proto::Udp, udp_port), (Proto::Tcp, tcp_port)];
    let rules =
        pairs.into_iter().flat_map(|(proto, port)| [question(proto, port), answer(proto, port)]);
    let base = Base { kind: BaseKind::Filter, hook: Hook::Output, priority: RAW };
    let output = Chain { base: Some(base), rules: rules.collect() };
    Table {
        family: Family::Ip,
        name: TABLE.to_owned(),
        owned: true,
        maps: BTreeMap::new(),
        chains: BTreeMap::from([("output".to_owned(), output)]),
    }
}

fn question(proto: Proto, port: u16) -> Rule {
    Rule::from([
        Statement::Destination(IpNet::from(IpAddr::V4(RESOLVER))),
        Statement::DestinationPort(proto, DOMAIN),
        Statement::Notrack,
        Statement::SetDestinationPort(proto, port),
    ])
}

fn answer(proto: Proto, port: u16) -> Rule {
    Rule::from([
        Statement::Source(IpNet::from(IpAddr::V4(RESOLVER))),
        Statement::SourcePort(proto, port),
        Statement::Notrack,
        Statement::SetSourcePort(proto, DOMAIN),
    ])
}
