//! What comes before a run, and is all of a plan: the request, the looks, the decision, what is in the
//! way, and whether a plan that was agreed to still holds.
//!
//! Never changes anything, neither the machine nor the journal.

use krun_model::{
    Address, Change, Choice, Fault, FaultCode, Map, OnFailure, Plan, Reason, Runbook, Step,
    journal::Verb,
    kind::{Kind, Kinds},
};
use krun_plan::{
    Head, Observed, Options, PlanFile, PlannedSource, Reconciliation, decide, failures, left_out,
};

use crate::{
    Session, concealed, foresight, identity, observe, preflight, processes::is_process, reconcile,
};

/// How a run is to be done.
#[derive(Clone, Copy, Debug, Default)]
pub struct RunOptions {
    /// Run every proof.
    pub prove: bool,
    /// Only steps that keep a process, as `krun start` wants.
    pub only_processes: bool,
    /// Take effects that are in doubt as they are found.
    pub force: bool,
    /// What can't be taken back was agreed to beforehand, though it shows only during the run.
    pub agreed: bool,
    /// Whether steps that left the runbook are to be taken back after it: shown in the plan.
    pub prune: bool,
}

/// A question asked once a plan is known; an error is a no.
pub type Approval = Box<dyn Fn(&Plan) -> Result<(), Fault> + Send + Sync>;

/// What is to be run.
pub struct RunRequest {
    /// The runbook.
    pub runbook: Runbook,
    /// All kinds.
    pub kinds: Kinds,
    /// Its file, as it is pinned.
    pub path: String,
    /// What the deployment's last run pinned, where that is another runbook or has other parameters, and
    /// can still be read.
    pub before: Option<Runbook>,
    /// The parameters that were given.
    pub given: Map<serde_json::Value>,
    /// Which command this is.
    pub verb: Verb,
    /// How.
    pub options: RunOptions,
    /// Which steps it is about.
    pub choice: Choice,
    /// What becomes of it if a step fails: pinned with the run, carried out by whoever asks for one.
    pub on_failure: Option<OnFailure>,
    /// Asked once the plan is known; an error ends the run before it begins.
    pub approve: Approval,
}

/// What a run would do. Changes nothing: neither the machine nor the journal.
///
/// # Errors
/// A deployment that is another one, or looks that failed for everything.
pub async fn plan(
    session: &Session,
    request: &RunRequest,
) -> Result<(Plan, Vec<(Address, Fault)>), Fault> {
    let (plan, seen, _) = prepare(session, request, false).await?;
    let faults = all_faults(session, request, &plan, &seen.observed).await?;
    Ok((plan, faults))
}

/// [`plan`], with all that it rests on, so that a later run can do exactly that.
///
/// # Errors
/// As [`plan`].
pub async fn plan_file(
    session: &Session,
    request: &RunRequest,
    made_ms: i64,
) -> Result<(PlanFile, Vec<(Address, Fault)>), Fault> {
    let (plan, seen, _) = prepare(session, request, true).await?;
    let faults = all_faults(session, request, &plan, &seen.observed).await?;
    if session.vault.is_in_use() {
        session.vault.sealer()?;
        if !session.vault.keep_key()? {
            return Err(Fault::new(
                FaultCode::SecretKey,
                "another krun made the key at the same moment",
            )
            .hint("Make the plan again."));
        }
    }
    let sources = request.runbook.sources.iter();
    let file = PlanFile {
        krun: session.who.krun.clone(),
        made_ms,
        deployment: session.ledger.name().clone(),
        id: session.ledger.id().to_owned(),
        head: head(session)?,
        path: request.path.clone(),
        sources: sources
            .map(|source| PlannedSource {
                path: source.path.clone(),
                digest: source.digest,
                text: source.text.to_string(),
            })
            .collect(),
        params: request.runbook.values.clone(),
        given: request.given.clone(),
        prove: request.options.prove,
        choice: request.choice.clone(),
        plan,
        seen: seen.digests,
    };
    Ok((file, faults))
}

/// Where the deployment's journal ends.
pub(crate) fn head(session: &Session) -> Result<Option<Head>, Fault> {
    let records = session.ledger.journal().read(session.ledger.name())?;
    Ok(Head::of(&records))
}

