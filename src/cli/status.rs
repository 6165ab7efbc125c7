//! `status`, `reset`, `version`.

use super::Dirs;
use super::outcome::{Outcome, warn};
use super::print::{self, Format, FormatArgs};
use crate::api::call::{GetStatus, Reset};
use crate::api::view::Cache;
use clap::Args;

/// Flags of `reset`.
#[derive(Args, Debug)]
pub struct ResetArgs {
    /// Do not ask
    #[arg(short, long)]
    pub force: bool,
}

/// Shows versions, processes and counts.
pub fn status(args: &FormatArgs, dirs: &Dirs) -> Outcome {
    let status = dirs.client().call(GetStatus {})?;
    if args.format == Format::Json {
        print::json_lines(&[status])?;
        return Ok(0);
    }
    let resolver = match status.resolver_pid {
        0 => "none".to_owned(),
        pid => format!("{} (pid {pid}), {} queries", status.resolver_version, status.queries),
    };
    let rows = [
        ("Manager", format!("{} (pid {})", status.version, status.manager_pid)),
        ("Resolver", resolver),
        ("Networks", status.networks.to_string()),
        ("Sandboxes", format!("{} ({} running)", status.sandboxes, status.running)),
        ("Endpoints", status.endpoints.to_string()),
        ("Registrations", status.registrations.to_string()),
        ("Zones", status.zones.to_string()),
        ("Cache", cache(&status.cache)),
        ("Upstreams", status.upstreams.join(", ")),
        ("Run directory", status.run_dir),
        ("State directory", status.state_dir),
    ];
    let lines = rows.map(|(what, value)| format!("{what:<18}{value}\n"));
    print::emit(&lines.concat())?;
    Ok(0)
}

fn cache(cache: &Cache) -> String {
    let Cache { entries, bytes, size, hits, misses, stale: _ } = cache;
    let rate = (hits * 100).checked_div(hits + misses).map_or(String::new(), |percent| {
        format!(", {percent} % of {} queries answered from it", hits + misses)
    });
    let [bytes, size] = [bytes, size].map(|bytes| bytes.div_ceil(1024));
    format!("{entries} answers, {bytes} of {size} KiB{rate}")
}

/// Removes everything that bears our mark.
pub fn reset(args: &ResetArgs, dirs: &Dirs) -> Outcome {
    let what = "WARNING! This will stop every sandbox and remove every network and name.";
    if !print::confirm(what, args.force)? {
        return Ok(1);
    }
    warn(&dirs.client().call(Reset {})?.warnings);
    Ok(0)
}

/// Shows the version of this program.
pub fn version() -> Outcome {
    print::line(concat!("netdns ", env!("CARGO_PKG_VERSION")))?;
    Ok(0)
}
