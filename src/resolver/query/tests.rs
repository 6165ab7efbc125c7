use super::*;

const ASK: &[u8] = b"\x12\x34\x01\x00\0\x01\0\0\0\0\0\0\x03WeB\0\0\x01\0\x01";

fn with_opts(opts: &[&[u8]]) -> Vec<u8> {
    let mut packet = [ASK, &opts.concat()].concat();
    packet[11] = opts.len() as u8;
    packet
}

fn rejected(packet: &[u8]) -> (Rcode, bool, bool) {
    let Parsed::Reply(Rejected { query, rcode, .. }) = parse(packet) else {
        panic!("not rejected")
    };
    (rcode, !query.question.is_empty(), query.edns.is_some())
}

fn changed(at: usize, byte: u8) -> Vec<u8> {
    let mut packet = ASK.to_vec();
    packet[at] = byte;
    packet
}

#[test]
fn a_query_is_read_as_asked() {
    let packet = with_opts(&[b"\0\0\x29\x04\xd0\0\0\x80\0\0\x04\0\x0a\0\0"]);
    let Parsed::Query(query) = parse(&packet) else { panic!("no query") };
    assert_eq!((query.id, query.name(), query.rr_type()), (0x1234, &b"\x03WeB\0"[..], 1));
    let edns = query.edns.unwrap();
    assert_eq!((edns.payload, edns.version, edns.dnssec_ok), (1232, 0, true));
    assert_eq!(edns.options, b"\0\x0a\0\0");
}

#[test]
fn responses_and_short_packets_get_nothing() {
    assert_eq!(parse(&ASK[..11]), Parsed::Nothing);
    assert_eq!(parse(&changed(2, 0x81)), Parsed::Nothing);
}

#[test]
fn a_query_has_one_question() {
    assert_eq!(rejected(&changed(5, 0)), (Rcode::FormErr, false, false));
    assert_eq!(rejected(&changed(5, 2)), (Rcode::FormErr, false, false));
    assert_eq!(rejected(&changed(5, 0)[..12]), (Rcode::FormErr, false, false));
    let none = b"\0\0\x01\0\0\0\0\0\0\0\0\x01\0\0\x29\x04\xd0\0\0\0\0\0\0";
    assert_eq!(rejected(none), (Rcode::FormErr, false, true));
}

#[test]
fn other_opcodes_classes_and_zone_transfers_are_not_for_us() {
    assert_eq!(rejected(&changed(2, 0x28)), (Rcode::NotImp, true, false));
    assert_eq!(rejected(&changed(20, 3)), (Rcode::Refused, true, false));
    assert_eq!(rejected(&changed(18, 252)), (Rcode::Refused, true, false));
}

#[test]
fn an_opt_stands_alone_at_the_root_and_in_version_0() {
    let opt: &[u8] = b"\0\0\x29\x04\xd0\0\0\0\0\0\0";
    assert_eq!(rejected(&with_opts(&[opt, opt])), (Rcode::FormErr, true, true));
    assert_eq!(
        rejected(&with_opts(&[b"\0\0\x29\x04\xd0\0\x01\0\0\0\0"])),
        (Rcode::BadVers, true, true)
    );
    assert_eq!(
        rejected(&with_opts(&[b"\x01a\0\0\x29\x04\xd0\0\0\0\0\0\0"])),
        (Rcode::FormErr, true, true)
    );
    assert_eq!(
        rejected(&with_opts(&[b"\0\0\x29\x04\xd0\0\0\0\0\0\x01\0"])),
        (Rcode::FormErr, true, true)
    );
}

#[test]
fn an_opt_stands_among_the_additional_records_and_others_may_stand_before_them() {
    let record = b"\0\0\x02\0\x01\0\0\0\0\0\0";
    let opt = b"\0\0\x29\x04\xd0\0\0\0\0\0\0";
    let with = |counts: [u8; 3], records: &[&[u8]]| {
        let mut packet = [ASK, &records.concat()].concat();
        [packet[7], packet[9], packet[11]] = counts;
        packet
    };
    for counts in [[1, 0, 1], [0, 1, 1], [0, 0, 2]] {
        assert!(matches!(parse(&with(counts, &[record, opt])), Parsed::Query(_)), "{counts:?}");
    }
    for counts in [[1, 0, 0], [0, 1, 0]] {
        assert_eq!(rejected(&with(counts, &[opt])), (Rcode::FormErr, true, true), "{counts:?}");
    }
}

#[test]
fn what_cannot_be_read_is_a_format_error() {
    assert_eq!(rejected(&ASK[..ASK.len() - 1]).0, Rcode::FormErr);
    assert_eq!(rejected(&[ASK, b"x"].concat()).0, Rcode::FormErr);
    assert_eq!(rejected(&changed(12, 0xc0)).0, Rcode::FormErr);
    assert_eq!(rejected(&changed(12, 64)).0, Rcode::FormErr);
}