/// Refuses a plan that rests on what is no longer so.
pub(crate) fn refuse_stale(
    session: &Session,
    agreed: &PlanFile,
    head: Option<Head>,
    plan: &Plan,
    seen: &observe::Seen,
) -> Result<(), Fault> {
    let stale = |why: &str| {
        Fault::new(FaultCode::PlanStale, "the plan is out of date")
            .at(session.ledger.name())
            .because(why)
            .hint("Make a new one and look at it: `krun plan RUNBOOK --out FILE`.")
    };
    if agreed.id != session.ledger.id() {
        return Err(stale("it was made for another deployment of that name"));
    }
    if agreed.head != head {
        return Err(
            stale("krun has run on this deployment since it was made").hint(
                "If that was a run of this plan which was cut off, `krun resume` goes on with it.",
            ),
        );
    }
    let differences = agreed.differences(plan, &seen.digests);
    if !differences.is_empty() {
        return Err(stale("the world has moved since it was made").evidence(differences));
    }
    Ok(())
}

pub(crate) async fn prepare(
    session: &Session,
    request: &RunRequest,
    remember: bool,
) -> Result<(Plan, observe::Seen, Reconciliation), Fault> {
    identity::check(
        &session.ledger.history(),
        &request.runbook,
        session.ledger.name().as_str(),
    )?;
    let reconciled = reconcile::reconcile(session, request).await?;
    let (runbook, kinds) = (&request.runbook, &request.kinds);
    let left_out = left_out(runbook, &request.choice)?;
    // Only what is done can leave anything to those after it.
    let all = !request.options.only_processes;
    let keeps_process = |step: &Step| keeps_process(session, kinds, step);
    let how = observe::Look {
        will_do: &|_| all,
        remember,
        // Processes are started with what they were started with before, whatever is found by today's
        // environment: another Java, say.
        recalls: &|step| !all && !keeps_process(step),
    };
    let mut seen = observe::observe(session, runbook, kinds, left_out, how).await?;
    let decided = |seen: &observe::Seen| {
        let options = Options {
            prove: request.options.prove,
        };
        let history = session.ledger.history();
        decide(runbook, kinds, &seen.observed, &history, options)
    };
    while seen.waits_for_proofs() {
        let plan = decided(&seen);
        if !observe::observe_behind_proofs(session, runbook, kinds, how, &plan, &mut seen).await? {
            break;
        }
    }
    foresight::look_ahead(session, runbook, kinds, how, &mut seen).await?;
    let mut plan = decided(&seen);
    for step in &mut plan.steps {
        if step.reason == Reason::Found && seen.foreseen.contains(&step.address) {
            step.reason = Reason::Satisfied;
        }
    }
    concealed::plan(session.vault.veil(), &mut plan);
    plan.prune = request.options.prune;
    plan.reconciled.clone_from(&reconciled.table);
    if request.options.only_processes {
        seen.foreseen.clear();
        let in_turn = plan.steps.iter_mut().filter(|step| !step.reason.is_skip());
        for planned in in_turn {
            let step = runbook.step(&planned.address);
            if !step.is_some_and(keeps_process) {
                planned.change = Change::NoOp;
                planned.reason = Reason::Satisfied;
                planned.diff.clear();
            }
        }
    }
    Ok((plan, seen, reconciled))
}

/// Whether a step has to do with a process of its own.
fn keeps_process(session: &Session, kinds: &Kinds, step: &Step) -> bool {
    let kind = kinds.get(&step.kind).map(Kind::common);
    let declared = kind.map(|kind| kind.declare(&step.address, session.ledger.id(), &step.args));
    matches!(declared, Some(Ok(declared)) if declared.writes.iter().any(is_process))
}

/// What is in the way of a plan: looks that failed, and what the machine lacks.
pub(crate) async fn all_faults(
    session: &Session,
    request: &RunRequest,
    plan: &Plan,
    observed: &Observed,
) -> Result<Vec<(Address, Fault)>, Fault> {
    let mut faults: Vec<_> = failures(&request.runbook, observed, plan)
        .into_iter()
        .map(|(address, fault)| (address.clone(), fault.clone()))
        .collect();
    faults.extend(preflight::obstacles(session, plan, observed).await?);
    for (_, fault) in &mut faults {
        concealed::fault(session.vault.veil(), fault);
    }
    Ok(faults)
}
