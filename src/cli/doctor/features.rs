//! What the kernel has and lacks, and what will not work without it.

use super::Finding;
use crate::kernel::KernelError;
use crate::kernel::probe::{self, Feature};
use crate::model::with_causes;

/// Tries what the kernel has to have.
pub fn features() -> Vec<Finding> {
    let tried = match probe::features() {
        Ok(tried) => tried,
        Err(error) => {
            let hint = "in a container this needs --privileged, or CAP_SYS_ADMIN and CAP_NET_ADMIN";
            return vec![Finding::fail(
                "namespaces",
                format!("no network namespace can be made ({error}): no sandbox can be started"),
                hint,
            )];
        }
    };
    let made = Finding::ok("namespaces", "network namespaces can be made");
    std::iter::once(made).chain(tried.into_iter().map(feature)).collect()
}

fn feature((feature, tried): (Feature, Result<(), KernelError>)) -> Finding {
    let (check, can, cannot, hint) = match feature {
        Feature::Bridge => (
            "bridge",
            "bridges can be made",
            "no network of driver bridge can be made",
            "modprobe bridge, or a kernel with CONFIG_BRIDGE",
        ),
        Feature::Veth => (
            "veth",
            "pairs of links can be made",
            "no sandbox can join a network",
            "modprobe veth, or a kernel with CONFIG_VETH",
        ),
        Feature::NfTables => (
            "nf_tables",
            "tables and chains can be made",
            "no network can be made",
            "modprobe nf_tables, or a kernel with CONFIG_NF_TABLES_INET",
        ),
        Feature::Conntrack => (
            "conntrack",
            "rules can ask for known connections",
            "no network can be made",
            "modprobe nft_ct, or a kernel with CONFIG_NF_CONNTRACK and CONFIG_NFT_CT",
        ),
        Feature::Masquerade => (
            "masquerade",
            "source addresses can be translated",
            "sandboxes do not reach beyond the host",
            "modprobe nft_chain_nat nft_masq, or a kernel with CONFIG_NFT_NAT and CONFIG_NFT_MASQ",
        ),
        Feature::Fib => (
            "fib",
            "rules can ask for the host's own addresses",
            "no port can be published",
            "modprobe nft_fib_inet, or a kernel with CONFIG_NFT_FIB_INET",
        ),
        Feature::BridgeTables => (
            "nft-bridge",
            "frames can be checked at bridges",
            "no network can be made",
            "modprobe nf_tables_bridge, or a kernel with CONFIG_NF_TABLES_BRIDGE",
        ),
        Feature::Macvlan => (
            "macvlan",
            "links can be made on another one's segment",
            "no network of driver macvlan has sandboxes",
            "modprobe macvlan, or a kernel with CONFIG_MACVLAN",
        ),
        Feature::Rewrite => (
            "dns-rewrite",
            "port 53 in a sandbox can be led to the resolver",
            "sandboxes find no names",
            "modprobe nft_ct, or: netdns daemon --dns-listen direct",
        ),
        Feature::Ownership => (
            "dns-owner",
            "nobody in a sandbox can remove its DNS table",
            "a program in a sandbox that flushes its rules loses its names",
            "Linux 6.9 or later has tables with owner and persist",
        ),
    };
    match (tried, feature) {
        (Ok(()), _) => Finding::ok(check, can),
        (Err(error), Feature::Ownership | Feature::Macvlan) => {
            Finding::warn(check, format!("{cannot}: {}", with_causes(&error)), hint)
        }
        (Err(error), _) => Finding::fail(check, format!("{cannot}: {}", with_causes(&error)), hint),
    }
}
