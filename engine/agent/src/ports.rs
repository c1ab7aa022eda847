//! Who listens on a TCP port.

use std::path::PathBuf;

use krun_model::{Fault, host::PortHolder};

use crate::{files, open_files, process::proc};

/// Who listens on a port of any local address of this network namespace, if anybody does.
pub fn port_holder(port: u16) -> Result<Option<PortHolder>, Fault> {
    let mut sockets = vec![];
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        match std::fs::read_to_string(table) {
            Ok(text) => sockets.extend(listening(&text, port)),
            // A kernel without IPv6.
            Err(error) if files::is_missing(&error) => {}
            Err(error) => {
                return Err(Fault::io(
                    "could not ask who listens on a port",
                    table,
                    &error,
                ));
            }
        }
    }
    if sockets.is_empty() {
        return Ok(None);
    }
    let links: Vec<PathBuf> = sockets
        .iter()
        .map(|inode| format!("socket:[{inode}]").into())
        .collect();
    let process = open_files::holder(|_, file| links.iter().any(|link| link == file));
    let id = process
        .as_ref()
        .and_then(|running| proc::environment(running.pid)?.marker().map(str::to_owned));
    Ok(Some(PortHolder { process, id }))
}

/// The inodes of the sockets in a table that listen on a port.
fn listening(table: &str, port: u16) -> Vec<u64> {
    let inode = |line: &str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let (_, local_port) = fields.get(1)?.rsplit_once(':')?;
        let listens = *fields.get(3)? == "0A";
        let same = u16::from_str_radix(local_port, 16).ok()? == port;
        (listens && same).then(|| fields.get(9)?.parse().ok())?
    };
    table.lines().skip(1).filter_map(inode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables() {
        let table = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:2384 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1
   1: 0100007F:2384 0100007F:A000 01 00000000:00000000 00:00000000 00000000     0        0 222 1
   2: 00000000000000000000000000000000:2384 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 333 1
   3: 0100007F:2385 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 444 1
";
        assert_eq!(listening(table, 9092), [111, 333]);
        assert_eq!(listening(table, 1), [0; 0]);
    }
}
