//! The JSON that scripts rely on: every key of `inspect`, as golden files (`UPDATE=1` rewrites them), and what values mean.

use crate::host::Host;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

fn inspect(host: &Host, words: &[&str]) -> Value {
    serde_json::from_str(&host.netdns(words).ok()).expect("JSON")
}

/// Collects the paths of all keys. What is keyed by names or ids has a star for them.
fn paths(value: &Value, path: &str, into: &mut BTreeSet<String>) {
    const BY_NAME: [&str; 7] = [
        ".Config.Labels",
        ".Config.ExposedPorts",
        ".HostConfig.PortBindings",
        ".NetworkSettings.Ports",
        ".NetworkSettings.Networks",
        ".Containers",
        ".Labels",
    ];
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            let key = if BY_NAME.contains(&path) { "*" } else { key };
            let path = format!("{path}.{key}");
            into.insert(path.clone());
            paths(value, &path, into);
        }),
        Value::Array(items) => {
            items.iter().for_each(|item| paths(item, &format!("{path}[]"), into))
        }
        _ => {}
    }
}

#[track_caller]
fn is_golden(name: &str, value: &Value) {
    let mut found = BTreeSet::new();
    paths(value, "", &mut found);
    let found: String = found.iter().map(|path| format!("{path}\n")).collect();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/json").join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &found).expect("the golden file can be written");
    }
    let golden = std::fs::read_to_string(&file).expect("a golden file");
    assert_eq!(found, golden, "{name}; UPDATE=1 rewrites it");
}

#[test]
fn inspect_of_a_sandbox_has_the_keys_that_scripts_rely_on() {
    let host = Host::with_daemon();
    host.netdns(&["network", "create", "localnet"]).ok();
    let id = host.sleeper(
        "web",
        &["--network", "name=localnet,alias=www,gw-priority=7", "-p", "5000:80", "--expose", "22"],
    );
    let all = inspect(&host, &["inspect", "web"]);
    is_golden("sandbox.keys", &all[0]);
    let web = &all[0];
    assert_eq!(web["Id"], id.as_str());
    assert_eq!(web["Name"], "web", "without a slash");
    let state = &web["State"];
    assert_eq!((&state["Status"], &state["Running"]), (&"running".into(), &true.into()));
    let key = web["NetworkSettings"]["SandboxKey"].as_str().expect("a path");
    let pid = state["Pid"].as_u64().expect("a pid");
    let same = format!("test $(stat -Lc %i {key}) = $(stat -Lc %i /proc/{pid}/ns/net)");
    host.sh(&same).ok();
    let ports = &web["NetworkSettings"]["Ports"];
    let expected = serde_json::json!({
        "22/tcp": null, "80/tcp": [{ "HostIp": "0.0.0.0", "HostPort": "5000" }]
    });
    assert_eq!(*ports, expected);
    let on = &web["NetworkSettings"]["Networks"]["localnet"];
    assert_eq!((&on["Gateway"], &on["IPPrefixLen"]), (&"172.18.0.1".into(), &16.into()));
    assert_eq!((&on["Aliases"][0], &on["GwPriority"]), (&"www".into(), &7.into()));
    assert_eq!(web["HostConfig"]["NetworkMode"], "localnet");
    assert_eq!(web["Config"]["Cmd"], serde_json::json!(["sleep", "3600"]));
    host.netdns(&["run", "--name", "job", "sh", "-c", "exit 5"]).fails(5);
    let job = &inspect(&host, &["inspect", "job"])[0];
    let state = &job["State"];
    assert_eq!((&state["Status"], &state["ExitCode"]), (&"exited".into(), &5.into()));
    assert_eq!((&state["Running"], &state["Pid"]), (&false.into(), &0.into()));
}

#[test]
fn inspect_of_a_network_has_the_keys_that_scripts_rely_on() {
    let host = Host::with_daemon();
    let flags = [
        "--subnet",
        "10.70.0.0/24",
        "--ip-range",
        "10.70.0.128/25",
        "--gateway",
        "10.70.0.254",
        "--aux-address",
        "router=10.70.0.129",
        "--label",
        "tier=front",
        "-o",
        "com.docker.network.driver.mtu=1400",
    ];
    let words = [&["network", "create", "--driver", "bridge"], &flags[..], &["localnet"]].concat();
    let id = host.netdns(&words).ok();
    let web = host.sleeper("web", &["--network", "localnet"]);
    let localnet = inspect(&host, &["network", "inspect", "localnet"])[0].take();
    is_golden("network.keys", &localnet);
    assert_eq!(localnet["Id"], id.as_str());
    let config = serde_json::json!([{
        "Subnet": "10.70.0.0/24", "Gateway": "10.70.0.254", "IPRange": "10.70.0.128/25",
        "AuxiliaryAddresses": { "router": "10.70.0.129" }
    }]);
    assert_eq!(localnet["IPAM"]["Config"], config);
    assert_eq!(localnet["Labels"]["tier"], "front");
    assert_eq!(localnet["Options"]["com.docker.network.driver.mtu"], "1400");
    assert_eq!((&localnet["Driver"], &localnet["Scope"]), (&"bridge".into(), &"local".into()));
    let member = &localnet["Containers"][&web];
    assert_eq!(
        (&member["Name"], &member["IPv4Address"]),
        (&"web".into(), &"10.70.0.128/24".into())
    );
    assert_eq!(host.inside("web", "cat /sys/class/net/eth0/mtu").ok(), "1400");
}

#[test]
fn inspect_prints_an_array_of_those_found_and_ends_with_1_if_one_is_missing() {
    let host = Host::with_daemon();
    host.netdns(&["network", "create", "both"]).ok();
    host.sleeper("both", &[]);
    let names = |words: &[&str]| {
        let ran = host.netdns(words);
        let all: Value = serde_json::from_str(&ran.out).expect("an array, whatever is missing");
        let items = all.as_array().expect("an array").iter();
        let names = items.map(|item| format!("{} {}", item["Name"], item["Scope"]));
        (names.collect::<Vec<_>>().join(";").replace('"', ""), ran.code, ran.err)
    };
    // A sandbox comes before a network of its name.
    assert_eq!(names(&["inspect", "both"]), ("both null".into(), 0, String::new()));
    assert_eq!(names(&["inspect", "--type", "network", "both"]).0, "both local");
    assert_eq!(names(&["inspect", "--type", "container", "both"]).0, "both null");
    assert_eq!(names(&["container", "inspect", "both", "host"]).0, "both null;host local");
    let (found, code, err) = names(&["inspect", "nosuch", "both"]);
    assert_eq!((found.as_str(), code), ("both null", 1));
    assert!(err.starts_with("netdns: no such object: nosuch\nhint: "), "{err}");
    let (found, code, err) = names(&["network", "inspect", "both", "nosuch", "none"]);
    assert_eq!((found.as_str(), code), ("both local;none local", 1));
    assert!(err.starts_with("netdns: network nosuch not found\n"), "{err}");
    assert_eq!(names(&["inspect", "--type", "sandbox", "host"]).0, "");
    let status: Value =
        serde_json::from_str(&host.netdns(&["status", "--format", "json"]).ok()).expect("JSON");
    for key in ["Version", "ManagerPid", "ResolverPid", "Networks", "Sandboxes", "Running"] {
        assert!(status[key].is_string() || status[key].as_u64().is_some(), "{key}: {status}");
    }
}
