//! IPAM: which subnet a network gets, which address an endpoint gets.
//!
//! Pure: what is taken is given as an argument, and nothing is reserved here. A choice becomes true when the Change
//! that holds it is recorded.

mod address;
mod pool;
mod ula;

pub use address::{choose_address, first_usable, is_edge, is_reserved};
pub use pool::{Chosen, Pool, Pools, choose_subnet, overlap, overlapping};
pub use ula::{choose_ula, ula_prefix};

#[cfg(test)]
mod tests;
