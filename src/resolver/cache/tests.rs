use super::super::query::{Parsed, parse};
use super::*;

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
