//! The rules of one network, as they are shown.

use super::*;

fn two() -> State {
    let (one, at_one) = dual(1);
    let (two, at_two) = dual(2);
    state(vec![one, two], vec![at_one, Endpoint { link: "eth1".parse().unwrap(), ..at_two }])
}

#[test]
fn the_rules_of_a_network_name_all_that_is_its_own_and_nothing_of_another() {
    let state = two();
    let text = ruleset(&state, &state.networks[&id(1).into()]);
    assert!(text.starts_with(&format!("# network net1 ({})\n", id(1).short())), "{text}");
    let own = [
        "\"br1\" : goto entering-",
        "172.18.1.0/24 : goto outbound-",
        "fd00:1::/64 : goto outbound6-",
        "\"veth1\" . 02:00:00:00:00:01 . 172.18.1.2",
        "chain entering-01",
        "chain discovery",
    ];
    for own in own {
        assert!(text.contains(own), "{own} is not in\n{text}");
    }
    for other in ["br2", "veth2", "172.18.2.", "fd00:2:", &id(2).short()] {
        assert!(!text.contains(other), "{other} is in\n{text}");
    }
}

#[test]
fn a_comment_above_each_chain_map_and_set_says_what_it_is_for() {
    let state = two();
    let text = ruleset(&state, &state.networks[&id(1).into()]);
    let lines: Vec<&str> = text.lines().skip(1).collect();
    let declares =
        |line: &str| ["\tchain ", "\tmap ", "\tset "].iter().any(|w| line.starts_with(w));
    let above: Vec<(&str, &str)> = lines.windows(2).map(|pair| (pair[0], pair[1])).collect();
    for (above, line) in &above {
        let comment = above.strip_prefix("\t# ").is_some_and(|purpose| !purpose.is_empty());
        assert_eq!(comment, declares(line), "{above}\n{line}");
    }
    let entering = format!("\tchain entering-{} {{", id(1).short());
    let what = "\t# what is passed on into the network, by its bridge";
    for line in ["\tmap entering {", &entering] {
        assert!(above.contains(&(what, line)), "{line} in\n{text}");
    }
}

#[test]
fn no_rule_serves_a_network_without_a_bridge() {
    let mut host = network(1, true, false);
    (host.driver, host.bridge) = (DriverKind::Host, None);
    let text = ruleset(&two(), &host);
    let header = format!("# network net1 ({})\n", id(1).short());
    assert_eq!(text, header + "# no rule of netdns serves a network of this driver\n");
}
