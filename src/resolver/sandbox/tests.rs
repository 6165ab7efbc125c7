use super::super::shared::Limits;
use super::*;
use crate::model::Id;
use tokio::sync::mpsc::unbounded_channel;

#[test]
fn greedy_sandboxes_leave_a_share_of_the_forwards_for_others() {
    let (events, _received) = unbounded_channel();
    let limits = Limits { forwards: 120, sockets: 240, connections: 1 };
    let (shared, registry) = (Shared::new(limits, events.clone()), Arc::new(Registry::new()));
    let sandbox = |number| {
        let id = SandboxId(Id::from_bytes([number; 32]));
        let (networks, host) = (Vec::new(), Vec::new());
        let view = SandboxView { id, networks, forward: Forward::Host, host };
        Sandbox::new(&view, &registry, events.clone())
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
