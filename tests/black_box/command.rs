//! What `run` and `exec` tell their command: who it is, its environment and directory, its network's settings.

use crate::host::Host;

/// A directory that root alone may enter, and a file of users in which `tester` (4321) is in two groups.
fn host() -> Host {
    let host = Host::with_daemon();
    host.sh(&format!(
        "cp /etc/passwd {0}/passwd; cp /etc/group {0}/group
         echo 'tester:x:4321:4322::/home/tester:/bin/sh' >>{0}/passwd
         echo 'testers:x:4323:tester' >>{0}/group
         mount --bind {0}/passwd /etc/passwd; mount --bind {0}/group /etc/group
         mkdir -m 700 {0}/closed",
        host.dir().display()
    ))
    .ok();
    host
}

const WHO: &str = "echo $(id -u):$(id -g) $(id -G) ${HOME-} ${USER-}; grep -c CapEff:.*0000$ /proc/self/status || true";

#[test]
fn a_command_runs_as_the_user_that_is_named_with_its_groups_and_home() {
    let host = host();
    let run = |user: &str| {
        host.netdns(&["run", "--rm", "-e", "USER=me", "-u", user, "bash", "-c", WHO]).ok()
    };
    // Only root keeps capabilities.
    let tester = "4321:4322 4322 4323 /home/tester me\n1";
    assert_eq!(run("tester"), tester);
    assert_eq!(run("4321"), tester);
    assert_eq!(run("tester:testers"), "4321:4323 4323 /home/tester me\n1");
    assert_eq!(run("7777:8888"), "7777:8888 8888 / me\n1");
    assert_eq!(run("root").lines().next(), Some("0:0 0 /root me"));
    assert_eq!(run("root").lines().last(), Some("0"));
    for (user, text) in [
        ("nosuch", "unable to find user nosuch: no matching entries in passwd file"),
        ("tester:nosuch", "unable to find group nosuch: no matching entries in group file"),
        ("-1", "uids and gids must be in range 0-2147483647: -1"),
    ] {
        let user = format!("--user={user}");
        let refused = host.netdns(&["run", "--rm", &user, "true"]).fails(125);
        assert_eq!(refused, format!("netdns: {text}\n"));
    }

    // exec has the sandbox's user unless it is told another one; a log is the user's to write by path.
    let closed = host.path("closed").display().to_string();
    let script = "echo heard >/dev/stdout; sleep 3600";
    let flags = ["-d", "--name", "box", "-u", "4321:4322", "-w", &closed];
    host.netdns(&[&["run"], &flags[..], &["bash", "-c", script]].concat()).ok();
    host.until(&format!("{} logs box | grep -qx heard", env!("CARGO_BIN_EXE_netdns")));
    let exec = |flags: &[&str]| host.netdns(&[&["exec"], flags, &["box", "id", "-u"]].concat());
    assert_eq!(exec(&[]).ok(), "4321");
    assert_eq!(exec(&["-u", "0"]).ok(), "0");
    assert_eq!(exec(&["-u", "daemon"]).ok(), "1");
    assert!(exec(&["-u", "nosuch"]).fails(125).contains("unable to find user nosuch"));
    assert!(host.netdns(&["inspect", "box"]).ok().contains("\"User\": \"4321:4322\""));
}

#[test]
fn a_sysctl_is_set_in_the_sandbox_alone_before_its_command_starts() {
    let host = Host::with_daemon();
    let read = "cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/conf/eth0/arp_ignore";
    let flags =
        ["--sysctl", "net.ipv4.ip_forward=1", "--sysctl", "net/ipv4/conf/eth0/arp_ignore=2"];
    let run =
        |flags: &[&str]| host.netdns(&[&["run", "--rm"], flags, &["bash", "-c", read]].concat());
    assert_eq!(run(&flags).ok(), "1\n2");
    assert_eq!(run(&[]).ok(), "0\n0");
    assert_eq!(host.sh("cat /proc/sys/net/ipv4/conf/all/arp_ignore").ok(), "0");
    for (sysctl, text) in [
        ("kernel.panic=1", "sysctl 'kernel.panic=1' is not allowed"),
        ("net.ipv4.ip_forward", "sysctl 'net.ipv4.ip_forward' is not allowed"),
        ("net/../kernel/panic=1", "sysctl 'net/../kernel/panic=1' is not allowed"),
        ("net.nosuch=1", "cannot set sysctl net.nosuch=1: No such file or directory"),
        ("net.ipv4.ip_forward=x", "cannot set sysctl net.ipv4.ip_forward=x: Invalid argument"),
    ] {
        let refused = run(&["--sysctl", sysctl]).fails(125);
        assert!(refused.starts_with(&format!("netdns: {text}\n")), "{refused}");
    }
    let hosts = run(&["--network", "host", "--sysctl", "net.ipv4.ip_forward=1"]).fails(125);
    assert!(
        hosts.contains("sysctl \"net.ipv4.ip_forward\" not allowed in host network"),
        "{hosts}"
    );
    assert_eq!(host.netdns(&["ps", "-aq"]).ok(), "", "a refused run left something");
}

#[test]
fn environment_directory_and_terminal_are_the_callers_but_for_what_is_said() {
    let host = Host::with_daemon();
    host.sleeper("box", &[]);
    let netdns = env!("CARGO_BIN_EXE_netdns");
    for verb in ["run --rm", "exec"] {
        let name = if verb == "exec" { "box " } else { "" };
        let said = |flags: &str| {
            let script = "cd /usr; A=1 B=2 C=3";
            host.sh(&format!(
                "{script} {netdns} {verb} {flags} {name} sh -c 'echo $A-$B-$D $PWD; pwd'"
            ))
        };
        assert_eq!(said("").ok(), "1-2- /usr\n/usr", "{verb}");
        assert_eq!(said("-e B=x --env D=a=b -e C").ok(), "1-x-a=b /usr\n/usr", "{verb}");
        assert_eq!(said("-w /tmp").ok().lines().last(), Some("/tmp"), "{verb}");
        for bad in ["''", "=x", "="] {
            let refused = said(&format!("-e {bad}")).fails(125);
            let text = format!("netdns: invalid environment variable: {}\n", bad.replace('\'', ""));
            assert!(refused.starts_with(&text), "{verb}: {refused}");
        }
        let closed = said("-w /nonexistent").fails(125);
        assert!(closed.contains("/nonexistent: No such file"), "{verb}: {closed}");
        let no_terminal = said("-it").fails(125);
        assert!(no_terminal.contains("the input device is not a TTY"), "{verb}: {no_terminal}");
        let input = host.sh(&format!("echo hello | {netdns} {verb} -i {name} cat"));
        assert_eq!(input.ok(), "hello", "{verb}");
    }
}

#[test]
fn a_port_that_is_published_twice_by_one_run_names_nobody_else() {
    let host = Host::with_daemon();
    let twice = ["run", "-d", "--name", "web", "-p", "5003:80", "-p", "5003:81", "sleep", "3600"];
    let refused = host.netdns(&twice).fails(125);
    let text = "netdns: Bind for 0.0.0.0:5003 failed: port is already allocated\nhint: it is asked for twice\n";
    assert_eq!(refused, text);
    host.sleeper("web", &["-p", "5003:80"]);
}
