//! Ports that no other test holds: below the range the kernel hands out by itself, reserved among
//! tests by a lock on a file a port, and free when looked at.

use std::{
    fs::File,
    net::TcpListener,
    sync::atomic::{AtomicU16, Ordering},
};

use rustix::fs::{FlockOperation, flock};

/// Reserved ports; free again when dropped.
pub struct Ports {
    /// The ports.
    pub list: Vec<u16>,
    _locks: Vec<File>,
}

static NEXT: AtomicU16 = AtomicU16::new(0);

/// Reserves some ports.
pub fn reserve(count: usize) -> Ports {
    let folder = std::env::temp_dir().join("krun-test-ports");
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    let (mut list, mut locks) = (vec![], vec![]);
    let start = (std::process::id() % 10_000) as u16;
    for _ in 0..10_000 {
        if list.len() == count {
            return Ports {
                list,
                _locks: locks,
            };
        }
        let port = 20_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000;
        let Ok(file) = File::create(folder.join(port.to_string())) else {
            continue;
        };
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            continue;
        }
        if TcpListener::bind(("0.0.0.0", port)).is_ok() {
            list.push(port);
            locks.push(file);
        }
    }
    panic!("no {count} free ports between 20000 and 30000");
}
