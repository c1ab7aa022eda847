//! The one request that librdkafka can't send: altering the settings of all brokers. It takes the
//! resource's name for a broker's id, and here the name is empty.
//!
//! Owns those bytes: IncrementalAlterConfigs (key 44), version 0, as Kafka's protocol guide lays it out;
//! brokers know it from 2.3 on. Big-endian, a length before each text and list.

use std::{io, time::Duration};

use krun_model::{Fault, FaultCode, configs::ConfigChanges};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::connection::Connection;

const LIMIT: Duration = Duration::from_secs(10);
const WHAT: &str = "the settings could not be altered";
/// The request's key in the protocol.
const INCREMENTAL_ALTER_CONFIGS: i16 = 44;
/// The number for brokers among the resources that have settings.
const BROKER: i8 = 4;
/// An answer that is larger is none.
const LARGEST: usize = 1 << 20;

/// Alters the settings that all brokers have unless they have their own.
///
/// # Errors
/// [`FaultCode::Cluster`] with the broker's own words, or where none answers.
pub async fn alter_all_brokers(
    connection: &Connection,
    changes: &ConfigChanges,
    validate_only: bool,
) -> Result<(), Fault> {
    let request = request(changes, validate_only);
    let mut last = None;
    for server in connection.bootstrap() {
        match timeout(LIMIT, exchange(server, &request)).await {
            Ok(Ok(answer)) => return read(&answer).unwrap_or_else(|| Err(unreadable(server))),
            // What one broker does not answer may have happened: setting it again does no harm.
            Ok(Err(error)) => last = Some((server, error.to_string(), error.kind())),
            Err(_) => last = Some((server, "no answer in time".into(), io::ErrorKind::TimedOut)),
        }
    }
    let fault = Fault::new(FaultCode::Cluster, WHAT);
    Err(match last {
        Some((server, why, kind)) => {
            let fault = fault.because(format!("{server}: {why}"));
            match kind {
                io::ErrorKind::UnexpectedEof => fault.hint(
                    "Brokers before 2.3 close the connection: they can't set this for all brokers.",
                ),
                _ => fault.hint("See whether the brokers run: `krun status`."),
            }
        }
        None => fault.because("no bootstrap server is named"),
    })
}

fn unreadable(server: &str) -> Fault {
    Fault::new(FaultCode::Cluster, WHAT).because(format!("{server} answers what no broker does"))
}

async fn exchange(server: &str, request: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    stream.write_all(request).await?;
    let size = usize::try_from(stream.read_i32().await?).unwrap_or(usize::MAX);
    if size > LARGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut answer = vec![0; size];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}

fn put(bytes: &mut Vec<u8>, text: &str) {
    // Keys and values of settings are far shorter than the 32 KiB that fit.
    let length = i16::try_from(text.len()).unwrap_or(i16::MAX);
    bytes.extend(length.to_be_bytes());
    bytes.extend(text.bytes().take(usize::from(length.unsigned_abs())));
}

fn request(changes: &ConfigChanges, validate_only: bool) -> Vec<u8> {
    let mut bytes = vec![];
    bytes.extend(INCREMENTAL_ALTER_CONFIGS.to_be_bytes());
    bytes.extend(0_i16.to_be_bytes());
    bytes.extend(1_i32.to_be_bytes());
    put(&mut bytes, "krun");
    bytes.extend(1_i32.to_be_bytes());
    bytes.extend(BROKER.to_be_bytes());
    put(&mut bytes, "");
    let count = i32::try_from(changes.len()).unwrap_or(i32::MAX);
    bytes.extend(count.to_be_bytes());
    for (key, value) in changes {
        put(&mut bytes, key);
        match value {
            Some(value) => {
                bytes.push(0);
                put(&mut bytes, value);
            }
            None => {
                bytes.push(1);
                bytes.extend((-1_i16).to_be_bytes());
            }
        }
    }
    bytes.push(u8::from(validate_only));
    let size = i32::try_from(bytes.len()).unwrap_or(i32::MAX);
    [&size.to_be_bytes()[..], &bytes].concat()
}

/// The outcome for the one resource; none where the bytes are no such answer.
fn read(answer: &[u8]) -> Option<Result<(), Fault>> {
    // Correlation id, throttle time, number of resources; then the error's code and words.
    let count = i32::from_be_bytes(answer.get(8..12)?.try_into().ok()?);
    let code = i16::from_be_bytes(answer.get(12..14)?.try_into().ok()?);
    if count != 1 {
        return None;
    }
    if code == 0 {
        return Some(Ok(()));
    }
    let length = i16::from_be_bytes(answer.get(14..16)?.try_into().ok()?);
    let words = match usize::try_from(length) {
        Ok(length) => String::from_utf8_lossy(answer.get(16..16 + length)?).into_owned(),
        Err(_) => format!("error {code} of Kafka's protocol"),
    };
    Some(Err(Fault::new(FaultCode::Cluster, WHAT)
        .because(words)
        .hint(
            "Correct the value in the runbook; Kafka's documentation names what is valid.",
        )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn laid_out_as_the_protocol_says() {
        let changes = ConfigChanges::from([("a".into(), Some("bc".into())), ("d".into(), None)]);
        let bytes = request(&changes, true);
        assert_eq!(
            bytes,
            [
                &[0, 0, 0, 40][..],
                &[0, 44, 0, 0, 0, 0, 0, 1, 0, 4],
                b"krun",
                &[0, 0, 0, 1, 4, 0, 0, 0, 0, 0, 2],
                &[0, 1, b'a', 0, 0, 2, b'b', b'c'],
                &[0, 1, b'd', 1, 0xff, 0xff],
                &[1],
            ]
            .concat()
        );
        let head = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1];
        assert!(read(&[&head[..], &[0, 0, 0xff, 0xff]].concat()).is_some_and(|one| one.is_ok()));
        let refused = read(&[&head[..], &[0, 40, 0, 2, b'n', b'o']].concat());
        assert_eq!(refused.unwrap().unwrap_err().why.unwrap(), "no");
        assert!(read(&head[..7]).is_none());
    }
}
