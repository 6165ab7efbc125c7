//! `docker/compare`: it agrees with real Docker, and cannot be made to say so.

use crate::host::Ran;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const NETDNS: &str = env!("CARGO_BIN_EXE_netdns");

/// Rows that are walked with every change: names, silence, refusals and a port.
const ROWS: &str = "name,shared-alias,aaaa,https,ptr-unknown,ping-default,rename,network-in-use,port-conflict,\
    resolv-conf,port-neighbour";

fn kept() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docker/compare")
}

fn compare(words: &[&str]) -> Ran {
    let program = Path::new(NETDNS).with_file_name("examples").join("compare");
    let mut command = Command::new(&program);
    command.args(words).args(["--netdns", NETDNS]);
    let missing = "`cargo build --examples` comes first if not all tests are run";
    command.output().unwrap_or_else(|_| panic!("{}: {missing}", program.display())).into()
}

/// A directory of a test's own.
fn scratch(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("netdns-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).expect("a scratch directory");
    dir
}

/// Returns the cells of a row of the page.
#[track_caller]
fn cells(page: &str, what: &str) -> Vec<String> {
    let row = page.lines().find(|line| line.starts_with(&format!("| {what} |")));
    let row = row.unwrap_or_else(|| panic!("no row {what}:\n{page}"));
    row.split('|').map(|cell| cell.trim().to_owned()).filter(|cell| !cell.is_empty()).collect()
}

#[test]
fn real_docker_and_netdns_differ_only_where_it_is_meant() {
    let ran = compare(&["--only", ROWS]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(
        ran.out.contains("11 rows:") && ran.out.contains(", 0 differ and are not"),
        "{}",
        ran.out
    );
}

#[test]
fn a_docker_that_answers_wrongly_changes_its_cell_and_the_verdict() {
    let dir = scratch("wrong-docker");
    let docker = dir.join("docker");
    let script = "#!/bin/sh\n\
                  case \"$*\" in 'network rm net') echo net; exit 0;; esac\n\
                  PATH=${PATH#*:} exec docker \"$@\"\n";
    fs::write(&docker, script).expect("a script");
    fs::set_permissions(&docker, fs::Permissions::from_mode(0o755)).expect("it is ours");
    let [docker, out] = [&docker, &dir].map(|path| path.to_str().expect("UTF-8"));

    let ran = compare(&["--only", "network-in-use,name-twice", "--docker", docker, "--out", out]);
    let page = fs::read_to_string(dir.join("README.md")).expect("a page");
    assert_eq!(
        cells(&page, "`network rm` of one in use"),
        ["`network rm` of one in use", "exit 0:", "exit 1: has active endpoints", "NOT MEANT"]
    );
    assert_eq!(cells(&page, "a second sandbox of one name")[3], "same");
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    let _ = fs::remove_dir_all(dir);
}

#[test]
fn without_dockerd_nothing_is_compared() {
    let said = compare(&["--only", "name", "--dockerd", "/nowhere/dockerd"]).fails(1);
    assert_eq!(
        said,
        "compare: /nowhere/dockerd is not there, and without it nothing is compared (docker.io)\n"
    );
}

#[test]
fn every_cell_of_the_kept_table_comes_from_the_kept_transcripts() {
    let page = fs::read_to_string(kept().join("README.md")).expect("a page");
    assert_eq!(compare(&["--derive"]).out, page, "made again by: docker/compare");

    let dir = scratch("derived");
    for name in ["docker.txt", "netdns.txt"] {
        let text = fs::read_to_string(kept().join(name)).expect("a transcript");
        // Every reply is another one.
        let text = text.replace("status: NOERROR", "status: REFUSED");
        fs::write(dir.join(name), text).expect("a copy");
    }
    let derived = compare(&["--derive", "--out", dir.to_str().expect("UTF-8")]);
    assert_eq!(cells(&derived.out, "a neighbour's name")[1], "REFUSED: web A [web]");
    let what = "AAAA of a name that has an IPv4 address alone";
    assert_eq!(cells(&derived.out, what)[1..], ["REFUSED", "REFUSED with SOA", "NOT MEANT"]);
    assert_eq!(derived.code, 1, "a difference that nobody meant: {}", derived.out);
    let _ = fs::remove_dir_all(dir);
}
