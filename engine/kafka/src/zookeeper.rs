//! Asking a ZooKeeper server how it is.
//!
//! By the four-letter word `srvr`, which is the only one that every version allows without
//! `4lw.commands.whitelist` (<https://zookeeper.apache.org/doc/r3.8.4/zookeeperAdmin.html#sc_4lw>).

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// How long an answer may take.
const ANSWER: Duration = Duration::from_millis(800);

/// What a server says of itself: `standalone`, `leader` or `follower`; or why it says nothing.
///
/// # Errors
/// A fragment: nobody listens, or it does not serve yet.
pub async fn mode(address: &str, port: u16) -> Result<String, String> {
    let ask = async {
        let mut stream = TcpStream::connect((address, port)).await?;
        stream.write_all(b"srvr").await?;
        let mut answer = vec![];
        stream.read_to_end(&mut answer).await?;
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&answer).into_owned())
    };
    match timeout(ANSWER, ask).await {
        Err(_) => Err(format!("nothing answers at {address}:{port}")),
        Ok(Err(error)) => Err(format!("nothing answers at {address}:{port} ({error})")),
        Ok(Ok(answer)) => parse(&answer),
    }
}

fn parse(answer: &str) -> Result<String, String> {
    answer
        .lines()
        .find_map(|line| line.strip_prefix("Mode: "))
        .map(|mode| mode.trim().to_owned())
        .ok_or_else(|| match answer.trim() {
            "" => "it gives no answer".to_owned(),
            text => format!("it answers: {}", text.lines().next().unwrap_or(text)),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers() {
        let serving = "Zookeeper version: 3.8.4\nLatency min/avg/max: 0/0.0/0\nMode: standalone\nNode count: 5\n";
        assert_eq!(parse(serving), Ok("standalone".into()));
        let waiting = "This ZooKeeper instance is not currently serving requests\n";
        assert!(
            parse(waiting)
                .unwrap_err()
                .contains("not currently serving")
        );
        assert!(parse("").is_err());
    }
}
