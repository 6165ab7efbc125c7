//! The demo: it shows what it says, leaves nothing, and says so when something is not as it should be.

use crate::host::{Host, PATIENCE, Ran};
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Instant;

const NETDNS: &str = env!("CARGO_BIN_EXE_netdns");

/// What the demo may not change: links, addresses, routes, namespaces, mounts, firewall, sysctls.
const SURROUNDINGS: &str = "
    ip -o link; ip -o address; ip route show table all; ls /run/netns /run
    lsns --noheadings --output NS,TYPE | sort
    cat /proc/self/mountinfo
    nft list ruleset
    hostname
    grep -rs '' /proc/sys/net | grep -v -e conntrack_count -e /stat/ | sort";

/// Succeeds while any process is one of ours.
const NETDNS_RUNS: &str = r"grep -qzs '^\(.*/\)\?[n]etdns$' /proc/[0-9]*/cmdline";

#[test]
fn the_demo_shows_every_row_and_leaves_nothing() {
    let (host, before) = at_rest();
    let ran = host.netdns(&["demo"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let rows = rows(&ran);
    assert_eq!(rows.len(), 13, "{rows:?}");
    assert!(rows.iter().all(|row| row.starts_with("ok ")), "{rows:?}");
    assert!(!ran.out.contains('\x1b'), "colours without a terminal");
    assert!(seconds(&ran) < 10.0, "{}", ran.out);
    assert_eq!(host.sh(SURROUNDINGS).ok(), before);
    // What it made is seen where it is looked for: the snapshot is not blind.
    host.sh("ip link add seen type bridge").ok();
    assert_ne!(host.sh(SURROUNDINGS).ok(), before);
}

#[test]
fn a_demo_that_cannot_be_shown_fails() {
    let full = Host::new().sh(&format!("exec {NETDNS} demo >/dev/full")).fails(1);
    assert_eq!(full, "netdns: cannot write to stdout: No space left on device\n");
}

#[test]
fn the_demo_needs_no_program_but_its_own() {
    let host = Host::new();
    let bin = host.path("bin");
    fs::create_dir(&bin).expect("a directory for programs");
    symlink("/bin/sleep", bin.join("sleep")).expect("a link to sleep");
    let path = format!("PATH={}", bin.display());
    let ran = host.run(&["/usr/bin/env", &path, NETDNS, "demo"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    for tool in ["ping demo2", "dig db", "bridges", "addresses br-"] {
        assert!(ran.out.contains(&format!("netdns demo {tool}")), "{tool}: {}", ran.out);
    }
}

#[test]
fn a_demo_that_is_ended_by_a_signal_leaves_nothing() {
    let (host, before) = at_rest();
    let (snapshot, now) = (host.path("before"), host.path("now"));
    fs::write(&snapshot, format!("{before}\n")).expect("a file for the snapshot");
    let mut signals = vec!["INT", "KILL"];
    let mut late = 0;
    while let Some(signal) = signals.pop() {
        let pid = host.path("demo.pid");
        // Whoever runs the tests in the background ignores SIGINT, and so would what is started here.
        let script =
            format!("echo $$ > {}; exec env --default-signal=INT {NETDNS} demo", pid.display());
        let mut demo = host.spawn("demo.out", &["bash", "-c", &script]);
        let shown = host.path("demo.out");
        // In one script, as there is little time between: looking through all processes takes some of it.
        let seen = host.sh(&format!(
            "until grep -qs 'run -d --name demo1' {}; do {NETDNS_RUNS} && seen=1; done
             kill -{signal} $(cat {}); test -n \"$seen\"",
            shown.display(),
            pid.display()
        ));
        demo.wait().expect("nsenter ends with the demo");
        let (snapshot, now) = (snapshot.display(), now.display());
        host.until(&format!("({SURROUNDINGS}) > {now}; cmp {now} {snapshot}; ! {NETDNS_RUNS}"));
        let text = fs::read_to_string(&shown).expect("what it printed");
        // The whole takes half a second, which a busy machine may let pass before it sends the signal.
        if text.contains("RESULT") || seen.code != 0 {
            late += 1;
            assert!(late < 10, "it was over before it was seen or the signal came, each time");
            signals.push(signal);
        }
    }
}

#[test]
fn the_shell_of_keep_has_the_demos_daemon_and_all_ends_with_it() {
    let host = Host::new();
    let shell = host.path("shell");
    fs::write(&shell, "#!/bin/sh\nnetdns exec demo1 getent ahostsv4 demo2 && hostname\n")
        .expect("a shell");
    host.sh(&format!("chmod +x {}", shell.display())).ok();
    let shell = format!("SHELL={}", shell.display());
    let ran = host.run(&["/usr/bin/env", &shell, NETDNS, "demo", "--keep"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let after = ran.out.split_once("as it should be").expect("the table comes before the shell").1;
    assert!(after.contains("172.18.0."), "{after}");
    assert!(after.trim_end().ends_with("demo-host"), "{after}");
    host.sh(&format!("! {NETDNS_RUNS}")).ok();
}

#[test]
fn the_demo_fails_and_names_the_row_when_nf_tables_cannot_be_reached() {
    let refused = (libc::SYS_socket, Some((2, libc::NETLINK_NETFILTER as u32)));
    let ran = demo_without(&Host::new(), refused);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    assert!(failed(&ran, "a network is a bridge").contains("firewall"), "{}", ran.out);
}

#[test]
fn the_demo_fails_and_names_the_row_when_no_resolver_serves() {
    // It gives up its groups before it serves, or ends.
    let ran = demo_without(&Host::new(), (libc::SYS_setgroups, None));
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    for row in ["ping by name", "ping by alias", "a manual entry", "a forwarded name"] {
        failed(&ran, row);
    }
    assert!(
        rows(&ran).iter().any(|row| row.starts_with("ok ") && row.contains("a published port"))
    );
}

#[test]
fn the_demo_fails_and_names_the_row_when_the_upstream_answers_another_address() {
    let host = Host::new();
    let zones = host.path("zones");
    fs::create_dir(&zones).expect("a directory for zones");
    let built_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("zones/lab");
    for entry in fs::read_dir(built_in).expect("the lab's zones") {
        let path = entry.expect("an entry").path();
        let text = fs::read_to_string(&path).expect("a zone").replace("192.0.2.80", "192.0.2.81");
        fs::write(zones.join(path.file_name().expect("a file")), text).expect("another zone");
    }
    let zones = format!("NETDNS_DEMO_ZONES={}", zones.display());
    let ran = host.run(&["/usr/bin/env", &zones, NETDNS, "demo"]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    assert!(failed(&ran, "a forwarded name").contains("192.0.2.81"), "{}", ran.out);
    let good = rows(&ran).iter().filter(|row| row.starts_with("ok ")).count();
    assert_eq!(good, 11, "only what needs the upstream's answer fails: {}", ran.out);
}

#[test]
fn who_is_not_root_sees_the_demo_where_user_namespaces_are_allowed() {
    let (host, before) = at_rest();
    let netdns = everybodys(&host);
    let ran = host.run(&[&NOBODY[..], &[&netdns, "demo"]].concat());
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let rows = rows(&ran);
    assert_eq!(rows.len(), 13, "{rows:?}");
    assert!(rows.iter().all(|row| row.starts_with("ok ")), "{rows:?}");
    assert!(ran.out.contains("so the resolver keeps it"), "{}", ran.out);
    assert_eq!(host.sh(SURROUNDINGS).ok(), before);
}

#[test]
fn who_is_not_root_is_told_what_to_type_where_user_namespaces_are_not_allowed() {
    let host = Host::new();
    let netdns = everybodys(&host);
    let script = format!("echo 0 > /proc/sys/user/max_user_namespaces && exec {netdns} demo");
    let outer = ["unshare", "--user", "--map-current-user", "--keep-caps", "bash", "-euc", &script];
    let said = host.run(&[&NOBODY[..], &outer].concat()).fails(1);
    assert!(said.contains("demo needs root here"), "{said}");
    assert!(said.contains("user.max_user_namespaces is 0"), "{said}");
    assert!(said.contains(&format!("hint: sudo {netdns} demo")), "{said}");
}

/// Runs what follows as an ordinary user.
const NOBODY: [&str; 5] = ["setpriv", "--reuid", "65534", "--regid=65534", "--clear-groups"];

/// Puts the program where an ordinary user may run it.
fn everybodys(host: &Host) -> String {
    let netdns = host.path("netdns").display().to_string();
    host.sh(&format!("install -m 755 {NETDNS} {netdns} && chmod 755 {}", host.dir().display()))
        .ok();
    netdns
}

/// Makes a host of which nothing changes by itself, as link-local addresses do while they are tentative; and looks.
fn at_rest() -> (Host, String) {
    let host = Host::new();
    host.sh("off=/proc/sys/net/ipv6/conf/up0/disable_ipv6; ! test -e $off || echo 1 > $off").ok();
    let before = host.sh(SURROUNDINGS).ok();
    (host, before)
}

/// Returns the rows of the table.
fn rows(ran: &Ran) -> Vec<String> {
    let lines = ran.out.lines().skip_while(|line| !line.starts_with("RESULT ")).skip(1);
    lines.take_while(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// Returns the row of something that must have failed.
#[track_caller]
fn failed(ran: &Ran, shown: &str) -> String {
    let row = rows(ran).into_iter().find(|row| row.starts_with("FAILED ") && row.contains(shown));
    row.unwrap_or_else(|| panic!("`{shown}` has not failed:\n{}", ran.out))
}

/// Returns how long the demo says that it took.
fn seconds(ran: &Ran) -> f32 {
    let words: Vec<&str> = ran.out.split_ascii_whitespace().collect();
    let [.., number, "s"] = words[..] else { panic!("no time: {}", ran.out) };
    number.parse().expect("a number of seconds")
}

/// Runs the demo without a system call: one that is refused with EPERM, of any kind or with one argument only.
fn demo_without(host: &Host, (call, argument): (libc::c_long, Option<(u32, u32)>)) -> Ran {
    let mut command = host.command(NETDNS);
    command.arg("demo");
    let filter = filter(call as u32, argument);
    // SAFETY: between fork and exec it makes one system call, over memory that exists.
    unsafe { command.pre_exec(move || refuse(&filter)) };
    bounded(command)
}

/// Runs a command for as long as anything that is awaited may take, several times over.
fn bounded(mut command: Command) -> Ran {
    use std::process::Stdio;
    let demo: Child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("nsenter (util-linux) runs");
    let started = Instant::now();
    let ran = demo.wait_with_output().expect("it can be waited for").into();
    assert!(started.elapsed() < PATIENCE * 5, "it took {:?}", started.elapsed());
    ran
}

/// A seccomp filter that refuses a call; with an argument only where that has the value.
fn filter(call: u32, argument: Option<(u32, u32)>) -> Vec<libc::sock_filter> {
    let statement = |code: u32, k| libc::sock_filter { code: code as u16, jt: 0, jf: 0, k };
    let unless = |k, over| libc::sock_filter {
        code: (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16,
        jt: 0,
        jf: over,
        k,
    };
    let load = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    let deny = libc::SECCOMP_RET_ERRNO | libc::EPERM as u32;
    // `struct seccomp_data`: the call's number first, its arguments from byte 16, eight each.
    let mut filter = vec![statement(load, 0), unless(call, if argument.is_some() { 3 } else { 1 })];
    if let Some((number, value)) = argument {
        filter.extend([statement(load, 16 + 8 * number), unless(value, 1)]);
    }
    filter.push(statement(libc::BPF_RET, deny));
    filter.push(statement(libc::BPF_RET, libc::SECCOMP_RET_ALLOW));
    filter
}

fn refuse(filter: &[libc::sock_filter]) -> io::Result<()> {
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_ptr().cast_mut() };
    // SAFETY: the kernel copies the program, which outlives the call.
    let set = unsafe {
        libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER as libc::c_ulong, &program)
    };
    if set == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
