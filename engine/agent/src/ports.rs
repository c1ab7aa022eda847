//! Who listens on a TCP port.

use std::path::PathBuf;

use krun_model::host::PortHolder;

use crate::{open_files, process::proc};

/// Who holds listening sockets, by their inodes: looks at the open files of all processes.
pub fn holder(sockets: &[u64]) -> PortHolder {
    let links: Vec<PathBuf> = sockets
        .iter()
        .map(|inode| format!("socket:[{inode}]").into())
        .collect();
    let process = open_files::holder(|_, file| links.iter().any(|link| link == file));
    let id = process
        .as_ref()
        .and_then(|running| proc::environment(running.pid)?.marker().map(str::to_owned));
    PortHolder { process, id }
}
