//! A Debian machine of a test's own: a clean root by debootstrap, real systemd as process 1, namespaces and cgroup that
//! end with it.

use crate::host::{PATIENCE, Ran};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

const SUITE: &str = "bookworm";

/// Lays the root over a clean one, $1, with devices and mounts as containers have them, and becomes systemd. What would
/// set the machine's own sysctls, load its modules or listen to its audit is left out.
const BOOT: &str = r#"
    mount --make-rprivate /
    mount -t tmpfs none "$2"
    cd "$2" && mkdir upper work root
    mount -t overlay overlay -o "lowerdir=$1,upperdir=upper,workdir=work" root
    cd root
    mount -t proc proc proc && mount -t sysfs sysfs sys && mount -t cgroup2 cgroup2 sys/fs/cgroup
    mount -t tmpfs tmpfs run && mount -t tmpfs tmpfs tmp && mount -t tmpfs -o mode=755 tmpfs dev
    for node in null zero full random urandom tty; do
        touch dev/$node && mount --bind /dev/$node dev/$node
    done
    mkdir dev/pts dev/shm && mount -t devpts devpts dev/pts -o newinstance,ptmxmode=0666
    ln -s pts/ptmx dev/ptmx
    for unit in systemd-sysctl.service systemd-modules-load.service systemd-journald-audit.socket; do
        ln -s /dev/null etc/systemd/system/$unit
    done
    ip link set lo up
    mkdir .old && pivot_root . .old && umount -l .old && rmdir .old
    echo up
    exec env -i container=test TERM=dumb PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd"#;

/// A machine that has booted.
pub struct Debian {
    holder: Child,
    init: u32,
    cgroup: PathBuf,
    dir: PathBuf,
}

impl Debian {
    /// Boots a clean one.
    pub fn boot() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("netdns-debian-{}-{number}", std::process::id());
        let root = clean_root();
        let dir = std::env::temp_dir().join(&name);
        fs::create_dir_all(&dir).expect("a directory to mount on");
        let cgroup = cgroups().join(&name);
        fs::create_dir_all(&cgroup).expect("a cgroup of its own");
        let join = format!("echo $$ > {}/cgroup.procs && exec \"$@\"", cgroup.display());
        let mut holder = Command::new("bash")
            .args(["-euc", &join, "bash", "unshare", "--cgroup", "--net", "--mount", "--pid"])
            .args(["--uts", "--ipc", "--fork", "--kill-child", "bash", "-euc", BOOT, "bash"])
            .args([&root, &dir])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("bash runs");
        let mut line = String::new();
        let stdout = holder.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("it speaks or ends");
        assert_eq!(line, "up\n", "no systemd could be started in namespaces");
        let children = format!("/proc/{0}/task/{0}/children", holder.id());
        let children = fs::read_to_string(children).expect("the holder has a child");
        let init = children.trim().parse().expect("one child");
        let machine = Self { holder, init, cgroup, dir };
        machine.until("test -S /run/systemd/private && systemctl is-system-running");
        machine
    }

    /// Runs a shell script on the machine.
    pub fn sh(&self, script: &str) -> Ran {
        let mut command = Command::new("timeout");
        command
            .args(["60", "nsenter", "-t", &self.init.to_string(), "--all", "--root", "--wd"])
            .args(["bash", "-euc", script])
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LC_ALL", "C")
            .stdin(Stdio::null());
        command.output().expect("timeout (coreutils) runs").into()
    }

    /// Waits until a script succeeds on the machine.
    #[track_caller]
    pub fn until(&self, script: &str) {
        let started = Instant::now();
        loop {
            let ran = self.sh(script);
            if ran.code == 0 {
                return;
            }
            let (out, err) = (ran.out, ran.err);
            assert!(started.elapsed() < PATIENCE * 3, "never true: {script}\n{out}{err}");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }

    /// Puts a file into the machine's /tmp.
    pub fn give(&self, file: &Path) {
        let name = file.file_name().expect("a file").to_string_lossy();
        let there = format!("/proc/{}/root/tmp/{name}", self.init);
        fs::copy(file, there).expect("the machine's /tmp can be written");
    }
}

impl Drop for Debian {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.sh("journalctl --no-pager -u netdns.service").out);
        }
        // With its process 1 the kernel ends them all.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
        let empty = format!("{}/cgroup.events", self.cgroup.display());
        let started = Instant::now();
        while fs::read_to_string(&empty).is_ok_and(|text| text.contains("populated 1"))
            && started.elapsed() < PATIENCE
        {
            std::thread::yield_now();
        }
        let _ = Command::new("find")
            .arg(&self.cgroup)
            .args(["-depth", "-type", "d", "-exec", "rmdir", "{}", ";"])
            .status();
        let _ = fs::remove_dir(&self.dir);
    }
}

/// Returns where cgroup2 is mounted, alone or beside version 1.
fn cgroups() -> PathBuf {
    let mounts = fs::read_to_string("/proc/self/mounts").expect("/proc is mounted");
    let mut mounts = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let found = mounts.find(|fields| fields.get(2) == Some(&"cgroup2"));
    found.map(|fields| PathBuf::from(fields[1])).expect("cgroup2 is mounted: systemd needs it")
}

/// Makes a root by debootstrap once; nothing writes to it afterwards.
fn clean_root() -> PathBuf {
    static MAKING: Mutex<()> = Mutex::new(());
    let _alone = MAKING.lock();
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(SUITE);
    if root.exists() {
        return root;
    }
    let half = root.with_extension("part");
    let _ = fs::remove_dir_all(&half);
    let made = Command::new("debootstrap")
        .args(["--variant=minbase", "--include=systemd", SUITE])
        .args([&half, Path::new("http://deb.debian.org/debian")])
        .stdin(Stdio::null())
        .output()
        .expect("debootstrap is installed");
    assert!(made.status.success(), "debootstrap: {}", String::from_utf8_lossy(&made.stdout));
    fs::rename(&half, &root).expect("it can be renamed");
    root
}
