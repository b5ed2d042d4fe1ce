//! The four ports. All of them are open before any service starts.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::urls::Urls;

/// The ports to listen on; 0 takes a free one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ports {
    /// The HTTP API.
    pub api: u16,
    /// The AWS endpoint.
    pub aws: u16,
    /// The Stripe emulator.
    pub stripe: u16,
    /// The EasyPost emulator.
    pub easypost: u16,
}

/// Why a port cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// Another program uses it.
    #[error(
        "port {port} ({what}) is in use: end the program that uses it, or choose another port with \
         {option} (0 takes a free one)"
    )]
    InUse {
        /// The port.
        port: u16,
        /// The server that needs it.
        what: &'static str,
        /// The command line option that changes it.
        option: &'static str,
    },
    /// The operating system rejected it.
    #[error("cannot listen on port {port} ({what}): {source}")]
    Io {
        /// The port.
        port: u16,
        /// The server that needs it.
        what: &'static str,
        /// The error of the operating system.
        source: io::Error,
    },
}

/// The open ports. A client that connects before its server starts has to wait.
pub(super) struct Listeners {
    pub(super) api: TcpListener,
    pub(super) aws: TcpListener,
    pub(super) stripe: TcpListener,
    pub(super) easypost: TcpListener,
}

impl Listeners {
    pub(super) async fn open(ports: Ports) -> Result<Self, PortError> {
        Ok(Self {
            api: listen(ports.api, "API", "--port").await?,
            aws: listen(ports.aws, "AWS endpoint", "--aws-port").await?,
            stripe: listen(ports.stripe, "Stripe emulator", "--gateway-port").await?,
            easypost: listen(ports.easypost, "EasyPost emulator", "--carrier-port").await?,
        })
    }

    pub(super) fn urls(&self) -> Urls {
        Urls {
            api: url(&self.api),
            aws: url(&self.aws),
            stripe: url(&self.stripe),
            easypost: url(&self.easypost),
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
        _ => PortError::Io { port, what, source },
    })
}

fn url(listener: &TcpListener) -> String {
    let port = listener.local_addr().map_or(0, |address: SocketAddr| address.port());
    format!("http://127.0.0.1:{port}")
}
