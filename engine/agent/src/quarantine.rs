//! Where things are set aside, so that a rename gets them there.

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{Fault, FaultCode};
use rustix::fs::Access;

use crate::{own_names, place};

/// A folder on the mount of `path`: `preferred` if it lies there, else `.krun-quarantine` in the
/// topmost folder of that mount that this user can write. Nothing is made.
///
/// It lies outside of `path`, unless `path` is where its filesystem is mounted.
pub fn quarantine_root(path: &Utf8Path, preferred: &Utf8Path) -> Result<Utf8PathBuf, Fault> {
    let folder = place::nearest_folder(path)?;
    let mount = place::mount(&folder)?;
    if place::mount(&place::nearest_folder(preferred)?)? == mount {
        return Ok(preferred.to_owned());
    }
    let is_path = path
        .canonicalize_utf8()
        .is_ok_and(|canonical| canonical == folder);
    let mut topmost = None;
    for candidate in folder.ancestors() {
        if place::mount(candidate)? != mount {
            break;
        }
        if place::may(candidate, Access::WRITE_OK | Access::EXEC_OK)? {
            let inside = is_path && candidate == folder;
            if !inside || place::mount(crate::rename::folder_of(candidate))? != mount {
                topmost = Some(candidate);
            }
        }
    }
    topmost
        .map(|folder| folder.join(own_names::QUARANTINE))
        .ok_or_else(|| {
            Fault::new(FaultCode::Io, "there is no place to set things aside")
                .at(path)
                .because("this user can write no folder on that filesystem beside it")
                .hint("Run krun as the owner of the folder above, or let this user write there.")
        })
}
