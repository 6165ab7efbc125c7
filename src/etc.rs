//! Etc: the text of a sandbox's resolv.conf and hosts. Pure: what the host has and what was asked are given.
//!
//! The files are resolv.conf(5) and hosts(5). No other sandbox's name is ever in /etc/hosts: that is the resolver's.

mod hosts;
mod resolv_conf;

#[cfg(test)]
mod tests;

pub use hosts::hosts;
pub use resolv_conf::{HostResolv, Servers, resolv_conf, usable};
