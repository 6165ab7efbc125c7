use super::*;
use crate::driver::tests::{endpoint, id, network, state};
use crate::model::{Change, Proto, Publish};
use std::net::Ipv4Addr;

fn web() -> State {
    state(vec![network(1, false, false)], vec![endpoint(1, "eth0")])
}

fn publishing(mut state: State) -> State {
    let host_ip = Ipv4Addr::UNSPECIFIED.into();
    let publish = Publish { host_ip, host_port: 5000, port: 80, proto: Proto::Tcp, count: 1 };
    let sandbox = state.sandboxes.get_mut(&id(50).into()).unwrap();
    Arc::make_mut(sandbox).publish = vec![publish];
    state
}

fn standing(state: State) -> Standing {
    let mut standing = Standing::default();
    let deltas = standing.deltas(&state);
    standing.note(Arc::new(state), deltas);
    standing
}

#[test]
fn an_endpoint_s_elements_come_and_go_as_if_all_were_derived_anew() {
    let plain = web();
    let published = publishing(plain.clone());
    let mut ended = published.clone();
    ended.apply(&Change::EndSandbox { id: id(50).into(), code: 0, at: 1 });
    let mut standing = standing(plain);
    for state in [published, ended] {
        let whole = nft::deltas(standing.tables(), &firewall::tables(&state));
        let deltas = standing.deltas(&state);
        assert!(!deltas.is_empty());
        assert_eq!(deltas, whole);
        standing.note(Arc::new(state), deltas);
    }
}

#[test]
fn what_a_network_changes_is_derived_whole() {
    let one = web();
    let mut two = one.clone();
    two.apply(&Change::AddNetwork(network(2, false, false)));
    let standing = standing(one);
    let [Delta::Replace(table)] = &standing.deltas(&two)[..] else { panic!("not one table") };
    assert_eq!(Some(table), firewall::table(&two).as_ref());
}
