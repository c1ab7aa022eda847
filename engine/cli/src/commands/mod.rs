//! One file a verb, each thin: select, open, call the engine, show.

mod adopt;
mod check;
mod completions;
mod diagnose;
mod doc;
mod gc;
mod help;
mod history;
mod logs;
mod plan;
#[cfg(feature = "plugins")]
mod plugin;
#[cfg(feature = "plugins")]
mod plugin_fetch;
#[cfg(feature = "plugins")]
mod plugin_test;
mod policy;
mod prune;
mod resolve;
mod resume;
mod rollback;
mod run;
mod show;
mod simulate;
mod start;
mod state;
mod status;
mod stop;
mod test;

use std::{process::ExitCode, sync::Arc};

use krun_journal::Store;
use krun_model::{Choice, DeploymentName, Fault, History, Journal, journal::Verb, kind::Kinds};
use krun_run::{Ended, EventSender, RunOptions, RunRequest, Session};
use tokio::sync::watch;

use crate::{
    args::{Command, SelectArgs},
    context::Context,
    errors::{self, CliError},
    registry, select,
};

type Outcome = Result<ExitCode, CliError>;

/// Runs the command that was asked for.
pub fn dispatch(context: &Context, command: Command) -> Outcome {
    match command {
        Command::Adopt(args) => adopt::adopt(context, args),
        Command::Check(args) => check::check(context, args),
        Command::Completions(args) => completions::completions(context, args),
        Command::Diagnose(args) => diagnose::diagnose(context, args),
        Command::Doc(args) => doc::doc(context, &args),
        Command::Gc(args) => gc::gc(context, args),
        Command::Help(args) => help::help(context, args),
        Command::History(args) => history::history(context, args),
        Command::Logs(args) => logs::logs(context, args),
        Command::Plan(args) => plan::plan(context, args),
        #[cfg(feature = "plugins")]
        Command::Plugin(command) => plugin::plugin(context, command),
        Command::Resolve(args) => resolve::resolve(context, args),
        Command::Resume(args) => resume::resume(context, args),
        Command::Rollback(args) => rollback::rollback(context, args),
        Command::Run(args) => run::run(context, args),
        Command::Show(args) => show::show(context, args),
        Command::Simulate(args) => simulate::simulate(context, args),
        Command::Start(args) => start::start(context, args),
        Command::State(command) => state::state(context, command),
        Command::Status(args) => status::status(context, args),
        Command::Stop(args) => stop::stop(context, args),
        Command::Test(args) => test::test(context, args),
    }
}

/// A deployment that a command was pointed at.
struct Found {
    store: Arc<Store>,
    name: DeploymentName,
    kinds: Kinds,
    history: Arc<History>,
}

/// Finds the deployment that a command means.
fn find(context: &Context, args: &SelectArgs, write: bool) -> Result<Found, CliError> {
    let kinds = registry::kinds(context.patterns()?);
    let store = match context.store_to_read()? {
        Some(_) if write => context.store()?,
        Some(store) => store,
        None => {
            return Err(
                Fault::new(krun_model::FaultCode::Usage, "nothing was ever run here")
                    .at(context.state_folder()?)
                    .hint("Run a runbook first, or name another state folder with `--state`.")
                    .into(),
            );
        }
    };
    let name = select::deployment(context, &store, args, &kinds)?;
    let history = store.history(&name)?;
    krun_run::know_secrets(&*context.vault()?, &history, &store);
    Ok(Found {
        store: Arc::new(store),
        name,
        kinds,
        history,
    })
}

/// A request for the whole runbook that a deployment's last run pinned. What it asks for was agreed to
/// then.
fn pinned_request(
    context: &Context,
    found: &Found,
    verb: Verb,
    options: RunOptions,
) -> Result<RunRequest, CliError> {
    let (runbook, pin, kinds) =
        select::pinned(context, &found.store, &found.history, &found.kinds)?;
    Ok(RunRequest {
        before: None,
        runbook,
        kinds,
        path: pin.path,
        given: pin.given,
        verb,
        options,
        choice: Choice::default(),
        on_failure: None,
        approve: Box::new(|_| Ok(())),
    })
}

/// Runs something with a session, events shown, and Ctrl-C heard: once, the run stops after the
/// effect in hand; twice, at once.
fn with_session(
    context: &Context,
    store: Arc<Store>,
    name: DeploymentName,
    work: impl AsyncFnOnce(Session) -> Result<Ended, Fault>,
) -> Result<Ended, CliError> {
    with_session_as(context, store, name, None, work)
}

/// [`with_session`], with the id that the deployment gets if it does not exist yet.
fn with_session_as(
    context: &Context,
    store: Arc<Store>,
    name: DeploymentName,
    id: Option<String>,
    work: impl AsyncFnOnce(Session) -> Result<Ended, Fault>,
) -> Result<Ended, CliError> {
    let runtime = runtime()?;
    let (stop, cancel) = watch::channel(false);
    runtime.spawn(hear_signals(stop));
    let ended = runtime.block_on(krun_run::report(
        context.reporter(),
        async |events: EventSender| {
            let session = context.session(store, name, id, events, cancel)?;
            work(session).await
        },
    ));
    Ok(ended?)
}

/// Looks at something with a session whose events nobody sees.
fn look<T>(
    context: &Context,
    store: Arc<Store>,
    name: DeploymentName,
    work: impl AsyncFnOnce(Session) -> Result<T, CliError>,
) -> Result<T, CliError> {
    look_journal(context, store, name, work)
}

/// [`look`], over any journal.
fn look_journal<T>(
    context: &Context,
    journal: Arc<dyn Journal>,
    name: DeploymentName,
    work: impl AsyncFnOnce(Session) -> Result<T, CliError>,
) -> Result<T, CliError> {
    struct Nobody;
    impl krun_model::Reporter for Nobody {
        fn event(&mut self, _event: &krun_model::Event) {}
    }
    let (_stop, cancel) = watch::channel(false);
    runtime()?.block_on(krun_run::report(
        Box::new(Nobody),
        async |events: EventSender| {
            let session = context.session(journal, name, None, events, cancel)?;
            work(session).await
        },
    ))
}

fn runtime() -> Result<tokio::runtime::Runtime, Fault> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .map_err(|error| Fault::internal(format!("no runtime: {error}")))
}

async fn hear_signals(stop: watch::Sender<bool>) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
        signal(SignalKind::hangup()),
    ) else {
        return;
    };
    let mut heard = false;
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
        if heard {
            // The journal has everything that was begun; the next run probes it.
            std::process::exit(130);
        }
        heard = true;
        let _ = stop.send(true);
    }
}

/// The exit code of a run that ended.
fn exit(ended: &Ended) -> ExitCode {
    use krun_model::event::RunStatus;
    let code = match (ended.status, ended.faults.first()) {
        (RunStatus::Succeeded, _) => errors::DONE,
        (RunStatus::Cancelled, _) => 130,
        (RunStatus::Conflict, _) => errors::CONFLICT,
        (RunStatus::Failed, Some((_, fault))) => errors::exit_code(fault.code),
        (RunStatus::Failed, None) => 1,
    };
    ExitCode::from(code)
}
