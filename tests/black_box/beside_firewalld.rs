//! Beside firewalld, which rejects what no zone of its names, and closes everything while it reloads.

use crate::beside_docker::bridged_frames_pass_the_firewall;
use crate::host::Host;
use crate::ports::{ask, unanswered};
use crate::reach::{PORTS, both_families, places, ports_hold, publish, scenes};
use std::thread;

/// Gives the host a bus, and firewalld a configuration of its own.
fn prepare(host: &Host) {
    host.sh("mkdir -p /run/dbus && mount -t tmpfs none /etc/firewalld").ok();
    host.serve("dbus.log", &["dbus-daemon", "--system", "--nopidfile", "--nofork"]);
    host.until("test -S /run/dbus/system_bus_socket");
}

/// Starts firewalld in the host's namespaces, and waits until it has its rules.
fn start(host: &Host) {
    host.serve(
        "firewalld.log",
        &["sh", "-c", "echo $$ >/run/firewalld.pid; exec firewalld --nofork --nopid"],
    );
    host.until("firewall-cmd --state");
}

/// Ends it; its rules go.
fn stop(host: &Host) {
    host.sh("kill -TERM $(cat /run/firewalld.pid)").ok();
    host.until("! nft list table inet firewalld");
}

/// What `netdns doctor` says is to be typed.
fn trust(host: &Host) {
    let bridges = host.sh("ip -o link show type bridge | cut -d' ' -f2 | tr -d :").ok();
    for bridge in bridges.lines() {
        host.sh(&format!("firewall-cmd --permanent --zone=trusted --add-interface={bridge}")).ok();
    }
    host.sh("firewall-cmd --reload").ok();
}

#[test]
fn who_reaches_whom_is_the_same_beside_firewalld_while_it_reloads_and_after_it_was_restarted() {
    let mut host = Host::new();
    both_families(&host);
    bridged_frames_pass_the_firewall(&host);
    prepare(&host);
    start(&host);
    host.start(&[]);
    publish(&host);
    host.inside("web", &unanswered("10.9.0.1:80/tcp")).ok();
    let doctor = host.netdns(&["doctor"]).out;
    assert!(doctor.contains("--zone=trusted --add-interface="), "{doctor}");
    trust(&host);
    host.inside("web", &ask("10.9.0.1:80/tcp")).ok();
    ports_hold(&host, "beside firewalld");

    let ours = host.sh("nft list table inet netdns; nft list table bridge netdns").ok();
    let places = places(&host, &PORTS);
    thread::scope(|scope| {
        let reloads = scope.spawn(|| {
            host.sh("for i in 1 2 3; do firewall-cmd --reload; done").ok();
            stop(&host);
            start(&host);
        });
        while !reloads.is_finished() {
            scenes::PORTS.stays_closed(&places, "while firewalld makes its rules anew");
        }
        reloads.join().expect("it reloads");
    });
    let now = host.sh("nft list table inet netdns; nft list table bridge netdns").ok();
    assert_eq!(now, ours, "a reload is none of our business");
    ports_hold(&host, "after firewalld reloaded and was restarted");
}
