//! Whether anybody listens at an address, asked before a client is made: a refused connection is
//! known in microseconds, while a client goes on trying until its timeout.

use std::time::Duration;

use futures::{StreamExt as _, stream::FuturesUnordered};
use krun_model::{kind::Check, plan::DiffLine};
use tokio::{net::TcpStream, time::timeout};

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
    let mut pending: FuturesUnordered<_> =
        addresses.iter().map(|address| accepts(address)).collect();
    while let Some(accepted) = pending.next().await {
        if accepted {
            return true;
        }
    }
    false
}

/// What a check says while nobody at these addresses answers; none where somebody does. `diff` is what is
/// known all the same.
pub async fn silent(addresses: &[String], diff: &[DiffLine]) -> Option<Check> {
    if any_accepts(addresses).await {
        return None;
    }
    Some(Check::Unknown {
        why: "the cluster does not answer yet".to_owned(),
        diff: diff.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn one_open_port_is_enough() {
        let open = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let shut = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = |l: &TcpListener| l.local_addr().unwrap().to_string();
        let (open_at, shut_at) = (address(&open), address(&shut));
        drop(shut);
        assert!(!any_accepts(std::slice::from_ref(&shut_at)).await);
        assert!(any_accepts(&[shut_at, open_at]).await);
        assert!(!any_accepts(&[]).await);
    }
}
