//! Names of sandboxes: made up where none is given, and shared ones warned of.

use crate::model::{DnsName, Endpoint, Refusal, Sandbox, SandboxName, State};

const ADJECTIVES: [&str; 32] = [
    "amber", "bold", "brisk", "calm", "clear", "crisp", "deft", "eager", "fair", "fleet", "fresh",
    "gentle", "glad", "green", "keen", "kind", "light", "lucid", "merry", "mild", "neat", "noble",
    "plain", "proud", "quick", "quiet", "ready", "sharp", "still", "sunny", "swift", "warm",
];

const NOUNS: [&str; 32] = [
    "acorn", "badger", "beacon", "birch", "brook", "cedar", "comet", "curlew", "dune", "falcon",
    "fern", "finch", "fjord", "harbor", "heron", "island", "lark", "lynx", "maple", "meadow",
    "otter", "pebble", "pine", "raven", "reef", "river", "robin", "spruce", "stone", "thrush",
    "tundra", "wren",
];

/// Makes up a name that no sandbox has; when two words are not enough, digits follow.
pub fn make_up(state: &State, draw: &dyn Fn() -> [u8; 32]) -> Result<SandboxName, Refusal> {
    let [a, b, ..] = draw();
    let words = format!("{}_{}", ADJECTIVES[usize::from(a) % 32], NOUNS[usize::from(b) % 32]);
    let numbered = (2..).map(|number: u32| format!("{words}{number}"));
    let free = |text: &String| !state.sandboxes.values().any(|s| s.name.as_str() == text);
    let name = std::iter::once(words.clone()).chain(numbered).find(free);
    name.expect("numbers do not end before sandboxes do").parse()
}

/// Warns of each of an endpoint's names that is the name of another sandbox on that network: both answer to it.
pub fn shared(state: &State, sandbox: &Sandbox, endpoint: &Endpoint) -> Vec<String> {
    let named = state.networks.get(&endpoint.network).filter(|network| network.has_names());
    let Some(network) = named else { return Vec::new() };
    let own = sandbox.name.as_dns();
    let names: Vec<&DnsName> = std::iter::once(&own).chain(&endpoint.aliases).collect();
    let others = state
        .endpoints_on(network.id)
        .filter(|other| other.sandbox != sandbox.id)
        .filter_map(|other| state.sandboxes.get(&other.sandbox))
        .filter(|other| names.contains(&&other.name.as_dns()));
    let warn = |other: &std::sync::Arc<Sandbox>| {
        format!(
            "\"{}\" is also the name of a sandbox on network {}: both answer to it",
            other.name, network.name
        )
    };
    others.map(warn).collect()
}
