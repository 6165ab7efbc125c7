//! The query log: who asked what, what was said, and from where.

use crate::lab::*;
use crate::{SERVER, knows};
use netdns::channel::{FromResolver, LogBatch, LoggedQuery, QuerySource, ToResolver};

async fn read(lab: &Lab, after: Option<u64>) -> LogBatch {
    match lab.client().request(&ToResolver::ReadLog(after), &[]).await.unwrap() {
        FromResolver::Logged(batch) => batch,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_query_log_tells_who_asked_what_and_where_the_answer_came_from() {
    let lab = Lab::start();
    let server = upstream(knows(SERVER));
    let (one, two) = (lab.serve(2, &[]).await, lab.serve(3, &[]).await);
    lab.update(vec![endpoint(3, "web")]).await;
    one.ask("before.anybody.reads.");
    let mut last = read(&lab, None).await.last;

    one.ask("nowhere.example.");
    lab.serve(4, &[server]).await;
    one.ask("web.");
    two.ask("example.com.");
    one.ask("eXample.com.");
    let mut stream = two.connect();
    write_tcp(&mut stream, &query("web.").to_vec().unwrap());
    read_tcp(&mut stream).unwrap();

    let mut all: Vec<LoggedQuery> = Vec::new();
    while all.len() < 5 {
        let batch = read(&lab, Some(last)).await;
        assert_eq!(batch.lost, 0);
        all.extend(batch.queries);
        last = batch.last;
    }
    // Shards note what they answer each by itself, in no common order.
    let mut told: Vec<_> = all
        .iter()
        .map(|query| {
            let answer = query.answers.join(" ");
            (query.sandbox, query.tcp, query.name.as_str(), query.source, query.server, answer)
        })
        .collect();
    let (web, public) = ("A 172.18.0.3".to_owned(), "A 192.0.2.1".to_owned());
    let mut expected = vec![
        (id(2), false, "nowhere.example.", QuerySource::Nobody, None, String::new()),
        (id(2), false, "web.", QuerySource::Local, None, web.clone()),
        (id(3), false, "example.com.", QuerySource::Upstream, Some(server), public.clone()),
        (id(2), false, "eXample.com.", QuerySource::Cache, Some(server), public),
        (id(3), true, "web.", QuerySource::Local, None, web),
    ];
    told.sort_by_key(|query| (query.0, query.1, query.2.to_owned()));
    expected.sort_by_key(|query| (query.0, query.1, query.2.to_owned()));
    assert_eq!(told, expected);
    assert!(all.iter().all(|query| query.rr_type == "A" && query.micros < 60_000_000));
}
