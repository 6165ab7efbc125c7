//! Resolver: the process that answers at 127.0.0.11 in each sandbox.
