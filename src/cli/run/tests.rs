//! Words of `run`, and the request that they make.

use super::*;
use crate::cli::sandbox::SandboxCommand;
use crate::cli::tree::{Cli, Command};
use clap::Parser;

fn asked(words: &str) -> Result<RunRequest, Failure> {
    let cli = Cli::try_parse_from(["netdns", "run"].into_iter().chain(words.split(' '))).unwrap();
    let Command::Sandbox(SandboxCommand::Run(args)) = cli.command else { panic!("no run") };
    request(*args)
}

#[test]
fn flags_end_at_the_command() {
    let request = asked("--name a sleep 3600 -x --rm --name b --help").unwrap();
    assert_eq!(request.name.unwrap().as_str(), "a");
    assert_eq!(request.config.command, ["sleep", "3600", "-x", "--rm", "--name", "b", "--help"]);
    assert!(!request.config.auto_remove);
    assert_eq!(asked("--rm -- echo -- x").unwrap().config.command, ["echo", "--", "x"]);
}

#[test]
fn flags_of_one_network_are_the_first_s() {
    let request = asked("--net a --network b --net-alias x --ip 10.0.0.9 true").unwrap();
    let [a, b] = request.networks.as_slice() else { panic!("two networks") };
    assert_eq!((a.network.as_str(), a.aliases.len(), a.ip.is_some()), ("a", 1, true));
    assert_eq!((b.network.as_str(), b.aliases.len(), b.ip.is_some()), ("b", 0, false));
    assert!(asked("true").unwrap().networks.is_empty());
    assert_eq!(asked("--ip 10.0.0.9 true").unwrap().networks[0].network, "bridge");
}

#[test]
fn h_is_the_host_name() {
    assert_eq!(asked("-h box true").unwrap().config.hostname, "box");
    assert_eq!(asked("-h a..b true").unwrap_err().text, "invalid hostname: \"a..b\"");
}

#[test]
fn refusals_are_125_and_keep_their_text() {
    let failure = refused(asked("-p x true").unwrap_err());
    assert_eq!((failure.code, failure.text.as_str()), (125, "invalid containerPort: x"));
    assert_eq!(refused(asked("--name .a true").map(|_| ()).unwrap_err()).code, 125);
    assert_eq!(refused(Failure::new("not found").code(127)).code, 127);
}
