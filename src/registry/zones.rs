//! Zones: what zone files know, ready to be asked: wildcards (RFC 4592), names that exist because others are below them,
//! and delegations, below which others are asked.

use super::{ANY, Key, Layer, Rrset, Source};
use crate::model::{DnsName, Rdata, RrType};
use crate::zone::{Record, WireName, Zone};
use std::collections::HashMap;
use std::sync::Arc;

const NS: u16 = 2;
const SOA: u16 = 6;

/// What a zone says of a name and type. Where its apex starts in the name, and its SOA as a negative answer has it, stand
/// with a denial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InZone {
    /// Records of the type, or a CNAME.
    Data(Arc<Rrset>),
    /// The name exists, the type does not.
    NoData(usize, Arc<Rrset>),
    /// The name does not exist.
    NoName(usize, Arc<Rrset>),
}

/// All zones. Cloning shares them.
#[derive(Clone, Debug, Default)]
pub struct Zones(HashMap<Arc<[u8]>, Arc<ZoneTable>>);

/// One zone, by name.
#[derive(Debug)]
pub struct ZoneTable {
    origin: DnsName,
    soa: Arc<Rrset>,
    /// The RRsets of each name; none of one that exists because others are below it.
    names: HashMap<Box<[u8]>, Vec<Arc<Rrset>>>,
}

impl Zones {
    /// Enters or replaces a zone.
    pub fn put(&mut self, zone: ZoneTable) {
        self.0.insert(Key::from(&zone.origin).as_bytes().into(), Arc::new(zone));
    }

    /// Drops the zones that are not to be kept.
    pub fn retain(&mut self, keep: impl Fn(&DnsName) -> bool) {
        self.0.retain(|_, zone| keep(&zone.origin));
    }

    /// Looks a name up in the zone nearest to it. Nothing if there is none, if the zone has delegated the name, or if it
    /// would be a wildcard's and those do not count.
    pub fn find(&self, key: &Key, rr_type: u16, wildcards: bool) -> Option<InZone> {
        if self.0.is_empty() {
            return None;
        }
        let name = |cut: usize| &key.as_bytes()[cut..];
        // The nearest zone has the longest name.
        let apex = key.cuts().filter(|cut| self.0.contains_key(name(*cut))).last()?;
        self.0.get(name(apex))?.find(key, apex, rr_type, wildcards)
    }
}

impl ZoneTable {
    /// Makes a zone ready; nothing if it has no SOA.
    pub fn new(zone: &Zone) -> Option<Self> {
        let soa = zone.records.first().filter(|record| record.rr_type == SOA)?;
        let mut table = Self {
            origin: zone.origin.clone(),
            soa: Arc::new(negative(soa)),
            names: HashMap::new(),
        };
        let apex = WireName::from(&zone.origin).key();
        for records in zone.records.chunk_by(|a, b| a.rr_type == b.rr_type && a.owner == b.owner) {
            let name = records[0].owner.key();
            table.exist(&name, apex.len());
            table.names.entry(name.into()).or_default().push(Arc::new(rrset(records)));
        }
        Some(table)
    }

    /// Enters a name and those between it and the apex.
    fn exist(&mut self, name: &[u8], apex: usize) {
        let mut rest = name;
        while rest.len() > apex && !self.names.contains_key(rest) {
            self.names.insert(rest.into(), Vec::new());
            rest = &rest[1 + usize::from(rest[0])..];
        }
    }

    /// Walks down from the apex to the name.
    fn find(&self, key: &Key, apex: usize, rr_type: u16, wildcards: bool) -> Option<InZone> {
        let mut encloser = apex;
        for cut in key.cuts().skip_while(|cut| *cut > apex) {
            match self.names.get(&key.as_bytes()[cut..]) {
                Some(rrsets) if cut != apex && has(rrsets, NS) => return None,
                Some(rrsets) if cut == 0 => return Some(self.choose(rrsets, rr_type, apex)),
                Some(_) => encloser = cut,
                None if !wildcards => return None,
                None => {
                    let wildcard = [b"\x01*", &key.as_bytes()[encloser..]].concat();
                    return Some(match self.names.get(&wildcard[..]) {
                        Some(rrsets) => self.choose(rrsets, rr_type, apex),
                        None => InZone::NoName(apex, self.soa.clone()),
                    });
                }
            }
        }
        None
    }

    fn choose(&self, rrsets: &[Arc<Rrset>], rr_type: u16, apex: usize) -> InZone {
        let of = |wanted: u16| rrsets.iter().find(|rrset| rrset.rr_type.number() == wanted);
        let any = || rrsets.first().filter(|_| rr_type == ANY);
        let found = of(rr_type).or_else(any).or_else(|| of(RrType::Cname.number()));
        found.map_or_else(|| InZone::NoData(apex, self.soa.clone()), |r| InZone::Data(r.clone()))
    }
}

fn has(rrsets: &[Arc<Rrset>], rr_type: u16) -> bool {
    rrsets.iter().any(|rrset| rrset.rr_type.number() == rr_type)
}

fn rrset(records: &[Record]) -> Rrset {
    let data: Vec<Rdata> = records.iter().map(data).collect();
    let rr_type = data.first().map_or(RrType::Other(records[0].rr_type), Rdata::rr_type);
    Rrset { layer: Layer::Zone, source: Source::Zone, rr_type, ttl: records[0].ttl, data }
}

/// A CNAME is followed, so it is read; other data pass as they are.
fn data(record: &Record) -> Rdata {
    let target = (record.rr_type == RrType::Cname.number())
        .then(|| WireName::of(record.rdata.clone()).to_dns())
        .flatten();
    target.map_or_else(|| Rdata::Other(record.rr_type, record.rdata.clone()), Rdata::Cname)
}

/// Returns the SOA as a negative answer has it: for as long as its last field says, at most (RFC 2308 section 5).
fn negative(soa: &Record) -> Rrset {
    let minimum = soa.rdata.last_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
    Rrset { ttl: soa.ttl.min(minimum), ..rrset(std::slice::from_ref(soa)) }
}
