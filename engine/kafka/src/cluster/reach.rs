//! Whether anybody listens at an address, asked before a client is made: a refused connection is
//! known in microseconds, while a client goes on trying until its timeout.

use std::time::Duration;

use tokio::{net::TcpStream, time::timeout};

use super::network::Network;
use crate::clusters::Clusters;

/// How long a connection may take; a host that drops packets looks dead after this time.
const CONNECT: Duration = Duration::from_millis(800);

/// Whether a TCP connection to `host:port` is accepted.
pub async fn accepts(address: &str) -> bool {
    matches!(
        timeout(CONNECT, TcpStream::connect(address)).await,
        Ok(Ok(_))
    )
}

/// Whether any of some `host:port` accepts a connection; the first that does decides.
pub async fn any_accepts(addresses: &[String]) -> bool {
    let clusters: &dyn Clusters = &Network;
    clusters.any_accepts(addresses).await
}
