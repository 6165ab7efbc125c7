//! The grammar: what is accepted, and what is a usage error.

use super::tree::Cli;
use clap::{CommandFactory, Parser};

fn accepts(words: &str) -> bool {
    Cli::try_parse_from(["netdns"].into_iter().chain(words.split(' '))).is_ok()
}

#[test]
fn the_tree_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn docker_s_grammar_is_accepted() {
    for words in [
        "network create -d bridge --dns-route corp.example=10.0.0.1 -o a=b --label x --internal --subnet 10.1.0.0/16 --ip-range 10.1.2.0/24 --gateway 10.1.0.1 --aux-address r=10.1.0.9 n",
        "network ls -q --no-trunc --format json -f driver=bridge --filter name=x",
        "network inspect a b",
        "network rm -f a b",
        "network prune -f --filter label=x --filter until=10m",
        "network connect --alias a --ip 10.1.0.5 --mac-address 02:00:00:00:00:01 --gw-priority -1 n s",
        "network disconnect -f n s",
        "run -itd --rm --name a --network n --net m --network-alias x --net-alias y -p 80:80 --expose 1 --dns 9.9.9.9 --dns-route corp.example=10.0.0.1,10.0.0.2 --dns-search x --dns-option y --add-host a:1.1.1.1 -h h -l a=b -e A=B -w / -u a:b --sysctl net.a=b --privileged cmd -x",
        "container run true",
        "container ls -a",
        "container attach --pid 1 --name a",
        "container stats --no-stream",
        "stats -a --no-stream --no-trunc --format json a b",
        "ps -f name=x --filter status=exited",
        "names -f type=A --filter network=n",
        "container rm -f x",
        "ps -aq --no-trunc",
        "inspect --type container a",
        "inspect --type network a",
        "exec -it -e A=B -w / -u 1 s cmd --flag",
        "stop -t 3 a b",
        "rm -f a",
        "attach --netns /run/netns/x --name a --network n -p 80:80",
        "attach --pid 1 --name a",
        "detach a",
        "register a 10.0.0.1 fd00::1 --network n --ttl 5",
        "register a --type TXT x",
        "deregister a --type A --network n",
        "names --format json",
        "resolve a AAAA --network n --format json",
        "cache flush",
        "status --format json",
        "doctor --format json",
        "events --format json --since 10m",
        "query-log --format json a b",
        "reset -f",
        "man /tmp",
        "version",
        "daemon --bip 10.0.0.1/16 --default-address-pool base=10.0.0.0/8,size=24 --dns 9.9.9.9 --dns-route .=10.0.0.1 --dns-cache 64m --dns-listen none --mtu 1400 --group g --no-foreign-hooks",
        "--run-dir /a status",
        "status --run-dir /a --state-dir /b --resolv-conf /c",
    ] {
        assert!(accepts(words), "{words}");
    }
}

#[test]
fn what_does_not_exist_is_a_usage_error() {
    for words in [
        "frobnicate",
        "network",
        "network create",
        "network create --subnet x n",
        "network connect n",
        "run",
        "run --bogus true",
        "exec s",
        "attach --name a",
        "attach --netns /x --pid 1 --name a",
        "attach --pid 0 --name a",
        "resolve a",
        "resolve a --network n --sandbox s",
        "register a",
        "register a --type NS x",
        "ps --format yaml",
        "events --since",
        "doctor all",
        "ls",
        "daemon --default-address-pool base=10.0.0.0/8,size=7",
        "daemon --default-address-pool size=24",
    ] {
        assert!(!accepts(words), "{words}");
    }
}

#[test]
fn flags_may_follow_data() {
    let words = "netdns register a 10.0.0.1 fd00::1 --network n --run-dir /r";
    let cli = Cli::try_parse_from(words.split(' ')).unwrap();
    assert_eq!(cli.dirs.run_dir.to_str(), Some("/r"));
    let parsed = format!("{:?}", cli.command);
    assert!(parsed.contains(r#"data: ["10.0.0.1", "fd00::1"]"#), "{parsed}");
    assert!(parsed.contains(r#"network: Some("n")"#), "{parsed}");
}

#[test]
fn tables_are_docker_s() {
    let rows = [["abababababab".to_owned(), "x".to_owned()]];
    let expected = "NETWORK ID     NAME\nabababababab   x\n";
    assert_eq!(super::print::aligned(["NETWORK ID", "NAME"], &rows), expected);
}

#[test]
fn control_characters_are_shown_as_escapes() {
    assert_eq!(super::outcome::one_line("a\nb\u{1b}[31mü"), "a\\nb\\u{1b}[31mü");
}
