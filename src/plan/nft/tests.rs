use super::*;

fn table(ports: &[u16]) -> Table {
    let value = ValueType::Data(vec![Type::Ipv4, Type::Port]);
    let target = |port: u16| Value::Data(vec![Datum::Ipv4(Ipv4Addr::LOCALHOST), Datum::Port(port)]);
    let elements = ports.iter().map(|port| (vec![Datum::Port(*port)], target(*port))).collect();
    let map = Map { elements, ..Map::new(&[Type::Port], value) };
    Table { maps: BTreeMap::from([("ports".to_owned(), map)]), owned: false, ..dns_table(1, 2) }
}

#[test]
fn nothing_changes_between_equal_tables() {
    assert_eq!(delta(None, None), Delta::Nothing);
    assert_eq!(delta(Some(&table(&[1])), Some(&table(&[1]))), Delta::Nothing);
}

#[test]
fn elements_alone_are_changed_alone() {
    let (mut old, new) = (table(&[1, 2, 3]), table(&[2, 3, 4]));
    let elements = &mut old.maps.get_mut("ports").unwrap().elements;
    elements.insert(vec![Datum::Port(3)], Value::Data(vec![]));
    let Delta::Elements { remove, add, .. } = delta(Some(&old), Some(&new)) else {
        panic!("not elements")
    };
    let key = |port| vec![Datum::Port(port)];
    let removed: Vec<_> = remove.into_iter().map(|(_, key)| key).collect();
    let added: Vec<_> = add.into_iter().map(|(_, key, _)| key).collect();
    assert_eq!(removed, [key(1), key(3)], "a value that changes is removed first");
    assert_eq!(added, [key(3), key(4)]);
}

#[test]
fn anything_else_replaces_the_table_whole() {
    let old = table(&[1]);
    let rules = Table { chains: dns_table(3, 4).chains, ..table(&[1, 2]) };
    assert_eq!(delta(Some(&old), Some(&rules)), Delta::Replace(rules.clone()));
    let mut maps = old.clone();
    maps.maps.get_mut("ports").unwrap().interval = true;
    assert_eq!(delta(Some(&old), Some(&maps)), Delta::Replace(maps.clone()));
    assert_eq!(delta(None, Some(&old)), Delta::Replace(old.clone()));
    assert_eq!(delta(Some(&old), None), Delta::Remove(Family::Ip, "netdns".to_owned()));
}

#[test]
fn tables_are_compared_family_by_family_and_those_that_stay_are_left_out() {
    let of = |family, ports: &[u16]| Table { family, ..table(ports) };
    let old = [of(Family::Bridge, &[1]), of(Family::Ip, &[1])];
    let new = [of(Family::Inet, &[1]), of(Family::Bridge, &[1])];
    let expected =
        [Delta::Remove(Family::Ip, "netdns".to_owned()), Delta::Replace(of(Family::Inet, &[1]))];
    assert_eq!(deltas(&old, &new), expected);
    assert_eq!(deltas(&old, &old), []);
    let more = [of(Family::Bridge, &[1, 2]), of(Family::Ip, &[1])];
    let changes = deltas(&old, &more);
    let [Delta::Elements { family: Family::Bridge, remove, add, .. }] = &changes[..] else {
        panic!("{changes:?}")
    };
    assert_eq!((remove.len(), add.len()), (0, 1));
}
