use super::*;

fn request(name: &str, rr_type: RrType, data: &[&str]) -> RegisterRequest {
    RegisterRequest {
        name: name.parse().unwrap(),
        network: None,
        ttl: 60,
        rr_type: None,
        data: data.iter().map(|text| Rdata::parse(rr_type, text).unwrap()).collect(),
    }
}

fn add(world: &mut World, request: RegisterRequest) -> Result<RegisterDecision, Refusal> {
    let decision = register(&world.given(), &request)?;
    for set in &decision.noun {
        world.state.apply(&Change::Register(set.clone()));
    }
    Ok(decision)
}

#[test]
fn addresses_of_both_families_make_two_rrsets() {
    let mut world = World::new();
    let mut both = request("db", RrType::A, &["192.0.2.1", "192.0.2.1", "192.0.2.2"]);
    both.data.push(Rdata::parse(RrType::Aaaa, "2001:db8::1").unwrap());
    let sets = add(&mut world, both).unwrap().noun;
    let shape: Vec<_> = sets.iter().map(|set| (set.rr_type(), set.data.len())).collect();
    assert_eq!(shape, [(RrType::A, 2), (RrType::Aaaa, 1)]);
}

#[test]
fn a_registration_says_what_it_replaced() {
    let mut world = World::new();
    add(&mut world, request("db", RrType::A, &["192.0.2.1"])).unwrap();
    let again = add(&mut world, request("db", RrType::A, &["192.0.2.2"])).unwrap();
    assert_eq!(again.replaced, ["192.0.2.1"]);
    assert_eq!(world.state.registrations.len(), 1);
}

#[test]
fn a_cname_stands_alone() {
    let mut world = World::new();
    add(&mut world, request("a", RrType::A, &["192.0.2.1"])).unwrap();
    add(&mut world, request("c", RrType::Cname, &["a"])).unwrap();
    add(&mut world, request("c", RrType::Cname, &["b"])).unwrap();
    world.create(network("n")).unwrap();
    for mut bad in [
        request("a", RrType::Cname, &["c"]),
        request("c", RrType::Txt, &["x"]),
        request("d", RrType::Cname, &["a", "b"]),
    ] {
        let words = format!(
            "a CNAME stands alone: \"{}\" has or would have other records on that network",
            bad.name
        );
        assert_eq!(text(add(&mut world, bad.clone())), words);
        bad.network = Some("n".into());
        assert_eq!(
            text(add(&mut world, bad)),
            words,
            "also on one network beside an entry for all"
        );
    }
}

#[test]
fn entries_of_one_network_meet_those_of_all_and_not_those_of_another() {
    let mut world = World::new();
    world.create(network("n")).unwrap();
    world.create(network("m")).unwrap();
    let at = |network: Option<&str>, request: RegisterRequest| RegisterRequest {
        network: network.map(Into::into),
        ..request
    };
    let cname = |network| at(network, request("a", RrType::Cname, &["b"]));
    add(&mut world, at(Some("n"), request("a", RrType::A, &["192.0.2.1"]))).unwrap();
    for meets in [Some("n"), None] {
        assert!(text(add(&mut world, cname(meets))).starts_with("a CNAME stands alone"));
    }
    assert_eq!(text(add(&mut world, cname(Some("m")))), "granted");
}

#[test]
fn a_time_to_live_has_31_bits() {
    let mut world = World::new();
    let mut lives =
        |ttl| text(add(&mut world, RegisterRequest { ttl, ..request("a", RrType::Txt, &["x"]) }));
    assert_eq!(lives(2_147_483_647), "granted");
    let words = "failed to parse ttl=2147483648: 0 to 2147483647 seconds";
    assert_eq!(lives(2_147_483_648), words);
    assert!(lives(u32::MAX).starts_with("failed to parse ttl="));
}

#[test]
fn deregister_takes_those_of_one_network_or_of_all() {
    let mut world = World::new();
    world.create(network("n")).unwrap();
    world.create(network("m")).unwrap();
    for network in [None, Some("n"), Some("m")] {
        let network = network.map(Into::into);
        add(&mut world, RegisterRequest { network, ..request("a", RrType::Txt, &["x"]) }).unwrap();
    }
    let name: DnsName = "a".parse().unwrap();
    let gone = |network| deregister(&world.state, &name, None, network).unwrap();
    let id = world.state.network("n").unwrap().id;
    let only = Change::Deregister { network: Some(id), name: name.clone(), rr_type: RrType::Txt };
    assert_eq!(gone(Some("n")), [only]);
    assert_eq!(gone(None).len(), 3);
}

#[test]
fn names_are_registered_only_where_there_are_names() {
    let mut world = World::new();
    let bad =
        RegisterRequest { network: Some("bridge".into()), ..request("a", RrType::Txt, &["x"]) };
    assert_eq!(text(add(&mut world, bad)), "network bridge has no names");
    assert!(
        text(add(&mut world, request("x.localhost", RrType::Txt, &["x"]))).contains("reserved")
    );
    let bad =
        RegisterRequest { rr_type: Some(RrType::Aaaa), ..request("a", RrType::A, &["192.0.2.1"]) };
    assert_eq!(text(add(&mut world, bad)), "invalid AAAA data \"192.0.2.1\"");
}

#[test]
fn deregister_takes_one_type_or_all() {
    let mut world = World::new();
    add(&mut world, request("a", RrType::A, &["192.0.2.1"])).unwrap();
    add(&mut world, request("a", RrType::Txt, &["x"])).unwrap();
    let name: DnsName = "a".parse().unwrap();
    let count = |rr_type| deregister(&world.state, &name, rr_type, None).map(|gone| gone.len());
    assert_eq!(count(None), Ok(2));
    assert_eq!(count(Some(RrType::Txt)), Ok(1));
    assert_eq!(text(count(Some(RrType::Mx))), "no entry a");
}
