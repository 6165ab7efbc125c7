use super::super::shared::Limits;
use super::*;
use crate::model::Id;
use tokio::sync::mpsc::unbounded_channel;

#[test]
fn greedy_sandboxes_leave_a_share_of_the_forwards_for_others() {
    let (events, _received) = unbounded_channel();
    let limits = Limits { forwards: 120, sockets: 240, connections: 1 };
    let (shared, registry) = (Shared::new(limits, events), Arc::new(Registry::new()));
    let sandbox = |number| {
        let id = SandboxId(Id::from_bytes([number; 32]));
        let (networks, host) = (Vec::new(), Vec::new());
        let (inside_routes, host_routes) = (Vec::new(), None);
        let forward = Forward::Host;
        let view = SandboxView { id, networks, forward, host, inside_routes, host_routes };
        Sandbox::new(&view, &registry, &shared)
    };
    // As much as it gets, which is what it leaves.
    let taken =
        |sandbox: &Sandbox| std::iter::from_fn(|| sandbox.permit(&shared)).collect::<Vec<_>>();
    let (first, second, third) = (sandbox(1), sandbox(2), sandbox(3));
    let of_first = taken(&first);
    let of_second = taken(&second);
    let of_third = taken(&third);
    assert_eq!([of_first.len(), of_second.len(), of_third.len()], [60, 30, 15]);
    // What one gives back is there for the others, and not for itself alone.
    drop(of_first);
    assert_eq!(taken(&third).len(), 30);
    assert_eq!(taken(&first).len(), 38);
}

#[test]
fn the_longest_route_wins_and_a_sandboxs_own_comes_before_its_networks_and_the_daemons() {
    let (events, _received) = unbounded_channel();
    let shared = Shared::new(Limits { forwards: 1, sockets: 1, connections: 1 }, events);
    let routes =
        |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>();
    let daemons = routes(&["example=10.0.0.1", "deep.corp.example=10.0.0.2", "both=10.0.0.3"]);
    let daemons = Routes::new(each(&daemons, |servers| shared.list(servers)));
    shared.routes.store(Arc::new(daemons));
    let view = SandboxView {
        id: SandboxId(Id::from_bytes([1; 32])),
        networks: Vec::new(),
        forward: Forward::Inside(vec!["10.0.0.9".parse().unwrap()]),
        host: Vec::new(),
        inside_routes: routes(&["both=10.0.1.1"]),
        host_routes: Some(routes(&["corp.example=10.0.2.1", "both=10.0.2.2"])),
    };
    let registry = Arc::new(Registry::new());
    let asked = |sandbox: &Sandbox, name: &str| {
        let name = Key::from(&name.parse().unwrap());
        let list = sandbox.upstreams(&shared, &[name.as_bytes(), b"\0"].concat());
        list.servers.list().first().map(|server| server.address.ip().to_string())
    };
    let sandbox = Sandbox::new(&view, &registry, &shared);
    for (name, server) in [
        ("www.example", "10.0.0.1"),
        ("example", "10.0.0.1"),
        ("notexample", "10.0.0.9"),
        ("corp.example", "10.0.2.1"),
        ("a.b.corp.example", "10.0.2.1"),
        ("a.deep.corp.example", "10.0.0.2"),
        ("x.both", "10.0.1.1"),
        ("elsewhere", "10.0.0.9"),
    ] {
        assert_eq!(asked(&sandbox, name).as_deref(), Some(server), "{name}");
    }
    // Where nothing is asked from the host's namespace, its own routes are left.
    let view = SandboxView { host_routes: None, forward: Forward::Nobody, ..view };
    sandbox.update(&view, &registry, &shared);
    assert_eq!(asked(&sandbox, "x.both").as_deref(), Some("10.0.1.1"));
    assert_eq!(asked(&sandbox, "corp.example"), None);
    assert_eq!(asked(&sandbox, "www.example"), None);
}
