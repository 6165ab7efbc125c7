//! Sysctl: `--sysctl net.KEY=VALUE` of `run`, written in the sandbox's network namespace before its command starts. What is
//! not of a network namespace is the host's, and refused.

use super::outcome::Failure;
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Component, Path, PathBuf};

#[cfg(test)]
mod tests;

/// Parses `KEY=VALUE` texts, in Docker's words where it refuses one.
pub fn parse(texts: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let pair = |text: &String| {
        let (key, value) = text.split_once('=')?;
        let key = key.trim();
        let allowed = path(key).is_some() && !value.chars().any(char::is_control);
        allowed.then(|| (key.to_owned(), value.trim().to_owned()))
    };
    let refused = |text: &String| {
        Failure::new(format!("sysctl '{}' is not allowed", text.escape_debug())).hint(
            "net.KEY=VALUE: those of the sandbox's network namespace, as net.ipv4.ip_forward=1",
        )
    };
    texts.iter().map(|text| pair(text).ok_or_else(|| refused(text))).collect()
}

/// Writes them in the network namespace of this process.
pub fn write(sysctls: &BTreeMap<String, String>) -> Result<(), Failure> {
    for (key, value) in sysctls {
        let path = Path::new("/proc/sys").join(path(key).unwrap_or_default());
        // Without O_CREAT: with it, a missing sysctl is not missing but forbidden.
        let file = OpenOptions::new().write(true).open(path);
        file.and_then(|mut file| file.write_all(value.as_bytes()))
            .map_err(|error| Failure::doing(format_args!("set sysctl {key}={value}"), error))?;
    }
    Ok(())
}

/// Returns the place below /proc/sys of a sysctl of network namespaces. The first separator is the key's, as in sysctl(8):
/// in `net.ipv4.conf.eth0/1.forwarding` the slash stands for a dot of the link's name.
fn path(key: &str) -> Option<PathBuf> {
    let dotted = key.find(['.', '/']).is_some_and(|at| key[at..].starts_with('.'));
    let swap = |c| match c {
        '.' => '/',
        '/' => '.',
        c => c,
    };
    let text: String = if dotted { key.chars().map(swap).collect() } else { key.to_owned() };
    let plain = |part: &str| {
        !part.is_empty() && part != ".." && part != "." && !part.chars().any(char::is_control)
    };
    let good = text.starts_with("net/") && text.split('/').all(plain);
    let path = PathBuf::from(text);
    (good && path.components().all(|part| matches!(part, Component::Normal(_)))).then_some(path)
}
