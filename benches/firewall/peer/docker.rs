//! Real Docker with default settings: a docker-proxy for each port and family.

use super::{Peer, packaged, with_ports};
use crate::host::{Host, Unable};
use crate::stage;
use std::time::Duration;

/// A port takes two processes and a quarter of a second; a container has a shim of some 13 MB and takes half a second.
const MOST: (usize, usize) = (100, 50);

/// runc cannot raise hard limits, and machines like CI runners have lower ones than Docker's defaults.
const RUN: [&str; 7] = [
    "docker",
    "run",
    "-d",
    "--ulimit=nofile=1024:1024",
    "--ulimit=nproc=1024:1024",
    "--network=bench",
    "--name",
];

pub struct Docker {
    host: Host,
}

impl Docker {
    pub fn start() -> Result<Self, Unable> {
        let host = Host::new("docker")?;
        let path = |name: &str| host.dir.join(name).display().to_string();
        let (data, exec, pid) = (path("data"), path("exec"), path("pid"));
        let socket = std::env::var("DOCKER_HOST").unwrap_or_default();
        let cgroup = stage::cgroup();
        let mut words = vec!["dockerd", "--data-root", &data, "--exec-root", &exec];
        words.extend(["--pidfile", &pid, "--host", &socket, "--cgroup-parent", &cgroup]);
        host.serve(&words, "API listen on")?;
        let (busybox, image) = (packaged("/bin/busybox", "busybox-static")?, path("image"));
        let import = "mkdir -p $1/bin && cp $2 $1/bin/busybox && ln -s busybox $1/bin/sleep
                      tar -C $1 -c . | docker import - bench";
        host.run(&["bash", "-euc", import, "bash", &image, &busybox])?;
        host.run(&["docker", "network", "create", "bench"])?;
        Ok(Self { host })
    }
}

impl Peer for Docker {
    fn version(&self) -> String {
        let format = "{{.Client.Version}}, dockerd {{.Server.Version}}";
        let version = self.host.run(&["docker", "version", "--format", format]);
        format!("docker {}", version.map_or_else(|why| why, |ran| ran.out))
    }

    fn start(&self, name: &str, publish: &[String]) -> Result<Duration, Unable> {
        let words = [&RUN[..], &[name]].concat();
        Ok(self.host.run(&with_ports(&words, publish, &["bench", "/bin/sleep", "3600"]))?.took)
    }

    fn end(&self, name: &str) -> Result<Duration, Unable> {
        Ok(self.host.run(&["docker", "rm", "-f", name])?.took)
    }

    fn programs(&self) -> &'static [&'static str] {
        &["dockerd --data-root", "containerd --config", "docker-proxy -proto"]
    }

    fn most(&self) -> (usize, usize) {
        MOST
    }
}
