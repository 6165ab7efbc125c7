//! A cache beside a memory without bounds: what the one recalls, the other has.

use super::super::super::query::{Parsed, parse};
use super::super::*;
use proptest::prelude::*;

const DAY: u64 = 86_400;

/// What may happen to a cache, to one of a few questions.
#[derive(Clone, Debug)]
enum Event {
    /// A reply comes with so many seconds to live and bytes of data; without any, it is a failure.
    Keep(u8, Option<(u32, u16)>),
    Fail(u8),
    Recall(u8),
    /// Seconds pass.
    Pass(u64),
    Flush,
}

fn event() -> impl Strategy<Value = Event> {
    let which = 0..12_u8;
    let ttl = prop_oneof![1..10_u32, 1..200_000_u32];
    let reply = prop::option::weighted(0.9, (ttl, prop_oneof![4..40_u16, 4..4000_u16]));
    prop_oneof![
        4 => (which.clone(), reply).prop_map(|(which, reply)| Event::Keep(which, reply)),
        1 => which.clone().prop_map(Event::Fail),
        6 => which.prop_map(Event::Recall),
        4 => prop_oneof![0..8_u64, 0..2 * DAY].prop_map(Event::Pass),
        1 => Just(Event::Flush),
    ]
}

/// Questions that differ in one thing each: name, type, flag, list of servers.
fn question(which: u8) -> Question {
    let flags = [1, [0x00, 0x10, 0x20][usize::from(which / 2 % 3)]];
    let mut packet = [b"\0\x07", &flags[..], b"\0\x01\0\0\0\0\0\0\x01a\0\0\x01\0\x01"].concat();
    packet[13] = [b'a', b'b'][usize::from(which % 2)];
    let Parsed::Query(query) = parse(&packet) else { panic!("{packet:?}") };
    Question::of(u32::from(which / 6), &query).unwrap()
}

fn reply(reply: Option<(u32, u16)>) -> Arc<Stored> {
    let Some((ttl, length)) = reply else { return Arc::new(Stored::failure(22)) };
    let head = b"\0\x07\x81\x80\0\x01\0\x01\0\0\0\0\x01a\0\0\x01\0\x01\xc0\x0c\0\x01\0\x01";
    let data = vec![0; length.into()];
    let message = [&head[..], &ttl.to_be_bytes(), &length.to_be_bytes(), &data].concat();
    Arc::new(Stored::of(&message).unwrap())
}

/// Who came last for each question, and when.
#[derive(Default)]
struct Memory(std::collections::BTreeMap<u8, (Arc<Stored>, u64, Option<u64>)>);

impl Memory {
    /// Fails unless what is recalled is the last reply to this question, as old as it is.
    fn holds(&self, which: u8, now: u64, known: &Known) -> Result<(), TestCaseError> {
        let Some((stored, since, failed)) = self.0.get(&which) else {
            return Err(TestCaseError::fail("it was never told that"));
        };
        prop_assert!(Arc::ptr_eq(stored, &known.stored), "another's reply, or an older one");
        let lifetime = stored.lifetime().unwrap().as_secs();
        let age = now - since;
        let fresh = age < lifetime;
        prop_assert_eq!(known.age, if fresh { Age::Seconds(age as u32) } else { Age::Stale });
        prop_assert!(fresh || stored.is_usable() && age <= lifetime + DAY);
        let asks = !fresh && failed.is_none_or(|failed| now >= failed + 5);
        prop_assert_eq!(known.expired, asks);
        Ok(())
    }
}

proptest! {
    #[test]
    fn what_is_recalled_is_the_last_reply_to_that_question_at_its_age_and_bytes_are_bounded(
        events in prop::collection::vec(event(), 1..120),
        room in 1..40_usize,
    ) {
        let bytes = room * 1024;
        let (cache, begun) = (Cache::new(bytes), Instant::now());
        let (mut memory, mut now) = (Memory::default(), 0);
        for event in events {
            let instant = begun + Duration::from_secs(now);
            match event {
                Event::Keep(which, what) => {
                    let stored = reply(what);
                    cache.keep(&question(which), stored.clone(), instant);
                    memory.0.insert(which, (stored, now, None));
                }
                Event::Fail(which) => {
                    cache.failing(&question(which), instant);
                    if let Some((_, _, failed)) = memory.0.get_mut(&which) {
                        *failed = Some(now);
                    }
                }
                Event::Recall(which) => {
                    if let Some(known) = cache.recall(&question(which), instant) {
                        memory.holds(which, now, &known)?;
                    }
                }
                Event::Pass(seconds) => now += seconds,
                Event::Flush => {
                    cache.flush();
                    memory.0.clear();
                }
            }
            prop_assert!(cache.usage().bytes <= bytes as u64);
        }
    }
}

#[test]
fn what_was_kept_is_recalled_while_there_is_room() {
    let (cache, now) = (Cache::new(64 * 1024), Instant::now());
    (0..12).for_each(|which| cache.keep(&question(which), reply(Some((60, 4))), now));
    let later = now + Duration::from_secs(59);
    assert!((0..12).all(|which| cache.recall(&question(which), later).is_some()));
    assert_eq!(cache.usage().entries, 12);
}
