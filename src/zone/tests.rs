use super::*;
use proptest::prelude::*;

mod words;

const START: &str = "$TTL 300\n@ IN SOA ns hostmaster ( 1 3600 600\n 86400 300 ) ; four lines\n";

fn origin() -> DnsName {
    "example.test".parse().unwrap()
}

fn read(lines: &str) -> Result<Vec<String>, String> {
    let zone = Zone::read(&origin(), format!("{START}{lines}").as_bytes());
    let text = |r: &Record| {
        format!("{} {} {} {}", r.owner, r.ttl, type_text(r.rr_type), data_text(r.rr_type, &r.rdata))
    };
    let skipped = |zone: Zone| zone.records.iter().skip(1).map(text).collect();
    zone.map(skipped).map_err(|error| error.to_string())
}

#[track_caller]
fn records(lines: &str) -> Vec<String> {
    read(lines).unwrap_or_else(|error| panic!("{error} in {lines}"))
}

#[test]
fn owners_ttls_and_origins_hold_until_others_come() {
    let lines = "a 60 IN A 192.0.2.1\n  AAAA 2001:db8::1\n\tIN 1m A 192.0.2.2\n\
                 $ORIGIN b.example.test.\n@ A 192.0.2.3\nc 1h30m A 192.0.2.4\n$TTL 9\nd.example.test. a 192.0.2.5\n";
    let expected = [
        "a.example.test. 60 A 192.0.2.1",
        "a.example.test. 60 A 192.0.2.2",
        "a.example.test. 300 AAAA 2001:db8::1",
        "b.example.test. 300 A 192.0.2.3",
        "c.b.example.test. 5400 A 192.0.2.4",
        "d.example.test. 9 A 192.0.2.5",
    ];
    assert_eq!(records(lines), expected);
}

#[test]
fn the_example_of_the_repository_is_a_zone() {
    let text = include_bytes!("../../zones/example.zone");
    let zone = Zone::read(&"example".parse().unwrap(), text).unwrap();
    assert_eq!(zone.records.len(), 11);
}

#[test]
fn every_type_has_its_data() {
    let lines = "@ NS ns\n@ MX 10 mail\n_x._tcp SRV 1 2 80 web.other.\ns CNAME A\nr PTR @\n\
                 t TXT \"two words\" ; no\n  TXT ( one \"semi;colon\"\n   \\\"q\\065 )\n\
                 c CAA 0 issue \"ca.test; x=1\"\nh HINFO cpu \"os 1\"\nn NAPTR 1 2 u E2U+sip \"!^.*$!sip:a@b!\" .\n\
                 f SSHFP 1 1 ABcd 01\nl TLSA 3 1 1 ab\n   TYPE65280 \\# 3 010203\n\
                 w HTTPS 1 . alpn=h2,h3 port=8443\nw2 SVCB 2 back alpn=\"h2\"\n  TYPE1 \\# 4 C0000201\n";
    let found = records(lines);
    let all = found.join("\n");
    for text in [
        "example.test. 300 NS ns.example.test.",
        "example.test. 300 MX 10 mail.example.test.",
        "_x._tcp.example.test. 300 SRV 1 2 80 web.other.",
        "s.example.test. 300 CNAME A.example.test.",
        "r.example.test. 300 PTR example.test.",
        "c.example.test. 300 CAA 0 issue \"ca.test; x=1\"",
        "l.example.test. 300 TYPE65280 \\# 3 010203",
        "w2.example.test. 300 A 192.0.2.1",
        "w2.example.test. 300 SVCB 2 back.example.test. alpn=",
        "w.example.test. 300 HTTPS 1 . alpn=",
    ] {
        assert!(all.contains(text), "{text} in:\n{all}");
    }
    let zone = Zone::read(&origin(), format!("{START}{lines}").as_bytes()).unwrap();
    let txt = |place: usize| {
        let txts = zone.records.iter().filter(|record| record.rr_type == types::TXT);
        txts.map(|record| record.rdata.clone()).nth(place).unwrap()
    };
    assert_eq!(txt(0), b"\x09two words");
    assert_eq!(txt(1), b"\x03one\x0asemi;colon\x03\"qA");
}

