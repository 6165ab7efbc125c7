//! Any datagram from an upstream: it is read, kept, and given to clients at any age, within their size.

use netdns::model::Rdata;
use netdns::registry::{Layer, Rrset, Source};
use netdns::resolver::answer::{Transport, reply_matches};
use netdns::resolver::cache::Cache;
use netdns::resolver::query::{Parsed, parse};
use netdns::resolver::question::Question;
use netdns::resolver::stored::{Age, Stored};
use netdns::resolver::wire;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

/// The cache's size, in bytes.
const BOUND: usize = 64 * 1024;

static CACHE: LazyLock<Cache> = LazyLock::new(|| Cache::new(BOUND));
static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);
static LINK: LazyLock<Arc<Rrset>> = LazyLock::new(|| {
    let data = Rdata::Cname("far.test".parse().expect("a name"));
    let (layer, source, rr_type) = (Layer::Manual, Source::Manual, data.rr_type());
    Arc::new(Rrset { layer, source, rr_type, ttl: 60, data: vec![data] })
});

/// A query for the question that the reply repeats, with an OPT or without.
fn query(reply: &[u8], edns: bool) -> Option<Vec<u8>> {
    let end = wire::plain_name(reply, 12)?;
    let question = reply.get(12..end + 4)?;
    let opt: &[u8] = if edns { b"\0\0\x29\x04\xd0\0\0\0\0\0\0" } else { b"" };
    let head = [reply[0], reply[1], 1, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(edns)];
    Some([&head, question, opt].concat())
}

/// The TTLs of a message's records, but for OPT.
fn ttls(message: &[u8]) -> Option<Vec<u32>> {
    let mut at = wire::plain_name(message, 12)? + 4;
    let counts = [6, 8, 10].map(|place| wire::word(message, place).map_or(0, usize::from));
    let mut ttls = Vec::new();
    for _ in 0..counts.iter().sum() {
        let record = wire::record(message, at)?;
        at = record.rdata.end;
        ttls.extend((record.rr_type != wire::OPT).then_some(record.ttl));
    }
    (at == message.len()).then_some(ttls)
}

/// Holds for all bytes, or panics.
pub fn holds(reply: &[u8]) {
    let mut out = vec![0; 65_535];
    for packet in [false, true].into_iter().filter_map(|edns| query(reply, edns)) {
        let Parsed::Query(query) = parse(&packet) else { continue };
        // What is no reply to this query is not looked at.
        if !reply_matches(&packet, reply) {
            continue;
        }
        let Some(stored) = Stored::of(reply).map(Arc::new) else { return };
        for (transport, limit) in [(Transport::Udp, 1232), (Transport::Tcp, 65_535)] {
            for links in [&[][..], std::slice::from_ref(&*LINK)] {
                let mut at = |age| {
                    let length = stored.write(&query, links, age, transport, &mut out);
                    assert!((12..=limit).contains(&length));
                    let written = &out[..length];
                    assert!(reply_matches(&packet, written) && Stored::of(written).is_some());
                    ttls(written).expect("whole records")
                };
                let (new, old, stale) =
                    (at(Age::Seconds(0)), at(Age::Seconds(1000)), at(Age::Stale));
                let older = |ttl: &u32| ttl.saturating_sub(1000);
                let linked = links.len().min(new.len());
                assert!(new[linked..].iter().map(older).eq(old[linked..].iter().copied()));
                assert!(stale[linked.min(stale.len())..].iter().all(|ttl| *ttl == 30));
            }
        }
        let Some(question) = Question::of(1, &query) else { continue };
        CACHE.keep(&question, stored.clone(), *BEGUN);
        if let Some(known) = CACHE.recall(&question, *BEGUN + Duration::from_secs(10))
            && let Some(lifetime) = stored.lifetime()
            && Arc::ptr_eq(&known.stored, &stored)
        {
            assert_eq!(known.expired, lifetime.as_secs() <= 10);
            assert_eq!(known.age == Age::Stale, known.expired);
        }
        CACHE.failing(&question, *BEGUN);
        assert!(CACHE.usage().bytes <= BOUND as u64);
    }
}
