use super::*;
use crate::model::Id;
use std::future::pending;
use std::time::Duration;
use tokio::task::{JoinHandle, LocalSet, spawn_local};

struct Opened {
    activity: Rc<Activity>,
    task: JoinHandle<()>,
}

fn sandbox(number: u8) -> SandboxId {
    SandboxId(Id::from_bytes([number; 32]))
}

/// Opens a connection that was last heard of so many seconds after the first.
fn open(connections: &mut Connections, of: u8, since: Instant, seconds: u64) -> Option<Opened> {
    if !connections.make_room(sandbox(of)) {
        return None;
    }
    let (activity, task) = (Rc::new(Activity::new()), spawn_local(pending()));
    activity.last.set(since + Duration::from_secs(seconds));
    let key = connections.next_key(sandbox(of));
    connections.add(key, activity.clone(), task.abort_handle());
    Some(Opened { activity, task })
}

async fn is_closed(connection: &Opened) -> bool {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    connection.task.is_finished()
}

#[tokio::test]
async fn who_comes_to_a_full_house_takes_the_place_of_whoever_was_idle_longest() {
    let (mut house, since) = (Connections::new(100), Instant::now());
    LocalSet::new()
        .run_until(async {
            let mut greedy: Vec<_> =
                (0..64).filter_map(|age| open(&mut house, 1, since, 64 - age)).collect();
            greedy[63].activity.busy.set(true);
            greedy.extend(open(&mut house, 1, since, 99));
            assert!(is_closed(&greedy[62]).await, "the oldest that awaits nothing");
            assert!(!is_closed(&greedy[63]).await, "what awaits an answer is spared");
            // A sandbox makes room among its own alone, until the house is full.
            let others: Vec<_> = (0..37).filter_map(|_| open(&mut house, 2, since, 200)).collect();
            assert!(is_closed(&greedy[61]).await);
            assert!(!is_closed(&greedy[60]).await);
            assert_eq!(others.len(), 37);
        })
        .await;
}

#[tokio::test]
async fn who_comes_while_all_are_awaiting_answers_is_turned_away() {
    let (mut house, since) = (Connections::new(100), Instant::now());
    LocalSet::new()
        .run_until(async {
            let all: Vec<_> = (0..64).filter_map(|_| open(&mut house, 1, since, 0)).collect();
            all.iter().for_each(|connection| connection.activity.busy.set(true));
            assert!(open(&mut house, 1, since, 1).is_none());
            assert!(open(&mut house, 2, since, 1).is_some(), "another sandbox has room");
            house.close_all(sandbox(1));
            assert!(is_closed(&all[0]).await);
            assert!(open(&mut house, 1, since, 1).is_some());
        })
        .await;
}
