//! What is kept, and that nobody misses what happens between two looks.

use super::*;
use std::time::Duration;
use tokio::time::timeout;

fn resolvers(count: i32) -> impl Iterator<Item = Happening> {
    (0..count).map(Happening::ResolverStarted)
}

#[test]
fn the_last_thousand_are_kept_and_who_missed_some_is_told() {
    let events = Events::new(7);
    let start = events.last();
    events.tell(resolvers(1000), 0);
    let all = events.after(start);
    assert_eq!((all.events.len(), all.lost), (1000, false));
    events.tell(resolvers(1), 0);
    let rest = events.after(start);
    assert_eq!((rest.events.len(), rest.lost), (1000, true));
    assert_eq!(rest.events.last().map(|event| event.number), Some(rest.last));
    assert!(events.after(rest.last).events.is_empty() && !events.after(rest.last).lost);
    assert!(!events.after(start + 1).lost);
}

#[test]
fn what_a_daemon_before_this_one_told_is_lost() {
    let before = Events::new(7);
    before.tell(resolvers(3), 0);
    let events = Events::new(8);
    assert!(events.after(before.last()).lost);
}

#[tokio::test]
async fn what_happens_between_two_looks_is_in_the_next() {
    let events = Events::new(0);
    let seen = events.last();
    events.tell(resolvers(2), 0);
    let told =
        timeout(Duration::from_secs(5), events.next(seen)).await.expect("it is there already");
    assert_eq!(told.events.len(), 2);
    let waiting = timeout(Duration::from_millis(10), events.next(told.last)).await;
    assert!(waiting.is_err(), "nothing has happened since");
}
