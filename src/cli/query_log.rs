//! `query-log`: what sandboxes ask and are told, until it is interrupted.

use super::Dirs;
use super::outcome::{Outcome, note};
use super::print::{self, Format};
use crate::api::call::{Asked, ReadQueryLog};
use crate::api::view::{Query, QuerySource};
use clap::Args;

/// Flags of `query-log`.
#[derive(Args, Debug)]
pub struct QueryLogArgs {
    /// How the output looks
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Names, ids or id prefixes; all without any
    sandbox: Vec<String>,
}

/// Shows each query with its answer, where that came from and how long it took, as long as there are a daemon and a
/// reader.
pub fn query_log(args: &QueryLogArgs, dirs: &Dirs) -> Outcome {
    let client = dirs.client();
    let mut after = None;
    loop {
        let sandboxes = args.sandbox.clone();
        let Asked { queries, last, lost } = client.call(ReadQueryLog { after, sandboxes })?;
        if lost > 0 {
            note(&format!(
                "{lost} or more queries are missing here: they came faster than they were read"
            ));
        }
        let lines = queries.iter().map(|query| line(query, args.format));
        if !print::show(&lines.collect::<String>())? {
            return Ok(0);
        }
        after = Some(last);
    }
}

fn line(query: &Query, format: Format) -> String {
    if format == Format::Json {
        return print::to_json(query) + "\n";
    }
    let Query { time, sandbox, sandbox_id, transport, name, r#type, rcode, microseconds, .. } =
        query;
    // Whoever has gone by now has no name any more.
    let sandbox = if sandbox.is_empty() { sandbox_id.get(..12).unwrap_or("") } else { sandbox };
    let question = if name.is_empty() { "-" } else { &format!("{name} {type}") };
    let took = *microseconds as f64 / 1000.0;
    format!(
        "{time} {sandbox} {question} {rcode} {} ({}, {transport}, {took:.3} ms)\n",
        answer(query),
        source(query)
    )
}

/// What was answered, or how many records there were.
fn answer(query: &Query) -> String {
    let Query { answers, records, .. } = query;
    let more = usize::from(*records).saturating_sub(answers.len());
    match (answers.is_empty(), more) {
        (true, 0) => "-".to_owned(),
        (true, more) => format!("{more} records"),
        (false, 0) => answers.join(", "),
        (false, more) => format!("{} and {more} more", answers.join(", ")),
    }
}

fn source(query: &Query) -> String {
    let server = &query.server;
    match query.source {
        QuerySource::Local => "local".to_owned(),
        QuerySource::Cache if server.is_empty() => "cache".to_owned(),
        QuerySource::Cache => format!("cache of {server}"),
        QuerySource::Stale => format!("stale, of {server}"),
        QuerySource::Upstream => format!("from {server}"),
        QuerySource::Nobody => "nobody answered".to_owned(),
    }
}
