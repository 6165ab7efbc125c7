//! The server: one route a call. A command runs to its end in a task of its own, even if its client hangs up.

use super::call::{self, Call, ErrorBody};
use super::{metrics, render, view};
use crate::channel::{Asker, LogBatch};
use crate::controller::{Admitted, Controller, Failure};
use crate::kernel::Kernel;
use crate::model::{Kind, Refusal, State};
use crate::registry::member_view;
use crate::store::Store;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::post;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

type Shared<K, S> = Arc<Controller<K, S>>;

/// The largest body that is read: above any real request, such as one that exposes each port of each protocol.
const BODY_LIMIT: usize = 8 << 20;

/// How long one question about events may wait, in seconds.
const LONGEST_POLL: u32 = 60;

/// Returns the routes of every call.
pub fn router<K: Kernel, S: Store>(controller: Shared<K, S>) -> Router {
    let metered = controller.clone();
    let routes = Routes { router: Router::new(), controller };
    let routes = networks(sandboxes(names(routes)));
    routes
        .on(|c, _: call::GetStatus| async move { Ok(status(&c).await) })
        .on(|c, call: call::Events| async move { Ok(happened(&c, &call).await) })
        .on(|c, call: call::ReadQueryLog| async move { asked(&c, &call).await })
        .on(|c, _: call::Reset| async move { c.reset().await.map(done) })
        .router
        .route("/metrics", metrics::route(metered))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
}

fn networks<K: Kernel, S: Store>(routes: Routes<K, S>) -> Routes<K, S> {
    routes
        .on(|c, call: call::CreateNetwork| async move {
            let (id, warnings) = c.create_network(call.network).await?;
            Ok(call::Created { id: id.to_string(), warnings })
        })
        .on(|c, _: call::ListNetworks| async move {
            let state = c.state();
            Ok(state.networks.values().map(|network| render::network(&state, network)).collect())
        })
        .on(|c, call: call::InspectNetwork| async move {
            let state = c.state();
            Ok(render::network(&state, state.network(&call.network)?))
        })
        .on(|c, call: call::GetRuleset| async move {
            let state = c.state();
            Ok(c.ruleset(state.network(&call.network)?))
        })
        .on(|c, call: call::RemoveNetwork| async move {
            let (network, warnings) = c.remove_network(&call.network).await?;
            let (id, name) = (network.id.to_string(), network.name.to_string());
            Ok(call::Removed { id, name, warnings })
        })
        .on(|c, call: call::Connect| async move {
            c.connect(call.endpoint, &call.sandbox).await.map(done)
        })
        .on(|c, call: call::Disconnect| async move {
            c.disconnect(&call.network, &call.sandbox).await.map(done)
        })
}

fn sandboxes<K: Kernel, S: Store>(routes: Routes<K, S>) -> Routes<K, S> {
    routes
        .on(|c, call: call::Attach| async move { c.attach(call.sandbox).await.map(attached) })
        .on(|c, call: call::Detach| async move {
            Ok(call::Detached { existed: c.detach(&call.sandbox).await? })
        })
        .on(|c, _: call::ListSandboxes| async move {
            let state = c.state();
            Ok(state.sandboxes.values().map(|sandbox| render::sandbox(&state, sandbox)).collect())
        })
        .on(|c, _: call::ListStats| async move {
            let (traffic, state) = (c.traffic().await?, c.state());
            let ids: Vec<_> = state.sandboxes.keys().copied().collect();
            let dns = c.resolver().count_each(&ids).await;
            Ok(render::stats(&state, &traffic, &dns))
        })
        .on(|c, call: call::InspectSandbox| async move {
            let state = c.state();
            Ok(render::sandbox(&state, state.sandbox(&call.sandbox)?))
        })
        .on(|c, call: call::Stop| async move {
            c.stop(&call.sandbox, call.seconds).await.map(removed)
        })
        .on(|c, call: call::RemoveSandbox| async move {
            c.remove_sandbox(&call.sandbox, call.force).await.map(removed)
        })
        .on(|c, call: call::Signal| async move {
            c.signal(&call.sandbox, call.number).await.map(removed)
        })
        .on(|c, call: call::Wait| async move {
            Ok(call::Ended { code: c.wait(&call.sandbox).await? })
        })
        .on(|c, call: call::Rename| async move {
            c.rename(&call.sandbox, call.name).await.map(done)
        })
        .on(|c, call: call::Settle| async move {
            c.settle(&call.sandbox).await?;
            Ok(done(Vec::new()))
        })
}

