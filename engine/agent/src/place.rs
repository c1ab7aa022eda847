//! Where a path lies: its nearest folder that exists, that folder's mount, its rights and room.

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{Fault, FaultCode};
use rustix::fs::{Access, AtFlags, CWD, StatxFlags};

use crate::files;

/// A mounted filesystem; a rename works within one.
///
/// The device alone would not do: two volumes of a container are often one device mounted twice,
/// and a rename between them fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mount {
    device: (u32, u32),
    /// None on kernels before 5.8.
    id: Option<u64>,
}

/// The path itself where something is, else its nearest parent where something is.
pub fn nearest_existing(path: &Utf8Path) -> &Utf8Path {
    path.ancestors()
        .find(|path| path.exists())
        .unwrap_or(Utf8Path::new("/"))
}

/// The nearest existing folder of a path, without links in it; the path itself if it is one.
pub fn nearest_folder(path: &Utf8Path) -> Result<Utf8PathBuf, Fault> {
    let near = nearest_existing(path);
    let mut folder = near
        .canonicalize_utf8()
        .map_err(|error| Fault::io("could not look at a path", near, &error))?;
    if !folder.is_dir() {
        folder.pop();
    }
    Ok(folder)
}

/// The mount that a folder lies on.
pub fn mount(folder: &Utf8Path) -> Result<Mount, Fault> {
    let wanted = StatxFlags::BASIC_STATS | StatxFlags::MNT_ID;
    let stat = rustix::fs::statx(CWD, folder.as_std_path(), AtFlags::empty(), wanted)
        .map_err(|error| Fault::io("could not look at a path", folder, &error.into()))?;
    Ok(Mount {
        device: (stat.stx_dev_major, stat.stx_dev_minor),
        id: (stat.stx_mask & StatxFlags::MNT_ID.bits() != 0).then_some(stat.stx_mnt_id),
    })
}

/// Whether this user can write at a path or, where nothing is, make it. A file that is there can be
/// written where its folder can, because it is replaced as a whole.
pub fn writable(path: &Utf8Path) -> Result<bool, Fault> {
    if path.is_symlink() && !path.exists() {
        return Ok(false);
    }
    let near = nearest_existing(path);
    if near.is_dir() {
        return may(near, Access::WRITE_OK | Access::EXEC_OK);
    }
    Ok(near == path
        && may(path, Access::WRITE_OK)?
        && match path.parent() {
            Some(folder) => may(folder, Access::WRITE_OK | Access::EXEC_OK)?,
            None => false,
        })
}

/// Bytes free for this user on the filesystem of a path.
pub fn free_disk(path: &Utf8Path) -> Result<u64, Fault> {
    let near = nearest_existing(path);
    let stat = rustix::fs::statvfs(near.as_std_path())
        .map_err(|error| Fault::io("could not ask for free disk space", near, &error.into()))?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Whether the kernel grants this user an access.
pub fn may(path: &Utf8Path, access: Access) -> Result<bool, Fault> {
    match rustix::fs::accessat(CWD, path.as_std_path(), access, AtFlags::EACCESS) {
        Ok(()) => Ok(true),
        Err(error) => {
            let error = std::io::Error::from(error);
            match error.kind() {
                std::io::ErrorKind::PermissionDenied
                | std::io::ErrorKind::ReadOnlyFilesystem
                | std::io::ErrorKind::ExecutableFileBusy => Ok(false),
                _ if files::is_missing(&error) => Ok(false),
                _ => Err(
                    Fault::new(FaultCode::Io, "could not ask for the rights on a path")
                        .at(path)
                        .because(error),
                ),
            }
        }
    }
}
