//! The two that are compared: how each is started, and how it says the same thing.

use crate::machine::Machine;
use std::path::{Path, PathBuf};

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Real Docker.
    Docker,
    /// netdns.
    Netdns,
}

/// Which programs are run.
pub struct Programs {
    /// Docker's client.
    pub docker: String,
    /// Docker's daemon.
    pub dockerd: String,
    /// netdns.
    pub netdns: String,
}

impl Default for Programs {
    /// Docker's as they are found, and the netdns that was built beside this program.
    fn default() -> Self {
        let here = std::env::current_exe().unwrap_or_default();
        let built = here.ancestors().nth(2).map(|dir| dir.join("netdns")).unwrap_or_default();
        let built = built.display().to_string();
        Self { docker: "docker".to_owned(), dockerd: "dockerd".to_owned(), netdns: built }
    }
}

/// Docker's daemon with directories of its own. runc cannot raise hard limits, and machines like CI runners have lower
/// ones than Docker's defaults.
const DOCKERD: &str = "--data-root /run/compare/data --exec-root /run/compare/exec \
    --pidfile /run/compare/docker.pid --host unix:///run/compare/docker.sock \
    --default-ulimit nofile=1024:1024 --default-ulimit nproc=1024:1024";

/// An image of a static busybox, with the files of the servers where netdns has them, too.
const IMAGE: &str = "image=$(mktemp -d) && mkdir -p $image/bin $image/run/compare
    cp -L $(command -v busybox) $image/bin/busybox && $image/bin/busybox --install -s $image/bin
    for link in $image/bin/*; do [ ! -L $link ] || ln -sfn busybox $link; done
    cp -r /run/compare/www $image/run/compare/
    tar -C $image -c . | docker import - lab";

impl Side {
    /// Returns the name of its command.
    pub fn command(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Netdns => "netdns",
        }
    }

    /// Starts it on a machine of its own.
    pub fn start(self, programs: &Programs) -> Result<Machine, String> {
        let mut machine = Machine::new(self.command())?;
        machine.install("busybox", &found("busybox", "busybox-static")?)?;
        match self {
            Self::Docker => {
                let [docker, dockerd] = [&programs.docker, &programs.dockerd]
                    .map(|program| found(program, "docker.io"));
                machine.install("docker", &docker?)?;
                let daemon = format!(
                    "exec {} {DOCKERD} --cgroup-parent {}",
                    dockerd?.display(),
                    machine.cgroup()
                );
                machine.serve("dockerd", &daemon, "API listen on")?;
                machine.must(IMAGE)?;
            }
            Self::Netdns => {
                machine.install("netdns", &found(&programs.netdns, "cargo build")?)?;
                machine.serve("netdns", "exec netdns daemon", "ready ")?;
            }
        }
        Ok(machine)
    }

    /// Puts this side's words into a line: `CTL` for the command, `IMAGE` for the image, which netdns has not.
    pub fn words(self, line: &str) -> String {
        let image = match self {
            Self::Docker => "lab ",
            Self::Netdns => "",
        };
        line.replace("CTL", self.command()).replace("IMAGE ", image)
    }

    /// The lines that tell versions.
    pub fn versions(self) -> [&'static str; 4] {
        let own = match self {
            Self::Docker => "docker version -f '{{.Client.Version}}, dockerd {{.Server.Version}}'",
            Self::Netdns => "netdns --version",
        };
        [own, "uname -sr", "dig -v 2>&1", "busybox | sed -n 1p"]
    }
}

/// Returns where a program is, by its path or as the shell finds it.
fn found(program: &str, from: &str) -> Result<PathBuf, String> {
    let path = Path::new(program);
    let missing = || format!("{program} is not there, and without it nothing is compared ({from})");
    if program.contains('/') {
        return path.canonicalize().map_err(|_| missing());
    }
    let dirs = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin:/bin";
    let mut candidates = dirs.split(':').map(|dir| Path::new(dir).join(program));
    candidates.find(|candidate| candidate.exists()).ok_or_else(missing)
}