fn names<K: Kernel, S: Store>(routes: Routes<K, S>) -> Routes<K, S> {
    routes
        .on(|c, call: call::AddAlias| async move {
            c.add_alias(&call.network, &call.sandbox, call.alias).await.map(done)
        })
        .on(|c, call: call::RemoveAlias| async move {
            c.remove_alias(&call.network, &call.sandbox, &call.alias).await.map(done)
        })
        .on(|c, call: call::Register| async move {
            let (replaced, warnings) = c.register(call.record).await?;
            Ok(call::Registered { replaced, warnings })
        })
        .on(|c, call: call::Deregister| async move {
            c.deregister(&call.name, call.rr_type, call.network.as_deref()).await.map(done)
        })
        .on(|c, _: call::ListNames| async move {
            Ok(render::names(
                &c.state(),
                c.replica().zones().values().map(|served| served.zone.as_ref()),
            ))
        })
        .on(|c, _: call::FlushCache| async move { c.flush_cache().await.map(|()| done(Vec::new())) })
        .on(|c, call: call::Resolve| async move { resolve(&c, call).await })
}

struct Routes<K, S> {
    router: Router,
    controller: Shared<K, S>,
}

impl<K: Kernel, S: Store> Routes<K, S> {
    fn on<C, F>(
        mut self,
        run: impl Fn(Shared<K, S>, C) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        C: Call,
        F: Future<Output = Result<C::Reply, Failure>> + Send + 'static,
    {
        let controller = self.controller.clone();
        let handler = move |Json(call): Json<C>| {
            let work = tokio::spawn(run(controller.clone(), call));
            async move {
                match work.await {
                    Ok(Ok(reply)) => Json(reply).into_response(),
                    Ok(Err(failure)) => refuse(&failure),
                    Err(_) => broken(C::METHOD),
                }
            }
        };
        self.router = self.router.route(&format!("/v1/{}", C::METHOD), post(handler));
        self
    }
}

fn refuse(failure: &Failure) -> Response {
    let status = match failure.kind() {
        Some(Kind::Invalid) => StatusCode::BAD_REQUEST,
        Some(Kind::NotFound) => StatusCode::NOT_FOUND,
        Some(Kind::Conflict) => StatusCode::CONFLICT,
        Some(Kind::Exhausted) => StatusCode::INSUFFICIENT_STORAGE,
        None => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let body = ErrorBody { kind: failure.kind(), error: failure.text(), hint: failure.hint() };
    (status, Json(body)).into_response()
}

fn broken(method: &str) -> Response {
    let error = format!("{method} broke off: the daemon's log says why");
    let body = ErrorBody { kind: None, error, hint: None };
    (StatusCode::INTERNAL_SERVER_ERROR, Json(body)).into_response()
}

fn done(warnings: Vec<String>) -> call::Done {
    call::Done { warnings }
}

fn attached(admitted: Admitted) -> call::Attached {
    let Admitted { sandbox, texts, warnings } = admitted;
    call::Attached {
        id: sandbox.id.to_string(),
        name: sandbox.name.to_string(),
        hostname: sandbox.config.hostname.clone(),
        resolv_conf: texts.as_ref().map(|texts| texts.resolv_conf.clone()),
        hosts: texts.map(|texts| texts.hosts),
        warnings,
    }
}

fn removed(sandbox: Arc<crate::model::Sandbox>) -> call::Removed {
    let (id, name) = (sandbox.id.to_string(), sandbox.name.to_string());
    call::Removed { id, name, warnings: Vec::new() }
}

/// Returns what there is at once, else waits, but not for ever: the client may have gone.
async fn happened<K: Kernel, S: Store>(
    controller: &Controller<K, S>,
    call: &call::Events,
) -> call::Happened {
    let events = controller.events();
    let after = call.after.unwrap_or_else(|| events.last());
    let patience = Duration::from_secs(call.wait.min(LONGEST_POLL).into());
    let next = tokio::time::timeout(patience, events.next(after)).await;
    let batch = next.unwrap_or_else(|_| events.after(after));
    call::Happened {
        events: batch.events.iter().map(render::event).collect(),
        last: batch.last,
        // Who asks for all that is kept knows of none before.
        lost: batch.lost && after > 0,
    }
}

/// Returns what was asked of the resolver; how many were lost of these sandboxes alone, nobody knows.
async fn asked<K: Kernel, S: Store>(
    controller: &Controller<K, S>,
    call: &call::ReadQueryLog,
) -> Result<call::Asked, Failure> {
    let named = |state: &State| {
        let ids = call.sandboxes.iter().map(|name| state.sandbox(name).map(|sandbox| sandbox.id));
        ids.collect::<Result<Vec<_>, _>>()
    };
    let wanted = named(&controller.state())?;
    let LogBatch { mut queries, last, lost } = controller.query_log(call.after).await?;
    queries.retain(|query| wanted.is_empty() || wanted.contains(&query.sandbox));
    let state = controller.state();
    let queries = queries.into_iter().map(|query| render::query(&state, query)).collect();
    Ok(call::Asked { queries, last, lost })
}

async fn status<K: Kernel, S: Store>(controller: &Controller<K, S>) -> view::Status {
    let state = controller.state();
    let settings = controller.settings();
    let (resolver, counters) = controller.resolver().status().await;
    let counters = counters.unwrap_or_default();
    view::Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        manager_pid: std::process::id(),
        resolver_pid: resolver.as_ref().map_or(0, |(pid, _)| *pid),
        resolver_version: resolver.map_or(String::new(), |(_, build)| build.release),
        networks: state.networks.len(),
        sandboxes: state.sandboxes.len(),
        running: state.sandboxes.values().filter(|sandbox| sandbox.is_running()).count(),
        endpoints: state.endpoints.len(),
        registrations: state.registrations.len(),
        upstreams: controller.replica().servers().iter().map(ToString::to_string).collect(),
        zones: controller.replica().zones().len(),
        refused_zones: controller.refused_zones().await,
        queries: counters.queries,
        cache: view::Cache {
            entries: counters.cache_entries,
            bytes: counters.cache_bytes,
            size: counters.cache_size,
            hits: counters.cached,
            misses: counters.forwarded,
            stale: counters.stale,
        },
        run_dir: settings.run_dir.display().to_string(),
        state_dir: settings.state_dir.display().to_string(),
    }
}

async fn resolve<K: Kernel, S: Store>(
    controller: &Controller<K, S>,
    call: call::Resolve,
) -> Result<call::Resolved, Failure> {
    let state = controller.state();
    let asker = match (&call.sandbox, &call.network) {
        (Some(sandbox), _) => Asker::Sandbox(state.sandbox(sandbox)?.id),
        (None, Some(network)) => Asker::Imagined(member_view(state.network(network)?)),
        (None, None) => return Err(Refusal::NobodyAsks.into()),
    };
    let rr_type = type_number(&call.rr_type)
        .ok_or_else(|| Refusal::BadRrType(call.rr_type.escape_debug().to_string()))?;
    let resolution = controller.resolve(asker, call.name, rr_type).await?;
    let known = resolution.network.and_then(|id| state.networks.get(&id));
    let network_name = known.map(|network| network.name.to_string());
    Ok(call::Resolved { resolution, network_name })
}

/// Returns the number of a record type's mnemonic, or of `TYPE123` (RFC 3597 section 5).
fn type_number(text: &str) -> Option<u16> {
    let upper = text.to_ascii_uppercase();
    let numbered = upper.strip_prefix("TYPE").and_then(|digits| digits.parse().ok());
    numbered.or_else(|| upper.parse::<hickory_proto::rr::RecordType>().ok().map(u16::from))
}
