//! For how long a reply is kept, and what it takes.

use super::*;
use hickory_proto::op::ResponseCode;

/// Returns an upstream's reply to a question about `www.example.com`, with records of the three sections.
fn said(rr_type: RecordType, sections: [&[&str]; 3]) -> Message {
    let mut query = Message::query();
    query.add_query(Asked::query(Name::from_ascii("www.example.com.").unwrap(), rr_type));
    let mut reply = query.into_response();
    let [answers, authorities, additionals] = sections;
    reply.answers = answers.iter().map(|line| resource(line)).collect();
    reply.authorities = authorities.iter().map(|line| resource(line)).collect();
    reply.additionals = additionals.iter().map(|line| resource(line)).collect();
    reply
}

fn resource(line: &str) -> Resource {
    let [name, ttl, rr_type, data] = line.splitn(4, ' ').collect::<Vec<_>>()[..] else {
        panic!("{line}: too short")
    };
    let data = RData::try_from_str(rr_type.parse().unwrap(), data).unwrap();
    Resource::from_rdata(Name::from_ascii(name).unwrap(), ttl.parse().unwrap(), data)
}

fn seconds(reply: &Message) -> Option<u64> {
    let stored = Stored::of(&reply.to_vec().unwrap()).unwrap();
    stored.lifetime().map(|lifetime| lifetime.as_secs())
}

fn answered(rr_type: RecordType, answers: &[&str]) -> Option<u64> {
    seconds(&said(rr_type, [answers, &[], &[]]))
}

const SOA: &str = "example.com. 900 SOA ns.example.com. host.example.com. 1 2 3 4 60";
const A: &str = "www.example.com. 300 A 192.0.2.1";

#[test]
fn an_answer_is_kept_for_the_shortest_of_its_ttls_and_a_day_at_most() {
    let a = |ttl: u32| format!("www.example.com. {ttl} A 192.0.2.1");
    let kept = |ttl| answered(RecordType::A, &[&a(ttl)]);
    assert_eq!(answered(RecordType::A, &[A, "www.example.com. 60 A 192.0.2.2"]), Some(60));
    let glue = said(RecordType::A, [&[A], &[], &["ns.example.com. 20 A 192.0.2.3"]]);
    assert_eq!(seconds(&glue), Some(20));
    assert_eq!(kept(0), None);
    assert_eq!(kept(604_800), Some(86_400));
    assert_eq!(kept(0x7fff_ffff), Some(86_400));
    // RFC 2181 section 8: a TTL with the highest bit set is none.
    assert_eq!(kept(0x8000_0000), None);
    assert_eq!(kept(u32::MAX), None);
    assert_eq!(answered(RecordType::ANY, &[A]), Some(300));
}

#[test]
fn a_truncated_reply_is_not_kept() {
    let mut reply = said(RecordType::A, [&[A], &[], &[]]);
    reply.metadata.truncation = true;
    assert_eq!(seconds(&reply), None);
}

/// RFC 2308 section 5: by its SOA a denial is kept, and by nothing else.
#[test]
fn a_denial_is_kept_as_long_as_its_soa_says_and_without_one_not_at_all() {
    let alias = "www.example.com. 300 CNAME web.example.com.";
    assert_eq!(seconds(&said(RecordType::A, [&[alias], &[SOA], &[]])), Some(60));
    assert_eq!(answered(RecordType::A, &[alias]), None);
    // Addresses beside a denial do not make it an answer.
    let glue = "ns.example.com. 300 A 192.0.2.3";
    assert_eq!(seconds(&said(RecordType::A, [&[], &[SOA], &[glue]])), Some(60));
    assert_eq!(seconds(&said(RecordType::A, [&[], &[], &[glue]])), None);
    // An SOA among the answers is no denial's.
    assert_eq!(answered(RecordType::A, &[SOA]), None);
    let referral = ["example.com. 300 NS ns.example.com."];
    assert_eq!(seconds(&said(RecordType::A, [&[], &referral, &[glue]])), None);
    let mut missing = said(RecordType::A, [&[], &[], &[]]);
    missing.metadata.response_code = ResponseCode::NXDomain;
    assert_eq!(seconds(&missing), None);
}

/// RFC 9520 section 3.2.
#[test]
fn a_failure_is_kept_for_five_seconds_whoever_says_it() {
    assert_eq!(Stored::failure(ede::NETWORK_ERROR).lifetime(), Some(Duration::from_secs(5)));
    let mut refused = said(RecordType::A, [&[], &[], &[]]);
    refused.metadata.response_code = ResponseCode::Refused;
    assert_eq!(seconds(&refused), Some(5));
    refused.metadata.response_code = ResponseCode::NotAuth;
    assert_eq!(seconds(&refused), None);
}

#[test]
fn a_reply_takes_its_bytes_and_two_for_the_place_of_each_ttl() {
    let size = |addresses, options: &[u8]| {
        let (_, reply) = upstream(&client(None), addresses);
        // The OPT comes last, and its length with it.
        let end = reply.len() - 2;
        let length = (options.len() as u16).to_be_bytes();
        Stored::of(&[&reply[..end], &length, options].concat()).unwrap().size()
    };
    let option = [0, 15, 0, 4, 0, 22, b'n', b'o'];
    let record = 2 + 10 + 4;
    assert_eq!(size(100, &[]) - size(1, &[]), 99 * (record + 2));
    assert_eq!(size(1, &option) - size(1, &[]), option.len());
    assert!(size(0, &[]) > size_of::<Stored>());
}
