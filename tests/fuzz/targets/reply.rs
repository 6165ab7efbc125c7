//! Any datagram from an upstream: it is read, kept, and given to clients at any age, within their size.
#![no_main]

use libfuzzer_sys::fuzz_target;
use netdns::resolver::answer::{Transport, reply_matches};
use netdns::resolver::cache::Cache;
use netdns::resolver::query::{Parsed, parse};
use netdns::resolver::question::Question;
use netdns::resolver::stored::{Age, Stored};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

static CACHE: LazyLock<Cache> = LazyLock::new(|| Cache::new(64 * 1024));
static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// A query for the question that the reply repeats, with an OPT or without.
fn query(reply: &[u8], edns: bool) -> Option<Vec<u8>> {
    let mut end = 12;
    while *reply.get(end)? != 0 {
        end += 1 + usize::from(reply[end]);
    }
    let question = reply.get(12..end + 5)?;
    let opt: &[u8] = if edns { b"\0\0\x29\x04\xd0\0\0\0\0\0\0" } else { b"" };
    let head = [0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(edns)];
    Some([&head, question, opt].concat())
}

fuzz_target!(|reply: &[u8]| {
    let Some(stored) = Stored::of(reply).map(Arc::new) else { return };
    let mut out = vec![0; 65_535];
    for packet in [false, true].into_iter().filter_map(|edns| query(reply, edns)) {
        let Parsed::Query(query) = parse(&packet) else { continue };
        reply_matches(&packet, reply);
        for (transport, limit) in [(Transport::Udp, 1232), (Transport::Tcp, 65_535)] {
            for age in [Age::Seconds(0), Age::Seconds(1000), Age::Stale] {
                let length = stored.write(&query, &[], age, transport, &mut out);
                assert!((12..=limit).contains(&length));
                // What is written can be read again.
                assert!(Stored::of(&out[..length]).is_some());
            }
        }
        let Some(question) = Question::of(1, &query) else { continue };
        CACHE.keep(&question, stored.clone(), *BEGUN);
        CACHE.recall(&question, *BEGUN + Duration::from_secs(10));
        CACHE.failing(&question, *BEGUN);
        assert!(CACHE.usage().bytes <= 64 * 1024);
    }
});
