//! Client: one call over one connection to RUN_DIR/api.sock. It blocks, and leaves no thread behind, so that its
//! caller may clone and change namespaces afterwards. There is no retry and no time limit: the daemon bounds its work.

use super::call::{Call, ErrorBody};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Request, StatusCode, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use std::io;
use std::path::{Path, PathBuf};
use tokio::net::UnixStream;

/// Calls the daemon behind one socket.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
}

/// Why a call has no reply.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens there.
    #[error("no daemon at {}", .0.display())]
    NoDaemon(PathBuf),
    /// The socket is not for this user.
    #[error("no permission to use {}", .0.display())]
    Forbidden(PathBuf),
    /// The daemon said no, or failed.
    #[error("{}", .0.error)]
    Refused(ErrorBody),
    /// The socket or the runtime failed.
    #[error("cannot call the daemon: {0}")]
    Io(#[from] io::Error),
    /// The connection broke: the daemon ended during the call.
    #[error("the daemon broke off the call: {0}")]
    Broken(#[from] hyper::Error),
    /// The daemon speaks another version.
    #[error("the daemon's reply ({status}) is not understood: {source}")]
    Reply {
        /// HTTP's.
        status: StatusCode,
        /// What the text lacks.
        source: serde_json::Error,
    },
}

impl ClientError {
    /// Returns what to do about it, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoDaemon(_) => Some("start one: netdns daemon".into()),
            Self::Forbidden(_) => Some("become root, or join the daemon's --group".into()),
            Self::Refused(body) => body.hint.clone(),
            Self::Broken(_) => {
                Some("the daemon's log says more; netdns status asks it again".into())
            }
            Self::Reply { .. } => Some("netdns status shows its version".into()),
            Self::Io(_) => None,
        }
    }
}

impl Client {
    /// Makes a client of the daemon that listens at a socket; nothing is opened yet.
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self { socket: socket.into() }
    }

    /// Makes one call and waits for its reply.
    pub fn call<C: Call>(&self, call: C) -> Result<C::Reply, ClientError> {
        let body = serde_json::to_vec(&call).expect("requests are plain data");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let (status, reply) = runtime.block_on(exchange(&self.socket, C::METHOD, body))?;
        let misread = |source| ClientError::Reply { status, source };
        if status == StatusCode::OK {
            return serde_json::from_slice(&reply).map_err(misread);
        }
        Err(ClientError::Refused(serde_json::from_slice(&reply).map_err(misread)?))
    }
}

async fn exchange(
    socket: &Path,
    method: &str,
    body: Vec<u8>,
) -> Result<(StatusCode, Bytes), ClientError> {
    let stream = UnixStream::connect(socket).await.map_err(|error| unreachable(socket, error))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Its error comes back through the request as well.
    tokio::spawn(async move { connection.await.ok() });
    let request = Request::post(format!("/v1/{method}"))
        .header(header::HOST, "netdns")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))
        .expect("a method's name is a path");
    let response = sender.send_request(request).await?;
    let status = response.status();
    Ok((status, response.into_body().collect().await?.to_bytes()))
}

fn unreachable(socket: &Path, error: io::Error) -> ClientError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            ClientError::NoDaemon(socket.to_owned())
        }
        io::ErrorKind::PermissionDenied => ClientError::Forbidden(socket.to_owned()),
        _ => ClientError::Io(error),
    }
}
