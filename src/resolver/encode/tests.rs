use super::super::query::{Parsed, parse};
use super::*;
use std::collections::BTreeSet;

#[test]
fn options_that_would_leave_an_empty_reply_no_room_in_512_bytes_are_left_out() {
    let packet = b"\0\x07\x01\0\0\x01\0\0\0\0\0\x01\x03web\0\0\x01\0\x01\0\0\x29\x02\0\0\0\0\0\0\0";
    let Parsed::Query(query) = parse(packet) else { panic!("no query") };
    let bare = HEADER + query.question.len() + OPT_LEN;
    for (size, length) in [(6, bare + 6), (512 - bare, 512), (513 - bare, bare), (600, bare)] {
        for transport in [Transport::Udp, Transport::Tcp] {
            let (options, mut out) = (vec![0; size], [0; 4096]);
            let reply = Reply::begin(&query, transport, &options, &mut out).unwrap();
            assert_eq!(reply.finish_local(Rcode::NoError), length, "{size}");
        }
    }
}

#[test]
fn each_record_comes_first_within_twenty_queries_whatever_else_is_asked_between() {
    for start in [0, 1, 99, u32::MAX - 7] {
        for every in 1..=4 {
            for len in 1..=10 {
                let turns = (0..20).map(|query: u32| start.wrapping_add(query * every));
                let firsts: BTreeSet<usize> = turns.map(|turn| rotation(turn, len)).collect();
                assert_eq!(firsts.len(), len, "every turn {every} of {len} records from {start}");
            }
        }
    }
}
