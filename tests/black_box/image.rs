//! The container image: an empty one around the program, built and run by Docker itself.

use crate::beside_docker::Dockerd;
use crate::host::Host;
use std::process::Command;

const NETDNS: &str = env!("CARGO_BIN_EXE_netdns");
const DOCKERFILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docker/Dockerfile");

/// runc cannot raise hard limits, and machines that test have lower ones than Docker's defaults.
const LIMITS: &str = "--ulimit nofile=1024:1024 --ulimit nproc=1024:1024";

/// What the daemon needs of `--privileged`: on machines that test, not even root has every capability.
const POWERS: &str = "--cap-add NET_ADMIN --cap-add SYS_ADMIN --cap-add SYS_PTRACE \
     --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined";

#[test]
fn the_image_is_empty_but_for_the_program_and_its_daemon_serves_the_host() {
    let host = Host::new();
    let cgroup = Cgroup::new();
    let docker = Dockerd::start(&host);
    let socket = host.path("docker.sock");
    let docker_does = |script: &str| {
        let socket = socket.display();
        host.sh(&format!("export DOCKER_HOST=unix://{socket}; {script}"))
    };
    docker_does(&format!(
        "mkdir {0} && strip -o {0}/netdns {NETDNS} && cp {DOCKERFILE} {0}/ && tar -c -C {0} . | docker build -t netdns -",
        host.path("image").display()
    ))
    .ok();
    let run = format!("docker run --cgroup-parent {} {LIMITS}", cgroup.0);
    let version = docker_does(&format!("{run} --rm --network none netdns version")).ok();
    assert_eq!(version, host.netdns(&["version"]).ok());

    // Docker looks at the first mount of a path, which on a machine that tests may be one below the host's own.
    let named = host.path("netns").display().to_string();
    host.sh(&format!("mkdir {named} && mount --rbind /run/netns {named}")).ok();
    let (here, state) = (host.path("run"), host.path("state"));
    docker_does(&format!(
        "mkdir {here} {state} && {run} -d --name netdns {POWERS} --network host --pid host \
         -v {here}:/run/netdns -v {state}:/var/lib/netdns -v {named}:/run/netns:rslave -v /etc/netns:/etc/netns netdns",
        here = here.display(),
        state = state.display()
    ))
    .ok();
    host.until(&format!("test -S {}/api.sock && {NETDNS} status", here.display()));
    docker_does("docker exec netdns /netdns network create localnet").ok();
    host.sleeper("web", &["--network", "localnet"]);
    host.sleeper("db", &["--network", "localnet"]);
    let found = host.inside("web", "getent ahostsv4 db").ok();
    assert!(found.starts_with(&host.address("db", "localnet")), "{found}");
    host.sh("ip netns add lab").ok();
    docker_does(
        "docker exec netdns /netdns attach --netns /run/netns/lab --name lab --network localnet",
    )
    .ok();
    host.sh("ip netns exec lab getent ahostsv4 db").ok();

    // The resolver is the container's; the next one finds the sandboxes again.
    docker_does("docker restart netdns").ok();
    host.until(&format!("{NETDNS} status"));
    host.inside("web", "getent ahostsv4 db").ok();
    host.netdns(&["reset", "-f"]).ok();
    docker_does("docker rm -f netdns").ok();
    docker.stop(&host);
}

/// The parent of the containers' cgroups: process 1 of a test's host takes its processes along, but no directory.
struct Cgroup(String);

impl Cgroup {
    fn new() -> Self {
        Self(format!("netdns-image-{}", std::process::id()))
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let find =
            "find /sys/fs/cgroup -depth -type d -path \"*/$1*\" -exec rmdir {} + 2>/dev/null";
        let _ = Command::new("bash").args(["-c", find, "bash", &self.0]).status();
    }
}
