//! nftables as data, and as the text that `nft list` would print.

/// A change of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delta;
