//! Plans in files: written as a whole for their owner only, and known again where a runbook may stand.

use std::{
    fs::{self, File},
    io::{ErrorKind, Read as _, Write as _},
    os::unix::fs::PermissionsExt as _,
};

use krun_model::{Fault, FaultCode};
use krun_plan::PlanFile;

use crate::{args::RunArgs, context::absolute};

/// The largest file that is taken for a plan.
const LARGEST: u64 = 256 * 1024 * 1024;

/// Writes a plan: another file that becomes this one once it is whole and on disk. It may show what
/// others must not read, so that only its owner can.
pub fn write(path: &str, plan: &PlanFile) -> Result<(), Fault> {
    let failed = |error: std::io::Error| Fault::io("could not write the plan", path, &error);
    let text = plan.to_text()?;
    let path = absolute(path)?;
    let folder = path.parent().unwrap_or(&path);
    let mut file = tempfile::Builder::new()
        .prefix(".krun-plan-")
        .permissions(fs::Permissions::from_mode(0o600))
        .tempfile_in(folder)
        .map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(&path).map_err(|error| failed(error.error))?;
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(failed)
}

/// The plan in a file; none where the file is something else, such as a runbook, or missing.
pub fn read(path: &str) -> Result<Option<PlanFile>, Fault> {
    let failed = |error: std::io::Error| Fault::io("could not read the plan", path, &error);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    if !file.metadata().map_err(failed)?.is_file() {
        return Ok(None);
    }
    let mut bytes = vec![];
    file.take(LARGEST).read_to_end(&mut bytes).map_err(failed)?;
    if !PlanFile::is_meant(path, &bytes) {
        return Ok(None);
    }
    PlanFile::from_text(path, &bytes).map(Some)
}

/// Refuses what would make of a plan another one.
pub fn refuse_more(args: &RunArgs) -> Result<(), Fault> {
    let given = [
        ("--param", !args.runbook.params.is_empty()),
        ("--params", args.runbook.params_file.is_some()),
        ("--as", args.runbook.name.is_some()),
        ("--prove", args.prove),
        ("--target", !args.choice.targets.is_empty()),
        ("--tag", !args.choice.tags.is_empty()),
        ("--skip-tag", !args.choice.skip_tags.is_empty()),
        ("--prune", args.prune),
    ];
    match given.iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((option, _)) => Err(Fault::new(
            FaultCode::Usage,
            format!("{option} does not go with a plan"),
        )
        .at(&args.runbook.runbook)
        .because("what a plan says was agreed to with its own deployment and parameters")
        .hint(match *option {
            "--prune" => "Prune with a run of the runbook itself afterwards.".to_owned(),
            option => format!("Give {option} to `krun plan RUNBOOK --out FILE`."),
        })),
    }
}
