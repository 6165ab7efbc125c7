//! Real Docker: `docker network connect` on a running container, and `docker run -d`.

use super::{Peer, packaged};
use crate::asker::Asker;
use crate::host::{Host, Ran, Unable};
use crate::measure::{Act, Samples};
use crate::stage;
use std::path::PathBuf;

const ATTACHMENTS: usize = 4;
const RUNS: usize = 2;

/// Each container has a shim of some 13 MB and takes half a second: more are not started.
const MOST: usize = 100;

/// runc cannot raise hard limits, and machines like CI runners have lower ones than Docker's defaults.
const RUN: [&str; 6] =
    ["docker", "run", "-d", "--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024", "--name"];
const COMMAND: [&str; 3] = ["bench", "/bin/sleep", "3600"];

/// The container that is connected and disconnected.
const SPARE: &str = "docker-spare";

pub struct Docker {
    host: Host,
    asker: Option<Asker>,
    endpoints: usize,
    measured: usize,
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
        import(&host)?;
        host.run(&["docker", "network", "create", "bench"])?;
        host.run(&[&RUN[..], &[SPARE], &COMMAND].concat())?;
        Ok(Self { host, asker: None, endpoints: 0, measured: 0 })
    }

    fn start_container(&self, name: &str) -> Result<Ran, Unable> {
        self.host.run(&[&RUN[..], &[name, "--network", "bench"], &COMMAND].concat())
    }
}

/// Makes an image of a static busybox.
fn import(host: &Host) -> Result<(), Unable> {
    let busybox = packaged("/bin/busybox", "busybox-static")?;
    let image = host.dir.join("image").display().to_string();
    let script = "mkdir -p $1/bin && cp $2 $1/bin/busybox && ln -s busybox $1/bin/sleep
                  tar -C $1 -c . | docker import - bench";
    host.run(&["bash", "-euc", script, "bash", &image, &busybox]).map(drop)
}

impl Peer for Docker {
    fn versions(&self) -> String {
        let format = "{{.Client.Version}}, dockerd {{.Server.Version}}";
        let version = self.host.run(&["docker", "version", "--format", format]);
        format!("docker {}", version.map_or_else(|why| why, |ran| ran.out))
    }

    fn fill(&mut self, endpoints: usize) -> Result<(), Unable> {
        if endpoints > MOST {
            return Err(format!(
                "not tried: {endpoints} containers take 13 MB and half a second each"
            ));
        }
        while self.endpoints < endpoints {
            let name = format!("docker-f{}", self.endpoints);
            self.start_container(&name)?;
            self.endpoints += 1;
            if self.asker.is_none() {
                let pid = self.host.run(&["docker", "inspect", "-f", "{{.State.Pid}}", &name])?.out;
                let ns = PathBuf::from(format!("/proc/{pid}/ns/net"));
                self.asker = Some(Asker::inside(&ns, "127.0.0.11:53")?);
            }
        }
        Ok(())
    }

    fn round(&mut self, samples: &mut Samples) -> Result<(), Unable> {
        let asker = self.asker.as_ref().ok_or("nobody asks")?;
        for _ in 0..ATTACHMENTS {
            let attached = self.host.run(&["docker", "network", "connect", "bench", SPARE])?;
            asker.until_known(SPARE)?;
            let known = attached.started.elapsed();
            let detached = self.host.run(&["docker", "network", "disconnect", "bench", SPARE])?;
            samples.entry(Act::Attach).or_default().push(attached.took);
            samples.entry(Act::Known).or_default().push(known);
            samples.entry(Act::Detach).or_default().push(detached.took);
        }
        for _ in 0..RUNS {
            self.measured += 1;
            let name = format!("docker-r{}", self.measured);
            let ran = self.start_container(&name)?;
            asker.until_known(&name)?;
            self.host.run(&["docker", "rm", "-f", &name])?;
            samples.entry(Act::Run).or_default().push(ran.took);
        }
        Ok(())
    }

    fn programs(&self) -> Vec<(&'static str, &'static str)> {
        vec![
            ("dockerd", "dockerd --data-root"),
            ("containerd", "containerd --config"),
            ("containerd-shims", "containerd-shim-runc-v2 -namespace"),
        ]
    }
}
