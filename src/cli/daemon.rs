//! `netdns daemon`: the composition root. Builds the manager out of its parts, and serves until it is told to end.

mod args;
mod host_dns;
mod lock;
mod metrics;
mod socket;

pub use args::{DaemonArgs, DnsListen};

use super::Dirs;
use super::outcome::{Failure, need_root};
use crate::api::{self, server};
use crate::channel::FromResolver;
use crate::controller::{
    self, Controller, Events, Listen, Replica, Settings, Supervisor, read_host_resolv, servers,
};
use crate::decide::Policy;
use crate::ipam::Pools;
use crate::kernel::Linux;
use crate::store::RedbStore;
use ipnet::IpNet;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use sd_notify::NotifyState;
use std::fs::{self, DirBuilder};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tracing::{info, warn};

/// How long commands in flight may go on after SIGTERM.
const GRACE: Duration = Duration::from_millis(1500);

/// How long somebody may take to empty a directory.
const SETTLE: Duration = Duration::from_millis(200);

/// Between two tries to fill it again.
const RETRY: Duration = Duration::from_secs(1);

/// Runs the manager until SIGTERM or SIGINT; resolver and sandboxes go on without it.
pub fn run(args: DaemonArgs, dirs: Dirs) -> ExitCode {
    match prepare(&args, &dirs) {
        Ok(settings) => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
            let served = runtime
                .map_err(|error| Failure::doing("start the runtime", error))
                .and_then(|runtime| {
                    let served = runtime.block_on(serve(&args, &dirs, settings));
                    runtime.shutdown_timeout(Duration::ZERO);
                    served
                });
            match served {
                Ok(()) => ExitCode::SUCCESS,
                Err(failure) => ExitCode::from(failure.report()),
            }
        }
        Err(failure) => ExitCode::from(failure.report()),
    }
}

fn prepare(args: &DaemonArgs, dirs: &Dirs) -> Result<Settings, Failure> {
    need_root("the daemon")?;
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("NETDNS_LOG")
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info")),
        )
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .init();
    make_dirs(dirs)?;
    args.host_dns.map_or(Ok(()), host_dns::check)?;
    Ok(Settings {
        run_dir: dirs.run_dir.clone(),
        state_dir: dirs.state_dir.clone(),
        policy: policy(args)?,
        host_resolv: read_host_resolv(&dirs.resolv_conf).map_err(|error| {
            Failure::doing(format!("read {}", dirs.resolv_conf.display()), error)
        })?,
        resolv_conf: dirs.resolv_conf.clone(),
        servers: args.dns.clone(),
        zones: dirs.zones.clone(),
        dns: match args.dns_listen {
            DnsListen::Rewrite => Listen::Rewrite,
            DnsListen::Direct => Listen::Direct,
            DnsListen::None => Listen::Nowhere,
        },
        foreign_hooks: !args.no_foreign_hooks,
    })
}

fn make_dirs(dirs: &Dirs) -> Result<(), Failure> {
    make_dir(&dirs.run_dir, 0o755)?;
    make_dir(&dirs.exits(), 0o700)?;
    make_dir(&dirs.state_dir, 0o700)?;
    make_dir(&dirs.logs(), 0o700)
}

fn make_dir(path: &Path, mode: u32) -> Result<(), Failure> {
    let made = DirBuilder::new().recursive(true).mode(mode).create(path);
    made.map_err(|error| Failure::doing(format!("make {}", path.display()), error))
}

fn policy(args: &DaemonArgs) -> Result<Policy, Failure> {
    let bip = match args.bip {
        None => None,
        Some(IpNet::V4(bip)) => Some(bip),
        Some(IpNet::V6(bip)) => return Err(Failure::new(format!("--bip {bip} is not IPv4"))),
    };
    let pools = match args.default_address_pool.as_slice() {
        [] => Pools::default(),
        given => Pools::new(given.to_vec()),
    };
    Ok(Policy { pools, bip, mtu: args.mtu })
}

