//! Ports that no other test holds: below the range the kernel hands out by itself, reserved among
//! tests by an abstract socket a port (the kernel's own lock, without a file), and free when looked at.

use std::{
    net::TcpListener,
    os::{
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixListener},
    },
    sync::atomic::{AtomicU16, Ordering},
};

/// Reserved ports; free again when dropped, or when the test is killed.
pub struct Ports {
    /// The ports.
    pub list: Vec<u16>,
    _reserved: Vec<UnixListener>,
}

static NEXT: AtomicU16 = AtomicU16::new(0);

/// Reserves some ports.
pub fn reserve(count: usize) -> Ports {
    let (mut list, mut reserved) = (vec![], vec![]);
    let start = (std::process::id() % 10_000) as u16;
    for _ in 0..10_000 {
        if list.len() == count {
            return Ports {
                list,
                _reserved: reserved,
            };
        }
        let port = 20_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000;
        let name = format!("krun-test-port-{port}");
        let address = SocketAddr::from_abstract_name(name).expect("a short name");
        let Ok(mine) = UnixListener::bind_addr(&address) else {
            continue;
        };
        if TcpListener::bind(("0.0.0.0", port)).is_ok() {
            list.push(port);
            reserved.push(mine);
        }
    }
    panic!("no {count} free ports between 20000 and 30000");
}
