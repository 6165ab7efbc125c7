//! netdns
fn main() {}
