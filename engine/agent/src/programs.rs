//! Finding programs on the search path.

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::Fault;
use rustix::fs::Access;

use crate::place;

/// The absolute path of a program: of the first on `search` (a list as in `PATH`) that this user
/// may execute. A name with a slash is looked at as it is.
pub fn which(program: &str, search: Option<&str>) -> Result<Option<Utf8PathBuf>, Fault> {
    if program.contains('/') {
        let path = Utf8Path::new(program);
        return Ok((path.is_absolute() && executable(path)?).then(|| path.to_owned()));
    }
    for folder in search.unwrap_or_default().split(':').map(Utf8Path::new) {
        let path = folder.join(program);
        if folder.is_absolute() && executable(&path)? {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

fn executable(path: &Utf8Path) -> Result<bool, Fault> {
    Ok(path.is_file() && place::may(path, Access::EXEC_OK)?)
}
