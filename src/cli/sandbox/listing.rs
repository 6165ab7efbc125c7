//! `ps`: a row or a JSON object for each sandbox, in Docker's words.

use super::super::outcome::one_line;
use super::{Failure, Format, ListArgs, Serialize, clock, print, view};
use std::fmt::{self, Display, Formatter};

/// A line of `ps --format json`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Item<'a> {
    #[serde(rename = "ID")]
    id: &'a str,
    names: &'a str,
    command: String,
    state: &'a str,
    status: String,
    networks: String,
    ports: String,
    created_at: &'a str,
    pid: i32,
}

/// Shows sandboxes as a table or as JSON.
pub fn show(sandboxes: &[view::Sandbox], list: &ListArgs, now: u64) -> Result<(), Failure> {
    let items: Vec<Item> = sandboxes.iter().map(|sandbox| item(sandbox, list, now)).collect();
    if list.format == Format::Json {
        return print::json_lines(&items);
    }
    let row = |item: &Item| {
        [
            item.id.to_owned(),
            item.command.clone(),
            clock::ago(item.created_at, now),
            item.status.clone(),
            item.ports.clone(),
            item.names.to_owned(),
        ]
    };
    let rows: Vec<_> = items.iter().map(row).collect();
    print::table(["SANDBOX ID", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"], &rows)
}

fn item<'a>(sandbox: &'a view::Sandbox, list: &ListArgs, now: u64) -> Item<'a> {
    let networks: Vec<&str> =
        sandbox.network_settings.networks.keys().map(String::as_str).collect();
    Item {
        id: list.id(&sandbox.id),
        names: &sandbox.name,
        command: command(&sandbox.config.cmd, list.no_trunc),
        state: &sandbox.state.status,
        status: status(&sandbox.state, now),
        networks: networks.join(","),
        ports: ports(sandbox),
        created_at: &sandbox.created,
        pid: sandbox.state.pid,
    }
}

/// Returns the command in quotes, at most 20 characters of it; nothing for an adopted namespace.
fn command(words: &[String], whole: bool) -> String {
    if words.is_empty() {
        return String::new();
    }
    let text = one_line(&words.join(" "));
    if whole || text.chars().count() <= 20 {
        return format!("\"{text}\"");
    }
    format!("\"{}…\"", text.chars().take(19).collect::<String>())
}

fn status(state: &view::SandboxState, now: u64) -> String {
    if state.running {
        let span = clock::since(&state.started_at, now).unwrap_or_default();
        return format!("Up {span}").trim_end().to_owned();
    }
    format!("Exited ({}) {}", state.exit_code, clock::ago(&state.finished_at, now))
        .trim_end()
        .to_owned()
}

/// Returns the ports by their number in the sandbox.
fn by_number(sandbox: &view::Sandbox) -> Vec<(&String, &Option<Vec<view::PortBinding>>)> {
    let number = |key: &str| key.split('/').next().and_then(|port| port.parse::<u16>().ok());
    let mut ports: Vec<_> = sandbox.network_settings.ports.iter().collect();
    ports.sort_by_key(|(key, _)| (number(key), *key));
    ports
}

/// Returns the published ports by their number in the sandbox.
pub fn published(
    sandbox: &view::Sandbox,
) -> impl Iterator<Item = (&String, &Vec<view::PortBinding>)> {
    by_number(sandbox).into_iter().filter_map(|(key, bindings)| Some((key, bindings.as_ref()?)))
}

/// Writes a host's address and port; that of IPv6 stands in brackets.
pub fn host_socket(ip: &str, port: impl Display) -> String {
    if ip.contains(':') { format!("[{ip}]:{port}") } else { format!("{ip}:{port}") }
}

/// Ports on end that lead to ports on end, or are exposed alone.
struct Run<'a> {
    /// The host's address and first port; none for a port that is not published.
    host: Option<(&'a str, u32)>,
    port: u32,
    proto: &'a str,
    count: u32,
}

impl<'a> Run<'a> {
    fn of(key: &'a str, binding: Option<&'a view::PortBinding>) -> Option<Self> {
        let (port, proto) = key.split_once('/')?;
        let host = match binding {
            Some(binding) => Some((binding.host_ip.as_str(), binding.host_port.parse().ok()?)),
            None => None,
        };
        Some(Self { host, port: port.parse().ok()?, proto, count: 1 })
    }

    fn goes_on_with(&self, next: &Self) -> bool {
        let host = match (self.host, next.host) {
            (Some((ip, port)), Some(next)) => (ip, port + self.count) == next,
            (one, other) => one == other,
        };
        host && self.proto == next.proto && self.port + self.count == next.port
    }
}

impl Display for Run<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let range = |first: u32| match self.count {
            1 => first.to_string(),
            count => format!("{first}-{}", first + count - 1),
        };
        if let Some((ip, port)) = self.host {
            write!(f, "{}->", host_socket(ip, range(port)))?;
        }
        write!(f, "{}/{}", range(self.port), self.proto)
    }
}

/// Lists ports as Docker does, by port in the sandbox, those on end together: `20/tcp, 0.0.0.0:5000->80/tcp`.
fn ports(sandbox: &view::Sandbox) -> String {
    let singles = by_number(sandbox).into_iter().flat_map(|(key, bindings)| match bindings {
        Some(bindings) => bindings.iter().map(|binding| Run::of(key, Some(binding))).collect(),
        None => vec![Run::of(key, None)],
    });
    let mut runs: Vec<Run> = Vec::new();
    for single in singles.flatten() {
        match runs.iter_mut().find(|run| run.goes_on_with(&single)) {
            Some(run) => run.count += 1,
            None => runs.push(single),
        }
    }
    runs.iter().map(Run::to_string).collect::<Vec<_>>().join(", ")
}
