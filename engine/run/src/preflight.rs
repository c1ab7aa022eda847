//! What the machine must have before a run changes anything, for all steps taken together.

use std::collections::{HashMap, HashSet};

use camino::{Utf8Path, Utf8PathBuf};
use futures::future::join_all;
use krun_model::{
    Address, Change, Fault, FaultCode, Plan, Secrets as _, Target,
    host::PortHolder,
    kind::{Declared, Needs},
    plan::PlannedStep,
    process::Running,
};
use krun_plan::Observed;

use crate::Session;

/// Everything that is in the way of a plan.
pub(crate) async fn obstacles(
    session: &Session,
    plan: &Plan,
    observed: &Observed,
) -> Result<Vec<(Address, Fault)>, Fault> {
    let mut faults = Vec::new();
    let mut folders = Folders::default();
    let mut memory = Memory::default();
    let changes = || {
        plan.steps
            .iter()
            .filter(|step| step.change.is_change())
            .filter_map(|step| Some((step, observed.declared.get(&step.address)?)))
    };
    let created = changes().filter(|(step, _)| step.change == Change::Create);
    let running = running(session, created).await?;
    let begins =
        |step: &PlannedStep| step.change == Change::Create && !running.contains(&step.address);
    let ports = changes().filter(|(step, _)| begins(step));
    let ports = ports
        .flat_map(|(_, declared)| &declared.needs.ports)
        .copied();
    let held = session.machine.port_holders(&ports.collect()).await?;
    for (step, declared) in changes() {
        let address = || step.address.clone();
        for path in declared.writes.iter().filter_map(path_of) {
            if !folders.writable(session, path).await? {
                faults.push((address(), not_writable(path)));
            }
            if session.vault.guards(path)
                && let Err(no_key) = session.vault.sealer()
            {
                faults.push((address(), no_key));
            }
        }
        if !begins(step) {
            continue;
        }
        let Needs {
            memory: bytes,
            ports,
            disk,
        } = &declared.needs;
        for (path, bytes) in disk {
            let free = session.machine.free_disk(path).await?;
            if free < *bytes {
                faults.push((address(), too_full(path, *bytes, free)));
            }
        }
        for port in ports {
            if let Some(holder) = held.get(port) {
                faults.push((address(), port_taken(*port, holder)));
            }
        }
        if let Some(fault) = memory.take(session, *bytes).await? {
            faults.push((address(), fault));
        }
    }
    Ok(faults)
}

/// The steps whose process runs already, which may be: what is known only after apply counts as
/// something to create. All are asked together, so that one look at all processes answers.
async fn running<'a>(
    session: &Session,
    steps: impl Iterator<Item = (&'a PlannedStep, &'a Declared)>,
) -> Result<HashSet<&'a Address>, Fault> {
    let looks = steps.flat_map(|(step, declared)| {
        declared
            .writes
            .iter()
            .filter_map(move |target| match target {
                Target::Process(id) => Some(async move {
                    let running = session.machine.process(id).await?.is_some();
                    Ok(running.then_some(&step.address))
                }),
                _ => None,
            })
    });
    let found = join_all(looks).await.into_iter();
    found.filter_map(Result::transpose).collect()
}

/// What all processes to start need together, against what is free. Said once: at the step with
/// which it becomes too much.
#[derive(Default)]
struct Memory {
    needed: u64,
    free: Option<u64>,
    said: bool,
}

impl Memory {
    async fn take(&mut self, session: &Session, bytes: u64) -> Result<Option<Fault>, Fault> {
        if bytes == 0 || self.said {
            return Ok(None);
        }
        let free = match self.free {
            Some(free) => free,
            None => session.machine.free_memory().await?,
        };
        self.free = Some(free);
        self.needed += bytes;
        self.said = self.needed > free;
        Ok(self.said.then(|| too_little_memory(self.needed, free)))
    }
}

/// Whether new files may be made in folders, asked once for each folder: what is not there can be made
/// where its neighbours can, and a folder that is not there where it could be made itself.
#[derive(Default)]
struct Folders(HashMap<Utf8PathBuf, bool>);

impl Folders {
    async fn writable(&mut self, session: &Session, path: &Utf8Path) -> Result<bool, Fault> {
        let mut missing = vec![];
        let mut at = path;
        let writable = loop {
            if let Some(known) = self.0.get(at).filter(|_| at != path) {
                break *known;
            }
            let parent = at.parent();
            let (Some(parent), None) = (parent, session.machine.stat(at).await?) else {
                // Only a folder can take in what is missing below it.
                let below = missing.last().map_or(path, |below: &&Utf8Path| below);
                break session.machine.writable(below).await?;
            };
            missing.push(at);
            at = parent;
        };
        // What is there speaks for its own rights only.
        let folders = missing
            .iter()
            .skip(1)
            .copied()
            .chain((at != path).then_some(at));
        self.0
            .extend(folders.map(|folder| (folder.to_owned(), writable)));
        Ok(writable)
    }
}

fn path_of(target: &Target) -> Option<&Utf8PathBuf> {
    match target {
        Target::Path(path) | Target::Contents(path) => Some(path),
        _ => None,
    }
}

fn not_writable(path: &Utf8PathBuf) -> Fault {
    Fault::new(
        FaultCode::Io,
        "a path that this runbook writes is not writable",
    )
    .at(path)
    .because("it, or the folder above it, can't be written by this user or is read-only")
    .hint(
        "Choose another folder by parameter, such as `--param root=FOLDER`, or change its rights.",
    )
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}

fn too_full(path: &Utf8PathBuf, bytes: u64, free: u64) -> Fault {
    Fault::new(FaultCode::DiskFull, "there is too little room on the disk")
        .at(path)
        .because(format!(
            "{} are needed and {} are free",
            mebibytes(bytes),
            mebibytes(free)
        ))
        .hint(
            "Free some room, or choose another folder by parameter, such as `--param root=FOLDER`.",
        )
}

fn too_little_memory(needed: u64, free: u64) -> Fault {
    Fault::new(FaultCode::Prerequisite, "there is too little memory")
        .because(format!(
            "the processes to start need {} and {} are available",
            mebibytes(needed),
            mebibytes(free)
        ))
        .hint("Give them less by parameter, such as `--param heap=256m`, or end something else.")
}

fn port_taken(port: u16, holder: &PortHolder) -> Fault {
    let who = match &holder.process {
        Some(Running { pid, command, .. }) => format!("process {pid} listens on it: {command}"),
        None => "a process of another user listens on it".to_owned(),
    };
    let fault = Fault::new(FaultCode::PortTaken, format!("port {port} is taken")).because(who);
    match &holder.id {
        Some(id) => fault.hint(format!(
            "It belongs to another deployment of krun ({id}): stop that one, or choose other ports."
        )),
        None => fault
            .hint("End that process, or choose another port by parameter.")
            .hint("If it is the server that this runbook describes, take it over: `krun adopt RUNBOOK`."),
    }
}
