//! `brctl show` and `ip -br address`, read from sysfs and getifaddrs.

use crate::cli::outcome::{Failure, Outcome};
use crate::cli::print;
use nix::ifaddrs::{InterfaceAddress, getifaddrs};
use std::fs;
use std::io;
use std::path::Path;

/// Prints bridges with their ports in the columns of brctl.
pub fn list() -> Outcome {
    let text = bridges().map_err(|error| Failure::doing("read /sys/class/net", error))?;
    print::emit(&text)?;
    Ok(0)
}

fn bridges() -> io::Result<String> {
    let mut text = String::from("bridge name\tbridge id\t\tSTP enabled\tinterfaces\n");
    for name in names(Path::new("/sys/class/net"))? {
        let link = Path::new("/sys/class/net").join(&name);
        // A link that is no bridge has no such directory.
        let Ok(id) = fs::read_to_string(link.join("bridge/bridge_id")) else { continue };
        let stp = fs::read_to_string(link.join("bridge/stp_state"))?;
        let stp = if stp.trim() == "0" { "no" } else { "yes" };
        let ports = names(&link.join("brif"))?;
        let first = ports.first().map_or("", String::as_str);
        text += &format!("{name}\t\t{}\t{stp}\t\t{first}\n", id.trim());
        for port in ports.iter().skip(1) {
            text += &format!("\t\t\t\t\t\t\t{port}\n");
        }
    }
    Ok(text)
}

fn names(dir: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Prints a link's name and addresses.
pub fn addresses(link: &str) -> Outcome {
    let all = getifaddrs().map_err(|error| Failure::doing("list addresses", error))?;
    let found: Vec<String> =
        all.filter(|one| one.interface_name == link).filter_map(|one| cidr(&one)).collect();
    print::line(&format!("{link}  {}", found.join(" ")))?;
    Ok(0)
}

fn cidr(one: &InterfaceAddress) -> Option<String> {
    let address = one.address.as_ref()?.as_sockaddr_in()?.ip();
    let mask = one.netmask.as_ref()?.as_sockaddr_in()?.ip();
    Some(format!("{address}/{}", mask.to_bits().leading_ones()))
}
