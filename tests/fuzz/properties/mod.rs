//! What holds for any bytes of a stranger, a module each. The fuzzers look for bytes for which it does not, and so does
//! `tests/properties.rs`, for a short while.

pub mod message;
pub mod query;
pub mod reply;
pub mod resolv_conf;
pub mod world;
pub mod zone;
