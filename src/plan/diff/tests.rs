use super::*;
use crate::model::{MacvlanMode, Origin, Parent, SandboxId};
use crate::plan::Place;
use std::collections::BTreeSet;

const NETWORK: Id = Id::from_bytes([1; 32]);
const ENDPOINT: Id = Id::from_bytes([2; 32]);
const SANDBOX: SandboxId = SandboxId(Id::from_bytes([3; 32]));

fn name(text: &str) -> IfName {
    text.parse().unwrap()
}

fn wanted() -> Wanted {
    let place = Place { origin: Origin::Init(7), netns: (1, 2) };
    let bridge = Bridge {
        name: name("br1"),
        network: NETWORK.into(),
        mtu: 1500,
        addresses: vec!["172.18.0.1/16".parse().unwrap()],
        ipv6: false,
        apart: false,
        proxied: BTreeSet::new(),
    };
    let veth = Veth {
        name: name("veth1"),
        endpoint: ENDPOINT.into(),
        bridge: name("br1"),
        mtu: 1500,
        ipv6: false,
        apart: false,
        place: place.clone(),
        link: name("eth0"),
        mac: "02:00:00:00:00:01".parse().unwrap(),
        addresses: vec!["172.18.0.2/16".parse().unwrap()],
    };
    let inside = Inside {
        place,
        macvlans: Default::default(),
        default_routes: vec![(name("eth0"), "172.18.0.1".parse().unwrap())],
        no_forwarding: true,
    };
    Wanted {
        bridges: [(name("br1"), bridge)].into(),
        veths: [(name("veth1"), veth)].into(),
        insides: [(SANDBOX, inside)].into(),
        gone: [name("old")].into(),
        forwarding: true,
        forwarding6: false,
    }
}

fn link(kind: &str, id: Id) -> FoundLink {
    FoundLink {
        kind: kind.into(),
        alias: Some(alias(id)),
        group: GROUP,
        bridge: None,
        mtu: 1500,
        up: true,
        addresses: Vec::new(),
        settled: true,
        isolated: false,
        proxied: BTreeSet::new(),
    }
}

fn fresh() -> Found {
    let inside = FoundInside { forwarding: true, ..FoundInside::default() };
    Found { insides: [(SANDBOX, inside)].into(), ..Found::default() }
}

/// What is found when everything has been done.
fn settled() -> Found {
    let wanted = wanted();
    let bridge = FoundLink {
        addresses: wanted.bridges[&name("br1")].addresses.clone(),
        ..link("bridge", NETWORK)
    };
    let veth = FoundLink { bridge: Some(name("br1")), ..link("veth", ENDPOINT) };
    let inside = FoundInside {
        lo_up: true,
        macvlans: Default::default(),
        default_routes: wanted.insides[&SANDBOX].default_routes.clone(),
        forwarding: false,
    };
    Found {
        links: [(name("br1"), bridge), (name("veth1"), veth)].into(),
        insides: [(SANDBOX, inside)].into(),
        forwarding: true,
        forwarding6: false,
    }
}

#[test]
fn from_nothing_steps_come_in_the_order_in_which_they_can_be_done() {
    let wanted = wanted();
    let mut found = fresh();
    found.links.insert(name("old"), link("veth", ENDPOINT));
    let expected = [
        Step::EnableForwarding,
        Step::AddBridge(wanted.bridges[&name("br1")].clone()),
        Step::AddVeth(wanted.veths[&name("veth1")].clone()),
        Step::SetInside(wanted.insides[&SANDBOX].clone()),
        Step::RemoveLinks(vec![name("old")]),
    ];
    assert_eq!(diff(&found, &wanted).unwrap(), expected);
}

#[test]
fn what_is_as_wanted_needs_no_step() {
    assert_eq!(diff(&settled(), &wanted()), Ok(Vec::new()));
}

#[test]
fn drift_is_mended_and_foreign_addresses_of_a_bridge_stay() {
    let mut found = settled();
    let bridge = found.links.get_mut(&name("br1")).unwrap();
    bridge.addresses.push("10.9.9.1/24".parse().unwrap());
    assert_eq!(diff(&found, &wanted()), Ok(Vec::new()));

    found.links.get_mut(&name("br1")).unwrap().up = false;
    found.links.get_mut(&name("veth1")).unwrap().bridge = None;
    found.insides.get_mut(&SANDBOX).unwrap().default_routes.clear();
    let steps = diff(&found, &wanted()).unwrap();
    assert!(matches!(steps[..], [Step::MendBridge(_), Step::MendVeth(_), Step::SetInside(_)]));
}

#[test]
fn one_thing_that_differs_is_enough_to_mend_a_link() {
    let bridge_differs: [fn(&mut FoundLink); 5] = [
        |link| link.up = false,
        |link| link.mtu = 1400,
        |link| link.settled = false,
        |link| link.addresses.clear(),
        |link| link.proxied = ["fd00::2".parse().unwrap()].into(),
    ];
    let veth_differs: [fn(&mut FoundLink); 4] = [
        |link| link.up = false,
        |link| link.mtu = 1400,
        |link| link.isolated = true,
        |link| link.bridge = Some(name("docker0")),
    ];
    let mended = |link: &str, change: fn(&mut FoundLink)| {
        let mut found = settled();
        change(found.links.get_mut(&name(link)).unwrap());
        diff(&found, &wanted()).unwrap()
    };
    for change in bridge_differs {
        assert!(matches!(mended("br1", change)[..], [Step::MendBridge(_)]));
    }
    for change in veth_differs {
        assert!(matches!(mended("veth1", change)[..], [Step::MendVeth(_)]));
    }
}

