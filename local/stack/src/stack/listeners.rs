//! The four ports, all opened before anything is started.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::urls::Urls;

/// Which ports to listen on; 0 takes a free one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ports {
    /// The web page and the API.
    pub api: u16,
    /// The AWS endpoint.
    pub aws: u16,
    /// The payment gateway's look-alike.
    pub gateway: u16,
    /// The carrier's look-alike.
    pub carrier: u16,
}

/// A port cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// Another program has it.
    #[error(
        "port {port} ({what}) is in use: end the program that has it, or choose another port with \
         {option} (0 takes a free one)"
    )]
    InUse {
        /// Which.
        port: u16,
        /// What it was to be for.
        what: &'static str,
        /// The option that changes it.
        option: &'static str,
    },
    /// The system says why.
    #[error("cannot listen on port {port} ({what}): {source}")]
    Refused {
        /// Which.
        port: u16,
        /// What it was to be for.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
}

/// Listening, but not serving yet: who connects early waits.
pub(super) struct Listeners {
    pub(super) api: TcpListener,
    pub(super) aws: TcpListener,
    pub(super) gateway: TcpListener,
    pub(super) carrier: TcpListener,
}

impl Listeners {
    pub(super) async fn open(ports: Ports) -> Result<Self, PortError> {
        Ok(Self {
            api: listen(ports.api, "web page and API", "--port").await?,
            aws: listen(ports.aws, "AWS endpoint", "--aws-port").await?,
            gateway: listen(ports.gateway, "payment gateway", "--gateway-port").await?,
            carrier: listen(ports.carrier, "carrier", "--carrier-port").await?,
        })
    }

    pub(super) fn urls(&self) -> Urls {
        Urls {
            api: url(&self.api),
            aws: url(&self.aws),
            gateway: url(&self.gateway),
            carrier: url(&self.carrier),
        }
    }
}

async fn listen(
    port: u16,
    what: &'static str,
    option: &'static str,
) -> Result<TcpListener, PortError> {
    TcpListener::bind(("127.0.0.1", port)).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => PortError::InUse { port, what, option },
        _ => PortError::Refused { port, what, source },
    })
}

fn url(listener: &TcpListener) -> String {
    let port = listener.local_addr().map_or(0, |address: SocketAddr| address.port());
    format!("http://127.0.0.1:{port}")
}
