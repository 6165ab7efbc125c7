//! What words, lines and names may be, to their limits.

use super::*;

fn refused(lines: &str) -> String {
    read(lines).expect_err(lines)
}

/// Returns the data of the only record.
fn data(line: &str) -> Vec<u8> {
    let zone = Zone::read(&origin(), format!("{START}{line}\n").as_bytes());
    let zone = zone.unwrap_or_else(|error| panic!("{error} in {line}"));
    assert_eq!(zone.records.len(), 2, "{line}");
    zone.records[1].rdata.clone()
}

/// Returns a record of so many bytes of data.
fn of_size(length: usize) -> String {
    format!("a TYPE65280 \\# {length} {}\n", "5a".repeat(length))
}

#[test]
fn a_file_has_at_most_16_mib() {
    let longest = vec![b')'; 16 << 20];
    let reason = |text: &[u8]| Zone::read(&origin(), text).unwrap_err().to_string();
    assert_eq!(reason(&longest), "line 1: a ) without its (");
    assert_eq!(reason(&[&longest[..], b"\n"].concat()), "line 1: the file has more than 16 MiB");
}

#[test]
fn the_records_of_one_name_and_type_fit_a_reply() {
    assert_eq!(records(&of_size(59_988)).len(), 1);
    assert_eq!(
        refused(&of_size(59_989)),
        "line 4: the records of a.example.test. and one type do not fit a reply"
    );
    assert!(refused(&of_size(60_000)).ends_with("do not fit a reply"));
    assert_eq!(refused(&of_size(60_001)), "line 4: the data have more than 60000 bytes");
    let two = format!("{}{}", of_size(29_000), of_size(30_976));
    assert_eq!(records(&two).len(), 2);
    assert!(refused(&two.replace("30976 5a", "30977 5a5a")).ends_with("do not fit a reply"));
}

/// RFC 2181 section 5: there are no two equal records, and one RRset has one TTL.
#[test]
fn a_record_that_stands_twice_is_one_and_records_of_one_type_have_the_lowest_ttl() {
    let lines = "a 60 A 192.0.2.1\nb A 192.0.2.9\nA 30 A 192.0.2.2\na 90 A 192.0.2.1\na TXT x\n";
    assert_eq!(
        records(lines),
        [
            "a.example.test. 30 A 192.0.2.1",
            "A.example.test. 30 A 192.0.2.2",
            "b.example.test. 300 A 192.0.2.9",
            "a.example.test. 300 TXT x"
        ]
    );
}

#[test]
fn parentheses_join_lines_once_and_hold_comments() {
    let lines = "a (A ; one (\n 192.0.2.1\n) ; )\n(b\n\n A) 192.0.2.2\n\tTXT ()(two)\n";
    assert_eq!(
        records(lines),
        [
            "a.example.test. 300 A 192.0.2.1",
            "b.example.test. 300 A 192.0.2.2",
            "b.example.test. 300 TXT two"
        ]
    );
    assert_eq!(refused("a ((A 192.0.2.1))\n"), "line 4: a parenthesis within parentheses");
    assert_eq!(refused("a (A\n 192.0.2.1\nb (A\n"), "line 6: a parenthesis within parentheses");
    assert_eq!(refused("\n a (A\n\n"), "line 5: a ( without its )");
    assert_eq!(refused("a TXT ( \"x\ny\" )\n"), "line 4: a quotation mark without its other one");
}

#[test]
fn what_is_no_character_of_a_word_is_refused() {
    for byte in [0, 7, 31, 127] {
        let line = format!("a TXT x{}y\n", char::from(byte));
        assert_eq!(refused(&line), "line 4: a control character", "{byte}");
    }
    assert_eq!(refused("a TXT x\\\n"), "line 4: nothing follows the backslash");
    assert_eq!(refused("a TXT x\\\r\n"), "line 4: nothing follows the backslash");
    assert_eq!(refused("a TXT \\25 \n"), "line 4: an escape \\DDD has three digits");
    assert_eq!(data("a TXT x\\ y\\;z\\255"), b"\x06x y;z\xff");
    assert_eq!(data("a TXT \"x\\\"y\" z"), b"\x03x\"y\x01z");
}

#[test]
fn names_have_at_most_255_bytes_and_are_within_a_zone_by_whole_labels() {
    // `example.test` takes 14 bytes.
    let of = |last: usize| {
        let labels = ["x".repeat(63), "x".repeat(63), "x".repeat(63), "x".repeat(last)];
        format!("{} A 192.0.2.1\n", labels.join("."))
    };
    assert_eq!(records(&of(48)).len(), 1);
    assert_eq!(refused(&of(49)), "line 4: a name has at most 255 bytes");
    // This label holds what the zone's name is in wire form.
    assert_eq!(
        refused("a\\007example.test. A 192.0.2.1\n"),
        "line 4: a\\007example.test. is not within example.test."
    );
    assert_eq!(records("EXAMPLE.Test. A 192.0.2.1\nx.Example.TEST. A 192.0.2.1\n").len(), 2);
}