#[test]
fn forwarding_is_switched_on_for_the_families_that_need_it_and_never_off() {
    let steps = |needs: (bool, bool), on: (bool, bool)| {
        let wanted = Wanted { forwarding: needs.0, forwarding6: needs.1, ..wanted() };
        diff(&Found { forwarding: on.0, forwarding6: on.1, ..settled() }, &wanted).unwrap()
    };
    assert_eq!(steps((true, true), (true, true)), []);
    assert_eq!(steps((true, true), (false, true)), [Step::EnableForwarding]);
    assert_eq!(steps((true, true), (true, false)), [Step::EnableForwarding6]);
    assert_eq!(steps((false, false), (true, true)), []);
    assert_eq!(steps((false, false), (false, false)), []);
}

#[test]
fn a_conflict_says_what_is_known_of_the_link_in_the_way() {
    let said = |kind: &str, alias: Option<&str>| {
        let mut found = fresh();
        let alias = alias.map(Into::into);
        found.links.insert(name("br1"), FoundLink { alias, group: 0, ..link(kind, NETWORK) });
        diff(&found, &wanted()).unwrap_err().to_string()
    };
    let begins = "interface br1 exists and was not made by netdns";
    assert_eq!(said("", None), begins);
    assert_eq!(said("dummy", None), format!("{begins} (dummy)"));
    assert_eq!(said("", Some("up\tlink")), format!("{begins} (alias \"up\\tlink\")"));
    assert_eq!(said("dummy", Some("x")), format!("{begins} (dummy, alias \"x\")"));
}

#[test]
fn a_stranger_with_a_wanted_name_is_a_conflict() {
    let strangers = [
        FoundLink { alias: None, group: 0, ..link("bridge", NETWORK) },
        FoundLink { alias: Some("mine".into()), ..link("bridge", NETWORK) },
        // Ours, but another network's.
        link("bridge", ENDPOINT),
        link("dummy", NETWORK),
    ];
    for stranger in strangers {
        let mut found = fresh();
        found.links.insert(name("br1"), stranger);
        assert_eq!(diff(&found, &wanted()).unwrap_err().name, name("br1"));
    }
}

#[test]
fn a_link_of_ours_that_was_never_finished_is_made_again() {
    let mut found = settled();
    found.links.get_mut(&name("veth1")).unwrap().alias = None;
    assert!(matches!(diff(&found, &wanted()).unwrap()[..], [Step::AddVeth(_)]));
}

#[test]
fn only_links_that_bear_our_mark_are_removed() {
    let mut found = settled();
    for foreign in [None, Some("mine"), Some("netdns:"), Some("netdns:web")] {
        let alias = foreign.map(Into::into);
        let link = FoundLink { alias, group: 0, ..link("veth", ENDPOINT) };
        found.links.insert(name("old"), link);
        assert_eq!(diff(&found, &wanted()), Ok(Vec::new()), "{foreign:?}");
    }
}

#[test]
fn a_sandbox_whose_namespace_is_gone_is_passed_over() {
    let mut found = settled();
    found.insides.clear();
    found.links.remove(&name("veth1"));
    assert_eq!(diff(&found, &wanted()), Ok(Vec::new()));
}

#[test]
fn macvlan_links_are_made_before_routes_and_strays_go_after_them() {
    let mut wanted = wanted();
    let mut found = settled();
    let inside = wanted.insides.get_mut(&SANDBOX).unwrap();
    let macvlan = Macvlan {
        link: name("eth1"),
        endpoint: ENDPOINT.into(),
        parent: Parent { link: name("up0"), mode: MacvlanMode::Bridge },
        mtu: 1500,
        ipv6: false,
        place: inside.place.clone(),
        mac: "02:00:00:00:00:02".parse().unwrap(),
        addresses: Vec::new(),
    };
    inside.macvlans.insert(name("eth1"), macvlan.clone());
    let inside = inside.clone();
    let seen = found.insides.get_mut(&SANDBOX).unwrap();
    // One of another endpoint, and one that was never finished.
    seen.macvlans = [(name("eth1"), Some(alias(NETWORK))), (name("eth2"), None)].into();
    let place = inside.place.clone();
    let steps = [
        Step::AddMacvlan(macvlan),
        Step::SetInside(inside),
        Step::RemoveMacvlans(place, vec![name("eth2")]),
    ];
    assert_eq!(diff(&found, &wanted).unwrap(), steps);
    let seen = found.insides.get_mut(&SANDBOX).unwrap();
    seen.macvlans = [(name("eth1"), Some(alias(ENDPOINT)))].into();
    assert_eq!(diff(&found, &wanted).unwrap(), []);
}
