//! What the kernel has of our tables, compared with what is wanted.
//!
//! Nothing is decoded: the wanted tables are written once more into a namespace of their own, and the kernel's words about
//! both are compared. What differs between two tables that say the same is left out: handles, positions, numbers of uses,
//! who owns it, the order of elements. Deliberately absent: objects and flow tables, which no rule of ours names.

use super::abi::attr;
use super::{Delta, Nft, NftError, refusal_of, wire};
use crate::kernel::netns;
use crate::plan::nft::Table;
use std::collections::BTreeMap;

/// The flags of a table that say whether its rules are asked at all (`NFT_TABLE_F_DORMANT`).
const DORMANT: u32 = 1;

/// Each object's kind and attributes as the kernel told them.
type Objects = Vec<(u16, BTreeMap<u16, Vec<u8>>)>;

/// Whether the calling thread's namespace has these tables as they are wanted.
pub fn stands(tables: &[Table]) -> Result<bool, NftError> {
    let here = read(&mut Nft::open()?, tables)?;
    let wanted = netns::fresh(|| {
        let mut nft = Nft::open()?;
        let unowned = |table: &Table| Delta::Replace(Table { owned: false, ..table.clone() });
        nft.apply_all(&tables.iter().map(unowned).collect::<Vec<_>>())?;
        read(&mut nft, tables)
    });
    Ok(here == wanted.map_err(NftError::Open)??)
}

fn read(nft: &mut Nft, tables: &[Table]) -> Result<Objects, NftError> {
    let mut objects = Objects::new();
    for table in tables {
        if !nft.has_table(table.family, &table.name)? {
            continue;
        }
        let in_table = |kind| (kind, attr::rule::TABLE, vec![(attr::rule::TABLE, &*table.name)]);
        let mut asked = vec![
            (libc::NFT_MSG_GETTABLE, attr::table::NAME, Vec::new()),
            in_table(libc::NFT_MSG_GETCHAIN),
            in_table(libc::NFT_MSG_GETRULE),
            in_table(libc::NFT_MSG_GETSET),
        ];
        asked.extend(table.maps.keys().map(|set| {
            let of = vec![(attr::elements::TABLE, &*table.name), (attr::elements::SET, &**set)];
            (libc::NFT_MSG_GETSETELEM, attr::elements::TABLE, of)
        }));
        for (kind, owner, names) in asked {
            let request = wire::dump(kind as u16, table.family, |attrs| {
                names.iter().for_each(|(kind, name)| attrs.text(*kind, name));
            });
            let found = dump(nft, &request)?;
            let ours = |(_, attrs): &(u16, BTreeMap<u16, Vec<u8>>)| {
                let name = attrs.get(&owner).and_then(|name| name.strip_suffix(&[0]));
                name == Some(table.name.as_bytes())
            };
            objects.extend(merged(found.into_iter().filter(ours)));
        }
    }
    Ok(objects)
}

/// Returns what the kernel has of a kind; nothing where what it belongs to is not there.
fn dump(nft: &mut Nft, request: &[u8]) -> Result<Objects, NftError> {
    nft.drain()?;
    nft.send(request)?;
    let mut buffer = vec![0; 64 << 10];
    let mut objects = Objects::new();
    while let Some(length) = nft.receive(&mut buffer)? {
        for message in wire::messages(&buffer[..length]) {
            match refusal_of(&message, &[]) {
                Some(error) if error.is_missing() => return Ok(Objects::new()),
                Some(error) => return Err(error),
                None => objects.extend(object(&message)),
            }
        }
    }
    Ok(objects)
}

fn object(message: &wire::Message<'_>) -> Option<(u16, BTreeMap<u16, Vec<u8>>)> {
    const FAMILY_HEADER: usize = 4;
    if !message.is_nf_tables() {
        return None;
    }
    let kind = message.nft_kind() as u16;
    let passing = passing(kind);
    let attributes = wire::attributes(message.payload.get(FAMILY_HEADER..)?);
    let kept = attributes.filter(|(kind, _)| !passing.contains(kind));
    let mut kept: BTreeMap<u16, Vec<u8>> =
        kept.map(|(kind, value)| (kind, value.to_vec())).collect();
    if i32::from(kind) == libc::NFT_MSG_NEWTABLE
        && let Some(flags) = kept.get_mut(&attr::table::FLAGS)
    {
        let number = flags.as_slice().try_into().map_or(0, u32::from_be_bytes);
        *flags = (number & DORMANT).to_be_bytes().to_vec();
    }
    Some((kind, kept))
}

/// Returns the attributes that say nothing about what an object does.
fn passing(kind: u16) -> &'static [u16] {
    match i32::from(kind) {
        // NFTA_TABLE_USE, HANDLE, PAD, USERDATA, OWNER.
        libc::NFT_MSG_NEWTABLE => &[3, 4, 5, 6, 7],
        // NFTA_CHAIN_HANDLE, USE, PAD, ID.
        libc::NFT_MSG_NEWCHAIN => &[2, 6, 9, 11],
        // NFTA_RULE_HANDLE, POSITION, PAD, ID, POSITION_ID.
        libc::NFT_MSG_NEWRULE => &[3, 6, 8, 9, 10],
        // NFTA_SET_ID, USERDATA, PAD, HANDLE, COUNT.
        libc::NFT_MSG_NEWSET => &[10, 13, 14, 16, 20],
        _ => &[],
    }
}

/// Puts the elements of a set, which come in parts, together and in order.
fn merged(found: impl Iterator<Item = (u16, BTreeMap<u16, Vec<u8>>)>) -> Objects {
    let mut objects = Objects::new();
    let mut elements: Vec<Vec<u8>> = Vec::new();
    for (kind, mut attrs) in found {
        if i32::from(kind) != libc::NFT_MSG_NEWSETELEM {
            objects.push((kind, attrs));
            continue;
        }
        let part = attrs.remove(&attr::elements::ELEMENTS).unwrap_or_default();
        elements.extend(wire::attributes(&part).map(|(_, element)| element.to_vec()));
    }
    elements.sort_unstable();
    let element =
        |element| (libc::NFT_MSG_NEWSETELEM as u16, BTreeMap::from([(attr::list::ELEM, element)]));
    objects.extend(elements.into_iter().map(element));
    objects
}
