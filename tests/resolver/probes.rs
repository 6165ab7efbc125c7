//! The probes of RFC 8906 section 8: whatever a query holds that is not known here, it gets an answer, in one round trip.

use crate::lab::*;

const OPT: [u8; 3] = [0, 0, 41];

/// A query for the address of `web`, with something else in its header, its type, and an OPT if any: version, flags, option.
struct Probe {
    flags: u16,
    rr_type: u16,
    edns: Option<(u8, u16, Option<u16>)>,
}

impl Probe {
    fn packet(&self) -> Vec<u8> {
        let words = [0x4242, self.flags, 1, 0, 0, u16::from(self.edns.is_some())];
        let mut packet: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        packet.extend(b"\x03web\0");
        packet.extend([self.rr_type, 1].iter().flat_map(|word| word.to_be_bytes()));
        if let Some((version, flags, option)) = self.edns {
            packet.extend([&OPT[..], &[0x10, 0, 0, version], &flags.to_be_bytes()].concat());
            let option =
                option.map_or(Vec::new(), |code| [&code.to_be_bytes()[..], &[0, 2, 7, 7]].concat());
            packet.extend((option.len() as u16).to_be_bytes());
            packet.extend(option);
        }
        packet
    }
}

/// What an answer says: the header's flags but the response code, the whole code, how many answers, and the OPT's version, flags
/// and data.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    flags: u16,
    rcode: u16,
    answers: u16,
    opt: Option<(u8, u16, Vec<u8>)>,
}

fn said(reply: &[u8]) -> Said {
    let word = |at: usize| u16::from_be_bytes([reply[at], reply[at + 1]]);
    let additional = word(10);
    // An OPT is the last record, and what follows it is its data alone.
    let opt = (additional > 0).then(|| {
        let at = reply.windows(3).rposition(|window| window == OPT).unwrap();
        (reply[at + 6], word(at + 7), reply[at + 11..].to_vec())
    });
    let high = match additional {
        0 => 0,
        _ => reply[reply.windows(3).rposition(|window| window == OPT).unwrap() + 5],
    };
    Said {
        flags: word(2) & 0xfff0,
        rcode: u16::from(high) << 4 | word(2) & 15,
        answers: word(6),
        opt,
    }
}

#[tokio::test]
async fn every_probe_of_rfc_8906_gets_its_answer_over_udp_and_tcp() {
    const PLAIN: u16 = 0x0100;
    const ANSWER: u16 = 0x8580;
    let lab = Lab::start();
    let inside = lab.serve(2, &[]).await;
    lab.update(vec![endpoint(3, "web")]).await;
    let mut stream = inside.connect();
    let edns = |version, flags, option| Some((version, flags, option));
    let opt = |flags| Some((0, flags, Vec::new()));
    // The header's flags, the type, the OPT; then flags, code, answers and OPT of the reply.
    for (what, flags, rr_type, asked, expected) in [
        ("a known type", PLAIN, 1, None, (ANSWER, 0, 1, None)),
        ("SOA", PLAIN, 6, None, (ANSWER, 0, 0, None)),
        ("an unknown type", PLAIN, 1000, None, (ANSWER, 0, 0, None)),
        ("no RD", 0, 1, None, (0x8480, 0, 1, None)),
        ("the reserved flag", PLAIN | 0x40, 1, None, (ANSWER, 0, 1, None)),
        ("AA and RA in a query", PLAIN | 0x480, 1, None, (ANSWER, 0, 1, None)),
        ("TC in a query", PLAIN | 0x200, 1, None, (ANSWER, 0, 1, None)),
        ("AD", PLAIN | 0x20, 1, None, (ANSWER, 0, 1, None)),
        ("CD", PLAIN | 0x10, 1, None, (ANSWER | 0x10, 0, 1, None)),
        ("an unknown opcode", PLAIN | 15 << 11, 1, None, (0x8180 | 15 << 11, 4, 0, None)),
        ("EDNS", PLAIN, 1, edns(0, 0, None), (ANSWER, 0, 1, opt(0))),
        ("DO", PLAIN, 1, edns(0, 0x8000, None), (ANSWER, 0, 1, opt(0x8000))),
        ("unknown flags", PLAIN, 1, edns(0, 0x0080, None), (ANSWER, 0, 1, opt(0))),
        ("an unknown option", PLAIN, 1, edns(0, 0, Some(100)), (ANSWER, 0, 1, opt(0))),
        ("a later version", PLAIN, 1, edns(1, 0, None), (0x8180, 16, 0, opt(0))),
        ("a later version and flags", PLAIN, 1, edns(1, 0x80, None), (0x8180, 16, 0, opt(0))),
        ("a later version and an option", PLAIN, 1, edns(1, 0, Some(100)), (0x8180, 16, 0, opt(0))),
        ("an unknown type with EDNS", PLAIN, 1000, edns(0, 0, None), (ANSWER, 0, 0, opt(0))),
    ] {
        let packet = Probe { flags, rr_type, edns: asked }.packet();
        let (flags, rcode, answers, opt) = expected;
        let expected = Said { flags, rcode, answers, opt };
        inside.client.send(&packet).unwrap();
        let mut buffer = [0; 4096];
        let length = inside.client.recv(&mut buffer).unwrap();
        assert_eq!(buffer[..2], packet[..2], "{what}");
        assert_eq!(said(&buffer[..length]), expected, "{what}");
        write_tcp(&mut stream, &packet);
        assert_eq!(said(&read_tcp(&mut stream).unwrap()), expected, "{what}, over TCP");
    }
}
