//! Ipam: which subnet a network gets, which address an endpoint gets. Pure.
