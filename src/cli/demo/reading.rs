//! Reading: what the output of programs says. Pure; what is not understood is not there.

#[cfg(test)]
mod tests;

use super::person::Said;
use std::net::Ipv4Addr;

/// Returns what a command printed as JSON.
pub fn json(said: &Said) -> Result<serde_json::Value, String> {
    serde_json::from_str(said.done()?).map_err(|error| format!("`{}`: {error}", said.typed))
}

/// Returns the address that a ping names, if it shows an answer: iputils, busybox and ours print it in brackets.
pub fn reached(said: &Said) -> Option<Ipv4Addr> {
    let counted = said
        .out
        .lines()
        .any(|line| line.starts_with("1 packets transmitted, 1 ") && line.contains("received"));
    let (_, rest) = said.out.lines().find(|line| line.starts_with("PING "))?.split_once('(')?;
    let (address, _) = rest.split_once(')')?;
    if counted { address.parse().ok() } else { None }
}

/// Returns the status of a reply, as dig prints it.
pub fn status(out: &str) -> Option<&str> {
    out.split_once("status: ")?.1.split([',', '\n']).next()
}

/// Returns the addresses of a reply's A records.
pub fn addresses(out: &str) -> Vec<String> {
    let records = out.lines().filter(|line| !line.starts_with(';'));
    records
        .filter_map(|line| match line.split_ascii_whitespace().collect::<Vec<_>>()[..] {
            [_, _, "IN", "A", address] => Some(address.to_owned()),
            _ => None,
        })
        .collect()
}

/// Returns a bridge's ports as `brctl show` lists them: the first on its own line, others on lines that begin blank.
pub fn ports(out: &str, bridge: &str) -> Result<Vec<String>, String> {
    let mut lines =
        out.lines().skip_while(|line| line.split_ascii_whitespace().next() != Some(bridge));
    let line = lines.next().ok_or(format!("there is no bridge {bridge}"))?;
    let first = line.split_ascii_whitespace().nth(3);
    let more = lines.take_while(|line| line.starts_with(char::is_whitespace));
    Ok(first.into_iter().chain(more.map(str::trim)).map(str::to_owned).collect())
}
