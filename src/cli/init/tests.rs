//! What a sandbox sees, looked at from a thread in namespaces of its own. Needs root.

use super::capability;
use super::mounts::{self, Place};
use crate::api::call::Attached;
use nix::sched::{CloneFlags, unshare};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Runs a check in new mount and network namespaces, on a thread that ends there.
fn apart(check: impl FnOnce() + Send + 'static) {
    let inside = move || {
        unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET)
            .expect("tests of the init need root");
        check();
    };
    std::thread::spawn(inside).join().expect("the check holds");
}

fn attached() -> Attached {
    Attached {
        id: "ab".repeat(32),
        name: "web".into(),
        hostname: "web".into(),
        resolv_conf: Some("nameserver 127.0.0.11\n".into()),
        hosts: Some("127.0.0.1\tlocalhost\n".into()),
        warnings: Vec::new(),
    }
}

fn directory(name: &str) -> std::path::PathBuf {
    let dir = std::env::temp_dir().join(format!("netdns-init-{name}-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("secret"), "x").unwrap();
    dir
}

#[test]
fn a_sandbox_has_files_of_its_own_and_the_host_keeps_its() {
    let host_file = fs::read_to_string("/etc/resolv.conf").unwrap();
    let (run_dir, state_dir) = (directory("run"), directory("state"));
    let dirs = [run_dir.clone(), state_dir.clone()];
    apart(move || {
        let place = Place {
            run_dir: &run_dir,
            state_dir: &state_dir,
            privileged: false,
            own_network: true,
            sysctls: &BTreeMap::new(),
        };
        mounts::arrange(&place, &attached()).unwrap();
        let read = |path| fs::read_to_string(path).unwrap();
        assert_eq!(read("/etc/resolv.conf"), "nameserver 127.0.0.11\n");
        assert!(!Path::new("/etc/resolv.conf").is_symlink());
        assert_eq!(read("/etc/hosts"), "127.0.0.1\tlocalhost\n");
        assert_eq!(read("/etc/hostname"), "web\n");
        assert!(read("/etc/passwd").contains("root"));
        fs::write("/etc/resolv.conf", "nameserver 127.0.0.1\n").expect("it is the sandbox's");
        for dir in [&run_dir, &state_dir] {
            assert_eq!(fs::read_dir(dir).unwrap().count(), 0);
            assert!(fs::write(dir.join("x"), "").is_err());
        }
    });
    assert_eq!(fs::read_to_string("/etc/resolv.conf").unwrap(), host_file);
    for dir in dirs {
        assert!(dir.join("secret").exists());
        fs::remove_dir_all(dir).unwrap();
    }
}

#[test]
fn a_sandbox_sees_its_own_network_and_no_writable_kernel() {
    let (run_dir, state_dir) = (directory("run2"), directory("state2"));
    let dirs = [run_dir.clone(), state_dir.clone()];
    apart(move || {
        let place = Place {
            run_dir: &run_dir,
            state_dir: &state_dir,
            privileged: false,
            own_network: true,
            sysctls: &BTreeMap::new(),
        };
        mounts::arrange(&place, &attached()).unwrap();
        // Tunnel drivers may make more; what counts is that the host's are not there.
        assert!(Path::new("/sys/class/net/lo").exists());
        assert!(!Path::new("/sys/class/net/eth0").exists());
        let forwarding = fs::read_to_string("/proc/sys/net/ipv4/ip_forward").unwrap();
        assert_eq!(forwarding.trim(), "0");
        let panic = fs::read("/proc/sys/kernel/panic").unwrap();
        assert!(fs::write("/proc/sys/kernel/panic", panic).is_err());
        fs::write("/proc/sys/net/ipv4/ip_forward", "0").expect("net is the sandbox's");
    });
    for dir in dirs {
        fs::remove_dir_all(dir).unwrap();
    }
}

#[test]
fn capabilities_are_docker_s_default_set_for_good() {
    assert_eq!(capability::mask(), 0xa804_25fb);
    apart(|| {
        capability::drop_to_default().unwrap();
        let status = fs::read_to_string("/proc/thread-self/status").unwrap();
        let set = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            u64::from_str_radix(line[name.len()..].trim(), 16).unwrap()
        };
        for name in ["CapPrm:", "CapEff:", "CapBnd:"] {
            assert_eq!(set(name) & !capability::mask(), 0, "{name}");
        }
        assert_eq!((set("CapInh:"), set("CapAmb:")), (0, 0));
    });
}
