//! A page that tells who is asking, and what fetches it.

use super::query::look_up;
use crate::cli::outcome::{Failure, Outcome};
use crate::cli::print;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a server may take to come up, or to answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// The pause before a server that does not listen yet is asked again.
const PAUSE: Duration = Duration::from_millis(20);

/// Serves the page until it is ended.
pub fn serve(port: u16, name: &str) -> Outcome {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))
        .map_err(|error| Failure::doing(format!("listen on port {port}"), error))?;
    for stream in listener.incoming() {
        // Whoever hangs up early is no reason to stop.
        stream.and_then(|stream| answer(stream, name)).ok();
    }
    Ok(0)
}

fn answer(mut stream: TcpStream, name: &str) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    read_request(&mut stream)?;
    let body = format!("this is {name}; you are {}\n", stream.peer_addr()?.ip());
    let length = body.len();
    let head = "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n";
    stream.write_all(format!("{head}Content-Length: {length}\r\n\r\n{body}").as_bytes())
}

/// Reads a request to its empty line: what is left unread when a connection is closed would reset it.
fn read_request(stream: &mut TcpStream) -> io::Result<()> {
    let mut request = Vec::new();
    let mut piece = [0; 1024];
    while !request.ends_with(b"\r\n\r\n") && request.len() < 16 * piece.len() {
        match stream.read(&mut piece)? {
            0 => break,
            length => request.extend_from_slice(&piece[..length]),
        }
    }
    Ok(())
}

/// Fetches a page and prints it.
pub fn fetch(url: &str) -> Outcome {
    let rest = url.strip_prefix("http://").unwrap_or(url);
    let host = rest.split('/').next().unwrap_or_default();
    let failed = |error| Failure::doing(format!("fetch {url}"), error);
    let mut stream = place(host).and_then(connect).map_err(failed)?;
    let page = ask(&mut stream, host).map_err(failed)?;
    let body = page.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    print::line(body.trim_end())?;
    Ok(u8::from(!page.starts_with("HTTP/1.0 200")))
}

fn place(host: &str) -> io::Result<SocketAddr> {
    let (name, port) = host.split_once(':').unwrap_or((host, "80"));
    let port: u16 = port.parse().map_err(|_| io::ErrorKind::InvalidInput)?;
    let address = look_up(name).ok_or(io::ErrorKind::NotFound)?;
    Ok((address, port).into())
}

fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Err(error)
                if error.kind() == io::ErrorKind::ConnectionRefused
                    && Instant::now() < deadline =>
            {
                sleep(PAUSE);
            }
            connected => return connected,
        }
    }
}

fn ask(stream: &mut TcpStream, host: &str) -> io::Result<String> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(format!("GET / HTTP/1.0\r\nHost: {host}\r\n\r\n").as_bytes())?;
    let mut page = String::new();
    stream.read_to_string(&mut page)?;
    Ok(page)
}
