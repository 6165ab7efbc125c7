//! One TCP stream: iperf3.

use super::host::{Host, Unable};
use super::peer::packaged;
use std::net::SocketAddr;

/// Serves in a host for as long as the benchmark lasts.
pub fn serve(host: &Host, port: u16) -> Result<(), Unable> {
    let (program, port) = (program()?, port.to_string());
    let words: Vec<&str> = program.iter().map(String::as_str).collect();
    host.serve(&[&words[..], &["-s", "--forceflush", "-p", &port]].concat(), "listening on")?;
    Ok(())
}

/// Sends as much as it can; returns what came in, in bits a second.
pub fn throughput(host: &Host, to: SocketAddr, seconds: usize) -> Result<f64, Unable> {
    let program = program()?;
    let words: Vec<&str> = program.iter().map(String::as_str).collect();
    let (ip, port, seconds) = (to.ip().to_string(), to.port().to_string(), seconds.to_string());
    let flags = ["-c", &ip, "-p", &port, "-t", &seconds, "-J"];
    let said = host.run(&[&words[..], &flags].concat())?.out;
    let said: serde_json::Value =
        serde_json::from_str(&said).map_err(|error| format!("iperf3: {error}"))?;
    let received = said["end"]["sum_received"]["bits_per_second"].as_f64();
    received.ok_or_else(|| format!("iperf3: {}", said["error"]))
}

/// Returns the words that start it, with its libraries where its package was unpacked.
fn program() -> Result<Vec<String>, Unable> {
    let program = packaged("/usr/bin/iperf3", "iperf3")?;
    let arch = std::env::consts::ARCH;
    let libraries = program.replace("/bin/iperf3", &format!("/lib/{arch}-linux-gnu"));
    Ok(vec!["env".to_owned(), format!("LD_LIBRARY_PATH={libraries}"), program])
}