#[test]
fn names_without_a_final_dot_are_below_the_origin_in_data_of_every_type() {
    for (line, text) in [
        ("a SRV 1 2 80 b", "1 2 80 b.example.test."),
        ("a MX 1 @", "1 example.test."),
        ("a NAPTR 1 2 u s r b", "1 2 \"u\" \"s\" \"r\" b.example.test."),
        ("a HTTPS 1 b alpn=h2", "1 b.example.test. alpn=h2,"),
        ("a PTR b.", "300 PTR b."),
    ] {
        let shown = records(&format!("{line}\n"));
        assert!(shown[0].ends_with(text), "{line}: {}", shown[0]);
    }
    let soa = Zone::read(&origin(), START.as_bytes()).unwrap().records.remove(0);
    assert_eq!(
        data_text(soa.rr_type, &soa.rdata),
        "ns.example.test. hostmaster.example.test. 1 3600 600 86400 300"
    );
    assert_eq!(data("a HINFO cpu \"os 1\""), b"\x03cpu\x04os 1");
    assert_eq!(data("a TLSA 3 1 1 ab\tCD 0 1"), b"\x03\x01\x01\xab\xcd\x01");
    assert_eq!(data("a SMIMEA 3 1 1 ab cd"), b"\x03\x01\x01\xab\xcd");
    assert_eq!(refused("a AAAA 192.0.2.1\n"), "line 4: not a IPv6 address: 192.0.2.1");
    assert_eq!(refused("a MX 65536 b\n"), "line 4: not a number that fits: 65536");
    assert_eq!(refused("a CAA 256 issue x\n"), "line 4: not a number that fits: 256");
}

#[test]
fn ttl_and_class_stand_in_either_order_and_each_once() {
    let same = records("a 60 IN A 192.0.2.1\n");
    for line in ["a IN 60 A 192.0.2.1", "a 1m A 192.0.2.1", "a class1 60 a 192.0.2.1"] {
        assert_eq!(records(&format!("{line}\n")), same, "{line}");
    }
    for (line, word) in [("a IN IN A 192.0.2.1", "IN"), ("a 60 60 A 192.0.2.1", "60")] {
        assert_eq!(refused(&format!("{line}\n")), format!("line 4: not a record type: {word}"));
    }
    for class in ["ch", "HS", "CS"] {
        let error = format!("line 4: class {class} is not served");
        assert_eq!(refused(&format!("a {class} A 192.0.2.1\n")), error);
    }
    // A TTL holds on where there is no $TTL.
    let text = "@ 50 SOA ns h 1 2 3 4 5\na A 192.0.2.1\nb 7 A 192.0.2.1\nc A 192.0.2.1\n";
    let zone = Zone::read(&origin(), text.as_bytes()).unwrap();
    assert_eq!(zone.records.iter().map(|record| record.ttl).collect::<Vec<_>>(), [50, 50, 7, 7]);
    assert_eq!(records("a 2147483647 A 192.0.2.1\n"), ["a.example.test. 2147483647 A 192.0.2.1"]);
}

#[test]
fn directives_begin_a_line_and_are_not_quoted() {
    assert_eq!(refused("a A 192.0.2.1\n $TTL 5\n"), "line 5: not a record type: $TTL");
    assert_eq!(records("\"$x\" A 192.0.2.1\n"), ["\\$x.example.test. 300 A 192.0.2.1"]);
    assert_eq!(records("$origin b\n@ A 192.0.2.1\n"), ["b.example.test. 300 A 192.0.2.1"]);
    for line in ["$ORIGIN", "$ORIGIN a b", "$TTL 1 2"] {
        let name = line.split(' ').next().unwrap();
        assert_eq!(refused(&format!("{line}\n")), format!("line 4: {name} takes one word"));
    }
    let none = Zone::read(&origin(), b" 5 A 192.0.2.1\n").unwrap_err();
    assert_eq!(none.to_string(), "line 1: the first record has no owner");
}

/// RFC 6895 section 3.1.
#[test]
fn types_of_questions_and_of_one_hop_are_no_data() {
    for number in [0, 41, 128, 200, 255] {
        let refused = refused(&format!("a TYPE{number} \\# 1 00\n"));
        assert_eq!(refused, format!("line 4: not a record type: TYPE{number}"));
    }
    for number in [127, 65_535] {
        assert_eq!(data(&format!("a TYPE{number} \\# 1 00")), [0], "{number}");
    }
    for name in ["ANY", "AXFR", "IXFR", "OPT", "TSIG", "TYPE65536", "TYPE"] {
        assert_eq!(refused(&format!("a {name} x\n")), format!("line 4: not a record type: {name}"));
    }
    assert_eq!(refused("a TYPE65280 \\#\n"), "line 4: \\# has no length");
}

/// RFC 9460 section 2.1.
#[test]
fn values_of_parameters_may_be_quoted_and_what_cannot_be_read_of_them_is_refused() {
    let plain = data("a HTTPS 1 . alpn=h2,h3 port=8443");
    assert_eq!(data("a HTTPS 1 . alpn=\"h2,h3\" \"port=8443\""), plain);
    for value in ["\"x;y\"", "\"x y\"", "x\\;y", "\"x\\;y\"", "\"x\ty\""] {
        let refused = refused(&format!("a HTTPS 1 . key65333={value}\n"));
        assert!(refused.starts_with("line 4: not a plain word: key65333="), "{refused}");
        assert!(refused.ends_with("any type may be written as \\# LENGTH HEX (RFC 3597)"));
    }
}