async fn serve(args: &DaemonArgs, dirs: &Dirs, settings: Settings) -> Result<(), Failure> {
    let mut lock = lock::take(&dirs.run_dir).await?;
    let metered = match args.metrics {
        Some(address) => Some(metrics::listener(address).await?),
        None => None,
    };
    let failed = |what: &'static str| move |error: io::Error| Failure::doing(what, error);
    let mut terminate = signal(SignalKind::terminate()).map_err(failed("wait for SIGTERM"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed("wait for SIGINT"))?;

    let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map_err(failed("read the boot id"))?;
    let store = open_store(args, dirs, boot_id.trim())?;
    raise_descriptor_limit();
    let kernel = Linux::new().map_err(explained)?.sharing_tables(args.share_tables);

    let servers = servers(&settings);
    if servers.is_empty() {
        warn!(file = %dirs.resolv_conf.display(), "no DNS server: names that netdns does not know will fail");
    }
    let replica = Arc::new(Replica::new(servers, args.dns_route.clone(), args.dns_cache.0));
    let events = Arc::new(Events::new(controller::now()));
    let (says, unasked) = mpsc::unbounded_channel();
    let (mut supervisor, resolver) =
        Supervisor::new(&dirs.run_dir, replica.clone(), says, events.clone())
            .map_err(failed("find the resolver's program"))?;
    let mut returned = supervisor.adopt().await;
    if let Some(address) = args.host_dns {
        replica.serve_host(host_dns::listener(address, returned.host_dns.take()).await?);
    }
    let controller = Controller::new(kernel, store, resolver, replica, settings, events);
    controller.recover(returned).await.map_err(explained)?;
    controller.read_zones().await;
    let supervision = tokio::spawn(supervisor.run());
    // From here on the names of a command that has returned are answered.
    if !controller.resolver().serving().await {
        warn!("no resolver serves yet: commands work, names do not");
    }
    watch(&controller, unasked);
    if let Some(listener) = metered {
        let shown = api::metrics::router(controller.clone());
        tokio::spawn(metrics::serve(listener, shown));
    }
    let serve = || -> Result<_, Failure> {
        let listener = socket::listen(&dirs.socket(), args.group.as_deref())?;
        Ok(tokio::spawn(axum::serve(listener, server::router(controller.clone())).into_future()))
    };
    let mut serving = serve()?;
    say_ready(&dirs.socket())?;
    tell_systemd(NotifyState::Ready);
    let mut pause = SETTLE;
    loop {
        tokio::select! {
            served = &mut serving => {
                served.map_err(io::Error::from).flatten().map_err(failed("serve the API"))?;
                break;
            }
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            () = emptied(dirs, pause) => {
                let filled = async {
                    make_dirs(dirs)?;
                    lock.renew(&dirs.run_dir)?;
                    controller.renew().await.map_err(explained)?;
                    if !dirs.socket().exists() {
                        serving = serve()?;
                    }
                    Ok(())
                };
                pause = say_filled(&dirs.run_dir, filled.await, pause);
            }
        }
    }
    info!("ending; sandboxes and their resolver go on");
    tell_systemd(NotifyState::Stopping);
    let _ = fs::remove_file(dirs.socket());
    supervision.abort();
    let _ = tokio::time::timeout(GRACE, controller.quiesce()).await;
    Ok(())
}

/// Says whether the run directory is filled again, and a failure once: what stands in the way may go as it came. Returns
/// how long to wait before the next time.
fn say_filled(run_dir: &Path, filled: Result<(), Failure>, pause: Duration) -> Duration {
    let run_dir = run_dir.display();
    match filled {
        Ok(()) => {
            warn!(%run_dir, "emptied by somebody: filled again");
            SETTLE
        }
        Err(failure) => {
            if pause != RETRY {
                warn!(%run_dir, error = failure.text, "emptied by somebody: tried again until it is filled");
            }
            RETRY
        }
    }
}

/// Waits until something is gone from the run directory that has to be there, and then for as long as whoever takes it
/// away may need.
async fn emptied(dirs: &Dirs, pause: Duration) {
    let whole = [dirs.socket(), lock::path(&dirs.run_dir), dirs.run_dir.join(RedbStore::RUN)];
    let whole = whole.map(|path| std::path::absolute(&path).unwrap_or(path));
    if let Err(error) = controller::lost(&whole.each_ref().map(|path| path.as_path())).await {
        warn!(%error, "the run directory is not watched");
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(pause).await;
}

/// Has everything followed that happens without a command, until the daemon ends.
fn watch(
    controller: &Arc<Controller<Linux, RedbStore>>,
    unasked: mpsc::UnboundedReceiver<FromResolver>,
) {
    let follower = controller.clone();
    tokio::spawn(async move { follower.follow(unasked).await });
    let guard = controller.clone();
    tokio::spawn(async move {
        tokio::join!(guard.guard_firewall(), guard.guard_links(), guard.guard_sysctls())
    });
    let reader = controller.clone();
    tokio::spawn(async move { tokio::join!(reader.follow_zones(), reader.follow_host_resolv()) });
}

/// Raises the soft limit of descriptors to the hard one: each sandbox keeps a handful open.
fn raise_descriptor_limit() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard));
    if let Err(error) = raised {
        warn!(%error, "descriptor limit not raised");
    }
}

fn open_store(args: &DaemonArgs, dirs: &Dirs, boot_id: &str) -> Result<RedbStore, Failure> {
    let opened = match args.recover {
        false => RedbStore::open(&dirs.state_dir, &dirs.run_dir, boot_id),
        true => {
            RedbStore::recover(&dirs.state_dir, &dirs.run_dir, boot_id).map(|(store, aside)| {
                aside.iter().for_each(|file| warn!(file = %file.display(), "set aside"));
                store
            })
        }
    };
    opened.map_err(explained)
}

fn explained(failure: impl Into<controller::Failure>) -> Failure {
    let failure = failure.into();
    Failure { hint: failure.hint(), ..Failure::new(failure.text()) }
}

/// Tells whoever started the daemon as a unit of `Type=notify` (sd_notify(3)); else there is nobody to tell.
fn tell_systemd(state: NotifyState) {
    if let Err(error) = sd_notify::notify(&[state]) {
        warn!(%error, "systemd was not told");
    }
}

fn say_ready(socket: &Path) -> Result<(), Failure> {
    let mut stdout = io::stdout();
    writeln!(stdout, "ready {}", socket.display())
        .and_then(|()| stdout.flush())
        .map_err(|error| Failure::doing("write to stdout", error))
}
