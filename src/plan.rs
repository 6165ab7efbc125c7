//! Plan: kernel objects as data, the difference between wanted and found, nft as data and text. Pure.

mod diff;
pub mod nft;
mod object;

pub use diff::diff;
pub use object::{Bridge, Found, FoundLink, Inside, Place, Step, Veth, Wanted};
