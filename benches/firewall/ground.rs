//! Where packets go: a host with a network of two sandboxes, and a client beyond it. One has a minimal ruleset written by
//! hand; the other is netdns's, with a network for each of the options that are compared.

use super::host::{Host, Unable};
use super::peer::BINARY;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The ports of a ground: a stream's, and that of connections.
#[derive(Clone, Copy)]
pub struct Ports {
    pub stream: u16,
    pub connections: u16,
}

/// Two sandboxes on one network, and what the client calls the first.
pub struct Ground {
    /// The name in the table.
    pub name: &'static str,
    /// Which host it is on.
    pub client: usize,
    pub server: Host,
    pub neighbour: Host,
    /// The server's address on its network.
    pub address: IpAddr,
    pub ports: Ports,
}

/// All grounds, and the clients beyond their hosts.
pub struct Grounds {
    pub grounds: Vec<Ground>,
    pub clients: Vec<Host>,
    /// They are there as long as anything is measured.
    _hosts: Vec<Host>,
}

/// The address of each host towards its client.
pub const HOST: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 99, 0, 1));

/// What all others are compared with.
pub const BY_HAND: &str = "by hand";

/// netdns's networks: the name in the table, and how each is made.
const NETWORKS: [(&str, &[&str]); 3] = [
    ("netdns", &[]),
    ("netdns, guard=off", &["-o", "netdns.guard=off"]),
    ("netdns, expose=enforce", &["-o", "netdns.expose=enforce"]),
];

/// What does the same for two ports, and nothing more: answers and published ports come in, everything goes out.
const RULES: &str = "table ip hand {
    chain prerouting {
        type nat hook prerouting priority dstnat
        fib daddr type local tcp dport { 5201, 5202 } dnat to 10.98.0.2
    }
    chain postrouting {
        type nat hook postrouting priority srcnat
        ip saddr 10.98.0.0/16 oifname != hand0 masquerade
    }
    chain forward {
        type filter hook forward priority filter; policy drop
        ct state established,related accept
        iifname hand0 accept
        oifname hand0 ct status dnat accept
    }
}
";

/// Builds all of them.
pub fn all() -> Result<Grounds, Unable> {
    let (hand, client) = outside("hand")?;
    let (ours, other) = outside("ours")?;
    let mut grounds = vec![by_hand(&hand)?];
    let dirs = ["--run-dir", "/run/bench/path", "--state-dir", "/run/bench/path-state"];
    std::fs::write("/run/bench/resolv.conf", "nameserver 192.0.2.1\n")
        .map_err(|error| format!("resolv.conf: {error}"))?;
    ours.serve(&[&[BINARY, "daemon"], &dirs[..]].concat(), "ready ")?;
    for (index, (name, options)) in NETWORKS.into_iter().enumerate() {
        let ports = [5201, 5202].map(|port| port + 10 * index as u16);
        grounds.push(netdns(&ours, &dirs, index, name, options, ports)?);
    }
    Ok(Grounds { grounds, clients: vec![client, other], _hosts: vec![hand, ours] })
}

/// Makes a host and a client that has its default route there.
fn outside(name: &str) -> Result<(Host, Host), Unable> {
    let (host, client) = (Host::new(name)?, Host::new(&format!("{name}-client"))?);
    let wire = format!(
        "link add client0 type veth peer name eth0 netns host-{name}-client
         addr add {HOST}/24 dev client0
         link set client0 up\n"
    );
    host.run_with(&["ip", "-batch", "-"], &wire)?;
    let inside = format!(
        "addr add 10.99.0.2/24 dev eth0
         link set eth0 up
         route add default via {HOST}\n"
    );
    client.run_with(&["ip", "-batch", "-"], &inside)?;
    Ok((host, client))
}

fn by_hand(host: &Host) -> Result<Ground, Unable> {
    let bridge = "link add hand0 type bridge
                  addr add 10.98.0.1/16 dev hand0
                  link set hand0 up\n";
    host.run_with(&["ip", "-batch", "-"], bridge)?;
    host.run_with(&["nft", "-f", "-"], RULES)?;
    let plugged = |name: &str, address: &str| {
        let sandbox = Host::new(name)?;
        let outside = format!(
            "link add {name} type veth peer name eth0 netns host-{name}
             link set {name} master hand0 up\n"
        );
        host.run_with(&["ip", "-batch", "-"], &outside)?;
        let inside = format!(
            "addr add {address}/16 dev eth0
             link set eth0 up
             route add default via 10.98.0.1\n"
        );
        sandbox.run_with(&["ip", "-batch", "-"], &inside)?;
        Ok::<_, Unable>(sandbox)
    };
    Ok(Ground {
        name: BY_HAND,
        client: 0,
        server: plugged("hand-a", "10.98.0.2")?,
        neighbour: plugged("hand-b", "10.98.0.3")?,
        address: Ipv4Addr::new(10, 98, 0, 2).into(),
        ports: Ports { stream: 5201, connections: 5202 },
    })
}

fn netdns(
    host: &Host,
    dirs: &[&str],
    index: usize,
    name: &'static str,
    options: &[&str],
    ports: [u16; 2],
) -> Result<Ground, Unable> {
    let call = |words: &[&str]| host.run(&[&[BINARY], words, dirs].concat());
    let network = format!("net{index}");
    call(&[&["network", "create"], options, &[&network]].concat())?;
    let attached = |which: &str, publish: &[&str]| {
        let sandbox = format!("ours-{index}-{which}");
        let host = Host::new(&sandbox)?;
        let path = format!("/run/netns/host-{sandbox}");
        let words = ["attach", "--netns", &path, "--name", &sandbox, "--network", &network];
        call(&[&words[..], publish].concat())?;
        Ok::<_, Unable>(host)
    };
    let [stream, connections] = ports;
    let publish = ports.map(|port| format!("{port}:{port}"));
    let server = attached("a", &["-p", &publish[0], "-p", &publish[1]])?;
    let neighbour = attached("b", &[])?;
    let shown = server.run(&["ip", "-4", "-o", "addr", "show", "dev", "eth0"])?.out;
    let address =
        shown.split_whitespace().nth(3).and_then(|net| net.split('/').next()?.parse().ok());
    let address = address.ok_or_else(|| format!("no address in `{shown}`"))?;
    let ports = Ports { stream, connections };
    Ok(Ground { name, client: 1, server, neighbour, address, ports })
}

impl Ground {
    /// Returns where the client finds a port of the server.
    pub fn published(port: u16) -> SocketAddr {
        SocketAddr::new(HOST, port)
    }

    /// Returns where the neighbour finds it.
    pub fn direct(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.address, port)
    }
}
