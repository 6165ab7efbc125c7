//! Real Docker and netdns, side by side: the same commands and questions to both, and what came of them.
//!
//! ```text
//! cargo build --bins && cargo run --example compare       # all of it, some two minutes; prints and keeps
//! cargo run --example compare -- --only alias,ptr         # some rows; prints only
//! cargo run --example compare -- --derive                 # the table out of the kept files alone
//! ```
//!
//! Needs root and Debian's packages docker.io, busybox-static, bind9-dnsutils, bridge-utils, curl, iproute2, iptables,
//! python3 and util-linux. Each side has a machine of its own out of namespaces that end with the program. Every
//! command with its output and exit code is kept (`docker.txt`, `netdns.txt`); every cell is derived from these
//! files by `cell.rs`, which sees nothing else. Ends with 1 where the two differ and no row says why.

mod cell;
mod dig;
mod machine;
mod report;
mod rows;
mod side;
mod steps;
mod transcript;

use report::Table;
use rows::Row;
use side::{Programs, Side};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use transcript::Transcript;

const USAGE: &str = "usage: compare [--only ROW,...] [--out DIR] [--derive] [--rows]
               [--docker PROGRAM] [--dockerd PROGRAM] [--netdns PROGRAM]";

/// The transcript of each side.
const FILES: [&str; 2] = ["docker.txt", "netdns.txt"];

/// What the command line asks for.
struct Args {
    rows: Vec<&'static Row>,
    /// Where transcripts and table are kept; nowhere if only some rows are shown.
    out: Option<PathBuf>,
    derive: bool,
    programs: Programs,
}

fn main() -> ExitCode {
    match Args::parse(std::env::args().skip(1)).and_then(|args| compare(&args)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("compare: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Runs what was asked for; whether all that differs is meant.
fn compare(args: &Args) -> Result<bool, String> {
    if args.derive {
        let dir = args.out.clone().unwrap_or_else(home);
        let [docker, netdns] = FILES.map(|name| Transcript::read(&dir.join(name)));
        let table = Table::of(&args.rows, &docker?, &netdns?);
        print!("{}", table.page());
        return Ok(table.is_as_meant());
    }
    let [docker, netdns] = walked(args)?;
    let table = Table::of(&args.rows, &docker, &netdns);
    if let Some(dir) = &args.out {
        let texts = [docker.to_string(), netdns.to_string(), table.page()];
        keep(dir, texts).map_err(|error| format!("{}: {error}", dir.display()))?;
    }
    print!("{}", table.terminal());
    Ok(table.is_as_meant())
}

/// Walks both sides at once.
fn walked(args: &Args) -> Result<[Transcript; 2], String> {
    let _mount_points = machine::MountPoints::new();
    let [docker, netdns] = [Side::Docker, Side::Netdns]
        .map(|side| Ok::<_, String>((side, side.start(&args.programs)?)));
    let machines = [docker?, netdns?];
    std::thread::scope(|scope| {
        let walk = |(side, machine)| scope.spawn(move || steps::walk(side, machine, &args.rows));
        let [docker, netdns] = machines
            .map(walk)
            .map(|side| side.join().map_err(|_| "one of the sides broke off".to_owned()));
        Ok([docker?, netdns?])
    })
}

fn keep(dir: &Path, texts: [String; 3]) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    let names = [FILES[0], FILES[1], "README.md"];
    names.iter().zip(texts).try_for_each(|(name, text)| std::fs::write(dir.join(name), text))
}

fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docker/compare")
}

impl Args {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut args = Self {
            rows: rows::all().collect(),
            out: Some(home()),
            derive: false,
            programs: Programs::default(),
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value\n{USAGE}"));
            match word.as_str() {
                "--only" => {
                    args.rows = chosen(&value()?)?;
                    args.out = None;
                }
                "--out" => args.out = Some(value()?.into()),
                "--derive" => args.derive = true,
                "--docker" => args.programs.docker = value()?,
                "--dockerd" => args.programs.dockerd = value()?,
                "--netdns" => args.programs.netdns = value()?,
                "--rows" => {
                    rows::all().for_each(|row| println!("{:24}{}", row.key, row.what));
                    std::process::exit(0);
                }
                other => return Err(format!("{other} is no flag\n{USAGE}")),
            }
        }
        Ok(args)
    }
}

fn chosen(keys: &str) -> Result<Vec<&'static Row>, String> {
    let find = |key: &str| rows::all().find(|row| row.key == key);
    keys.split(',')
        .map(|key| find(key).ok_or_else(|| format!("there is no row {key}; --rows lists them")))
        .collect()
}
