//! Spec: the small grammars inside flags: ports, networks, hosts, labels, times. Texts of failures are Docker's where
//! Docker has the thing.

use super::clock;
use super::outcome::Failure;
use crate::model::{
    DnsName, EndpointRequest, Exposed, ExtraHost, HostTarget, PortRange, Proto, PublishRequest,
};
use nix::sys::signal::Signal;
use std::collections::BTreeMap;
use std::net::IpAddr;

#[cfg(test)]
mod tests;

/// Parses `-p [IP:][HOST[-END]:]CONTAINER[-END][/tcp|udp|sctp]`; an IPv6 address may stand in brackets.
pub fn publish(text: &str) -> Result<PublishRequest, Failure> {
    let (rest, proto) = with_proto(text)?;
    let (rest, container) = rest.rsplit_once(':').unwrap_or(("", rest));
    if container.is_empty() {
        return Err(Failure::new(format!("no port specified: {text}<empty>")));
    }
    let ports = container
        .parse()
        .map_err(|_| Failure::new(format!("invalid containerPort: {container}")).hint(PORT))?;
    let (ip, host) = match rest.rsplit_once(':') {
        // The colon belongs to the address when that ends with a bracket.
        Some(_) if rest.ends_with(']') => (rest, ""),
        Some((ip, host)) => (ip, host),
        None if rest.contains('.') => (rest, ""),
        None => ("", rest),
    };
    let host = match host {
        "" | "0" => None,
        _ => Some(
            host.parse()
                .map_err(|_| Failure::new(format!("invalid hostPort: {host}")).hint(PORT))?,
        ),
    };
    let bare = ip.strip_prefix('[').and_then(|ip| ip.strip_suffix(']')).unwrap_or(ip);
    // Empty brackets are no address, and none at all would open the port to everybody.
    let host_ip = match ip {
        "" => None,
        _ => Some(bare.parse().map_err(|_| Failure::new(format!("invalid IP address: {ip}")))?),
    };
    Ok(PublishRequest { host_ip, host, ports, proto })
}

/// What a port is.
const PORT: &str = "a port is 1 to 65535, a range FIRST-LAST";

/// Parses one port, as `80/tcp`.
pub fn exposed(text: &str) -> Result<Exposed, Failure> {
    match *expose(text)?.as_slice() {
        [exposed] => Ok(exposed),
        _ => Err(Failure::new(format!("{text} is more than one port"))),
    }
}

/// Parses `--expose PORT[-END][/tcp|udp|sctp]`.
pub fn expose(text: &str) -> Result<Vec<Exposed>, Failure> {
    let (range, proto) = with_proto(text)?;
    let bad = |_| Failure::new(format!("invalid port format for --expose: {text}")).hint(PORT);
    let range: PortRange = range.parse().map_err(bad)?;
    Ok(range.ports().map(|port| Exposed { port, proto }).collect())
}

fn with_proto(text: &str) -> Result<(&str, Proto), Failure> {
    let Some((rest, proto)) = text.split_once('/') else { return Ok((text, Proto::Tcp)) };
    let parsed = proto.parse().map_err(|_| Failure::new(format!("invalid proto: {proto}")))?;
    Ok((rest, parsed))
}

/// Parses a signal: its name with or without SIG, in any case, RTMIN+N or RTMAX-N, or its number.
pub fn signal(text: &str) -> Result<i32, Failure> {
    let upper = text.to_ascii_uppercase();
    let name = upper.trim_start_matches("SIG");
    let named = format!("SIG{name}").parse::<Signal>().map(|signal| signal as i32).ok();
    let signal = named.or_else(|| real_time(name)).or_else(|| text.parse().ok());
    let (first, last) = (libc::SIGRTMIN(), libc::SIGRTMAX());
    let there_is =
        |number: &i32| Signal::try_from(*number).is_ok() || (first..=last).contains(number);
    let unknown = || {
        Failure::new(format!("invalid signal: {}", text.escape_debug()))
            .hint("kill -l lists signals")
    };
    signal.filter(there_is).ok_or_else(unknown)
}

fn real_time(name: &str) -> Option<i32> {
    let (base, rest) = match name.strip_prefix("RTMIN") {
        Some(rest) => (libc::SIGRTMIN(), rest),
        None => (libc::SIGRTMAX(), name.strip_prefix("RTMAX")?),
    };
    let away: i32 = if rest.is_empty() { 0 } else { rest.parse().ok()? };
    base.checked_add(away)
}

