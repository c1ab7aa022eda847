//! Whether a server can have its port.

use std::time::Duration;

use krun_model::{Fault, FaultCode, ReadHost, host::PortHolder};

use crate::waiting::Until;

/// How long a process that is just ending may hold its port: its sockets are closed after all else of
/// it can no longer be seen.
const ENDING: Duration = Duration::from_secs(2);

/// Says who holds a port that a server is about to take.
///
/// # Errors
/// [`FaultCode::PortTaken`], with the holder as far as this user may see it.
pub async fn port_free(host: &dyn ReadHost, port: u16) -> Result<(), Fault> {
    let until = Until::new(ENDING);
    loop {
        match host.port_holder(port).await? {
            None => return Ok(()),
            Some(holder) if ending(&holder) && !until.over() => until.pause(host).await?,
            Some(holder) => return Err(taken(port, holder)),
        }
    }
}

/// Whether a holder may be a process that is just ending: it has no command line any more.
fn ending(holder: &PortHolder) -> bool {
    let process = holder.process.as_ref();
    process.is_none_or(|process| process.command.starts_with('['))
}

fn taken(port: u16, holder: PortHolder) -> Fault {
    let fault = Fault::new(FaultCode::PortTaken, format!("port {port} is taken"));
    match (holder.process, holder.id) {
        (_, Some(id)) => fault
            .because(format!(
                "{id} listens on it, a process of another step of krun"
            ))
            .hint("Choose another port, or stop that deployment first: `krun stop`."),
        (Some(process), None) => fault
            .because(format!(
                "pid {} listens on it: {}",
                process.pid, process.command
            ))
            .hint("End that process, or choose another port."),
        (None, None) => fault
            .because("a process of another user listens on it")
            .hint("`sudo ss -ltnp` names it; end it, or choose another port."),
    }
}
