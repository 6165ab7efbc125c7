//! Upstream: the lab's DNS server, which knows the zones that it is given and nothing else. It is hickory's, so that
//! what the resolver is shown against is not its own.

use super::lab::{Zone, read_zones};
use crate::cli::outcome::{Failure, Outcome};
use crate::cli::print;
use hickory_proto::serialize::txt::Parser;
use hickory_server::Server;
use hickory_server::store::in_memory::InMemoryZoneHandler;
use hickory_server::zone_handler::{AxfrPolicy, Catalog, ZoneHandler, ZoneType};
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, UdpSocket};

/// How long a connection may stay idle.
const IDLE: Duration = Duration::from_secs(5);
/// How many replies wait for a slow reader.
const BUFFERED: usize = 32;

/// Serves until it is ended; says `ready` when it answers.
pub fn serve(address: Ipv4Addr, dir: &Path) -> Outcome {
    let catalog = catalog(read_zones(dir)?)?;
    let failed = |error| Failure::doing(format!("serve DNS at {address}"), error);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(failed)?.block_on(async {
        let mut server = Server::new(catalog);
        server.register_socket(UdpSocket::bind((address, 53)).await.map_err(failed)?);
        let listener = TcpListener::bind((address, 53)).await.map_err(failed)?;
        server.register_listener(listener, IDLE, BUFFERED);
        print::line("ready")?;
        let ended = server.block_until_done().await;
        ended.map_err(|error| Failure::new(format!("DNS at {address}: {error}")))?;
        Ok(0)
    })
}

fn catalog(zones: Vec<Zone>) -> Result<Catalog, Failure> {
    let mut catalog = Catalog::new();
    for (file, text) in zones {
        let wrong = |why: String| Failure::new(format!("{}: {why}", file.display()));
        let parsed = Parser::new(text, None, None).parse();
        let (origin, records) = parsed.map_err(|error| wrong(error.to_string()))?;
        let zone: InMemoryZoneHandler =
            InMemoryZoneHandler::new(origin.clone(), records, ZoneType::Primary, AxfrPolicy::Deny)
                .map_err(wrong)?;
        catalog.upsert(origin.into(), vec![Arc::new(zone) as Arc<dyn ZoneHandler>]);
    }
    Ok(catalog)
}
