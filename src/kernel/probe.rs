//! Probing: what the kernel has of what netdns needs, tried in a namespace of its own, and what stands on the host in
//! the way of ours. Nothing outside that namespace is changed.

use super::foreign;
use super::link::{Mark, mark};
use super::nft::{self, Nft, NftError};
use super::rtnl::{Rtnl, name_of, named};
use super::{KernelError, netns};
use crate::model::IfName;
use crate::plan::nft::{
    Base, BaseKind, Chain, Delta, Family, Hook, Rule, Statement, TABLE, Table, dns_table,
};
use rtnetlink::packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::link::{InfoData, InfoKind, InfoVeth, LinkAttribute, LinkInfo};
use std::collections::BTreeMap;
use std::fs;
use std::io;

pub use super::foreign::Obstacle;
pub use crate::plan::GROUP;

/// Something that the kernel has or lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// Bridges.
    Bridge,
    /// Pairs of links.
    Veth,
    /// Tables, chains, rules.
    NfTables,
    /// Connection tracking in rules.
    Conntrack,
    /// Translating source addresses.
    Masquerade,
    /// Asking whether an address is the host's own.
    Fib,
    /// Tables and chains at bridges.
    BridgeTables,
    /// Links on the segment of another one.
    Macvlan,
    /// Rewriting ports without connection tracking.
    Rewrite,
    /// Tables that nobody but their owner can change, and that outlive it.
    Ownership,
}

/// Tries every feature in a namespace that ends with the trial.
pub fn features() -> io::Result<Vec<(Feature, Result<(), KernelError>)>> {
    netns::fresh(|| {
        let mut tried =
            vec![(Feature::Bridge, links(Feature::Bridge)), (Feature::Veth, links(Feature::Veth))];
        let rules = [
            (Feature::NfTables, BaseKind::Filter, Vec::new()),
            (Feature::Conntrack, BaseKind::Filter, vec![Statement::Established]),
            (Feature::Masquerade, BaseKind::Nat, vec![Statement::Masquerade]),
            (Feature::Fib, BaseKind::Filter, vec![Statement::LocalDestination]),
        ];
        for (feature, kind, rule) in rules {
            tried.push((feature, commit(&table(kind, rule))));
        }
        tried.push((Feature::BridgeTables, commit(&bridge_table())));
        tried.push((Feature::Macvlan, links(Feature::Macvlan)));
        tried.push((Feature::Rewrite, commit(&Table { owned: false, ..dns_table(1, 1) })));
        tried.push((Feature::Ownership, nft::try_ownership().map_err(KernelError::from)));
        tried
    })
}

/// Makes a link; a macvlan link on that of the trial of veth.
fn links(feature: Feature) -> Result<(), KernelError> {
    let rtnl = route_socket()?;
    let info = |kind| LinkAttribute::LinkInfo(vec![LinkInfo::Kind(kind)]);
    let (name, attributes) = match feature {
        Feature::Bridge => ("probe0", vec![info(InfoKind::Bridge)]),
        Feature::Macvlan => {
            let parent = rtnl.link("probe1").ok().flatten().map(|link| link.header.index);
            let parent = LinkAttribute::Link(parent.unwrap_or_default());
            ("probe3", vec![parent, info(InfoKind::MacVlan)])
        }
        _ => {
            let peer = InfoData::Veth(InfoVeth::Peer(named("probe2", Vec::new())));
            let info = vec![LinkInfo::Kind(InfoKind::Veth), LinkInfo::Data(peer)];
            ("probe1", vec![LinkAttribute::LinkInfo(info)])
        }
    };
    let message = RouteNetlinkMessage::NewLink(named(name, attributes));
    let made = rtnl.change(message, NLM_F_CREATE | NLM_F_EXCL);
    let link: IfName = name.parse().expect("the name of the trial is one");
    made.map_err(|source| KernelError::Link { act: "make", link, source })
}

