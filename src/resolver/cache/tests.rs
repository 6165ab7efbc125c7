use super::super::query::{Parsed, parse};
use super::*;

mod model;

/// Returns the question for a name of one label.
fn question(label: &str) -> Question {
    let name = [&[label.len() as u8], label.as_bytes()].concat();
    let packet = [&b"\0\x07\x01\0\0\x01\0\0\0\0\0\0"[..], &name, b"\0\0\x01\0\x01"].concat();
    let Parsed::Query(query) = parse(&packet) else { panic!("{packet:?}") };
    Question::of(1, &query).unwrap()
}

#[test]
fn what_is_kept_is_counted_with_its_key_and_never_more_than_there_is_room_for() {
    let (room, now) = (64 * 1024, Instant::now());
    let cache = Cache::new(room);
    let stored = Arc::new(Stored::failure(22));
    let first = question("first");
    cache.keep(&first, stored.clone(), now);
    let one = cache.usage();
    let least = first.as_bytes().len() + stored.size();
    assert_eq!(one.entries, 1);
    assert!((least..least + 256).contains(&(one.bytes as usize)), "{least}: {one:?}");
    for number in 0..2000 {
        cache.keep(&question(&number.to_string()), stored.clone(), now);
    }
    let full = cache.usage();
    assert!(full.bytes <= room as u64 && full.bytes > room as u64 / 2, "{full:?}");
    assert!(cache.recall(&question("1999"), now).is_some());
    cache.flush();
    assert_eq!(cache.usage(), Usage { most: 64 * 1024, ..Usage::default() });
    assert!(cache.recall(&question("1999"), now).is_none());
}

#[test]
fn what_is_not_to_be_kept_takes_no_room() {
    let cache = Cache::new(64 * 1024);
    cache.keep(&question("web"), Arc::new(Stored::nothing()), Instant::now());
    assert_eq!(cache.usage(), Usage { most: 64 * 1024, ..Usage::default() });
}

#[test]
fn the_longest_reply_is_kept_by_the_smallest_cache_of_a_whole_part() {
    let (cache, now, long) = (Cache::new(PART), Instant::now(), question("long"));
    // 4,000 addresses: 64 KB and a place for each TTL.
    let record = b"\xc0\x0c\0\x01\0\x01\0\0\x01\x2c\0\x04\xc0\0\x02\x01".repeat(4000);
    let head = b"\0\x07\x81\x80\0\x01\x0f\xa0\0\0\0\0\x04long\0\0\x01\0\x01";
    let stored = Stored::of(&[&head[..], &record].concat()).unwrap();
    cache.keep(&long, Arc::new(stored), now);
    assert!(cache.recall(&long, now).is_some());
}

#[test]
fn a_cache_that_is_made_smaller_lets_go_and_keeps_no_more_than_fits() {
    let (cache, now) = (Cache::new(256 * 1024), Instant::now());
    let stored = Arc::new(Stored::failure(22));
    let keep =
        || (0..2000).for_each(|n| cache.keep(&question(&n.to_string()), stored.clone(), now));
    keep();
    assert!(cache.usage().bytes > 128 * 1024);
    cache.resize(32 * 1024);
    assert!(cache.usage().bytes <= 32 * 1024, "{:?}", cache.usage());
    keep();
    assert!(cache.usage().bytes <= 32 * 1024 && cache.usage().entries > 0);
}
