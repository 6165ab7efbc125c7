use super::*;
use crate::model::{HostFacts, Refusal, Subnet};
use ipnet::IpNet;
use proptest::prelude::*;
use std::collections::HashSet;
use std::net::IpAddr;

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

fn nets(texts: &[&str]) -> Vec<IpNet> {
    texts.iter().map(|text| net(text)).collect()
}

fn described(texts: &[&str]) -> Vec<(IpNet, String)> {
    texts.iter().map(|text| (net(text), (*text).to_owned())).collect()
}

fn chosen(networks: &[&str], taken: &[&str], routed: &[&str]) -> Result<String, Refusal> {
    let facts =
        HostFacts { taken: described(taken), routed: described(routed), ..HostFacts::default() };
    choose_subnet(&Pools::default(), &nets(networks), &facts).map(|chosen| chosen.net.to_string())
}

fn subnet(text: &str) -> Subnet {
    let net = net(text);
    Subnet { net, gateway: first_usable(net).unwrap(), ip_range: None, aux: [].into() }
}

#[test]
fn the_first_network_is_172_18() {
    assert_eq!(chosen(&["172.17.0.0/16"], &[], &[]).unwrap(), "172.18.0.0/16");
    assert_eq!(chosen(&["172.18.0.0/16"], &[], &[]).unwrap(), "172.19.0.0/16");
}

#[test]
fn the_default_network_takes_172_17_unless_docker_has_it() {
    let pools = Pools::default().for_default_network();
    let mut facts = HostFacts::default();
    assert_eq!(choose_subnet(&pools, &[], &facts).unwrap().net.to_string(), "172.17.0.0/16");
    facts.taken = described(&["172.17.0.1/16"]);
    assert_eq!(choose_subnet(&pools, &[], &facts).unwrap().net.to_string(), "172.18.0.0/16");
}

#[test]
fn a_hosts_address_or_nameserver_inside_a_subnet_takes_it() {
    assert_eq!(chosen(&[], &["172.18.7.7/32"], &[]).unwrap(), "172.19.0.0/16");
}

#[test]
fn a_subnet_that_a_vpn_routes_is_avoided_while_another_is_free() {
    assert_eq!(chosen(&[], &[], &["172.16.0.0/12"]).unwrap(), "192.168.0.0/24");
    let facts = HostFacts {
        taken: described(&["192.168.0.0/16"]),
        routed: described(&["172.16.0.0/12"]),
        ..HostFacts::default()
    };
    let last = choose_subnet(&Pools::default(), &[], &facts).unwrap();
    assert_eq!(last.net.to_string(), "172.18.0.0/16");
    assert_eq!(last.hides, Some((net("172.16.0.0/12"), "172.16.0.0/12".into())));
}

#[test]
fn full_pools_are_refused() {
    let full = chosen(&["172.16.0.0/12"], &["192.168.0.0/16"], &[]);
    assert_eq!(full, Err(Refusal::PoolsFull));
}

#[test]
fn the_pools_hold_ten_large_sixty_four_middle_and_256_small_subnets() {
    let mut networks = Vec::new();
    while let Ok(next) = choose_subnet(&Pools::default(), &networks, &HostFacts::default()) {
        networks.push(next.net.into());
    }
    assert_eq!(networks.len(), 10 + 64 + 256);
    assert_eq!(networks[10], net("172.28.0.0/20"));
    assert_eq!(networks[74], net("192.168.0.0/24"));
}

#[test]
fn pools_that_are_given_replace_the_default_ones() {
    let pools = Pools::new(vec!["base=10.99.7.0/16,size=24".parse().unwrap()]);
    let first = choose_subnet(&pools.for_default_network(), &[], &HostFacts::default()).unwrap();
    assert_eq!(first.net.to_string(), "10.99.0.0/24");
    for bad in ["base=10.0.0.0/8", "size=24", "base=10.0.0.0/16,size=8", "base=x,size=24", ""] {
        assert!(bad.parse::<Pool>().is_err(), "{bad}");
    }
}

#[test]
fn subnets_of_a_pool_are_as_large_as_the_pool_or_smaller_down_to_four_addresses() {
    let first = |pool: &str| {
        let pools = Pools::new(vec![pool.parse().ok()?]);
        choose_subnet(&pools, &[], &HostFacts::default()).ok().map(|first| first.net.to_string())
    };
    assert_eq!(first("base=10.0.0.0/24,size=23"), None);
    assert_eq!(first("base=10.0.0.0/24,size=24").unwrap(), "10.0.0.0/24");
    assert_eq!(first("base=10.0.0.0/24,size=30").unwrap(), "10.0.0.0/30");
    assert_eq!(first("base=10.0.0.0/24,size=31"), None);
}

