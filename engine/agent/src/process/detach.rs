//! The one piece of unsafe code: what a child does between fork and exec.

use std::{
    os::{
        fd::{BorrowedFd, RawFd},
        unix::process::CommandExt,
    },
    process::Command,
};

use rustix::io::FdFlags;

/// Makes a command run in a session of its own, without any file of this process but the standard
/// three. Files that Rust opens are closed by exec anyway; those that a C library opened, or that
/// were handed to krun by who started it, are not.
pub fn detach(command: &mut Command) {
    let inherited: Vec<RawFd> = std::fs::read_dir("/proc/self/fd")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|fd| *fd > 2)
        .collect();
    let child = move || {
        rustix::process::setsid()?;
        for fd in &inherited {
            close_on_exec(*fd);
        }
        Ok(())
    };
    #[expect(
        unsafe_code,
        reason = "there is no safe way to set a session; the closure makes system calls only and \
                  allocates nothing, as is asked of code between fork and exec"
    )]
    // SAFETY: setsid and fcntl are async-signal-safe; the closure takes no lock and owns its list.
    unsafe {
        command.pre_exec(child);
    }
}

#[expect(
    unsafe_code,
    reason = "a number is all there is: the file was opened by code that krun does not know"
)]
fn close_on_exec(fd: RawFd) {
    // SAFETY: the borrow ends with this call, in a child that has one thread. A number that names
    // no open file any more is refused by the kernel, which is as good as closed.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    let _closed_already = rustix::io::fcntl_setfd(fd, FdFlags::CLOEXEC);
}
