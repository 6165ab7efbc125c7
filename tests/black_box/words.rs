//! The command line as text: usage errors, help, manual pages. No daemon is asked, so no host is needed.

use crate::host::Ran;
use std::process::{Command, Stdio};

fn netdns(words: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netdns"));
    command.args(words).env("NETDNS_RUN_DIR", "/nonexistent/run").stdin(Stdio::null());
    command.output().expect("the binary runs").into()
}

#[test]
fn verbs_that_ask_no_daemon_take_no_directories() {
    for words in [
        "demo --run-dir /x",
        "--run-dir /x demo --keep",
        "version --state-dir /x",
        "--resolv-conf /x version",
        "completion bash --run-dir /x",
        "man /nonexistent/man --run-dir /x",
    ] {
        let refused = netdns(&words.split(' ').collect::<Vec<_>>()).fails(2);
        assert!(refused.starts_with("netdns: unexpected argument '--"), "{words}: {refused}");
        assert!(refused.contains("hint: Usage: netdns "), "{words}: {refused}");
    }
    // The environment may hold them, for whatever else is called.
    assert!(netdns(&["version"]).ok().starts_with("netdns "));
    assert!(!netdns(&["version", "--help"]).ok().contains("--run-dir"));
    assert!(netdns(&["ps", "--help"]).ok().contains("--run-dir"));
    netdns(&["ps", "--run-dir", "/nonexistent"]).fails(1);
}

#[test]
fn a_usage_line_shows_what_was_typed_and_not_the_environment() {
    let refused = netdns(&["network", "create"]).fails(2);
    let hint = refused.lines().find(|line| line.starts_with("hint: "));
    assert_eq!(hint, Some("hint: Usage: netdns network create <NAME>"), "{refused}");
    let typed = netdns(&["network", "create", "--state-dir", "/x"]).fails(2);
    assert!(typed.contains("--state-dir <DIR>") && !typed.contains("--run-dir"), "{typed}");
}

#[test]
fn help_that_cannot_be_written_fails_and_no_hint_leads_astray() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netdns"));
    command
        .arg("--help")
        .stdout(std::fs::File::options().write(true).open("/dev/full").expect("it"));
    let full = Ran::from(command.output().expect("the binary runs")).fails(1);
    assert_eq!(full, "netdns: cannot write to stdout: No space left on device\n");
    // clap would say `-- -1`, which is no signal either.
    let negative = netdns(&["kill", "-s", "-1", "web"]).fails(2);
    assert!(negative.contains("hint: Usage: netdns kill [OPTIONS] <SANDBOX>..."), "{negative}");
    let alike = netdns(&["completion", "tcsh"]).fails(2);
    assert!(alike.contains("hint: a similar value exists: 'zsh'"), "{alike}");
}

#[test]
fn every_verb_has_a_manual_page() {
    let dir = std::env::temp_dir().join(format!("netdns-man-{}", std::process::id()));
    let path = dir.to_str().expect("a path");
    assert_eq!(netdns(&["man", path]).ok(), "");
    let page = std::fs::read_to_string(dir.join("netdns-network-create.1")).expect("a page");
    assert!(page.contains(".TH netdns-network-create 1") && page.contains("ip\\-range"), "{page}");
    let help = netdns(&["--help"]).ok();
    let verbs = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    for verb in verbs.map_while(|line| line.split_whitespace().next()) {
        assert!(dir.join(format!("netdns-{verb}.1")).is_file(), "no page of {verb}");
    }
    assert!(dir.join("netdns.1").is_file() && !dir.join("netdns-resolver.1").exists());
    std::fs::remove_dir_all(&dir).expect("it is ours");
    let refused = netdns(&["man", "/dev/null"]).fails(1);
    assert!(refused.starts_with("netdns: cannot make /dev/null: "), "{refused}");
}
