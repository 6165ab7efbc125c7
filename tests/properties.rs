//! The properties that the fuzzers hunt, for a short while and without instruments: each target's seeds, and what becomes
//! of them when bytes change and words of its dictionary come in.

#[path = "fuzz/properties/mod.rs"]
mod properties;

use properties::{message, query, reply, resolv_conf, zone};
use proptest::prelude::*;
use proptest::sample::Index;
use std::fs;
use std::path::{Path, PathBuf};

/// One change of some bytes.
#[derive(Clone, Debug)]
enum Change {
    Put(Index, u8),
    Insert(Index, Vec<u8>),
    Cut(Index, usize),
    Double(Index, usize),
}

impl Change {
    fn make(&self, bytes: &mut Vec<u8>) {
        let place = |index: &Index| index.index(bytes.len() + 1);
        let span = |index: &Index, length: &usize| {
            let start = place(index);
            start..(start + length).min(bytes.len())
        };
        match self {
            Self::Put(index, byte) => {
                let at = place(index);
                bytes.splice(at..(at + 1).min(bytes.len()), [*byte]);
            }
            Self::Insert(index, word) => {
                let at = place(index);
                bytes.splice(at..at, word.iter().copied());
            }
            Self::Cut(index, length) => {
                bytes.drain(span(index, length));
            }
            Self::Double(index, length) => {
                let span = span(index, length);
                let again = bytes[span.clone()].to_vec();
                bytes.splice(span.end..span.end, again);
            }
        }
    }
}

fn fuzz(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz").join(name)
}

/// Returns a target's seeds; there are some.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let files = fs::read_dir(fuzz("seeds").join(target)).expect("a directory of seeds");
    let seeds: Vec<_> =
        files.map(|file| fs::read(file.expect("a seed").path()).expect("a file")).collect();
    assert!(!seeds.is_empty(), "{target} has no seeds");
    seeds
}

/// Returns the words of a dictionary as libFuzzer has it: `"\x00a"` a line.
fn words(dictionary: &str) -> Vec<Vec<u8>> {
    let text = fs::read_to_string(fuzz("dict").join(dictionary)).expect("a dictionary");
    text.lines().map(word).collect()
}

fn word(line: &str) -> Vec<u8> {
    let mut rest = line.trim_matches('"');
    let mut word = Vec::new();
    while let Some(first) = rest.chars().next() {
        let taken = match rest.strip_prefix("\\x") {
            Some(digits) => {
                word.push(u8::from_str_radix(&digits[..2], 16).expect("two digits"));
                4
            }
            None => {
                word.push(u8::try_from(first).expect("ASCII"));
                1
            }
        };
        rest = &rest[taken..];
    }
    word
}

/// Bytes that are much like what a target expects.
fn like(target: &str, dictionary: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    let change = prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Put(at, byte)),
        (any::<Index>(), prop::sample::select(words(dictionary)))
            .prop_map(|(at, word)| Change::Insert(at, word)),
        (any::<Index>(), 1..9_usize).prop_map(|(at, length)| Change::Cut(at, length)),
        (any::<Index>(), 1..30_usize).prop_map(|(at, length)| Change::Double(at, length)),
    ];
    let seed = prop::sample::select(seeds(target));
    (seed, prop::collection::vec(change, 0..8)).prop_map(|(mut bytes, changes)| {
        changes.iter().for_each(|change| change.make(&mut bytes));
        bytes
    })
}

#[test]
fn every_seed_of_the_fuzzers_holds() {
    seeds("query").iter().for_each(|bytes| query::holds(bytes));
    seeds("reply").iter().for_each(|bytes| reply::holds(bytes));
    seeds("zone").iter().for_each(|bytes| zone::holds(bytes));
    seeds("resolv_conf").iter().for_each(|bytes| resolv_conf::holds(bytes));
    seeds("message").iter().for_each(|bytes| message::holds(bytes));
}

proptest! {
    #[test]
    fn any_query_is_answered_with_what_another_reader_can_read(bytes in like("query", "wire")) {
        query::holds(&bytes);
    }

    #[test]
    fn any_reply_is_kept_and_given_within_bounds_and_no_younger_than_it_is(bytes in like("reply", "wire")) {
        reply::holds(&bytes);
    }

    #[test]
    fn any_zone_is_refused_or_the_same_when_it_is_printed_and_read(bytes in like("zone", "zone")) {
        zone::holds(&bytes);
    }

    #[test]
    fn any_resolv_conf_leads_to_one_that_says_no_more(bytes in like("resolv_conf", "resolv_conf")) {
        resolv_conf::holds(&bytes);
    }

    #[test]
    fn any_message_of_the_channel_is_refused_or_encodes_the_same(bytes in like("message", "message")) {
        message::holds(&bytes);
    }
}