#[test]
fn whatever_lies_in_a_subnet_takes_it_whole_and_nothing_of_the_next() {
    let pools = Pools::new(vec!["base=10.0.0.0/16,size=24".parse().unwrap()]);
    let beside = |taken: &str| {
        let next = choose_subnet(&pools, &nets(&[taken]), &HostFacts::default()).unwrap();
        next.net.to_string()
    };
    for taken in ["10.0.0.0/32", "10.0.0.7/32", "10.0.0.0/28", "10.0.0.255/32", "10.0.0.0/24"] {
        assert_eq!(beside(taken), "10.0.1.0/24", "{taken}");
    }
    assert_eq!(beside("10.0.0.0/23"), "10.0.2.0/24");
    assert_eq!(beside("10.0.1.0/32"), "10.0.0.0/24");
}

#[test]
fn a_pool_of_a_million_subnets_is_searched_by_obstacles() {
    let pools = Pools::new(vec!["base=10.0.0.0/8,size=28".parse().unwrap()]);
    let facts = HostFacts { taken: described(&["10.0.0.0/9"]), ..Default::default() };
    let next = choose_subnet(&pools, &nets(&["10.128.0.0/28"]), &facts).unwrap();
    assert_eq!(next.net.to_string(), "10.128.0.16/28");
}

#[test]
fn a_freed_address_is_not_given_again_at_once() {
    let subnet = subnet("172.18.0.0/29");
    let mut used: HashSet<IpAddr> = HashSet::new();
    let mut last = None;
    for expected in ["172.18.0.2", "172.18.0.3", "172.18.0.4"] {
        let given = choose_address(&subnet, |a| used.contains(a), last).unwrap();
        assert_eq!(given.to_string(), expected);
        used.insert(given);
        last = Some(given);
    }
    used.remove(&"172.18.0.3".parse().unwrap());
    let mut next = || {
        let given = choose_address(&subnet, |a| used.contains(a), last);
        last = given.as_ref().ok().copied();
        given.inspect(|a| assert!(used.insert(*a))).map(|a| a.to_string())
    };
    assert_eq!(next().unwrap(), "172.18.0.5");
    assert_eq!(next().unwrap(), "172.18.0.6");
    assert_eq!(next().unwrap(), "172.18.0.3");
    assert_eq!(next(), Err(Refusal::SubnetFull(net("172.18.0.0/29"))));
}

#[test]
fn addresses_come_from_the_ip_range_and_never_from_aux() {
    let mut subnet = subnet("10.1.0.0/16");
    subnet.ip_range = Some(net("10.1.4.0/30"));
    subnet.aux = [("printer".to_owned(), "10.1.4.1".parse().unwrap())].into();
    let mut given = Vec::new();
    while let Ok(next) = choose_address(&subnet, |a| given.contains(a), None) {
        given.push(next);
    }
    let texts: Vec<String> = given.iter().map(IpAddr::to_string).collect();
    assert_eq!(texts, ["10.1.4.0", "10.1.4.2", "10.1.4.3"], "the range's own edges are usable");
}

#[test]
fn a_subnet_of_two_addresses_has_no_network_address() {
    assert_eq!(first_usable(net("10.0.0.0/31")), Some("10.0.0.0".parse().unwrap()));
    assert_eq!(first_usable(net("10.0.0.0/32")), None);
    assert_eq!(first_usable(net("fd00::/64")), Some("fd00::1".parse().unwrap()));
}

proptest! {
    #[test]
    fn addresses_given_are_unique_inside_and_never_reserved(
        base: u32, prefix in 24u8..=30, aux in 0u32..64, steps in 1usize..80, freed: prop::sample::Index,
    ) {
        let net = ipnet::Ipv4Net::new(base.into(), prefix).unwrap().trunc();
        let mut subnet = subnet(&net.to_string());
        let aux = std::net::Ipv4Addr::from(u32::from(net.network()).wrapping_add(aux));
        subnet.aux.insert("aux".into(), aux.into());
        let mut used = Vec::new();
        let mut last = None;
        for _ in 0..steps {
            let Ok(given) = choose_address(&subnet, |a| used.contains(a), last) else {
                if !used.is_empty() {
                    used.remove(freed.index(used.len()));
                }
                continue;
            };
            prop_assert!(!used.contains(&given), "unique");
            prop_assert!(subnet.net.contains(&given), "inside");
            prop_assert!(given != subnet.gateway && given != IpAddr::from(aux), "not reserved");
            prop_assert!(given != subnet.net.network() && given != subnet.net.broadcast(), "no edge");
            used.push(given);
            last = Some(given);
        }
    }
}
