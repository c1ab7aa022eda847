//! What the machine must have before a run changes anything, for all steps taken together.

use camino::Utf8PathBuf;
use krun_model::{
    Change, Fault, FaultCode, Plan, Target, host::PortHolder, kind::Needs, process::Running,
};
use krun_plan::Observed;

use crate::Session;

/// Everything that is in the way of a plan.
pub(crate) async fn obstacles(
    session: &Session,
    plan: &Plan,
    observed: &Observed,
) -> Result<Vec<(krun_model::Address, Fault)>, Fault> {
    let mut faults = Vec::new();
    let mut memory = 0;
    for step in plan.steps.iter().filter(|step| step.change.is_change()) {
        let Some(declared) = observed.declared.get(&step.address) else {
            continue;
        };
        let address = || step.address.clone();
        for path in declared.writes.iter().filter_map(path_of) {
            if !session.machine.writable(path).await? {
                faults.push((address(), not_writable(path)));
            }
        }
        if step.change != Change::Create || runs_already(session, declared).await? {
            continue;
        }
        let Needs {
            memory: bytes,
            ports,
            disk,
        } = &declared.needs;
        memory += bytes;
        for (path, bytes) in disk {
            let free = session.machine.free_disk(path).await?;
            if free < *bytes {
                faults.push((address(), too_full(path, *bytes, free)));
            }
        }
        for port in ports {
            if let Some(holder) = session.machine.port_holder(*port).await? {
                faults.push((address(), port_taken(*port, &holder)));
            }
        }
        if *bytes > 0 {
            let free = session.machine.free_memory().await?;
            if memory > free {
                faults.push((address(), too_little_memory(memory, free)));
                break;
            }
        }
    }
    Ok(faults)
}

/// A step whose outcome is known only after apply may have its process running already.
async fn runs_already(
    session: &Session,
    declared: &krun_model::kind::Declared,
) -> Result<bool, Fault> {
    for target in &declared.writes {
        if let Target::Process(id) = target
            && session.machine.process(id).await?.is_some()
        {
            return Ok(true);
        }
    }
    Ok(false)
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
