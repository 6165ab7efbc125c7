//! Resolution: a person's question (`netdns resolve`), answered as a sandbox or a network's member would be answered.

use super::answer::resolve;
use super::flight::Ask;
use super::query::{Parsed, parse};
use super::sandbox::Sandbox;
use super::shared::Shared;
use super::wire::Transport;
use crate::channel::{Answer, Question, Resolution};
use crate::model::DnsName;
use crate::registry::Source;
use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use std::sync::Arc;
use std::time::Instant;

/// Answers a question from local data, else from the upstreams that the sandbox would ask.
pub async fn resolution(
    shared: &Shared,
    sandbox: &Arc<Sandbox>,
    question: &Question,
) -> Resolution {
    let local = resolve(&sandbox.current().view, question);
    match local {
        Some(resolution) => resolution,
        None => from_upstream(shared, sandbox, question).await,
    }
}

async fn from_upstream(shared: &Shared, sandbox: &Arc<Sandbox>, question: &Question) -> Resolution {
    let servfail = || Resolution {
        rcode: "SERVFAIL".to_owned(),
        source: None,
        network: None,
        answers: Vec::new(),
    };
    let Some(packet) = packet(&question.name, question.rr_type) else { return servfail() };
    let Parsed::Query(query) = parse(&packet) else { return servfail() };
    let upstreams = sandbox.upstreams(shared, query.name());
    let key = upstreams.servers.question(&query);
    let recall = |key| upstreams.servers.recall(key, Instant::now());
    let known = match key.as_ref().and_then(recall).filter(|known| !known.expired) {
        Some(known) => known,
        None => {
            let ask = Ask { packet: packet.as_slice().into(), tcp: true, truncated: false };
            upstreams.ask(ask, key, ()).await
        }
    };
    let mut out = vec![0; usize::from(u16::MAX)];
    let length = known.stored.write(&query, &[], known.age, Transport::Tcp, &mut out);
    read(&out[..length]).unwrap_or_else(servfail)
}

fn packet(name: &DnsName, rr_type: u16) -> Option<Vec<u8>> {
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    let name = Name::from_ascii(format!("{name}.")).ok()?;
    message.add_query(Query::query(name, RecordType::from(rr_type)));
    message.to_vec().ok()
}

fn read(reply: &[u8]) -> Option<Resolution> {
    let message = Message::from_vec(reply).ok()?;
    let answer = |record: &hickory_proto::rr::Record| Answer {
        name: record.name.to_string(),
        ttl: record.ttl,
        r#type: record.record_type().to_string(),
        data: record.data.to_string(),
    };
    Some(Resolution {
        rcode: mnemonic(message.metadata.response_code),
        source: Some(Source::Upstream),
        network: None,
        answers: message.answers.iter().map(answer).collect(),
    })
}

/// Returns a response code as dig writes it.
pub fn mnemonic(code: ResponseCode) -> String {
    match code {
        ResponseCode::NoError => "NOERROR".to_owned(),
        ResponseCode::FormErr => "FORMERR".to_owned(),
        ResponseCode::ServFail => "SERVFAIL".to_owned(),
        ResponseCode::NXDomain => "NXDOMAIN".to_owned(),
        ResponseCode::NotImp => "NOTIMP".to_owned(),
        ResponseCode::Refused => "REFUSED".to_owned(),
        other => format!("RCODE{}", u16::from(other)),
    }
}
