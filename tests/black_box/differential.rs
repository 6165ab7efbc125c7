//! The same zone file and the same questions to us and to nsd, an authoritative server: what differs is said here.
//!
//! Meant to differ, and so left out of what is compared: RA (we recurse), and what lies below a delegation (we forward, nsd
//! refers). A CNAME's target has our own lower case; and where a CNAME leads to nothing, nsd has the SOA as we have.

use crate::host::Host;
use crate::names::Reply;
use std::fs;

const ZONE: &str = "$TTL 300\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 192.0.2.53\n\
    www A 192.0.2.10\n    A 192.0.2.11\n  AAAA 2001:db8::10\nalias CNAME www\nchain CNAME alias\n\
    gone CNAME nowhere\ntoo CNAME alias.ent\nb.ent TXT \"two words\" \"three\"\n*.wild A 192.0.2.20\n\
    here.wild TXT x\nx.y.wild TXT y\n*.cw CNAME www\n@ MX 10 www\n_x._tcp SRV 1 2 80 www\n\
    caa CAA 0 issue \"ca.test\"\nesc\\.aped TXT \"\\065\\\"\\\\\"\nhttps HTTPS 1 . alpn=h2,h3 port=8443\n\
    gen TYPE65280 \\# 3 010203\nsshfp SSHFP 1 1 00112233445566778899aabbccddeeff00112233\n\
    naptr NAPTR 1 2 u E2U+sip \"!^.*$!sip:a@b!\" .\n";

const NAMES: [&str; 28] = [
    "@",
    "www",
    "WWW",
    "alias",
    "chain",
    "gone",
    "too",
    "ent",
    "b.ent",
    "c.ent",
    "wild",
    "any.wild",
    "deep.any.wild",
    "here.wild",
    "below.here.wild",
    "y.wild",
    "z.y.wild",
    "any.cw",
    "cw",
    "_x._tcp",
    "_tcp",
    "caa",
    "esc\\.aped",
    "https",
    "gen",
    "sshfp",
    "naptr",
    "missing",
];

const TYPES: [&str; 13] = [
    "A",
    "AAAA",
    "CNAME",
    "MX",
    "NS",
    "SOA",
    "SRV",
    "TXT",
    "CAA",
    "HTTPS",
    "SSHFP",
    "NAPTR",
    "TYPE65280",
];

/// What of a reply is compared: code, answer, and the SOA that says for how long a no holds.
fn compared(reply: &Reply) -> (String, Vec<String>, Vec<String>) {
    let lower = |record: &String| match record.contains(" CNAME ") {
        true => record.to_lowercase(),
        false => record.clone(),
    };
    let mut answer: Vec<String> = reply.answer.iter().map(lower).collect();
    answer.sort();
    let soa = reply.authority.iter().filter(|record| record.contains(" SOA ")).cloned().collect();
    (reply.status.clone(), answer, soa)
}

/// Cuts what dig has printed of many questions into replies, each with its question.
fn replies(text: &str) -> Vec<(String, Reply)> {
    let parts = text.split("; <<>> DiG").skip(1);
    let read = |part: &str| {
        let question = part.split_once(";; QUESTION SECTION:\n").expect("a question").1;
        let question = question.lines().next().unwrap_or_default().to_owned();
        (question, Reply::read(part.to_owned()))
    };
    parts.map(read).collect()
}

#[test]
fn a_zone_is_answered_as_nsd_answers_it() {
    let mut host = Host::new();
    fs::create_dir(host.path("zones")).expect("a directory");
    fs::write(host.path("zones/corp.test.zone"), ZONE).expect("a zone");
    let dir = host.dir().display().to_string();
    let config = format!(
        "server:\n ip-address: 10.9.0.1\n username: \"\"\n chroot: \"\"\n zonesdir: {dir}/zones\n \
         database: \"\"\n pidfile: {dir}/nsd.pid\n xfrdfile: {dir}/nsd.xfrd\n zonelistfile: {dir}/nsd.list\n \
         minimal-responses: yes\n rrl-ratelimit: 0\nremote-control:\n control-enable: no\n\
         zone:\n name: corp.test\n zonefile: corp.test.zone\n"
    );
    let file = host.path("nsd.conf");
    fs::write(&file, config).expect("a file");
    let file = file.display().to_string();
    host.serve("nsd.log", &["ip", "netns", "exec", "router", "nsd", "-d", "-c", &file]);
    host.until("dig +short +time=1 +tries=1 @10.9.0.1 corp.test SOA | grep -q hostmaster");
    host.start(&[]);
    host.netdns(&["network", "create", "localnet"]).ok();
    host.sleeper("web", &["--network", "localnet"]);

    let named = |name: &&str| match *name {
        "@" => "corp.test".to_owned(),
        name => format!("{name}.corp.test"),
    };
    let names: Vec<String> = NAMES.iter().map(named).collect();
    let asks = |name: &String| TYPES.map(|kind| format!("{name} {kind} +norec +tries=2\n"));
    let questions: String = names.iter().flat_map(asks).collect();
    fs::write(host.path("questions"), questions).expect("a file");
    let theirs = host.sh(&format!("dig @10.9.0.1 -f {dir}/questions")).ok();
    let ours = host.inside("web", &format!("dig @127.0.0.11 -f {dir}/questions")).ok();
    let (theirs, ours) = (replies(&theirs), replies(&ours));
    assert_eq!((ours.len(), theirs.len()), (NAMES.len() * TYPES.len(), ours.len()));
    let pairs = ours.iter().zip(&theirs);
    let differ = pairs.filter(|(ours, theirs)| compared(&ours.1) != compared(&theirs.1));
    let differ: Vec<String> = differ
        .map(|((question, ours), (_, theirs))| {
            format!("{question}:\n we  {:?}\n nsd {:?}", compared(ours), compared(theirs))
        })
        .collect();
    assert!(differ.is_empty(), "{} differ\n{}", differ.len(), differ.join("\n"));
}
