//! Docker's own resolver, which is a part of dockerd, asked from within containers.

use super::{NETWORKS, Peer, SILENT, Target, UPSTREAM, host, not_here, packaged};
use crate::case::Case;
use crate::host::{Host, Unable};
use crate::stage;
use std::path::{Path, PathBuf};
use std::process::Child;

pub struct Docker {
    host: Host,
    dockerd: Child,
}

impl Docker {
    pub fn start(cases: &[Case]) -> Result<Self, Unable> {
        let host = host("docker")?;
        let path = |name: &str| host.dir.join(name).display().to_string();
        let (data, exec, pid) = (path("data"), path("exec"), path("pid"));
        let socket = std::env::var("DOCKER_HOST").unwrap_or_default();
        let cgroup = stage::cgroup();
        let mut words = vec!["dockerd", "--data-root", &data, "--exec-root", &exec];
        words.extend(["--pidfile", &pid, "--host", &socket, "--cgroup-parent", &cgroup]);
        // runc cannot raise hard limits, and machines like CI runners have lower ones than Docker's defaults.
        words.extend(["--default-ulimit=nofile=1024:1024", "--default-ulimit=nproc=1024:1024"]);
        let dockerd = host.serve(&words, "API listen on")?;
        let docker = Self { host, dockerd };
        docker.import()?;
        docker.host.run(&["docker", "network", "create", "bench"])?;
        docker.container("client", &["--network", "bench"])?;
        docker.container("web", &["--network", "bench"])?;
        if cases.contains(&Case::Networks16) {
            docker.container("far", &["--network", "bench"])?;
            docker.container("both", &["--network", "bench"])?;
            for number in 2..=NETWORKS {
                let network = format!("n{number:02}");
                docker.host.run(&["docker", "network", "create", &network])?;
                docker.host.run(&["docker", "network", "connect", &network, "both"])?;
            }
            docker.host.run(&[
                "docker",
                "network",
                "connect",
                &format!("n{NETWORKS:02}"),
                "far",
            ])?;
            docker.host.run(&["docker", "network", "disconnect", "bench", "far"])?;
        }
        if cases.contains(&Case::Dead) {
            let flags = ["--network", "bench", "--dns", SILENT, "--dns", UPSTREAM];
            docker.container("late", &flags)?;
        }
        Ok(docker)
    }

    /// Makes an image of a static busybox.
    fn import(&self) -> Result<(), Unable> {
        let busybox = packaged("/bin/busybox", "busybox-static")?;
        let image = self.host.dir.join("image").display().to_string();
        let script = "mkdir -p $1/bin && cp $2 $1/bin/busybox && ln -s busybox $1/bin/sleep
                      tar -C $1 -c . | docker import - bench";
        self.host.run(&["bash", "-euc", script, "bash", &image, &busybox]).map(drop)
    }

    fn container(&self, name: &str, flags: &[&str]) -> Result<(), Unable> {
        let words =
            [&["docker", "run", "-d", "--name", name], flags, &["bench", "/bin/sleep", "3600"]];
        self.host.run(&words.concat()).map(drop)
    }

    fn inspect(&self, name: &str, format: &str) -> Result<String, Unable> {
        Ok(self.host.run(&["docker", "inspect", "-f", format, name])?.out)
    }

    fn ns(&self, name: &str) -> Result<PathBuf, Unable> {
        let pid = self.inspect(name, "{{.State.Pid}}")?;
        Ok(Path::new("/proc").join(pid).join("ns/net"))
    }
}

impl Peer for Docker {
    fn versions(&self) -> String {
        let format = "{{.Client.Version}}, dockerd {{.Server.Version}}";
        let version = self.host.run(&["docker", "version", "--format", format]);
        format!("docker {}", version.map_or_else(|why| why, |ran| ran.out))
    }

    fn targets(&mut self, case: Case) -> Result<Vec<Target>, Unable> {
        let (asker, name, kind) = match case {
            Case::Local | Case::Tcp | Case::Fresh | Case::Sandboxes1 => {
                ("client", "web".to_owned(), "A")
            }
            Case::Sandboxes2 => ("client", "web".to_owned(), "A"),
            Case::Ptr => {
                let format = "{{.NetworkSettings.Networks.bench.IPAddress}}";
                let address = self.inspect("web", format)?;
                let reversed: Vec<&str> = address.rsplit('.').collect();
                ("client", format!("{}.in-addr.arpa", reversed.join(".")), "PTR")
            }
            // It has no cache: a name that was asked before is forwarded again.
            Case::Cached => ("client", "www.example.com".to_owned(), "A"),
            Case::Uncached => ("client", "example.net".to_owned(), "A"),
            Case::Networks16 => ("both", "far".to_owned(), "A"),
            Case::Dead => {
                self.host.run(&["docker", "restart", "-t", "0", "late"])?;
                ("late", "example.net".to_owned(), "A")
            }
            Case::Many => return not_here("100,000 names would be thousands of containers"),
            Case::Nxdomain => return not_here("it denies no name without asking others"),
            Case::Sandboxes200 => {
                return not_here("200 containers take 13 MB and half a second each");
            }
        };
        let target = |asker: &str| {
            Ok(Target {
                ns: self.ns(asker)?,
                server: "127.0.0.11",
                local: None,
                name: name.clone(),
                kind,
                pids: vec![self.dockerd.id()],
            })
        };
        match case {
            Case::Sandboxes2 => ["client", "web"].into_iter().map(target).collect(),
            _ => Ok(vec![target(asker)?]),
        }
    }
}
