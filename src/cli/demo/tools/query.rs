//! `dig`: one question over UDP to the first nameserver of /etc/resolv.conf, which in a sandbox is 127.0.0.11.
//!
//! The other tools find names through it too, and not through the C library: that would load shared objects into a static
//! program.

use crate::cli::outcome::{Failure, Outcome};
use crate::cli::print;
use crate::etc::HostResolv;
use hickory_proto::ProtoError;
use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};
use std::io;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(3);

/// Asks, and prints status and answers.
pub fn dig(name: &str, kind: &str) -> Outcome {
    let wrong = |why: &dyn std::fmt::Display| Failure::new(format!("{name} {kind}: {why}"));
    let parsed = absolute(name).map_err(|error| wrong(&error))?;
    let kind: RecordType = kind.to_uppercase().parse().map_err(|_| wrong(&"no such type"))?;
    let server = nameserver();
    let reply = ask(server, parsed, kind)
        .map_err(|error| Failure::doing(format!("ask {server} for {name}"), error))?;
    let status = status(reply.metadata.response_code);
    print::line(&format!(
        ";; ->>HEADER<<- opcode: QUERY, status: {status}, id: {}\n",
        reply.metadata.id
    ))?;
    for record in &reply.answers {
        print::line(&format!(
            "{}\t{}\t{}\t{}\t{}",
            record.name,
            record.ttl,
            record.dns_class,
            record.record_type(),
            record.data
        ))?;
    }
    print::line(&format!(";; SERVER: {server}#53"))?;
    Ok(0)
}

/// Finds an IPv4 address: as written, in /etc/hosts, or of the nameserver.
pub fn look_up(name: &str) -> Option<Ipv4Addr> {
    if let Ok(address) = name.parse() {
        return Some(address);
    }
    in_hosts(&std::fs::read_to_string("/etc/hosts").unwrap_or_default(), name).or_else(|| {
        let reply = ask(nameserver(), absolute(name).ok()?, RecordType::A).ok()?;
        reply.answers.iter().find_map(|record| match &record.data {
            RData::A(address) => Some(address.0),
            _ => None,
        })
    })
}

fn in_hosts(hosts: &str, name: &str) -> Option<Ipv4Addr> {
    hosts.lines().find_map(|line| {
        let mut words = line.split('#').next()?.split_ascii_whitespace();
        let address = words.next()?.parse().ok()?;
        words.any(|word| word.eq_ignore_ascii_case(name)).then_some(address)
    })
}

fn absolute(name: &str) -> Result<Name, ProtoError> {
    let mut parsed = Name::from_utf8(name)?;
    parsed.set_fqdn(true);
    Ok(parsed)
}

fn nameserver() -> IpAddr {
    let text = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let found = HostResolv::parse(&text).nameservers;
    found.first().copied().unwrap_or(Ipv4Addr::LOCALHOST.into())
}

fn ask(server: IpAddr, name: Name, kind: RecordType) -> io::Result<Message> {
    let mut question = Message::query();
    question.metadata.recursion_desired = true;
    question.add_query(Query::query(name, kind));
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.connect((server, 53))?;
    socket.send(&question.to_vec().map_err(io::Error::other)?)?;
    let mut packet = [0; 4096];
    loop {
        let length = socket.recv(&mut packet).map_err(silence)?;
        let reply = Message::from_vec(&packet[..length]).map_err(io::Error::other)?;
        if reply.metadata.id == question.metadata.id {
            return Ok(reply);
        }
    }
}

fn silence(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::Error::other("no answer"),
        _ => error,
    }
}

/// Returns a status as dig prints it.
fn status(code: ResponseCode) -> String {
    match code {
        ResponseCode::NoError => "NOERROR".into(),
        ResponseCode::NXDomain => "NXDOMAIN".into(),
        other => format!("{other:?}").to_uppercase(),
    }
}
