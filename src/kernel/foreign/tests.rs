use super::super::nft::tests::{in_namespace, run};
use super::*;

fn ours(chain: &str) -> Vec<usize> {
    let text = run("iptables", &["-w", "-S", chain]);
    let rules = text.lines().filter(|line| line.starts_with("-A"));
    rules.enumerate().filter(|(_, rule)| is_ours(rule)).map(|(index, _)| index).collect()
}

fn placed(chain: &'static str, changed: bool) -> Option<Placed> {
    Some(Placed { chain, changed })
}

#[test]
fn a_chain_that_lets_pass_is_left_alone() {
    in_namespace(|| {
        assert_eq!(ensure().unwrap(), None);
        assert_eq!(run("iptables", &["-w", "-S", FORWARD]), "-P FORWARD ACCEPT\n");
    });
}

#[test]
fn a_dropping_chain_gets_the_rules_once_and_first() {
    in_namespace(|| {
        run("iptables", &["-w", "-P", FORWARD, "DROP"]);
        run("iptables", &["-w", "-A", FORWARD, "-i", "eth9", "-j", "DROP"]);
        assert_eq!(ensure().unwrap(), placed(FORWARD, true));
        assert_eq!(ensure().unwrap(), placed(FORWARD, false));
        assert_eq!(ours(FORWARD), [0, 1, 2]);
        run("iptables", &["-w", "-I", FORWARD, "-i", "eth8", "-j", "DROP"]);
        assert_eq!(ensure().unwrap(), placed(FORWARD, true), "no longer first");
        run("iptables", &["-w", "-D", FORWARD, "2"]);
        assert_eq!(ensure().unwrap(), placed(FORWARD, true), "one was deleted");
        assert_eq!(ours(FORWARD), [0, 1, 2]);
        remove().unwrap();
        assert!(ours(FORWARD).is_empty(), "{:?}", ours(FORWARD));
        remove().expect("twice is as once");
    });
}

#[test]
fn a_final_reject_counts_as_dropping() {
    in_namespace(|| {
        let reject = ["-w", "-A", FORWARD, "-j", "REJECT", "--reject-with", "icmp-host-prohibited"];
        run("iptables", &reject);
        assert_eq!(ensure().unwrap(), placed(FORWARD, true));
    });
}

#[test]
fn the_rules_move_to_dockers_chain_and_go_when_not_needed() {
    in_namespace(|| {
        run("iptables", &["-w", "-P", FORWARD, "DROP"]);
        ensure().unwrap();
        run("iptables", &["-w", "-N", DOCKER_USER]);
        run("iptables", &["-w", "-A", FORWARD, "-j", DOCKER_USER]);
        assert_eq!(ensure().unwrap(), placed(DOCKER_USER, true));
        assert_eq!((ours(FORWARD), ours(DOCKER_USER)), (vec![], vec![0, 1, 2]));
        run("iptables", &["-w", "-P", FORWARD, "ACCEPT"]);
        assert_eq!(ensure().unwrap(), None);
        assert!(ours(DOCKER_USER).is_empty(), "{:?}", ours(DOCKER_USER));
    });
}

#[test]
fn what_docker_closed_stays_closed() {
    in_namespace(|| {
        run("iptables", &["-w", "-P", FORWARD, "DROP"]);
        for chain in [DOCKER_USER, "DOCKER"] {
            run("iptables", &["-w", "-N", chain]);
        }
        run("iptables", &["-w", "-A", FORWARD, "-o", "docker0", "-j", "DOCKER"]);
        assert_eq!(ensure().unwrap(), placed(DOCKER_USER, true));
        let first = |rule: &str| run("iptables", &["-w", "-S", DOCKER_USER]).contains(rule);
        assert!(first("-N DOCKER-USER\n-A DOCKER-USER -o docker0 -m devgroup --src-group 0x6e64 "));
        assert_eq!(ensure().unwrap(), placed(DOCKER_USER, false));
        run("iptables", &["-w", "-A", FORWARD, "-o", "br-abc", "-j", "DOCKER"]);
        assert_eq!(ensure().unwrap(), placed(DOCKER_USER, true), "another network of Docker's");
        assert_eq!(ours(DOCKER_USER), [0, 1, 2, 3, 4]);
        remove().unwrap();
        assert!(ours(DOCKER_USER).is_empty(), "{:?}", ours(DOCKER_USER));
    });
}

#[test]
fn a_rule_that_only_mentions_us_is_not_ours() {
    assert!(is_ours("-m comment --comment netdns -j ACCEPT"));
    assert!(is_ours("-m comment --comment \"netdns\" -j ACCEPT"));
    assert!(!is_ours("-m comment --comment \"netdns was here\" -j ACCEPT"));
    assert!(!is_ours("-i netdns -j ACCEPT"));
}
