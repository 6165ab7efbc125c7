//! Subnets: the pools they come from, and the choice of one that is in nobody's way.

use crate::model::{HostFacts, Refusal};
use ipnet::{IpNet, Ipv4Net};
use std::net::Ipv4Addr;
use std::str::FromStr;

/// A range that is cut into subnets of one size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    base: Ipv4Net,
    size: u8,
}

impl Pool {
    const fn new(a: u8, b: u8, prefix: u8, size: u8) -> Self {
        Self { base: Ipv4Net::new_assert(Ipv4Addr::new(a, b, 0, 0), prefix), size }
    }
}

impl FromStr for Pool {
    type Err = Refusal;

    /// Parses `base=CIDR,size=N`, in either order.
    fn from_str(text: &str) -> Result<Self, Refusal> {
        let bad = |expected| Refusal::BadOption {
            key: "default-address-pool".into(),
            value: text.escape_debug().to_string(),
            expected,
        };
        let (mut base, mut size) = (None, None);
        for part in text.split(',') {
            match part.split_once('=') {
                Some(("base", value)) => base = value.parse::<Ipv4Net>().ok(),
                Some(("size", value)) => size = value.parse::<u8>().ok(),
                _ => return Err(bad("base=CIDR,size=N")),
            }
        }
        let (Some(base), Some(size)) = (base, size) else {
            return Err(bad("base=CIDR,size=N with an IPv4 range"));
        };
        if size < base.prefix_len() || size > 30 {
            return Err(bad("a size between the base's prefix length and 30"));
        }
        Ok(Self { base: base.trunc(), size })
    }
}

/// The pools in the order in which they are tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pools(Vec<Pool>);

impl Pools {
    /// Makes the pools of `--default-address-pool`, which replace the default ones.
    pub fn new(pools: Vec<Pool>) -> Self {
        Self(pools)
    }

    /// Returns the pools for the network `bridge`: with the default ones, 172.17.0.0/16 comes first.
    pub fn for_default_network(&self) -> Self {
        let first = (*self == Self::default()).then_some(Pool::new(172, 17, 16, 16));
        Self(first.into_iter().chain(self.0.iter().copied()).collect())
    }
}

impl Default for Pools {
    /// 172.18.0.0/16 to 172.27.0.0/16, then the /20s of 172.28.0.0/14, then the /24s of 192.168.0.0/16.
    fn default() -> Self {
        let large = (18..=27).map(|second| Pool::new(172, second, 16, 16));
        let small = [Pool::new(172, 28, 14, 20), Pool::new(192, 168, 16, 24)];
        Self(large.chain(small).collect())
    }
}

/// A subnet that was chosen from the pools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The subnet.
    pub net: Ipv4Net,
    /// The gateway route, with its description, that it hides: set only when every better subnet is taken.
    pub hides: Option<(IpNet, String)>,
}

/// Chooses the lowest subnet that overlaps no network of ours, nothing of the host's, and if possible no route through
/// a gateway. Fails with [`Refusal::PoolsFull`].
pub fn choose_subnet(
    pools: &Pools,
    networks: &[IpNet],
    facts: &HostFacts,
) -> Result<Chosen, Refusal> {
    let taken = || networks.iter().chain(facts.taken.iter().map(|(net, _)| net));
    let routed = || facts.routed.iter().map(|(net, _)| net);
    let avoid: Vec<IpNet> = taken().chain(routed()).copied().collect();
    if let Some(net) = lowest_free(pools, &avoid) {
        return Ok(Chosen { net, hides: None });
    }
    let avoid: Vec<IpNet> = taken().copied().collect();
    let net = lowest_free(pools, &avoid).ok_or(Refusal::PoolsFull)?;
    Ok(Chosen { net, hides: overlapping(net.into(), &facts.routed).cloned() })
}

/// Returns the first of the described nets that shares an address with `net`.
pub fn overlapping(net: IpNet, others: &[(IpNet, String)]) -> Option<&(IpNet, String)> {
    others.iter().find(|(other, _)| overlap(net, *other))
}

/// Whether two nets share an address; host bits do not matter.
pub fn overlap(a: IpNet, b: IpNet) -> bool {
    a.contains(&b.addr()) || b.contains(&a.addr())
}

fn lowest_free(pools: &Pools, avoid: &[IpNet]) -> Option<Ipv4Net> {
    let avoid: Vec<Ipv4Net> = avoid
        .iter()
        .filter_map(|net| match net {
            IpNet::V4(net) => Some(net.trunc()),
            IpNet::V6(_) => None,
        })
        .collect();
    pools.0.iter().find_map(|pool| lowest_free_in(pool, &avoid))
}

/// Steps over whole obstacles, so that a pool of a million subnets costs no more than there are obstacles.
fn lowest_free_in(pool: &Pool, avoid: &[Ipv4Net]) -> Option<Ipv4Net> {
    let step = 1u64 << (32 - pool.size);
    let mut start = u64::from(u32::from(pool.base.network()));
    let end = u64::from(u32::from(pool.base.broadcast()));
    while start <= end {
        let address = Ipv4Addr::from(u32::try_from(start).ok()?);
        let net = Ipv4Net::new(address, pool.size).ok()?;
        let hit = avoid.iter().find(|other| overlap(net.into(), (**other).into()));
        let Some(obstacle) = hit else { return Some(net) };
        start = (u64::from(u32::from(obstacle.broadcast())) + 1).next_multiple_of(step);
    }
    None
}
