use super::*;

fn said(out: &str) -> Said {
    Said { typed: "ping".into(), out: out.into(), err: String::new(), code: 0 }
}

#[test]
fn a_ping_counts_only_when_its_reply_is_counted() {
    let demo2 = Some(Ipv4Addr::new(172, 18, 0, 3));
    let iputils = "PING demo2 (172.18.0.3) 56(84) bytes of data.\n\
                   64 bytes from demo2.localnet (172.18.0.3): icmp_seq=1 ttl=64 time=0.08 ms\n\n\
                   --- demo2 ping statistics ---\n\
                   1 packets transmitted, 1 received, 0% packet loss, time 0ms\n";
    let busybox = "PING demo2 (172.18.0.3): 56 data bytes\n\
                   64 bytes from 172.18.0.3: seq=0 ttl=64 time=0.068 ms\n\n\
                   --- demo2 ping statistics ---\n\
                   1 packets transmitted, 1 packets received, 0% packet loss\n";
    assert_eq!(reached(&said(iputils)), demo2);
    assert_eq!(reached(&said(busybox)), demo2);
    assert_eq!(reached(&said(&iputils.replace("1 received", "0 received"))), None);
    assert_eq!(reached(&said("ping: demo2: Name or service not known\n")), None);
}

#[test]
fn a_reply_has_a_status_and_the_addresses_of_its_answer_section() {
    let reply = ";; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 7\n\
                 ;; ANSWER SECTION:\n\
                 alias.\t60\tIN\tCNAME\twww.\n\
                 www.\t\t60\tIN\tA\t192.0.2.80\n";
    assert_eq!(status(reply), Some("NOERROR"));
    assert_eq!(addresses(reply), ["192.0.2.80"]);
    assert_eq!(status("connection timed out"), None);
}

#[test]
fn ports_are_those_of_the_bridge_that_is_asked_for() {
    let listing = "bridge name\tbridge id\t\tSTP enabled\tinterfaces\n\
                   br-a\t\t8000.225c8dcf25cd\tno\t\tveth1\n\
                   \t\t\t\t\t\t\tveth2\n\
                   br-b\t\t8000.000000000000\tno\t\t\n\
                   br-c\t\t8000.225c8dcf25ce\tno\t\tveth3\n";
    assert_eq!(ports(listing, "br-a"), Ok(vec!["veth1".to_owned(), "veth2".to_owned()]));
    assert_eq!(ports(listing, "br-b"), Ok(Vec::new()));
    assert!(ports(listing, "br-d").is_err());
}
