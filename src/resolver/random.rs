//! Random: numbers that nobody can foresee, for query ids and source ports (RFC 5452 section 9). Each thread fetches many
//! from the kernel at once, as every fetch is a system call, and gives each of them once.

use rustix::rand::{GetRandomFlags, getrandom};
use std::cell::RefCell;

/// How many bytes are fetched at once: as many as the kernel gives whole, whatever signals come (getrandom(2)).
const FETCHED: usize = 256;

thread_local! {
    static LEFT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Returns a number; none without the kernel's randomness.
pub fn number() -> Option<u16> {
    LEFT.with_borrow_mut(|left| {
        if left.is_empty() {
            left.resize(FETCHED, 0);
            let fetched = getrandom(&mut left[..], GetRandomFlags::empty());
            left.truncate(fetched.unwrap_or(0));
        }
        Some(u16::from_ne_bytes([left.pop()?, left.pop()?]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn numbers_are_fetched_anew_when_all_were_given() {
        let numbers: BTreeSet<_> = (0..8 * FETCHED).map(|_| number().unwrap()).collect();
        // Of 2,048 numbers of 16 bits, 32 are expected to have come before; a fetch given twice would halve them.
        assert!(numbers.len() > 6 * FETCHED, "{}", numbers.len());
    }
}
