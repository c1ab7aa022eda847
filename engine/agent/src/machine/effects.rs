//! What is done to this machine.

use std::time::Duration;

use async_trait::async_trait;
use krun_model::{Effect, Effector, Fault, ReadHost, Target, TargetState};

use super::LocalMachine;
use crate::{
    blocking::blocking, contents, files, folders, links, moves, packages, process,
    rename::folder_of, write,
};

#[async_trait]
impl Effector for LocalMachine {
    async fn observe(&self, target: &Target) -> Result<TargetState, Fault> {
        match target {
            Target::Path(path) => {
                let path = path.clone();
                blocking(move || files::path_state(&path)).await
            }
            Target::Contents(path) => {
                let path = path.clone();
                blocking(move || contents::state(&path)).await
            }
            Target::Moved { from, to } => {
                let (from, to) = (from.clone(), to.clone());
                blocking(move || moves::state(&from, &to)).await
            }
            Target::Process(id) => Ok(self
                .scanner
                .find(id)
                .await?
                .map_or(TargetState::Absent, TargetState::Running)),
            Target::Packages(names) => Ok(if packages::missing(names).await?.is_empty() {
                TargetState::Installed
            } else {
                TargetState::Absent
            }),
            Target::Topic(_)
            | Target::Records(_)
            | Target::Configs(_)
            | Target::Group(_)
            | Target::Replicas(_)
            | Target::Leaders(_)
            | Target::Plugin(_)
            | Target::Kept { .. } => Err(not_of_a_machine(target)),
        }
    }

    async fn tidy(&self, target: &Target) -> Result<(), Fault> {
        let Target::Path(path) = target else {
            return Ok(());
        };
        let folder = folder_of(path).to_owned();
        blocking(move || folders::sweep(&folder)).await
    }

    async fn perform(&self, effect: &Effect) -> Result<(), Fault> {
        match effect {
            Effect::StartProcess(spec) => {
                let _alone = self.starting.lock().await;
                process::start(&self.scanner, spec).await
            }
            Effect::StopProcess { id, grace_ms } => {
                process::stop(&self.scanner, id, Duration::from_millis(*grace_ms)).await
            }
            Effect::InstallPackages { names } => {
                let apt = self.which("apt-get").await?;
                let is_root = rustix::process::geteuid().is_root();
                packages::install(apt.as_deref(), is_root, names).await
            }
            effect => {
                let effect = effect.clone();
                blocking(move || on_files(&effect)).await
            }
        }
    }
}

/// Effects on files and folders.
fn on_files(effect: &Effect) -> Result<(), Fault> {
    match effect {
        Effect::WriteFile {
            path,
            content,
            mode,
            owner,
        } => write::write_file(path, content.loaded(path)?, *mode, *owner),
        Effect::RemoveFile { path } => write::remove_file(path),
        Effect::MakeDir { path, mode } => folders::make_dir(path, *mode),
        Effect::RemoveDir { path } => folders::remove_dir(path),
        Effect::Link { path, to } => links::make_link(path, to),
        Effect::Move { from, to } => moves::move_path(from, to),
        Effect::Claim { .. } => Ok(()),
        Effect::Release {
            path,
            keep,
            quarantine,
        } => contents::release(path, keep, quarantine),
        Effect::StartProcess(_)
        | Effect::StopProcess { .. }
        | Effect::InstallPackages { .. }
        | Effect::CreateTopic { .. }
        | Effect::Reassign { .. }
        | Effect::ElectLeaders { .. }
        | Effect::DeleteTopic { .. }
        | Effect::Produce { .. }
        | Effect::AddPartitions { .. }
        | Effect::AlterConfigs { .. }
        | Effect::CommitOffsets { .. }
        | Effect::DeleteGroup { .. }
        | Effect::PluginAct(_)
        | Effect::PluginUndo { .. }
        | Effect::Keep { .. } => Err(not_of_a_machine(&effect.target())),
    }
}

fn not_of_a_machine(target: &Target) -> Fault {
    Fault::internal(format!("{target} is not a thing of a machine"))
}
