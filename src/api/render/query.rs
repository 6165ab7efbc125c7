//! A line of `query-log`.

use super::rfc3339;
use crate::api::view;
use crate::channel::LoggedQuery;
use crate::model::State;

/// Shows a query.
pub fn query(state: &State, query: LoggedQuery) -> view::Query {
    let LoggedQuery { at, sandbox, tcp, name, rr_type, rcode, answers, records, .. } = query;
    let known = state.sandboxes.get(&sandbox);
    view::Query {
        time: rfc3339(at),
        sandbox: known.map_or(String::new(), |known| known.name.to_string()),
        sandbox_id: sandbox.to_string(),
        transport: if tcp { "tcp" } else { "udp" }.to_owned(),
        name,
        r#type: rr_type,
        rcode,
        answers,
        records,
        source: query.source,
        server: query.server.map_or(String::new(), |server| server.to_string()),
        microseconds: query.micros,
    }
}
