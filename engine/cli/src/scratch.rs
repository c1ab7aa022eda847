//! Where the scratch deployments of a test lie, and their parameters: away from everything real.
//!
//! Owns the rule by which parameters get scratch values, and the refusal of what would reach outside.

use std::{collections::BTreeSet, net::TcpListener};

use camino::Utf8Path;
use krun_model::{Fault, FaultCode, Map, ParamSpec, ParamType, Runbook, Target, kind::Kinds};
use krun_sweep::Place;
use serde_json::Value;

/// Ports that servers may take: below those that the kernel gives to clients.
const PORTS: std::ops::Range<u16> = 15_000..30_000;

/// Free ports, none given twice.
pub struct Ports {
    next: u16,
    given: BTreeSet<u16>,
}

impl Ports {
    /// Begins somewhere that another krun hardly begins at.
    pub fn new() -> Self {
        let span = u32::from(PORTS.end - PORTS.start);
        let offset = std::process::id().wrapping_mul(61) % span;
        Self {
            next: PORTS.start + u16::try_from(offset).unwrap_or_default(),
            given: BTreeSet::new(),
        }
    }

    /// Whether any was needed.
    pub fn given(&self) -> &BTreeSet<u16> {
        &self.given
    }

    /// Ports that the user gave are the scratch deployment's if nobody else has them.
    fn take_given(&mut self, ty: &ParamType, value: &Value) -> Result<(), Fault> {
        let ports = ports_in(ty, value);
        ports.into_iter().try_for_each(|port| self.take(port))
    }

    /// The same of those that the second run has and the first has not.
    fn take_then(&mut self, ty: &ParamType, value: &Value) -> Result<(), Fault> {
        let mut ports = ports_in(ty, value);
        ports.retain(|port| !self.given.contains(port));
        ports.into_iter().try_for_each(|port| self.take(port))
    }

    fn take(&mut self, port: u16) -> Result<(), Fault> {
        if TcpListener::bind(("0.0.0.0", port)).is_ok() && self.given.insert(port) {
            return Ok(());
        }
        Err(Fault::new(
            FaultCode::PortTaken,
            format!("port {port} is not free for a scratch deployment"),
        )
        .hint("Leave the port out: a free one is chosen."))
    }

    fn free(&mut self) -> Result<u16, Fault> {
        for _ in PORTS {
            let port = self.next;
            self.next = if port + 1 < PORTS.end {
                port + 1
            } else {
                PORTS.start
            };
            if !self.given.contains(&port) && TcpListener::bind(("0.0.0.0", port)).is_ok() {
                self.given.insert(port);
                return Ok(port);
            }
        }
        Err(Fault::new(FaultCode::Prerequisite, "there is no free port"))
    }
}

/// The ports in a parameter's value; none if it is not for ports.
fn ports_in(ty: &ParamType, value: &Value) -> Vec<u16> {
    let is_port = match ty {
        ParamType::Port => true,
        ParamType::List(item) => **item == ParamType::Port,
        _ => false,
    };
    // As on the command line, or as YAML has it.
    let text = match (is_port, value) {
        (false, _) => String::new(),
        (true, Value::String(text)) => text.clone(),
        (true, other) => other.to_string(),
    };
    let numbers = text.split(|c: char| !c.is_ascii_digit());
    numbers.filter_map(|number| number.parse().ok()).collect()
}

/// A scratch deployment in a folder. What was given stays; of the rest, paths marked `identity` go
/// below the folder, and ports become free ones. `then` is what a second run has instead.
pub fn place(
    folder: &Utf8Path,
    params: &[ParamSpec],
    given: &Map<Value>,
    then: &Map<Value>,
    ports: &mut Ports,
) -> Result<Place, Fault> {
    let mut values = vec![];
    for param in params {
        if let Some(value) = given.get(&param.name) {
            ports.take_given(&param.ty, value)?;
            continue;
        }
        let value = match &param.ty {
            ParamType::Path if param.identity => folder.join("world").join(&param.name).to_string(),
            ParamType::Port => ports.free()?.to_string(),
            ParamType::List(item) if **item == ParamType::Port => {
                let default = param.default.as_ref().and_then(Value::as_array);
                let many = default.map_or(1, Vec::len).max(1);
                let list: Result<Vec<_>, _> = (0..many).map(|_| ports.free()).collect();
                let list: Vec<_> = list?.iter().map(ToString::to_string).collect();
                list.join(",")
            }
            _ => continue,
        };
        values.push(format!("{}={value}", param.name));
    }
    for param in params {
        if let Some(value) = then.get(&param.name) {
            ports.take_then(&param.ty, value)?;
        }
    }
    Ok(Place {
        folder: folder.to_owned(),
        params: values,
    })
}

/// Refuses a runbook of which a step would act outside a folder, or on a cluster on none of some ports.
pub fn refuse_outside(
    runbook: &Runbook,
    kinds: &Kinds,
    folder: &Utf8Path,
    ports: &BTreeSet<u16>,
) -> Result<(), Fault> {
    let mut outside = vec![];
    for step in &runbook.steps {
        let Some(kind) = kinds.get(&step.kind) else {
            continue;
        };
        let declared = kind
            .common()
            .declare(&step.address, "scratch", &step.args)?;
        outside.extend(
            declared
                .writes
                .iter()
                .filter(|target| !is_inside(target, folder, ports))
                .map(|target| format!("{}: {target}", step.address)),
        );
    }
    if outside.is_empty() {
        return Ok(());
    }
    Err(Fault::new(
        FaultCode::Usage,
        "steps would act on what is not the scratch deployment's",
    )
    .evidence(outside)
    .hint(format!(
        "Give the runbook parameters that lead below {folder}: paths marked `identity` and ports are \
         chosen so where you leave them out."
    ))
    .hint("Or say `--allow-outside`, if what is there may be changed and taken back many times."))
}

fn is_inside(target: &Target, folder: &Utf8Path, ports: &BTreeSet<u16>) -> bool {
    let ours = |servers: &[String]| {
        servers.iter().all(|server| {
            let port = server.rsplit(':').next().and_then(|port| port.parse().ok());
            port.is_some_and(|port| ports.contains(&port))
        })
    };
    match target {
        Target::Path(path) | Target::Contents(path) => path.starts_with(folder),
        Target::Moved { from, to } => from.starts_with(folder) && to.starts_with(folder),
        // A process is its deployment's; packages are only ever added, and stay.
        Target::Process(_) | Target::Packages(_) => true,
        other => other.bootstrap().is_some_and(ours),
    }
}
