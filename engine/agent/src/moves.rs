//! Renaming something within one filesystem.

use camino::Utf8Path;
use krun_model::{Fault, FaultCode, TargetState};

use crate::{
    files,
    folders::make_parents,
    rename::{folder_of, rename_failed, rename_new, sync_folder},
};

/// Which end of a move something is at.
pub fn state(from: &Utf8Path, to: &Utf8Path) -> Result<TargetState, Fault> {
    Ok(TargetState::Moved {
        from: files::kind_of(from)?.is_some(),
        to: files::kind_of(to)?.is_some(),
    })
}

/// Renames, and makes the folders above the destination. Fine where it was moved already.
///
/// # Errors
/// A conflict where something is at the destination, or nothing at either place.
pub fn move_path(from: &Utf8Path, to: &Utf8Path) -> Result<(), Fault> {
    if files::kind_of(from)?.is_none() {
        if files::kind_of(to)?.is_some() {
            return Ok(());
        }
        return Err(
            Fault::new(FaultCode::Conflict, format!("could not move {from}"))
                .at(to)
                .because("nothing is at either place"),
        );
    }
    make_parents(to)?;
    rename_new(from, to).map_err(|error| rename_failed(from, to, &error))?;
    // The new name first: after a power failure between the two the thing is at both places rather
    // than at none.
    sync_folder(folder_of(to))?;
    sync_folder(folder_of(from))
}
