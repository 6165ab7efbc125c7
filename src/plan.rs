//! Plan: kernel objects as data, the difference between wanted and found, nft as data and text. Pure.

mod diff;
pub mod nft;
mod object;

pub use diff::{Conflict, diff};
pub use object::{
    Bridge, Found, FoundInside, FoundLink, GROUP, Inside, Macvlan, PROTOCOL, Place, Step, Veth,
    Wanted, alias, is_alias,
};
