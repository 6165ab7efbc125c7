//! User: whom `-u NAME|UID[:GROUP|GID]` means, in Docker's grammar and words, looked up in the /etc/passwd and /etc/group
//! that the command will see. Other sources of names (LDAP, NIS) are not asked, as they are not by Docker.

use super::outcome::Failure;
use nix::unistd::{Gid, Uid, fchown, setgroups, setresgid, setresuid};
use std::fs;
use std::io;
use std::os::fd::AsFd;

#[cfg(test)]
mod tests;

/// The largest id, as Docker has it.
const LARGEST: u32 = i32::MAX as u32;

/// A user with a primary group, and the further groups that list the name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    uid: u32,
    gid: u32,
    groups: Vec<u32>,
    /// Its name; a number that nobody has has none.
    pub name: Option<String>,
    /// Its home directory; `/` where none is known.
    pub home: String,
}

/// The fields of a line of /etc/passwd that matter here.
struct Entry<'a> {
    name: &'a str,
    uid: u32,
    gid: u32,
    home: &'a str,
}

impl User {
    /// Finds the user that a text names; nobody in particular for an empty one.
    pub fn find(text: &str) -> Result<Option<Self>, Failure> {
        if text.is_empty() {
            return Ok(None);
        }
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        Self::of(text, &read("/etc/passwd"), &read("/etc/group")).map(Some)
    }

    fn of(text: &str, passwd: &str, group: &str) -> Result<Self, Failure> {
        let (user, wanted_group) = text.split_once(':').unwrap_or((text, ""));
        let mut found = Self::of_passwd(if user.is_empty() { "0" } else { user }, passwd)?;
        if wanted_group.is_empty() {
            found.groups = memberships(found.name.as_deref(), group);
        } else {
            found.gid = gid_of(wanted_group, group)?;
        }
        Ok(found)
    }

    fn of_passwd(user: &str, passwd: &str) -> Result<Self, Failure> {
        let number = id(user)?;
        let is_it = |entry: &Entry| match number {
            Some(number) => entry.uid == number,
            None => entry.name == user,
        };
        let found = passwd.lines().filter_map(entry).find(is_it);
        match (found, number) {
            (Some(Entry { name, uid, gid, home }), _) => {
                let home = if home.is_empty() { "/" } else { home };
                Ok(Self { uid, gid, groups: vec![], name: Some(name.into()), home: home.into() })
            }
            (None, Some(uid)) => {
                Ok(Self { uid, gid: 0, groups: vec![], name: None, home: "/".into() })
            }
            (None, None) => Err(Failure::new(format!(
                "unable to find user {}: no matching entries in passwd file",
                user.escape_debug()
            ))),
        }
    }

    /// Becomes the user for good. What it may do as root is gone with that, unless it is root.
    pub fn become_it(&self) -> io::Result<()> {
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        let groups: Vec<Gid> =
            [&[self.gid], &self.groups[..]].concat().into_iter().map(Gid::from_raw).collect();
        setgroups(&groups)?;
        setresgid(gid, gid, gid)?;
        Ok(setresuid(uid, uid, uid)?)
    }

    /// Makes something open the user's, so that it can be opened again by a path as /dev/stdout.
    pub fn own(&self, file: impl AsFd) -> io::Result<()> {
        Ok(fchown(file, Some(Uid::from_raw(self.uid)), None)?)
    }
}

/// Reads an id; none if the text is no number.
fn id(text: &str) -> Result<Option<u32>, Failure> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(None);
    }
    let number = text.parse().ok().filter(|number| *number <= LARGEST);
    let out = || Failure::new(format!("uids and gids must be in range 0-{LARGEST}: {text}"));
    number.map(Some).ok_or_else(out)
}

fn entry(line: &str) -> Option<Entry<'_>> {
    let mut fields = line.split(':');
    let (name, _) = (fields.next()?, fields.next()?);
    let (uid, gid) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let _comment = fields.next();
    Some(Entry { name, uid, gid, home: fields.next().unwrap_or_default() })
}

/// Reads name, id and members of a line of /etc/group.
fn group_entry(line: &str) -> Option<(&str, u32, &str)> {
    let mut fields = line.split(':');
    let (name, _) = (fields.next()?, fields.next()?);
    Some((name, fields.next()?.parse().ok()?, fields.next().unwrap_or_default()))
}

fn gid_of(wanted: &str, group: &str) -> Result<u32, Failure> {
    if let Some(number) = id(wanted)? {
        return Ok(number);
    }
    let found = group.lines().filter_map(group_entry).find(|(name, ..)| *name == wanted);
    found.map(|(_, gid, _)| gid).ok_or_else(|| {
        Failure::new(format!(
            "unable to find group {}: no matching entries in group file",
            wanted.escape_debug()
        ))
    })
}

fn memberships(name: Option<&str>, group: &str) -> Vec<u32> {
    let Some(name) = name else { return Vec::new() };
    let lists = |members: &str| members.split(',').any(|member| member == name);
    let found = group.lines().filter_map(group_entry).filter(|(_, _, members)| lists(members));
    found.map(|(_, gid, _)| gid).collect()
}
