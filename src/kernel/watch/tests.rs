use super::super::nft::Nft;
use super::super::nft::tests::{in_namespace, run};
use super::*;
use crate::model::Id;
use crate::plan::alias;
use crate::plan::nft::{Delta, Table, dns_table};
use std::time::Duration;
use tokio::time::timeout;

/// Runs a conversation with a watch in a namespace of its own.
fn watching(test: impl AsyncFnOnce(Watch, Nft) + Send) {
    in_namespace(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let nft = Nft::open().unwrap();
            test(Watch::open(&[nft.port()]).unwrap(), nft).await;
        });
    });
}

async fn soon(watch: &mut Watch) -> Option<Event> {
    timeout(Duration::from_millis(300), watch.next()).await.ok().map(Result::unwrap)
}

fn ours() -> Delta {
    Delta::Replace(Table { owned: false, ..dns_table(1, 2) })
}

#[test]
fn our_own_changes_are_no_news() {
    watching(async |mut watch, mut nft| {
        nft.apply(&ours()).unwrap();
        assert_eq!(soon(&mut watch).await, None);
    });
}

#[test]
fn a_flush_by_another_tool_is_noticed() {
    watching(async |mut watch, mut nft| {
        nft.apply(&ours()).unwrap();
        run("nft", &["flush", "ruleset"]);
        assert_eq!(soon(&mut watch).await, Some(Event::Ours));
        assert_eq!(soon(&mut watch).await, None, "one event for all that was queued");
    });
}

#[test]
fn a_change_of_another_table_is_told_apart() {
    watching(async |mut watch, mut nft| {
        nft.apply(&ours()).unwrap();
        run("nft", &["add", "table", "ip", "stranger"]);
        assert_eq!(soon(&mut watch).await, Some(Event::Foreign));
        run("nft", &["flush", "ruleset"]);
        assert_eq!(soon(&mut watch).await, Some(Event::Both));
    });
}

#[test]
fn more_news_than_the_queue_holds_is_both() {
    watching(async |mut watch, _| {
        watch.news.set_queue(1);
        for chain in 0..20 {
            run("nft", &["add", "table", "ip", &format!("stranger{chain}")]);
        }
        assert_eq!(soon(&mut watch).await, Some(Event::Both));
    });
}

#[test]
fn a_link_of_ours_that_goes_is_named_and_of_more_than_the_queue_holds_it_may_be_any() {
    in_namespace(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut links = Links::open().unwrap();
            run("ip", &["link", "add", "ours", "type", "bridge"]);
            run("ip", &["link", "set", "ours", "alias", &alias(Id::from_bytes([7; 32]))]);
            run("ip", &["link", "add", "strangers", "type", "bridge"]);
            run("ip", &["link", "del", "strangers"]);
            run("ip", &["link", "del", "ours"]);
            let named = links.next().await.unwrap().expect("nothing was lost");
            assert_eq!(named.iter().map(|name| name.as_str()).collect::<Vec<_>>(), ["ours"]);
            links.news.set_queue(1);
            for link in 0..20 {
                run("ip", &["link", "add", &format!("stranger{link}"), "type", "bridge"]);
            }
            assert_eq!(links.next().await.unwrap(), None);
        });
    });
}