fn bridge_table() -> Table {
    let base = Base { kind: BaseKind::Filter, hook: Hook::Prerouting, priority: 0 };
    let chain = Chain { base: Some(base), rules: Vec::new() };
    let chains = BTreeMap::from([("probe".to_owned(), chain)]);
    Table { family: Family::Bridge, chains, ..table(BaseKind::Filter, Vec::new()) }
}

fn table(kind: BaseKind, rule: Vec<Statement>) -> Table {
    let (hook, priority) = match kind {
        BaseKind::Filter => (Hook::Forward, 0),
        BaseKind::Nat => (Hook::Postrouting, 100),
    };
    let rules = if rule.is_empty() { Vec::new() } else { vec![Rule(rule)] };
    let chain = Chain { base: Some(Base { kind, hook, priority }), rules };
    Table {
        family: Family::Inet,
        name: TABLE.to_owned(),
        owned: false,
        maps: BTreeMap::new(),
        chains: BTreeMap::from([("probe".to_owned(), chain)]),
    }
}

fn commit(table: &Table) -> Result<(), KernelError> {
    Ok(Nft::open()?.apply(&Delta::Replace(table.clone()))?)
}

/// Returns the links of the calling thread's namespace that bear our mark, each with the id in its alias; none for one
/// that was never finished.
pub fn marked() -> Result<BTreeMap<IfName, Option<String>>, KernelError> {
    let failed = |source| KernelError::Read { what: "the host's links", source };
    let links = route_socket()?.links().map_err(failed)?;
    let ours = links.into_iter().filter_map(|link| {
        let id = match mark(&link) {
            Mark::Ours(alias) => Some(alias.rsplit(':').next().unwrap_or_default().to_owned()),
            Mark::Unfinished => None,
            Mark::Foreign => return None,
        };
        Some((name_of(&link)?, id))
    });
    Ok(ours.collect())
}

fn route_socket() -> Result<Rtnl, KernelError> {
    Rtnl::open().map_err(|source| KernelError::Socket { what: "a route socket", source })
}

/// Whether our firewall table is in the calling thread's namespace.
pub fn has_table() -> Result<bool, KernelError> {
    Ok(Nft::open()?.has_table(Family::Inet, TABLE).or_else(|error| absent(error, false))?)
}

/// What may drop our traffic on its way through the host.
#[derive(Debug, Default)]
pub struct Forward {
    /// The chains of iptables, if they drop.
    pub iptables: Option<Obstacle>,
    /// Chains of other tables that drop, as `FAMILY TABLE CHAIN`.
    pub others: Vec<String>,
    /// Whether firewalld has its table here.
    pub firewalld: bool,
}

/// Looks at other tools' FORWARD chains in the calling thread's namespace. `iptables` is run only where it has chains:
/// to run it loads its modules.
pub fn forward() -> Result<Forward, KernelError> {
    let mut found = Forward::default();
    let mut nft = Nft::open()?;
    for family in [Family::Ip, Family::Inet] {
        for (table, chain) in nft.dropping(family).or_else(|error| absent(error, Vec::new()))? {
            let listed_by_iptables = family == Family::Ip && table == "filter";
            if table != TABLE && !listed_by_iptables {
                found.others.push(format!("{family} {table} {chain}"));
            }
        }
    }
    let mut has = |family, name| nft.has_table(family, name).or_else(|error| absent(error, false));
    found.firewalld = has(Family::Inet, "firewalld")?;
    if has(Family::Ip, "filter")? || has_legacy_filter() {
        found.iptables = foreign::look()?;
    }
    Ok(found)
}

/// A kernel without nf_tables has none of its tables.
fn absent<T>(error: NftError, nothing: T) -> Result<T, NftError> {
    match error {
        NftError::Unsupported { .. } => Ok(nothing),
        NftError::Refused { ref source, .. } if source.raw_os_error() == Some(libc::EINVAL) => {
            Ok(nothing)
        }
        other => Err(other),
    }
}

fn has_legacy_filter() -> bool {
    let names = fs::read_to_string("/proc/net/ip_tables_names").unwrap_or_default();
    names.lines().any(|name| name == "filter")
}
