use super::super::query::{Parsed, parse};
use super::super::relay::{reply_matches, upstream_query};
use super::*;
use crate::model::RrType;
use crate::registry::{Layer, Source};
use hickory_proto::op::{Edns, Message, Query as Asked};
use hickory_proto::rr::{Name, RData, Record as Resource, RecordType};

mod kept;
mod passed_on;

fn client(edns: Option<u16>) -> Message {
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    message.add_query(Asked::query(Name::from_ascii("wWw.example.com.").unwrap(), RecordType::A));
    if let Some(payload) = edns {
        let mut edns = Edns::new();
        edns.set_max_payload(payload);
        message.set_edns(edns);
    }
    message
}

fn upstream(client: &Message, addresses: u8) -> (Vec<u8>, Vec<u8>) {
    let mut sent = Vec::new();
    upstream_query(&client.to_vec().unwrap(), 77, &mut sent);
    let mut reply = Message::from_vec(&sent).unwrap().into_response();
    reply.metadata.recursion_available = true;
    reply.metadata.authoritative = true;
    reply.metadata.authentic_data = true;
    let name = Name::from_ascii("www.example.com.").unwrap();
    for host in 0..addresses {
        let data = RData::A(std::net::Ipv4Addr::new(192, 0, 2, host).into());
        reply.add_answer(Resource::from_rdata(name.clone(), 300, data));
    }
    (sent, reply.to_vec().unwrap())
}

fn relayed(client: &Message, reply: &[u8], transport: Transport) -> Message {
    let stored = Stored::of(reply).unwrap();
    written(client, &stored, Age::Seconds(0), transport)
}

fn written(client: &Message, stored: &Stored, age: Age, transport: Transport) -> Message {
    let (packet, mut out) = (client.to_vec().unwrap(), vec![0; 65_535]);
    let Parsed::Query(query) = parse(&packet) else { panic!("{client:?}") };
    let len = stored.write(&query, &[], age, transport, &mut out);
    Message::from_vec(&out[..len]).unwrap()
}

#[test]
fn a_reply_comes_back_with_the_clients_id_and_case_and_without_an_opt_it_did_not_send() {
    let client = client(None);
    let (sent, reply) = upstream(&client, 3);
    assert!(reply_matches(&sent, &reply));
    let mine = relayed(&client, &reply, Transport::Udp);
    assert_eq!(mine.metadata.id, client.metadata.id);
    assert_eq!(mine.queries[0].name.to_string(), "wWw.example.com.");
    assert_eq!((mine.answers.len(), mine.edns.is_some()), (3, false));
    let meta = mine.metadata;
    assert!(!meta.authoritative && meta.recursion_available && !meta.authentic_data);
}

#[test]
fn a_reply_that_is_too_large_is_cut_and_says_so() {
    let plain = client(None);
    let (_, reply) = upstream(&plain, 100);
    let mine = relayed(&plain, &reply, Transport::Udp);
    assert!(mine.metadata.truncation && mine.answers.len() < 100 && !mine.answers.is_empty());
    assert_eq!(relayed(&plain, &reply, Transport::Tcp).answers.len(), 100);
    let mine = relayed(&client(Some(4096)), &reply, Transport::Udp);
    assert_eq!((mine.metadata.truncation, mine.answers.len()), (false, 100));
    assert!(mine.edns.is_some());
}

#[test]
fn a_malformed_reply_is_none() {
    let client = client(Some(1232));
    let (_, reply) = upstream(&client, 3);
    let cut = &reply[..reply.len() - 3];
    assert!(Stored::of(&reply).is_some() && Stored::of(cut).is_none());
}

#[test]
fn pointers_stay_right_when_an_opt_stands_before_the_last_record() {
    let client = client(None);
    let (_, reply) = upstream(&client, 1);
    let glue = b"\x01x\xc0\x10\0\x05\0\x01\0\0\0\x09\0\x04\x01y\xc0\x10";
    let mut reply = [&reply[..], glue].concat();
    reply[11] += 1;
    let mine = relayed(&client, &reply, Transport::Udp);
    let [extra] = &mine.additionals[..] else { panic!("one additional record") };
    assert_eq!(
        (extra.name.to_string(), extra.data.to_string()),
        ("x.example.com.".into(), "y.example.com.".into())
    );
}

#[test]
fn a_name_of_thousands_of_pointers_is_not_followed() {
    let client = client(Some(1232));
    let (_, reply) = upstream(&client, 1);
    // The OPT has the records after it written out; data of the next one is a chain of pointers, each to the one before.
    let begin = reply.len() + 11;
    let chain: Vec<u8> = std::iter::once(HEADER as u16)
        .chain((begin as u16..).step_by(2))
        .take(8000)
        .flat_map(|target| (0xc000 | target).to_be_bytes())
        .collect();
    let end = (0xc000 | (begin + chain.len() - 2) as u16).to_be_bytes();
    let fixed = |length: u16| [&b"\xff\0\0\x01\0\0\0\x09"[..], &length.to_be_bytes()].concat();
    let mut reply = [&reply[..], b"\0", &fixed(chain.len() as u16), &chain].concat();
    for _ in 0..3000 {
        reply.extend([&end[..], &fixed(0)].concat());
    }
    reply[10..12].copy_from_slice(&3002_u16.to_be_bytes());
    let begun = std::time::Instant::now();
    let mine = relayed(&client, &reply, Transport::Tcp);
    assert!(begun.elapsed().as_millis() < 50, "{:?}", begun.elapsed());
    assert!(mine.metadata.truncation);
}

#[test]
fn a_name_that_leads_into_a_ttl_is_the_same_at_any_age() {
    let packet = client(None).to_vec().unwrap();
    let Parsed::Query(query) = parse(&packet) else { panic!("no query") };
    // The TTL's last byte starts a label of one byte at first, and ends the name later.
    let pointer = (0xc000 | (packet.len() as u16 + 9)).to_be_bytes();
    let cname = b"\xc0\x0c\0\x05\0\x01\0\0\0\x01\0\x02";
    let mut reply = [&packet[..], cname, &pointer].concat();
    (reply[2], reply[7]) = (0x81, 1);
    let stored = Stored::of(&reply).unwrap();
    let link = Arc::new(Rrset {
        layer: Layer::Manual,
        source: Source::Manual,
        rr_type: RrType::Cname,
        ttl: 60,
        data: vec![Rdata::Cname("far.test".parse().unwrap())],
    });
    let mut out = vec![0; 4096];
    let links = [link];
    let mut length = |age| stored.write(&query, &links, age, Transport::Tcp, &mut out);
    assert_eq!(length(Age::Seconds(0)), length(Age::Seconds(1)));
}