#[test]
fn a_file_with_an_error_is_refused_with_line_and_reason() {
    for (lines, error) in [
        ("a A 192.0.2.256\n", "line 4: not a IPv4 address: 192.0.2.256"),
        ("a A 192.0.2.1 2\n", "line 4: more data than the type has: 2"),
        ("\n\na A\n", "line 6: the data end too early"),
        ("a MX mail 10\n", "line 4: not a number that fits: mail"),
        ("a MX +1 mail\n", "line 4: not a number that fits: +1"),
        ("a XYZ 1\n", "line 4: not a record type: XYZ"),
        ("a OPT 1\n", "line 4: not a record type: OPT"),
        ("a IN\n", "line 4: a record has no type"),
        ("a CH A 192.0.2.1\n", "line 4: class CH is not served"),
        ("other.test. A 192.0.2.1\n", "line 4: other.test. is not within example.test."),
        ("xexample.test. A 192.0.2.1\n", "line 4: xexample.test. is not within example.test."),
        (
            "a A 192.0.2.1\na CNAME b\n",
            "line 5: a CNAME record of a.example.test. beside other records",
        ),
        ("a CNAME b\na CNAME c\n", "line 5: a second CNAME record of a.example.test."),
        ("@ SOA ns h 2 1 1 1 1\n", "line 4: a second SOA record"),
        (
            "a SOA ns h 2 1 1 1 1\n",
            "line 4: an SOA record of a.example.test., which is not the zone's name",
        ),
        ("*.a NS ns\n", "line 4: an NS record of the wildcard *.a.example.test."),
        ("a..b A 192.0.2.1\n", "line 4: a name has an empty label"),
        ("a\\300 A 192.0.2.1\n", "line 4: an escape \\DDD is at most \\255"),
        ("a TXT (\n one\n", "line 4: a ( without its )"),
        ("a TXT )\n", "line 4: a ) without its ("),
        ("a TXT \"one\n", "line 4: a quotation mark without its other one"),
        ("a TXT \"one\\\ntwo\"\n", "line 4: nothing follows the backslash"),
        ("a DNAME b\n", "line 4: DNAME is not supported"),
        ("$INCLUDE other\n", "line 4: $INCLUDE is not supported"),
        ("$TTL\n", "line 4: $TTL takes one word"),
        ("$TTL 1x\n", "line 4: not a TTL: 1x"),
        ("a 2147483648 A 192.0.2.1\n", "line 4: not a TTL: 2147483648"),
        ("a TYPE1 \\# 3 010203\n", "line 4: the data are not of the type: "),
        ("a TYPE65280 \\# 3 0102\n", "line 4: \\# says 3 bytes, and there are 2"),
        ("a SSHFP 1 1 abc\n", "line 4: not a row of pairs of hexadecimal digits: abc"),
        (
            "a DS 1 2 3 ab\n",
            "line 4: DS should be dynamically generated; any type may be written as \\# ",
        ),
    ] {
        let refused = read(lines).expect_err(lines);
        assert!(refused.starts_with(error), "{lines}: {refused}");
    }
    let long = format!("a TXT {}\n", "x".repeat(256));
    assert_eq!(read(&long), Err("line 4: a string has at most 255 bytes".into()));
    let long = format!("{} A 192.0.2.1\n", "x".repeat(64));
    assert_eq!(read(&long), Err("line 4: a label has at most 63 bytes".into()));
    let deep = format!("{} A 192.0.2.1\n", "a.".repeat(125).trim_end_matches('.'));
    assert_eq!(read(&deep), Err("line 4: a name has at most 255 bytes".into()));
    let none = Zone::read(&origin(), b"@ 5 A 192.0.2.1\n").unwrap_err();
    assert_eq!(none.to_string(), "line 1: example.test. has no SOA record");
    let no_ttl = Zone::read(&origin(), b"\n@ A 192.0.2.1\n").unwrap_err();
    assert_eq!(no_ttl.to_string(), "line 2: no TTL, and no $TTL before");
    let many: String = (0..MAX_RECORDS).map(|n| format!("n{n} A 192.0.2.1\n")).collect();
    assert!(read(&many).unwrap_err().ends_with("a zone has at most 200000 records"));
    let large: String = (0..300).map(|n| format!("a TXT {n:0>250}\n")).collect();
    assert!(read(&large).unwrap_err().ends_with("do not fit a reply"));
}

