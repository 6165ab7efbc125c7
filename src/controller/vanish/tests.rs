//! That the end of a file is noticed, and that its neighbours' comings and goings are not.

use super::*;
use std::cell::Cell;
use std::fs;
use std::path::PathBuf;

/// A directory of the test's own.
fn dir(test: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("netdns-{}-{test}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    dir
}

/// Lets what is ready run, until nothing is.
async fn settle(files: &Files, dir: &Path) {
    // Events of one directory come in order: when this one's file is seen to go, all before it were seen.
    let last = dir.join("last");
    fs::write(&last, "").unwrap();
    let went = files.vanished(&last, || last.exists());
    let remove = async { fs::remove_file(&last).unwrap() };
    let (went, ()) = tokio::join!(went, remove);
    went.unwrap();
}

#[tokio::test]
async fn only_who_waits_for_a_name_is_woken_by_what_happens_to_it() {
    let (files, dir) = (Files::default(), dir("woken"));
    let (mine, other) = (dir.join("mine"), dir.join("other"));
    fs::write(&mine, "").unwrap();
    let asked = Cell::new(0);
    let stands = || {
        asked.set(asked.get() + 1);
        mine.exists()
    };
    let neighbours = async {
        for _ in 0..10 {
            fs::write(&other, "").unwrap();
            fs::remove_file(&other).unwrap();
        }
        settle(&files, &dir).await;
        assert_eq!(asked.get(), 1, "what happened to another file woke it");
        fs::remove_file(&mine).unwrap();
    };
    let (vanished, ()) = tokio::join!(files.vanished(&mine, stands), neighbours);
    vanished.unwrap();
    assert!(files.lock().as_ref().unwrap().waiting.is_empty(), "nothing is watched any more");
    fs::remove_dir_all(dir).unwrap();
}

#[tokio::test]
async fn a_file_goes_with_its_directory_and_on_demand() {
    let (files, dir) = (Files::default(), dir("goes").join("inner"));
    fs::create_dir_all(&dir).unwrap();
    let (path, asked) = (dir.join("mine"), Cell::new(0));
    fs::write(&path, "").unwrap();
    let let_go = || {
        asked.set(asked.get() + 1);
        asked.get() < 2
    };
    let (vanished, ()) = tokio::join!(files.vanished(&path, let_go), async { files.ask(&path) });
    vanished.unwrap();
    let away = dir.with_file_name("away");
    let moved = async { fs::rename(&dir, &away).unwrap() };
    let (vanished, ()) = tokio::join!(files.vanished(&path, || path.exists()), moved);
    vanished.unwrap();
    fs::remove_dir_all(dir.parent().unwrap()).unwrap();
}
