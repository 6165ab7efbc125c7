use super::*;

fn key(text: &str) -> Key {
    Key::from(&text.parse::<DnsName>().unwrap())
}

#[test]
fn a_key_is_the_same_from_text_and_from_wire_in_any_case() {
    assert_eq!(key("web.localnet").as_bytes(), Key::of_wire(b"\x03wEb\x08LocalNet\0").as_bytes());
}

#[test]
fn a_dot_inside_a_label_is_no_separator() {
    assert_ne!(key("a.b").as_bytes(), Key::of_wire(b"\x03a.b\0").as_bytes());
}

#[test]
fn the_longest_names_are_keys_whole_and_what_is_longer_is_cut_at_a_label() {
    let label = |length: usize| [&[length as u8][..], &vec![b'a'; length]].concat();
    let long = [label(63), label(63), label(63)].concat();
    let longest = [&long[..], &label(61)].concat();
    assert_eq!(Key::of_wire(&[&longest[..], b"\0"].concat()).as_bytes(), longest);
    for length in [62, 63] {
        assert_eq!(Key::of_wire(&[&long[..], &label(length), b"\0"].concat()).as_bytes(), long);
    }
    let most = label(1).repeat(127);
    assert_eq!(Key::of_wire(&[&most[..], b"\0"].concat()).as_bytes(), most);
    assert_eq!(Key::of_wire(&most.repeat(2)).as_bytes(), most);
}

#[test]
fn a_suffix_ends_at_a_label() {
    let name = key("web.localnet");
    assert_eq!(name.suffix(key("localnet").as_bytes()), Some(4));
    assert_eq!(name.suffix(name.as_bytes()), Some(0));
    assert_eq!(name.suffix(key("net").as_bytes()), None);
}

#[test]
fn reverse_names_are_read_back() {
    for text in ["172.18.0.2", "fd00::1:2"] {
        let address: IpAddr = text.parse().unwrap();
        let reverse = Key::of_address(address).reverse().unwrap();
        assert_eq!((reverse.net, reverse.below), (address.into(), false));
    }
    let part = key("18.172.in-addr.arpa").reverse().unwrap();
    assert_eq!((part.net, part.below), ("172.18.0.0/16".parse().unwrap(), false));
    assert!(key("_x.2.0.18.172.in-addr.arpa").reverse().unwrap().below);
    assert_eq!(key("02.0.18.172.in-addr.arpa").reverse().unwrap().net.prefix_len(), 24);
    assert_eq!(key("web.localnet").reverse(), None);
}
