use super::super::query::{Parsed, parse};
use super::*;

/// Returns what a query for `wEb` with these flags is known by; with an OPT of these flags and options, if any.
fn known_by(flags: u16, name: &[u8], opt: Option<(u8, &[u8])>) -> Option<Vec<u8>> {
    let mut packet = vec![0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(opt.is_some())];
    packet[2..4].copy_from_slice(&flags.to_be_bytes());
    packet.extend([name, b"\0\x01\0\x01"].concat());
    if let Some((dnssec_ok, options)) = opt {
        packet.extend([0, 0, 41, 4, 208, 0, 0, dnssec_ok, 0, 0, options.len() as u8]);
        packet.extend(options);
    }
    let Parsed::Query(query) = parse(&packet) else { panic!("{packet:?}") };
    Question::of(1, &query).map(|question| question.as_bytes().to_vec())
}

const WEB: &[u8] = b"\x03wEb\0";

#[test]
fn questions_that_differ_in_case_id_and_bits_without_meaning_are_one() {
    let plain = known_by(0x0100, WEB, None);
    assert!(plain.is_some());
    assert_eq!(known_by(0x0100, b"\x03WEB\0", None), plain);
    assert_eq!(known_by(0x0100, WEB, Some((0, b""))), plain);
    // RD, TC and AA; RA, the reserved bit and a response code, which mean nothing in a query.
    for flags in [0x0000, 0x0700, 0x0180, 0x0140, 0x010f] {
        assert_eq!(known_by(flags, WEB, None), plain, "{flags:#x}");
    }
}

#[test]
fn questions_whose_answers_may_differ_are_kept_apart() {
    let mut all = vec![known_by(0, b"\x03www\0", None)];
    for flags in [0, AD, CD, AD | CD] {
        all.extend([known_by(flags, WEB, None), known_by(flags, WEB, Some((0x80, b"")))]);
    }
    let apart: std::collections::BTreeSet<_> = all.iter().collect();
    assert_eq!(apart.len(), all.len());
    let longest = [b"\x01a".repeat(127), vec![0]].concat();
    assert_eq!(known_by(0, &longest, None).map(|key| key.len()), Some(7 + 255));
    // RFC 7871: what a subnet is told is for that subnet.
    assert_eq!(known_by(0, WEB, Some((0, b"\0\x08\0\x04\0\x01\0\0"))), None);
    // A cookie (RFC 7873) goes no further than here.
    assert_eq!(known_by(0, WEB, Some((0, b"\0\x0a\0\x01x"))), known_by(0, WEB, None));
}
