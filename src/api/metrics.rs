//! Metrics: what was counted, in Prometheus' text form (version 0.0.4). Nothing of it can be changed from here.

use crate::channel::{SandboxCounters, UpstreamCounters};
use crate::controller::{Controller, DnsCounts};
use crate::kernel::Kernel;
use crate::model::State;
use crate::store::Store;
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, get};
use std::fmt::Write;
use std::sync::Arc;

/// What the reply's body is.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Returns a router that shows the metrics and nothing else.
pub fn router<K: Kernel, S: Store>(controller: Arc<Controller<K, S>>) -> Router {
    Router::new().route("/metrics", route(controller))
}

/// Returns the route of the metrics.
pub fn route<K: Kernel, S: Store>(controller: Arc<Controller<K, S>>) -> MethodRouter {
    get(move || {
        let controller = controller.clone();
        async move {
            let state = controller.state();
            let ids: Vec<_> = state.sandboxes.keys().copied().collect();
            let counts = controller.resolver().count_each(&ids).await;
            let zones = controller.replica().zones().len();
            ([(CONTENT_TYPE, TEXT)], text(&state, zones, &counts)).into_response()
        }
    })
}

/// A metric of sandboxes: its name, its help, its value.
type OfSandbox = (&'static str, &'static str, fn(&SandboxCounters) -> u64);

const OF_SANDBOXES: [OfSandbox; 6] = [
    ("queries", "Queries read.", |count| count.queries),
    ("local", "Queries answered from local data.", |count| count.local),
    ("cached", "Queries answered with what an upstream had said before.", |count| count.cached),
    ("stale", "Queries answered with what was past its time.", |count| count.stale),
    ("forwarded", "Queries asked of an upstream.", |count| count.forwarded),
    ("failed", "Queries answered with a failure.", |count| count.failed),
];

/// A metric of servers: its name, its help, its value.
type OfUpstream = (&'static str, &'static str, fn(&UpstreamCounters) -> u64);

const OF_UPSTREAMS: [OfUpstream; 3] = [
    ("asked", "Questions sent to a server.", |count| count.asked),
    ("answered", "Answers of a server.", |count| count.answered),
    ("failed", "Failures of a server.", |count| count.failed),
];

fn text(state: &State, zones: usize, counts: &DnsCounts) -> String {
    let mut out = String::new();
    let running = state.sandboxes.values().filter(|sandbox| sandbox.is_running()).count();
    for (name, help, value) in [
        ("networks", "Networks.", state.networks.len()),
        ("sandboxes_running", "Sandboxes that run.", running),
        ("endpoints", "Endpoints.", state.endpoints.len()),
        ("zones", "Zones that are served.", zones),
    ] {
        family(&mut out, &format!("netdns_{name}"), help, "gauge", [(String::new(), value as f64)]);
    }
    for (name, help, value) in OF_SANDBOXES {
        let line = |(id, count)| {
            let sandbox = state.sandboxes.get(id)?;
            Some((label("sandbox", sandbox.name.as_str()), value(count) as f64))
        };
        let lines = counts.sandboxes.iter().filter_map(line);
        family(&mut out, &format!("netdns_dns_{name}_total"), help, "counter", lines);
    }
    for (name, help, value) in OF_UPSTREAMS {
        let line = |count: &UpstreamCounters| (server(count), value(count) as f64);
        let lines = counts.upstreams.iter().map(line);
        family(&mut out, &format!("netdns_dns_upstream_{name}_total"), help, "counter", lines);
    }
    let seconds = |count: &UpstreamCounters| (server(count), count.round_trip as f64 / 1e6);
    let name = "netdns_dns_upstream_round_trip_seconds";
    let lines = counts.upstreams.iter().map(seconds);
    family(&mut out, name, "The usual time of a server.", "gauge", lines);
    out
}

fn server(count: &UpstreamCounters) -> String {
    label("server", &count.address.to_string())
}

/// Writes a metric's lines with their labels.
fn family(
    out: &mut String,
    name: &str,
    help: &str,
    kind: &str,
    lines: impl IntoIterator<Item = (String, f64)>,
) {
    // Writing to a string does not fail.
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
    for (labels, value) in lines {
        let _ = writeln!(out, "{name}{labels} {value}");
    }
}

fn label(name: &str, value: &str) -> String {
    let escaped = value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
    format!("{{{name}=\"{escaped}\"}}")
}
