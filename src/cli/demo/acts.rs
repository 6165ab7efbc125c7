//! Acts: what is shown, in order, each with what must be seen for it to count. An act reads the output of the commands
//! that the audience sees; what it expects comes from another command or was asked for by the act itself.

use super::lab::{HOST, LAB, Lab, WWW, Zone};
use super::person::{DIR, Person, Said, Seen, readable};
use super::reading::{addresses, json, ports, reached, status};
use super::table;
use crate::cli::outcome::{Failure, Outcome};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Instant;

/// What a manual entry is given in the demo; RFC 5737 keeps it for examples.
const ENTERED: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 7);

type Act = (&'static str, fn(&mut Stage) -> Seen);

/// The first act: without it there is nothing to see.
const OPENING: Act = ("the daemon is ready", daemon);
const ACTS: [Act; 11] = [
    ("a network is a bridge", network),
    ("sandboxes join it", sandboxes),
    ("ping by name", ping_by_name),
    ("ping by alias", ping_by_alias),
    ("each is a port of the bridge", bridge_ports),
    ("no names on the default network", default_network),
    ("a published port", published_port),
    ("a manual entry", manual_entry),
    ("a forwarded name", forwarded_name),
    ("the world beyond, through NAT", beyond),
    ("a name goes and comes with its endpoint", after_disconnect),
];
const CLOSING: Act = ("all is cleaned up", clean_up);

/// What the acts share.
struct Stage {
    person: Person,
    lab: Lab,
    daemon: Option<Child>,
}

/// Performs all acts and prints the table; with `keep` a shell follows in place of cleaning up.
pub fn perform(zones: &[Zone], keep: bool, rootless: bool) -> Outcome {
    let started = Instant::now();
    let person = Person::new(LAB).map_err(|error| Failure::doing("write below /run", error))?;
    let lab = Lab::build()?;
    person.explain(&format!(
        "A host of its own, which ends with this demo: eth0 {HOST} leads to a lab at {LAB} with a DNS server."
    ));
    if rootless {
        person.explain(
            "You are root in it alone. One uid is mapped there, so the resolver keeps it; as root it has its own.",
        );
    }
    upstream(&person, &lab, zones)?;
    let mut stage = Stage { person, lab, daemon: None };
    let mut acts = vec![OPENING];
    acts.extend(ACTS);
    if !keep {
        acts.push(CLOSING);
    }
    let mut rows: Vec<(&str, Seen)> = Vec::new();
    for (title, act) in acts {
        let opened = rows.first().is_none_or(|(_, seen)| seen.is_ok());
        let seen = if opened { act(&mut stage) } else { Err("not shown: no daemon".to_owned()) };
        rows.push((title, seen));
    }
    let code = table::print(&stage.person, &rows, started);
    if keep {
        stage.shell()?;
    }
    Ok(code)
}

/// Starts the lab's DNS server.
fn upstream(person: &Person, lab: &Lab, zones: &[Zone]) -> Result<(), Failure> {
    let dir = lab.write_zones(zones)?;
    let typed = format!("netdns demo upstream {LAB} {}", dir.display());
    let log = Path::new(DIR).join("upstream.log");
    let said = person
        .starts(&typed, &log, |command| lab.spawn(command))
        .and_then(|mut child| first_line(&mut child, &typed, &log));
    said.map(drop).map_err(Failure::new)
}

/// Returns the first line that a program prints, which is how it says that it works.
fn first_line(child: &mut Child, typed: &str, log: &Path) -> Seen {
    let stdout = child.stdout.take().expect("it is piped");
    let spoke = readable(&stdout).map_err(|error| format!("`{typed}`: {error}"))?;
    let mut line = String::new();
    if spoke {
        BufReader::new(stdout).read_line(&mut line).map_err(|error| error.to_string())?;
    }
    if !line.is_empty() {
        return Ok(line.trim_end().to_owned());
    }
    let mut text = String::new();
    fs::File::open(log).and_then(|mut log| log.read_to_string(&mut text)).ok();
    let why = text.lines().rfind(|line| line.starts_with("netdns: "));
    Err(format!("`{typed}` does not start: {}", why.unwrap_or("it says nothing")))
}

fn daemon(stage: &mut Stage) -> Seen {
    let person = &stage.person;
    person.explain("The manager runs in the foreground and says when commands work.");
    person.prompt("$", "netdns daemon &");
    let log = Path::new(DIR).join("daemon.log");
    let typed = "netdns daemon";
    let mut child = person.starts(typed, &log, |command| command.spawn())?;
    let line = first_line(&mut child, typed, &log);
    stage.daemon = Some(child);
    stage.person.print(&match &line {
        Ok(line) => format!("{line}\n"),
        Err(why) => format!("{why}\n"),
    });
    let line = line?;
    if line.starts_with("ready ") { Ok(line) } else { Err(format!("it said: {line}")) }
}

fn network(stage: &mut Stage) -> Seen {
    let person = &stage.person;
    person.explain("A user-defined network is a kernel bridge with the gateway's address.");
    let id = person.types("netdns network create localnet")?.done()?.to_owned();
    person.types("netdns network ls")?.done()?;
    let bridge = format!("br-{}", id.get(..12).unwrap_or(&id));
    let link = if person.has("ip") {
        person.types(&format!("ip -br address show dev {bridge}"))?
    } else {
        person.types(&format!("netdns demo addresses {bridge}"))?
    };
    let inspected = json(&person.asks("netdns network inspect localnet")?)?;
    let gateway = inspected[0]["IPAM"]["Config"][0]["Gateway"].as_str().unwrap_or("none");
    let shown = link.done()?.split_ascii_whitespace();
    let address = shown.clone().find(|word| word.split('/').next() == Some(gateway));
    let address = address.ok_or(format!("{bridge} lacks the gateway's address {gateway}"))?;
    Ok(format!("{bridge} has {address}"))
}

fn sandboxes(stage: &mut Stage) -> Seen {
    let person = &stage.person;
    person.explain("Two programs, each in network, process and mount namespaces of its own.");
    person.types("netdns run -d --name demo1 --network localnet sleep 3600")?.done()?;
    person
        .types("netdns run -d --name demo2 --network localnet --net-alias web sleep 3600")?
        .done()?;
    let listed = person.types("netdns ps")?;
    for name in ["demo1", "demo2"] {
        let row = listed.done()?.lines().find(|line| line.ends_with(name));
        if !row.is_some_and(|row| row.contains(" Up ")) {
            return Err(format!("`netdns ps` does not show {name} running"));
        }
    }
    let (one, two) = (stage.address("demo1", "localnet")?, stage.address("demo2", "localnet")?);
    if one == two {
        return Err(format!("both have {one}"));
    }
    Ok(format!("demo1 {one}, demo2 {two}"))
}

fn ping_by_name(stage: &mut Stage) -> Seen {
    stage.person.explain("demo1 asks 127.0.0.11 for demo2, and reaches it over the bridge.");
    let wanted = stage.address("demo2", "localnet")?;
    stage.pings("demo1", "demo2", wanted)
}

fn ping_by_alias(stage: &mut Stage) -> Seen {
    stage.person.explain("The alias of demo2 is a name of it on that network.");
    let wanted = stage.address("demo2", "localnet")?;
    stage.pings("demo1", "web", wanted)
}

fn bridge_ports(stage: &mut Stage) -> Seen {
    stage.person.explain("The host's end of each sandbox's link is a port of the bridge.");
    let inspected = json(&stage.person.asks("netdns network inspect localnet")?)?;
    let members = inspected[0]["Containers"].as_object().map_or(0, |members| members.len());
    let bridge =
        format!("br-{}", inspected[0]["Id"].as_str().and_then(|id| id.get(..12)).unwrap_or(""));
    let listed = stage.bridges()?;
    let ports = ports(listed.done()?, &bridge)?;
    if ports.len() != 2 || members != 2 {
        return Err(format!(
            "2 sandboxes, but {} on the network and {} ports",
            members,
            ports.len()
        ));
    }
    Ok(format!("{} on {bridge}", ports.join(" and ")))
}

fn default_network(stage: &mut Stage) -> Seen {
    let person = &stage.person;
    person.explain("On the default network there are no names, as with Docker: the address answers, the name does not.");
    person.types("netdns run -d --name plain1 sleep 3600")?.done()?;
    person.types("netdns run -d --name plain2 sleep 3600")?.done()?;
    let address = stage.address("plain2", "bridge")?;
    stage.pings("plain1", &address.to_string(), address)?;
    let by_name = person.types(&stage.ping("plain1", "plain2"))?;
    match reached(&by_name) {
        None if by_name.code == 0 => Err(format!("`{}` succeeded", by_name.typed)),
        // 125 to 127 would be netdns's own failure.
        None if by_name.code >= 125 => Err(by_name.complaint()),
        None => Ok(format!("{address} answers, plain2 is unknown")),
        Some(found) => Err(format!("plain2 was found at {found}")),
    }
}

fn published_port(stage: &mut Stage) -> Seen {
    let person = &stage.person;
    person.explain(
        "A published port is reached by the host's address, by 127.0.0.1, and from other machines.",
    );
    person
        .types("netdns run -d --name shop --network localnet -p 5000:80 netdns demo serve 80 shop")?
        .done()?;
    let by_address = format!("netdns demo fetch http://{HOST}:5000/");
    let here =
        [person.types(&by_address)?, person.types("netdns demo fetch http://127.0.0.1:5000/")?];
    let there = person.types_at(&stage.lab, &by_address)?;
    for said in here.iter().chain([&there]) {
        if !said.done()?.starts_with("this is shop;") {
            return Err(format!("`{}` was answered by another: {}", said.typed, said.out.trim()));
        }
    }
    let wanted = format!("you are {LAB}");
    if !there.out.contains(&wanted) {
        return Err(format!("the lab is {LAB}, but: {}", there.out.trim()));
    }
    Ok(format!("{HOST}:5000 from here and the lab"))
}

fn manual_entry(stage: &mut Stage) -> Seen {
    let person = &stage.person;
    person.explain("A name entered by hand is answered on every user-defined network.");
    person.types(&format!("netdns register db {ENTERED}"))?.done()?;
    stage.resolves("demo1", "db", ENTERED)
}

fn forwarded_name(stage: &mut Stage) -> Seen {
    stage.person.explain("Other names go to the host's DNS server, here the lab's.");
    stage.resolves("demo1", "www.lab.test", WWW)
}

fn beyond(stage: &mut Stage) -> Seen {
    stage
        .person
        .explain("What it names is beyond the host, which has no route back to a sandbox: NAT.");
    stage.pings("demo1", "www.lab.test", WWW)
}

fn after_disconnect(stage: &mut Stage) -> Seen {
    let person = &stage.person;
    person.explain("A name is gone when the command that took it away returns, and back as soon.");
    let wanted = stage.address("demo2", "localnet")?;
    stage.resolves("demo1", "demo2", wanted)?;
    person.types("netdns network disconnect localnet demo2")?.done()?;
    let gone = stage.digs("demo1", "demo2")?;
    let answered = status(gone.done()?);
    if answered != Some("NXDOMAIN") {
        return Err(format!("after disconnect: {}", answered.unwrap_or("no status")));
    }
    person.types("netdns network connect localnet demo2")?.done()?;
    let wanted = stage.address("demo2", "localnet")?;
    stage.resolves("demo1", "demo2", wanted)?;
    Ok(format!("NXDOMAIN after disconnect, {wanted} after connect"))
}

fn clean_up(stage: &mut Stage) -> Seen {
    let person = &stage.person;
    person.explain("Nothing is left of what was made.");
    person.types("netdns rm -f demo1 demo2 plain1 plain2 shop")?.done()?;
    person.types("netdns network prune -f")?.done()?;
    person.types("netdns deregister db")?.done()?;
    let listed = person.types("netdns network ls")?;
    let networks = listed.done()?.lines().skip(1).count();
    let bridges = stage.bridges()?;
    let left = bridges.done()?.lines().filter(|line| line.starts_with("br-")).count();
    let sandboxes = person.asks("netdns ps -a -q")?.done()?.lines().count();
    if (networks, left, sandboxes) != (3, 0, 0) {
        return Err(format!(
            "left: {networks} networks of 3, {left} bridges, {sandboxes} sandboxes"
        ));
    }
    stage.end_daemon()?;
    Ok("the three predefined networks remain, and the daemon has ended".to_owned())
}

impl Stage {
    /// Returns a sandbox's address on a network, as inspect shows it.
    fn address(&self, sandbox: &str, network: &str) -> Result<Ipv4Addr, String> {
        let inspected = json(&self.person.asks(&format!("netdns inspect {sandbox}"))?)?;
        let address = &inspected[0]["NetworkSettings"]["Networks"][network]["IPAddress"];
        let address = address.as_str().and_then(|address| address.parse().ok());
        address.ok_or(format!("{sandbox} has no address on {network}"))
    }

    /// Returns the command that pings once from a sandbox.
    fn ping(&self, from: &str, to: &str) -> String {
        let ping = if self.person.has("ping") { "ping -c1 -W2" } else { "netdns demo ping" };
        format!("netdns exec {from} {ping} {to}")
    }

    /// Pings; the address that is wanted must be the one that answers.
    fn pings(&self, from: &str, to: &str, wanted: Ipv4Addr) -> Seen {
        let said = self.person.types(&self.ping(from, to))?;
        said.done()?;
        match reached(&said) {
            Some(address) if address == wanted => Ok(format!("{address} answers {from}")),
            Some(address) => Err(format!("{to} should be {wanted}, but is {address}")),
            None => Err(format!("`{}` shows no answer", said.typed)),
        }
    }

    /// Asks a sandbox's resolver for addresses.
    fn digs(&self, from: &str, name: &str) -> Result<Said, String> {
        let dig = if self.person.has("dig") {
            format!("dig +tries=1 +time=2 +noall +comments +answer {name}")
        } else {
            format!("netdns demo dig {name}")
        };
        self.person.types(&format!("netdns exec {from} {dig}"))
    }

    /// Asks; the address that is wanted must be the one answer.
    fn resolves(&self, from: &str, name: &str, wanted: Ipv4Addr) -> Seen {
        let said = self.digs(from, name)?;
        let answered = addresses(said.done()?);
        match answered.as_slice() {
            [address] if *address == wanted.to_string() => {
                Ok(format!("{name} is {address} in {from}"))
            }
            [] => Err(format!("{name}: {}", status(&said.out).unwrap_or("no answer"))),
            other => Err(format!("{name} should be {wanted}, but is {}", other.join(", "))),
        }
    }

    fn bridges(&self) -> Result<Said, String> {
        self.person.types(if self.person.has("brctl") {
            "brctl show"
        } else {
            "netdns demo bridges"
        })
    }

    fn end_daemon(&mut self) -> Result<(), String> {
        let Some(mut child) = self.daemon.take() else { return Ok(()) };
        self.person.prompt("$", "kill %1");
        kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM)
            .map_err(|error| error.to_string())?;
        let status = child.wait().map_err(|error| error.to_string())?;
        if status.success() { Ok(()) } else { Err(format!("the daemon ended with {status}")) }
    }

    /// Leaves a shell in the demo's host until it exits.
    fn shell(&self) -> Result<(), Failure> {
        let shell = std::env::var("SHELL").unwrap_or_else(|_| "/bin/sh".to_owned());
        self.person.explain(
            "A shell in the demo's host: the daemon runs, demo1, demo2, plain1, plain2 and shop are there.",
        );
        self.person.explain("Try: netdns ps; netdns names; netdns exec demo1 cat /etc/resolv.conf. exit ends it all.");
        let status = self.person.command(&shell).stdin(Stdio::inherit()).status();
        status.map(drop).map_err(|error| Failure::doing(format!("run {shell}"), error))
    }
}
