use super::*;

fn shared(name: &str, wanted: EndpointRequest) -> RunRequest {
    RunRequest { attach: AttachTo::Shared(5), ..sandbox(name, &[wanted]) }
}

fn granted(world: &mut World, request: RunRequest, inode: u64) -> Sandbox {
    match world.attach_at(request, inode).unwrap() {
        Attachment::New(decision) => decision.noun.0,
        Attachment::Existing(id) => panic!("sharing is no second attach of {id}"),
    }
}

#[test]
fn a_sandbox_shares_the_namespace_of_another_and_has_no_endpoint_of_its_own() {
    let mut world = World::new();
    world.create(network("n")).unwrap();
    let owner = world.run(sandbox("a", &[on("n")])).unwrap().sandbox;
    let inode = owner.netns.1;
    let second = granted(&mut world, shared("b", on("container:a")), inode);
    assert_eq!(second.shares, Some(Shares::Sandbox(owner.id)));
    assert_eq!(second.config.network_mode, format!("container:{}", owner.id));
    assert!(world.state.endpoints_of(second.id).is_empty());
    let third = granted(&mut world, shared("c", on("container:b")), inode);
    assert_eq!(
        third.shares, second.shares,
        "who shares with one that shares, shares with its owner"
    );
    let words = "container sharing network namespace with another container or host cannot be connected to any other network";
    assert_eq!(text(world.connect(on("bridge"), "b")), words);
}

#[test]
fn a_namespace_that_is_not_the_one_named_is_not_shared() {
    let mut world = World::new();
    world.create(network("n")).unwrap();
    world.run(sandbox("a", &[on("n")])).unwrap();
    let refused = text(world.attach_at(shared("b", on("container:a")), 999));
    assert_eq!(refused, "the sandbox's is not a network namespace");
    assert_eq!(text(world.attach_at(shared("b", on("container:z")), 9)), "No such sandbox: z");
}

#[test]
fn ports_of_the_host_need_no_publishing_and_those_of_another_cannot_be() {
    let mut world = World::new();
    world.create(network("n")).unwrap();
    let inode = world.run(sandbox("a", &[on("n")])).unwrap().sandbox.netns.1;
    let port = PublishRequest {
        host_ip: None,
        host: Some(80.into()),
        ports: 80.into(),
        proto: Proto::Tcp,
    };
    let publishing = |wanted| RunRequest { publish: vec![port], ..shared("b", on(wanted)) };
    let words = "conflicting options: port publishing and the container type network mode";
    assert_eq!(text(world.attach_at(publishing("container:a"), inode)), words);
    let Attachment::New(decision) = world.attach_at(publishing("host"), 1).unwrap() else {
        panic!()
    };
    assert_eq!(decision.noun.0.shares, Some(Shares::Host));
    assert!(decision.noun.0.publish.is_empty());
    assert!(decision.warnings[0].contains("discarded"));
}

#[test]
fn who_shares_joins_no_network_and_chooses_nothing_there() {
    let mut world = World::new();
    world.create(network("n")).unwrap();
    let owner = world.run(sandbox("a", &[on("n")])).unwrap().sandbox;
    let mut said = |networks: &[EndpointRequest]| {
        let attach = AttachTo::Shared(5);
        text(world.attach_at(RunRequest { attach, ..sandbox("b", networks) }, owner.netns.1))
    };
    let none = "the sandbox's is the host's own network namespace";
    assert_eq!(said(&[on("n")]), none);
    let other = "container sharing network namespace with another container or host cannot be connected to any other network";
    assert_eq!(said(&[on("host"), on("n")]), other);
    assert_eq!(said(&[on("n"), on("container:a")]), other);
    let shared = || on("container:a");
    for (wanted, words) in [
        (
            EndpointRequest { aliases: vec!["x".parse().unwrap()], ..shared() },
            "network-scoped aliases are only supported for user-defined networks",
        ),
        (
            EndpointRequest { ip: Some([172, 18, 0, 9].into()), ..shared() },
            "user-specified IP address is supported on user-defined networks only",
        ),
        (
            EndpointRequest { ip6: Some("fd00::9".parse().unwrap()), ..shared() },
            "user-specified IP address is supported on user-defined networks only",
        ),
        (
            EndpointRequest { mac: Some("02:00:00:00:00:09".parse().unwrap()), ..shared() },
            "conflicting options: mac-address and the network mode",
        ),
        (shared(), "granted"),
    ] {
        assert_eq!(said(&[wanted]), words);
    }
}
