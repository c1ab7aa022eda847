//! Which sockets listen on a TCP port: the kernel is asked by `NETLINK_SOCK_DIAG`, which looks at
//! listening sockets only. `/proc/net/tcp` shows the same, but walks every bucket of the table of
//! connections for it: several milliseconds on a machine with much memory.

use std::os::fd::OwnedFd;

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType,
    netlink::{SOCK_DIAG, SocketAddrNetlink},
    recv, sendto, socket_with, sockopt,
};

use crate::files;
use krun_model::Fault;

/// A socket that listens: its port and its inode.
pub type Listener = (u16, u64);

/// The sockets of this network namespace that listen on a TCP port of any address.
pub fn listeners() -> Result<Vec<Listener>, Fault> {
    match ask_kernel() {
        Some(listeners) => Ok(listeners),
        // A kernel or a sandbox without the interface.
        None => from_tables(),
    }
}

const FAMILIES: [u8; 2] = [2, 10];
const TCP: u8 = 6;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
/// `NLM_F_REQUEST | NLM_F_DUMP`.
const DUMP: u16 = 0x301;
const LISTENING: u32 = 1 << 10;
/// The sizes of `nlmsghdr` and `inet_diag_msg`, and where the latter has its inode.
const HEADER: usize = 16;
const MESSAGE: usize = 72;
const SOURCE_PORT: usize = 4;
const INODE: usize = 68;
/// Longer than any answer of the kernel takes, in seconds.
const PATIENCE_S: u64 = 2;

fn ask_kernel() -> Option<Vec<Listener>> {
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        Some(SOCK_DIAG),
    )
    .ok()?;
    let patience = std::time::Duration::from_secs(PATIENCE_S);
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(patience)).ok()?;
    let mut listeners = vec![];
    for (sequence, family) in FAMILIES.into_iter().enumerate() {
        let request = request(family, sequence as u32);
        sendto(
            &socket,
            &request,
            SendFlags::empty(),
            &SocketAddrNetlink::new(0, 0),
        )
        .ok()?;
        listeners.extend(answer(&socket)?);
    }
    Some(listeners)
}

/// `nlmsghdr` and `inet_diag_req_v2` for the listening sockets.
fn request(family: u8, sequence: u32) -> Vec<u8> {
    let mut body = vec![family, TCP, 0, 0];
    body.extend(LISTENING.to_ne_bytes());
    // Ports, addresses and interface: any. The cookie: none.
    body.extend([0; 40]);
    body.extend([0xff; 8]);
    let mut message = vec![];
    message.extend(((HEADER + body.len()) as u32).to_ne_bytes());
    message.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    message.extend(DUMP.to_ne_bytes());
    message.extend(sequence.to_ne_bytes());
    message.extend([0; 4]);
    message.extend(body);
    message
}

/// Reads answers until the kernel says that it is done; none where it refuses.
fn answer(socket: &OwnedFd) -> Option<Vec<Listener>> {
    let mut listeners = vec![];
    let mut buffer = vec![0; 32 * 1024];
    loop {
        let (_, length) = recv(socket, &mut buffer[..], RecvFlags::empty()).ok()?;
        let mut rest = buffer.get(..length)?;
        while rest.len() >= HEADER {
            let size = u32::from_ne_bytes(rest[..4].try_into().ok()?) as usize;
            let kind = u16::from_ne_bytes(rest[4..6].try_into().ok()?);
            match kind {
                NLMSG_DONE => return Some(listeners),
                NLMSG_ERROR => return None,
                SOCK_DIAG_BY_FAMILY => listeners.push(listener(rest.get(HEADER..size)?)?),
                _ => {}
            }
            rest = rest.get(size.next_multiple_of(4).max(HEADER)..)?;
        }
    }
}

fn listener(message: &[u8]) -> Option<Listener> {
    let message = message.get(..MESSAGE)?;
    let port = message[SOURCE_PORT..SOURCE_PORT + 2].try_into().ok()?;
    let inode = u32::from_ne_bytes(message[INODE..].try_into().ok()?);
    Some((u16::from_be_bytes(port), u64::from(inode)))
}

fn from_tables() -> Result<Vec<Listener>, Fault> {
    let mut listeners = vec![];
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        match std::fs::read_to_string(table) {
            Ok(text) => listeners.extend(in_table(&text)),
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
    Ok(listeners)
}

/// The sockets in a table that listen.
fn in_table(table: &str) -> Vec<Listener> {
    let listener = |line: &str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let (_, local_port) = fields.get(1)?.rsplit_once(':')?;
        let listens = *fields.get(3)? == "0A";
        let port = u16::from_str_radix(local_port, 16).ok()?;
        listens.then(|| Some((port, fields.get(9)?.parse().ok()?)))?
    };
    table.lines().skip(1).filter_map(listener).collect()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn the_kernel_and_its_tables_say_the_same() {
        let of = |port: u16, listeners: Vec<Listener>| -> Vec<u64> {
            let mine = listeners.into_iter().filter(|(at, _)| *at == port);
            let mut inodes: Vec<u64> = mine.map(|(_, inode)| inode).collect();
            inodes.sort_unstable();
            inodes
        };
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(address) else {
                continue;
            };
            let port = listener.local_addr().unwrap().port();
            let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let asked = of(port, ask_kernel().unwrap());
            assert_eq!(asked.len(), 1, "{address}");
            // The kernel writes its table in pieces: while other sockets come and go, one can be missed.
            let same = |_| of(port, from_tables().unwrap()) == asked;
            assert!((0..100).any(same), "{address}");
            drop((client, listener));
            // Somebody else may have the port by now.
            assert!(!of(port, ask_kernel().unwrap()).contains(&asked[0]));
        }
    }

    #[test]
    fn tables() {
        let table = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:2384 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1
   1: 0100007F:2384 0100007F:A000 01 00000000:00000000 00:00000000 00000000     0        0 222 1
   2: 00000000000000000000000000000000:2384 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 333 1
   3: 0100007F:2385 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 444 1
";
        assert_eq!(in_table(table), [(9092, 111), (9092, 333), (9093, 444)]);
    }
}