#[test]
fn a_zone_that_went_to_the_resolver_is_the_same_there() {
    let text = format!("{START}a A 192.0.2.1\nB\\.b TXT \"\"\n* CNAME a\n");
    let zone = Zone::read(&origin(), text.as_bytes()).unwrap();
    let bytes = zone.to_bytes();
    assert_eq!(Zone::from_bytes(&origin(), &bytes), Some(zone));
    assert_eq!(Zone::from_bytes(&origin(), &bytes[..bytes.len() - 1]), None);
    let data = [0; 10];
    let long = |label: u8| [&[label], &vec![b'x'; label.into()][..], &[0], &data].concat();
    assert!(Zone::from_bytes(&origin(), &long(63)).is_some());
    assert_eq!(Zone::from_bytes(&origin(), &long(64)), None, "no label is so long");
    let deep = |labels: usize| [&b"\x01x".repeat(labels)[..], &[0], &data].concat();
    assert!(Zone::from_bytes(&origin(), &deep(127)).is_some());
    assert_eq!(Zone::from_bytes(&origin(), &deep(128)), None, "no name is so long");
    let cname = |data: &[u8]| {
        let length = [0, data.len() as u8];
        Zone::from_bytes(
            &origin(),
            &[&b"\x01a\0\0\x05\0\x01\0\0\0\x09"[..], &length, data].concat(),
        )
    };
    assert!(cname(b"\x01b\0").is_some());
    assert_eq!([cname(b""), cname(b"\x01b\0\0")], [None, None], "it leads to no name");
}

/// Words that mean something to a zone's reader, and some that mean nothing.
fn soup() -> impl Strategy<Value = String> {
    let words = [
        "a",
        "@",
        "*",
        "$TTL",
        "$ORIGIN",
        "300",
        "IN",
        "A",
        "TXT",
        "SOA",
        "CNAME",
        "MX",
        "HTTPS",
        "192.0.2.1",
        "\"",
        "(",
        ")",
        ";",
        "\\",
        "\\#",
        "\\065",
        "\n",
        " ",
        "\t",
        "1h",
        ".",
        "x.example.test.",
        "\u{e9}",
        "\0",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..60)
        .prop_map(|words| words.join(" "))
}

proptest! {
    #[test]
    fn no_text_breaks_the_reader_and_what_it_takes_comes_back(text in soup()) {
        if let Ok(zone) = Zone::read(&origin(), format!("{START}{text}").as_bytes()) {
            prop_assert_eq!(Zone::from_bytes(&origin(), &zone.to_bytes()), Some(zone));
        }
    }

    #[test]
    fn no_bytes_break_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Zone::read(&origin(), &[START.as_bytes(), &bytes].concat());
        let _ = Zone::from_bytes(&origin(), &bytes);
    }

    #[test]
    fn a_record_as_it_is_shown_is_read_as_the_same(
        label in prop::collection::vec(any::<u8>(), 1..20),
        ttl in 0..=i32::MAX as u32,
        rdata in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let owner = [&[label.len() as u8], &label[..], b"\x07example\x04test\0"].concat();
        let record = Record { owner: WireName::of(owner), rr_type: 65_280, ttl, rdata };
        let line = format!("{} {ttl} TYPE65280 {}\n", record.owner, data_text(65_280, &record.rdata));
        let zone = Zone::read(&origin(), format!("{START}{line}").as_bytes()).unwrap();
        prop_assert_eq!(&zone.records[1], &record);
    }
}
