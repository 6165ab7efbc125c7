//! Driver: State to wanted kernel objects, one file a driver. It decides and never acts.

pub mod firewall;
