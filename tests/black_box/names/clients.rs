//! The programs that ask: glibc's, musl's and dig's look-ups, over UDP and TCP.

use super::upstream::Upstream;
use super::{dig, short, with_localnet};
use std::fs;

/// Prints what getaddrinfo says, an address a line.
const LOOK_UP: &str = r#"
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
int main(int count, char **words) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    int failed = getaddrinfo(words[count - 1], 0, &hints, &found);
    if (failed) { puts(gai_strerror(failed)); return 2; }
    for (; found; found = found->ai_next) {
        char text[INET6_ADDRSTRLEN];
        void *address = found->ai_family == AF_INET ? (void *)&((struct sockaddr_in *)found->ai_addr)->sin_addr
                                                    : (void *)&((struct sockaddr_in6 *)found->ai_addr)->sin6_addr;
        puts(inet_ntop(found->ai_family, address, text, sizeof text));
    }
    return 0;
}
"#;

#[test]
fn glibc_musl_and_dig_agree() {
    let host = with_localnet();
    let _upstream = Upstream::at_router(&host);
    host.sleeper("web", &["--network", "localnet"]);
    host.sleeper("client", &["--network", "localnet"]);
    host.netdns(&["register", "six", "2001:db8::6"]).ok();
    fs::write(host.path("look-up.c"), LOOK_UP).expect("a program's text");
    let dir = host.dir().display().to_string();
    host.sh(&format!("cd {dir}; musl-gcc -static -o musl look-up.c; gcc -o glibc look-up.c")).ok();
    let known = [
        ("web", "A", "172.18.0.2"),
        ("WEB.localnet", "A", "172.18.0.2"),
        ("web.", "A", "172.18.0.2"),
        ("web.example.test", "A", "198.51.100.7"),
        ("six", "AAAA", "2001:db8::6"),
    ];
    for (name, rr_type, address) in known {
        assert_eq!(short(&host, "client", &format!("{name} {rr_type}")), [address], "dig {name}");
        for libc in ["musl", "glibc"] {
            let found = host.netdns(&["exec", "client", &format!("{dir}/{libc}"), name]).ok();
            assert_eq!(found, address, "{libc} {name}");
        }
    }
    let found = host.inside("client", "getent ahostsv4 web").ok();
    assert!(found.starts_with("172.18.0.2 "), "{found}");
    for libc in ["musl", "glibc"] {
        host.netdns(&["exec", "client", &format!("{dir}/{libc}"), "nobody"]).fails(2);
    }
    assert_eq!(dig(&host, "client", "nobody").status, "NXDOMAIN");
}

#[test]
fn what_is_too_large_for_udp_is_truncated_there_and_whole_over_tcp() {
    let host = with_localnet();
    host.sleeper("web", &["--network", "localnet"]);
    let text = "0123456789".repeat(300);
    host.netdns(&["register", "big", "--type", "TXT", &text]).ok();
    let whole = |lines: Vec<String>| lines.concat().replace(['"', ' '], "") == text;
    let cut = dig(&host, "web", "+ignore +bufsize=1232 big TXT");
    assert!(cut.flags.contains(&"tc".into()) && cut.answer.is_empty(), "{cut:?}");
    let plain = dig(&host, "web", "+ignore +noedns big TXT");
    assert!(plain.flags.contains(&"tc".into()), "{plain:?}");
    assert!(whole(short(&host, "web", "+ignore +bufsize=4096 big TXT")));
    assert!(whole(short(&host, "web", "+bufsize=1232 big TXT")), "dig asks again over TCP");
    assert!(whole(short(&host, "web", "+tcp big TXT")));
    assert_eq!(short(&host, "web", "+tcp web"), ["172.18.0.2"]);
}
