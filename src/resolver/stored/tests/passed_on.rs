//! What of a reply reaches the client, and what does not.

use super::*;
use crate::resolver::wire::AA;

const COOKIE: &[u8] = b"\0\x0a\0\x08\x01\x02\x03\x04\x05\x06\x07\x08";
const SAYS_WHY: &[u8] = b"\0\x0f\0\x04\0\x16no";
const SUBNET: &[u8] = b"\0\x08\0\x07\0\x01\x18\x10\xc0\0\x02";

/// Returns a reply with one address and an OPT with these options and upper bits of the response code.
fn reply_with(code: u16, options: &[u8]) -> Vec<u8> {
    let (_, mut reply) = upstream(&client(None), 1);
    reply[3] = reply[3] & 0xf0 | (code & 15) as u8;
    let opt = reply.len() - 11;
    reply[opt + 5] = (code >> 4) as u8;
    let length = (options.len() as u16).to_be_bytes();
    [&reply[..opt + 9], &length, options].concat()
}

/// Returns what a client gets of it: the response code with its upper bits, and the options.
fn passed(client: &Message, reply: &[u8]) -> (u16, Vec<u8>) {
    let stored = Stored::of(reply).unwrap();
    let (packet, mut out) = (client.to_vec().unwrap(), vec![0; 65_535]);
    let Parsed::Query(query) = parse(&packet) else { panic!("{client:?}") };
    let len = stored.write(&query, &[], Age::Seconds(0), Transport::Tcp, &mut out);
    let mine = Upstream::read(&out[..len]).unwrap();
    let mut options = Vec::new();
    mine.each(&out[..len], |_, record| {
        if record.rr_type == OPT {
            options.extend_from_slice(&out[record.rdata]);
        }
        true
    });
    (mine.rcode, options)
}

#[test]
fn clients_are_told_the_upper_bits_of_a_response_code_if_they_can_read_them() {
    let bad_cookie = reply_with(23, &[]);
    assert_eq!(passed(&client(Some(1232)), &bad_cookie).0, 23);
    // Without them it would read as YXRRSET.
    assert_eq!(passed(&client(None), &bad_cookie).0, 2);
    assert_eq!(passed(&client(None), &reply_with(15, &[])).0, 15);
    assert_eq!(passed(&client(None), &reply_with(16, &[])).0, 2);
}

#[test]
fn clients_are_told_the_subnet_and_the_reason_and_no_option_of_one_hop() {
    let reply = reply_with(0, &[COOKIE, SAYS_WHY, SUBNET].concat());
    assert_eq!(passed(&client(Some(1232)), &reply).1, [SAYS_WHY, SUBNET].concat());
    assert_eq!(passed(&client(None), &reply).1, b"");
}

/// RFC 6840 section 5.8.
#[test]
fn authentic_data_are_called_so_to_who_asks_by_ad_or_do() {
    let ask = |ad: bool, dnssec_ok: bool| {
        let mut client = client(dnssec_ok.then_some(1232));
        client.metadata.authentic_data = ad;
        client.edns.iter_mut().for_each(|edns| {
            edns.set_dnssec_ok(dnssec_ok);
        });
        let (_, reply) = upstream(&client, 1);
        relayed(&client, &reply, Transport::Udp).metadata.authentic_data
    };
    assert_eq!([ask(false, false), ask(true, false), ask(false, true)], [false, true, true]);
}

#[test]
fn what_came_truncated_goes_on_truncated_whether_it_is_cut_again_or_not() {
    let mut client = client(None);
    for (addresses, ad) in [(1, true), (1, false), (100, true), (100, false)] {
        client.metadata.authentic_data = ad;
        let (_, mut reply) = upstream(&client, addresses);
        reply[2] |= (TC | AA).to_be_bytes()[0];
        let meta = relayed(&client, &reply, Transport::Udp).metadata;
        assert!(meta.truncation && !meta.authoritative, "{addresses} {ad}");
    }
}

#[test]
fn a_reply_takes_all_of_the_room_that_a_client_has_and_no_more() {
    let (_, reply) = upstream(&client(None), 30);
    let stored = Stored::of(&reply).unwrap();
    for payload in 512..600 {
        let client = client(Some(payload));
        let mut out = vec![0; 4096];
        let packet = client.to_vec().unwrap();
        let Parsed::Query(query) = parse(&packet) else { panic!("{client:?}") };
        // A stale answer's OPT has an option.
        let len = stored.write(&query, &[], Age::Stale, Transport::Udp, &mut out);
        // The first record writes out its own case of the name; the others point there.
        let first = reply.len() - HEADER - query.question.len() - 11 - 29 * 16;
        let room = usize::from(payload) - HEADER - query.question.len() - 11 - 6;
        let fitting = 1 + (room - first) / 16;
        let mine = Message::from_vec(&out[..len]).unwrap();
        assert_eq!(mine.answers.len(), fitting.min(30), "{payload}");
        assert_eq!(mine.metadata.truncation, fitting < 30, "{payload}");
        assert!(len <= payload.into() && mine.edns.is_some(), "{payload}");
    }
}

/// RFC 3597 section 4: these types, and SRV, have names that may be compressed.
#[test]
fn names_in_data_stay_whole_where_what_they_point_at_moves() {
    let client = client(None);
    let (_, reply) = upstream(&client, 1);
    // After the OPT, which goes: an address of x.example.com, and data that point at its name.
    let place = (0xc000 | reply.len() as u16).to_be_bytes();
    let x = place.to_vec();
    let text = "x.example.com.";
    let soa = [&x[..], &x, b"\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04\0\0\0\x05"].concat();
    for (rr_type, data, text) in [
        (2, x.clone(), text.to_owned()),
        (6, soa, format!("{text} {text} 1 2 3 4 5")),
        (15, [&b"\0\x0a"[..], &x].concat(), format!("10 {text}")),
        (33, [&b"\0\x01\0\x02\0\x50"[..], &x].concat(), format!("1 2 80 {text}")),
    ] {
        let address = b"\x01x\xc0\x10\0\x01\0\x01\0\0\0\x09\0\x04\xc0\0\x02\x01";
        let fixed = [0xc0, 12, 0, rr_type, 0, 1, 0, 0, 0, 9, 0, data.len() as u8];
        let mut reply = [&reply[..], address, &fixed, &data].concat();
        reply[11] += 2;
        let mine = relayed(&client, &reply, Transport::Udp);
        let [first, second] = &mine.additionals[..] else { panic!("two additional records") };
        assert_eq!(
            (first.name.to_string(), second.data.to_string()),
            ("x.example.com.".into(), text)
        );
    }
}

#[test]
fn a_reply_that_is_cut_is_as_old_as_a_whole_one() {
    let client = client(None);
    for addresses in [3, 100] {
        let (_, reply) = upstream(&client, addresses);
        let stored = Stored::of(&reply).unwrap();
        for (age, left) in [(Age::Seconds(0), 300), (Age::Seconds(100), 200), (Age::Stale, 30)] {
            let mine = written(&client, &stored, age, Transport::Udp);
            assert!(
                !mine.answers.is_empty() && mine.answers.iter().all(|r| r.ttl == left),
                "{mine}"
            );
        }
    }
}

#[test]
fn who_said_a_reply_is_remembered_and_our_own_failures_nobody_said() {
    let server = "192.0.2.53:53".parse().unwrap();
    let (_, reply) = upstream(&client(None), 1);
    assert_eq!(Stored::of(&reply).unwrap().said_by(server).server(), Some(server));
    assert_eq!(Stored::failure(ede::NETWORK_ERROR).server(), None);
}
