//! The layers hold: a module uses what stands below it and nothing else. This reads where the sources name another
//! module of the crate; it checks nothing else about style. Tests beside the code may use what they like.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Each module, lowest first, and what it may use. To add an edge here is to change the architecture.
const MAY_USE: [(&str, &[&str]); 15] = [
    ("model", &[]),
    ("ipam", &["model"]),
    ("zone", &["model"]),
    ("registry", &["model", "zone"]),
    ("plan", &["model"]),
    ("etc", &["model"]),
    ("driver", &["model", "plan"]),
    ("decide", &["model", "ipam", "driver"]),
    ("kernel", &["model", "plan"]),
    ("store", &["model"]),
    ("channel", &["model", "registry"]),
    ("resolver", &["model", "registry", "zone", "channel"]),
    (
        "controller",
        &[
            "model", "ipam", "registry", "zone", "plan", "etc", "driver", "decide", "kernel",
            "store", "channel",
        ],
    ),
    ("api", &["model", "registry", "zone", "channel", "controller", "decide"]),
    ("cli", &["model", "registry", "channel", "etc", "api"]),
];

/// Files that may use more than their module, and why.
const MORE: [(&str, &[&str]); 9] = [
    // The composition root, and its flags, parsed into what it composes.
    ("cli/daemon.rs", &["*"]),
    ("cli/daemon/args.rs", &["ipam"]),
    // What it binds is the controller's to hand on.
    ("cli/daemon/host_dns.rs", &["controller"]),
    // They look at the machine themselves, with a daemon or without.
    ("cli/doctor/features.rs", &["kernel"]),
    ("cli/doctor/forwarding.rs", &["kernel"]),
    ("cli/doctor/ours.rs", &["kernel"]),
    // It starts the resolver.
    ("cli/resolver.rs", &["resolver"]),
    // They serve a controller over any `Kernel` and any `Store`.
    ("api/server.rs", &["kernel", "store"]),
    ("api/metrics.rs", &["kernel", "store"]),
];

/// What spawns processes in a namespace may enter one, and use nothing else of the kernel.
const NETNS: (&str, &str) = ("cli", "kernel::netns");

#[test]
fn a_module_uses_only_what_stands_below_it() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut broken = Vec::new();
    for path in sources(&src) {
        let file = path.strip_prefix(&src).expect("it was found there").display().to_string();
        let text = std::fs::read_to_string(&path).expect("a source can be read");
        broken.extend(
            uses(&text)
                .into_iter()
                .filter(|used| !allowed(&file, used))
                .map(|used| format!("src/{file} may not use crate::{used}")),
        );
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn every_module_stands_on_a_floor_and_none_looks_up() {
    let lib = include_str!("../src/lib.rs");
    let declared = lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    let floors: BTreeMap<&str, usize> =
        MAY_USE.iter().enumerate().map(|(floor, (module, _))| (*module, floor)).collect();
    for module in declared {
        assert!(floors.contains_key(module), "module {module} stands on no floor");
    }
    for (module, below) in MAY_USE {
        for used in below {
            assert!(floors[used] < floors[module], "{module} would look up to {used}");
        }
    }
}

#[test]
fn every_way_of_naming_a_module_is_read() {
    let text = "use crate::model::Id;\nuse crate::{plan::nft, kernel::{Kernel, link::x},\n store};\n\
                fn f() { crate::cli::run() } // crate::api\n//! [`crate::etc`]\n";
    let expected = ["cli::run", "kernel::", "model::Id", "plan::nft", "store::"];
    assert_eq!(uses(text).iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

fn allowed(file: &str, used: &str) -> bool {
    let module = file.split(['/', '.']).next().unwrap_or_default();
    let target = used.split("::").next().unwrap_or_default();
    let has = |list: &[&str]| list.contains(&"*") || list.contains(&target);
    let table = MAY_USE.iter().any(|(name, below)| *name == module && has(below));
    let more = MORE.iter().any(|(name, more)| *name == file && has(more));
    let netns = module == NETNS.0 && used == NETNS.1;
    module == target || module == "lib" || table || more || netns
}

/// Returns the sources, without tests.
fn sources(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).expect("the sources can be listed");
    let paths = entries.map(|entry| entry.expect("an entry can be read").path());
    paths
        .filter(|path| path.file_stem().is_some_and(|stem| stem != "tests"))
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// Returns `module::item` for each place where a source names another module, through `crate::` or a group of it.
fn uses(text: &str) -> BTreeSet<String> {
    let code: Vec<&str> =
        text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
    let code = code.join(" ");
    let mut found = BTreeSet::new();
    for after in code.split("crate::").skip(1) {
        match after.strip_prefix('{') {
            Some(group) => found.extend(members(group).iter().map(|member| path(member))),
            None => drop(found.insert(path(after))),
        }
    }
    found
}

/// Splits what follows an opening brace at the commas of its own level, up to its closing brace.
fn members(group: &str) -> Vec<String> {
    let mut members = vec![String::new()];
    let mut depth = 0;
    for c in group.chars() {
        match c {
            '}' if depth == 0 => break,
            ',' if depth == 0 => members.push(String::new()),
            _ => {
                depth += i32::from(c == '{') - i32::from(c == '}');
                members.last_mut().expect("there is one").push(c);
            }
        }
    }
    members.retain(|member| !member.trim().is_empty());
    members
}

/// Returns the first two parts of a path; the second is empty where a group or nothing follows.
fn path(text: &str) -> String {
    let word = |text: &str| -> String {
        text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let (first, rest) = text.trim().split_once("::").unwrap_or((text.trim(), ""));
    format!("{}::{}", word(first), word(rest))
}
