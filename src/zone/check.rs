//! Check: what a zone may hold as a whole (RFC 1034 section 3.6.2, RFC 2181 section 5).

use super::types::{CNAME, NS, SOA};
use super::{Record, WireName, ZoneError};
use std::collections::{HashMap, HashSet};

/// The largest RRset, in bytes of data and what stands around them, so that one reply over TCP holds it.
const MAX_RRSET: usize = 60_000;

/// What stands around each record's data: owner as a pointer, type, class, TTL, length.
const AROUND: usize = 12;

type Set = Vec<(usize, Record)>;

/// Orders a zone's records by name and type, the apex's SOA first, without duplicates, each RRset with its lowest TTL;
/// or says in which line is what no zone may hold.
pub fn check(origin: &WireName, records: Set) -> Result<Vec<Record>, ZoneError> {
    for (line, record) in &records {
        belongs(origin, record).map_err(|reason| ZoneError::new(*line, reason))?;
    }
    let sets = sets(records);
    let apex = |set: &Set| set[0].1.owner == *origin && set[0].1.rr_type == SOA;
    let (mut first, others): (Vec<Set>, Vec<Set>) = sets.into_iter().partition(apex);
    match first.first() {
        None => return Err(ZoneError::new(1, format!("{origin} has no SOA record"))),
        Some(soa) if soa.len() > 1 => return Err(ZoneError::new(soa[1].0, "a second SOA record")),
        Some(_) => {}
    }
    first.extend(others);
    alone(&first)?;
    for set in &mut first {
        let ttl = set.iter().map(|(_, record)| record.ttl).min().unwrap_or(0);
        set.iter_mut().for_each(|(_, record)| record.ttl = ttl);
        let size: usize = set.iter().map(|(_, record)| record.rdata.len() + AROUND).sum();
        if size > MAX_RRSET {
            let (line, record) = &set[0];
            let reason = format!("the records of {} and one type do not fit a reply", record.owner);
            return Err(ZoneError::new(*line, reason));
        }
    }
    Ok(first.into_iter().flatten().map(|(_, record)| record).collect())
}

fn belongs(origin: &WireName, record: &Record) -> Result<(), String> {
    let owner = &record.owner;
    if !owner.is_within(origin) {
        return Err(format!("{owner} is not within {origin}"));
    }
    if record.rr_type == SOA && owner != origin {
        return Err(format!("an SOA record of {owner}, which is not the zone's name"));
    }
    if record.rr_type == CNAME && WireName::of(record.rdata.clone()).to_dns().is_none() {
        return Err("a CNAME record leads to a name that is not of visible characters".into());
    }
    if record.rr_type == NS && owner.is_wildcard() {
        return Err(format!("an NS record of the wildcard {owner}"));
    }
    Ok(())
}

/// Gathers records of one name and type, each once, in the order in which they came.
fn sets(records: Set) -> Vec<Set> {
    let mut places: HashMap<(Vec<u8>, u16), usize> = HashMap::new();
    let mut known: HashSet<(usize, Vec<u8>)> = HashSet::new();
    let mut sets: Vec<Set> = Vec::new();
    for (line, record) in records {
        let key = (record.owner.key(), record.rr_type);
        let place = *places.entry(key).or_insert(sets.len());
        if !known.insert((place, record.rdata.clone())) {
            continue;
        }
        match sets.get_mut(place) {
            None => sets.push(vec![(line, record)]),
            Some(set) => set.push((line, record)),
        }
    }
    sets
}

/// Refuses a CNAME beside other records of its name, and two of one name.
fn alone(sets: &[Set]) -> Result<(), ZoneError> {
    let mut names: HashMap<Vec<u8>, (usize, bool)> = HashMap::new();
    for set in sets {
        let (line, record) = &set[0];
        let cname = record.rr_type == CNAME;
        if cname && set.len() > 1 {
            return Err(ZoneError::new(
                set[1].0,
                format!("a second CNAME record of {}", record.owner),
            ));
        }
        let (first, other) = *names.entry(record.owner.key()).or_insert((*line, cname));
        if first != *line && (cname || other) {
            let reason = format!("a CNAME record of {} beside other records", record.owner);
            return Err(ZoneError::new((*line).max(first), reason));
        }
    }
    Ok(())
}
