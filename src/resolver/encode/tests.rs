use super::*;
use std::collections::BTreeSet;

#[test]
fn each_record_comes_first_within_twenty_queries_whatever_else_is_asked_between() {
    for start in [0, 1, 99, u32::MAX - 7] {
        for every in 1..=4 {
            for len in 1..=10 {
                let turns = (0..20).map(|query: u32| start.wrapping_add(query * every));
                let firsts: BTreeSet<usize> = turns.map(|turn| rotation(turn, len)).collect();
                assert_eq!(firsts.len(), len, "every turn {every} of {len} records from {start}");
            }
        }
    }
}
