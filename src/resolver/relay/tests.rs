use super::*;
use hickory_proto::op::{Edns, Message, Query as Asked, ResponseCode};
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use hickory_proto::rr::{Name, RData, Record, RecordType};

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

/// An upstream's answer with so many addresses and an OPT.
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
        reply.add_answer(Record::from_rdata(name.clone(), 300, data));
    }
    (sent, reply.to_vec().unwrap())
}

#[test]
fn end_to_end_options_go_upstream_and_those_of_one_hop_do_not() {
    let mut client = client(Some(4096));
    let edns = client.edns.as_mut().unwrap();
    edns.set_dnssec_ok(true);
    edns.options_mut().insert(EdnsOption::Unknown(10, vec![1; 8]));
    edns.options_mut().insert(EdnsOption::Unknown(65_001, vec![7]));
    client.metadata.checking_disabled = true;
    let (sent, _) = upstream(&client, 0);
    let sent = Message::from_vec(&sent).unwrap();
    let edns = sent.edns.unwrap();
    assert_eq!((sent.metadata.id, edns.max_payload(), edns.flags().dnssec_ok), (77, 1232, true));
    assert!(sent.metadata.checking_disabled && sent.metadata.recursion_desired);
    assert_eq!(edns.option(EdnsCode::Unknown(65_001)), Some(&EdnsOption::Unknown(65_001, vec![7])));
    assert_eq!(edns.options().as_ref().len(), 1);
}

#[test]
fn a_reply_to_another_question_or_id_does_not_match() {
    let (sent, reply) = upstream(&client(None), 1);
    let changed = |at: usize, bit: u8| {
        let mut reply = reply.clone();
        reply[at] ^= bit;
        reply_matches(&sent, &reply)
    };
    assert!(changed(13, 0x20), "case does not count");
    assert!(!changed(0, 1), "id");
    assert!(!changed(2, 0x80), "no response");
    assert!(!changed(13, 1), "name");
    assert!(!changed(30, 1), "type");
    assert!(!reply_matches(&sent, &reply[..20]));
}

#[test]
fn a_header_alone_refuses_a_query_by_its_id() {
    let (sent, _) = upstream(&client(None), 0);
    let bare = |flags: u16| [&77_u16.to_be_bytes()[..], &flags.to_be_bytes(), &[0; 8]].concat();
    for refusal in [0x8001, 0x8081, 0x8004] {
        assert!(is_bare_refusal(&sent, &bare(refusal)) && knows_no_edns(&bare(refusal)));
    }
    for (other, what) in [
        (0x0001, "no response"),
        (0xa004, "another opcode"),
        (0x8000, "an answer"),
        (0x8002, "SERVFAIL"),
        (0x8003, "NXDOMAIN"),
        (0x8005, "REFUSED"),
    ] {
        assert!(!is_bare_refusal(&sent, &bare(other)), "{what}");
    }
    let mut forged = bare(0x8001);
    forged[1] ^= 1;
    assert!(!is_bare_refusal(&sent, &forged), "id");
    assert!(!is_bare_refusal(&sent, &bare(0x8001)[..11]), "too short");
    assert!(!is_bare_refusal(&sent, &[bare(0x8001), vec![0]].concat()), "too long");
}

#[test]
fn a_failure_says_why_to_clients_that_understand() {
    let failed = |client: &Message| {
        let mut out = [0; 512];
        let packet = client.to_vec().unwrap();
        let len = failure(&packet, Rcode::ServFail, Some(22), Transport::Udp, &mut out);
        Message::from_vec(&out[..len]).unwrap()
    };
    let plain = failed(&client(None));
    assert_eq!(plain.metadata.response_code, ResponseCode::ServFail);
    assert_eq!((plain.queries.len(), plain.edns.is_some()), (1, false));
    let edns = failed(&client(Some(1232))).edns.unwrap();
    let why = EdnsOption::Unknown(15, vec![0, 22]);
    assert_eq!(edns.option(EdnsCode::Unknown(15)), Some(&why));
    assert_eq!(failure(b"short", Rcode::ServFail, None, Transport::Udp, &mut [0; 512]), 0);
}