/// Parses `--network NAME`, `host`, `none`, `container:NAME`, or `--network name=N,alias=A,ip=,ip6=,mac-address=,gw-priority=`.
pub fn network(text: &str) -> Result<EndpointRequest, Failure> {
    if !text.contains('=') {
        return Ok(EndpointRequest { network: text.to_owned(), ..Default::default() });
    }
    let mut request = EndpointRequest::default();
    for field in text.split(',') {
        let (key, value) = field.split_once('=').unwrap_or((field, ""));
        let bad =
            || Failure::new(format!("invalid value \"{value}\" for {key} in --network {text}"));
        match key {
            "name" => request.network = value.to_owned(),
            "alias" => request.aliases.push(DnsName::parse_owned(value)?),
            "ip" => request.ip = Some(value.parse().map_err(|_| bad())?),
            "ip6" => request.ip6 = Some(value.parse().map_err(|_| bad())?),
            "mac-address" => request.mac = Some(value.parse()?),
            "gw-priority" => request.gw_priority = value.parse().map_err(|_| bad())?,
            _ => {
                let hint = "fields: name, alias, ip, ip6, mac-address, gw-priority";
                let text = format!("invalid field \"{field}\" in --network {text}");
                return Err(Failure::new(text).hint(hint));
            }
        }
    }
    if request.network.is_empty() {
        return Err(
            Failure::new(format!("--network {text} names no network")).hint("name=NETWORK,...")
        );
    }
    Ok(request)
}

/// Parses `--add-host NAME:IP`, `NAME=IP` or `NAME:host-gateway`.
pub fn extra_host(text: &str) -> Result<ExtraHost, Failure> {
    let parts = text.split_once('=').or_else(|| text.split_once(':'));
    let Some((name, target)) = parts.filter(|(name, _)| !name.is_empty()) else {
        return Err(Failure::new(format!("bad format for add-host: \"{text}\"")).hint("NAME:IP"));
    };
    let bare = target.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(target);
    let target =
        match bare {
            "host-gateway" => HostTarget::HostGateway,
            _ => HostTarget::Address(bare.parse().map_err(|_| {
                Failure::new(format!("invalid IP address in add-host: \"{target}\""))
            })?),
        };
    Ok(ExtraHost { name: name.parse()?, target })
}

/// Parses names that somebody wants to own.
pub fn dns_names(texts: &[String]) -> Result<Vec<DnsName>, Failure> {
    texts.iter().map(|text| Ok(DnsName::parse_owned(text)?)).collect()
}

/// Parses `NAME=IP`.
pub fn aux_address(text: &str) -> Result<(String, IpAddr), String> {
    let parsed = text
        .split_once('=')
        .and_then(|(name, address)| Some((name.to_owned(), address.parse().ok()?)));
    parsed.ok_or_else(|| "it should be NAME=IP".to_owned())
}

/// Parses `K=V` texts that must have a value.
pub fn pairs(what: &str, texts: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let pair = |text: &String| match text.split_once('=') {
        Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
        None => Err(Failure::new(format!("invalid {what} \"{text}\": it should be KEY=VALUE"))),
    };
    texts.iter().map(pair).collect()
}

/// Parses `K[=V]` texts.
pub fn labels(texts: &[String]) -> BTreeMap<String, String> {
    let pair = |text: &String| {
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        (key.to_owned(), value.to_owned())
    };
    texts.iter().map(pair).collect()
}

/// Writes labels as `a=b,c=d`.
pub fn joined(labels: &BTreeMap<String, String>) -> String {
    let pairs: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    pairs.join(",")
}

/// Parses a moment: RFC 3339 in UTC, seconds since the epoch, or how long ago (`10m`, `1h30m`). In milliseconds.
pub fn moment(text: &str, now: u64) -> Result<u64, Failure> {
    let epoch = || text.parse::<u64>().ok().map(|seconds| seconds.saturating_mul(1000));
    let before = || ago(text).map(|span| now.saturating_sub(span));
    clock::parse(text).or_else(epoch).or_else(before).ok_or_else(|| {
        Failure::new(format!("invalid time \"{text}\""))
            .hint("10m, 1h30m, 2026-01-02T03:04:05Z, or seconds since 1970")
    })
}

/// Parses `1h30m` as milliseconds.
fn ago(text: &str) -> Option<u64> {
    let mut total: u64 = 0;
    let mut digits = String::new();
    for c in text.chars() {
        let unit = match c {
            '0'..='9' => {
                digits.push(c);
                continue;
            }
            's' => 1,
            'm' => 60,
            'h' => 3600,
            _ => return None,
        };
        let count: u64 = digits.parse().ok()?;
        total = total.checked_add(count.checked_mul(unit * 1000)?)?;
        digits.clear();
    }
    (digits.is_empty() && !text.is_empty()).then_some(total)
}
