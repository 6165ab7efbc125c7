//! Black-box tests: they drive only the binary, and read only its output and the wire.
//!
//! Each test has a host of its own: network, mount and process namespaces in which its daemon, sandboxes and peers
//! live and with which they end. They need root and the programs that `tests/run.sh` installs; what is missing is a
//! failure with a message.

mod debian;
mod host;

mod beside_docker;
mod beside_firewalld;
mod clients;
mod command;
mod compare;
mod demo;
mod differential;
mod doctor;
mod drift;
mod events;
mod everyday;
mod host_dns;
mod hostile;
mod image;
mod ipv6;
mod isolation;
mod listings;
mod macvlan;
mod membership;
mod names;
mod package;
mod ports;
mod query_log;
mod reach;
mod refusals;
mod sctp;
mod second_day;
mod shapes;
mod survival;
mod walk;
mod words;
mod zones;
