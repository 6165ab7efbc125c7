//! Numbers of the kernel's `linux/netfilter/nf_tables.h` that libc does not have, under their names there.

/// `enum nft_table_flags`: the table belongs to the socket that made it.
pub const TABLE_F_OWNER: u32 = 0x2;
/// `enum nft_table_flags`: the table outlives that socket (kernel 6.9).
pub const TABLE_F_PERSIST: u32 = 0x4;
/// `enum nf_tables_msg_types`: a removal that succeeds if there is nothing (kernel 6.3).
pub const MSG_DESTROYTABLE: u16 = 26;
/// `NFT_DATA_VERDICT`: the data type of verdict maps.
pub const DATA_VERDICT: u32 = 0xffff_ff00;
/// `enum nft_set_elem_flags`: the element ends the range that the one before it began.
pub const SET_ELEM_INTERVAL_END: u32 = 0x1;
/// `enum nft_set_flags`: keys are concatenations of which parts may be ranges (kernel 5.6).
pub const SET_CONCAT: u32 = 0x80;
/// `RTN_LOCAL`, what `fib` says of this host's own addresses.
pub const FIB_LOCAL: u32 = 2;
/// `IP_CT_ESTABLISHED` and `IP_CT_RELATED` as bits of `ct state`.
pub const CT_STATE_ESTABLISHED_RELATED: u32 = 0x2 | 0x4;
/// `IPS_DST_NAT`, a bit of `ct status`.
pub const CT_STATUS_DNAT: u32 = 0x20;

/// Attributes, one module an enum.
pub mod attr {
    /// `enum nft_table_attributes`.
    pub mod table {
        pub const NAME: u16 = 1;
        pub const FLAGS: u16 = 2;
    }
    /// `enum nft_chain_attributes`.
    pub mod chain {
        pub const TABLE: u16 = 1;
        pub const NAME: u16 = 3;
        pub const HOOK: u16 = 4;
        pub const POLICY: u16 = 5;
        pub const TYPE: u16 = 7;
    }
    /// `enum nft_hook_attributes`.
    pub mod hook {
        pub const HOOKNUM: u16 = 1;
        pub const PRIORITY: u16 = 2;
    }
    /// `enum nft_rule_attributes`.
    pub mod rule {
        pub const TABLE: u16 = 1;
        pub const CHAIN: u16 = 2;
        pub const EXPRESSIONS: u16 = 4;
    }
    /// `enum nft_list_attributes`.
    pub mod list {
        pub const ELEM: u16 = 1;
    }
    /// `enum nft_expr_attributes`.
    pub mod expr {
        pub const NAME: u16 = 1;
        pub const DATA: u16 = 2;
    }
    /// `enum nft_data_attributes`.
    pub mod data {
        pub const VALUE: u16 = 1;
        pub const VERDICT: u16 = 2;
    }
    /// `enum nft_verdict_attributes`.
    pub mod verdict {
        pub const CODE: u16 = 1;
        pub const CHAIN: u16 = 2;
    }
    /// `enum nft_set_attributes`.
    pub mod set {
        pub const TABLE: u16 = 1;
        pub const NAME: u16 = 2;
        pub const FLAGS: u16 = 3;
        pub const KEY_TYPE: u16 = 4;
        pub const KEY_LEN: u16 = 5;
        pub const DATA_TYPE: u16 = 6;
        pub const DATA_LEN: u16 = 7;
        pub const DESC: u16 = 9;
        pub const ID: u16 = 10;
        pub const USERDATA: u16 = 13;
    }
    /// `enum nft_set_desc_attributes`, `enum nft_set_field_attributes`.
    pub mod desc {
        pub const CONCAT: u16 = 2;
        pub const FIELD_LEN: u16 = 1;
    }
    /// `enum nft_set_elem_list_attributes`.
    pub mod elements {
        pub const TABLE: u16 = 1;
        pub const SET: u16 = 2;
        pub const ELEMENTS: u16 = 3;
    }
    /// `enum nft_set_elem_attributes`.
    pub mod element {
        pub const KEY: u16 = 1;
        pub const DATA: u16 = 2;
        pub const FLAGS: u16 = 3;
        pub const KEY_END: u16 = 10;
    }
    /// `enum nft_meta_attributes`, `enum nft_ct_attributes`: the same two.
    pub mod load {
        pub const DREG: u16 = 1;
        pub const KEY: u16 = 2;
    }
    /// `enum nft_cmp_attributes`.
    pub mod cmp {
        pub const SREG: u16 = 1;
        pub const OP: u16 = 2;
        pub const DATA: u16 = 3;
    }
    /// `enum nft_bitwise_attributes`.
    pub mod bitwise {
        pub const SREG: u16 = 1;
        pub const DREG: u16 = 2;
        pub const LEN: u16 = 3;
        pub const MASK: u16 = 4;
        pub const XOR: u16 = 5;
    }
    /// `enum nft_payload_attributes`.
    pub mod payload {
        pub const DREG: u16 = 1;
        pub const BASE: u16 = 2;
        pub const OFFSET: u16 = 3;
        pub const LEN: u16 = 4;
        pub const SREG: u16 = 5;
        pub const CSUM_TYPE: u16 = 6;
        pub const CSUM_OFFSET: u16 = 7;
        /// `NFT_PAYLOAD_CSUM_SCTP` (kernel 5.9).
        pub const CSUM_SCTP: u32 = 2;
    }
    /// `enum nft_immediate_attributes`.
    pub mod immediate {
        pub const DREG: u16 = 1;
        pub const DATA: u16 = 2;
    }
    /// `enum nft_lookup_attributes`.
    pub mod lookup {
        pub const SET: u16 = 1;
        pub const SREG: u16 = 2;
        pub const DREG: u16 = 3;
        pub const FLAGS: u16 = 5;
        /// `NFT_LOOKUP_F_INV`.
        pub const F_INV: u32 = 1;
    }
    /// `enum nft_reject_attributes`.
    pub mod reject {
        pub const TYPE: u16 = 1;
        pub const CODE: u16 = 2;
        /// `NFT_REJECT_TCP_RST`.
        pub const TCP_RST: u32 = 1;
        /// `NFT_REJECT_ICMPX_UNREACH`.
        pub const ICMPX_UNREACH: u32 = 2;
        /// `NFT_REJECT_ICMPX_PORT_UNREACH`.
        pub const ICMPX_PORT: u8 = 1;
    }
    /// `enum nft_fib_attributes`.
    pub mod fib {
        pub const DREG: u16 = 1;
        pub const RESULT: u16 = 2;
        pub const FLAGS: u16 = 3;
        /// `NFT_FIB_RESULT_ADDRTYPE`.
        pub const RESULT_ADDRTYPE: u32 = 3;
        /// `NFTA_FIB_F_DADDR`.
        pub const F_DADDR: u32 = 1 << 1;
    }
    /// `enum nft_nat_attributes`.
    pub mod nat {
        pub const TYPE: u16 = 1;
        pub const FAMILY: u16 = 2;
        pub const REG_ADDR_MIN: u16 = 3;
        pub const REG_PROTO_MIN: u16 = 5;
        /// `NFT_NAT_DNAT`.
        pub const TYPE_DNAT: u32 = 1;
    }
}
