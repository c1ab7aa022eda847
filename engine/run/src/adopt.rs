//! Taking over what was started by hand: what is there, and from then on standing for its steps.
//!
//! Nothing is started, ended or set aside. A process that was adopted is one that krun did not start:
//! no rollback and no `krun stop` ends it.

use std::{collections::BTreeMap, time::Instant};

use krun_model::{
    Address, Change, Digest, Effect, Entry, Event, Fault, Outputs, Reason, Runbook, Step,
    WriteHost,
    event::RunStatus,
    journal::Verb,
    kind::{Adoption, Check, CheckCx, FoundProcess, Kind, StepRef},
};
use krun_plan::Observation;

use crate::{
    Ended, RunRequest, Session,
    events::Silent,
    execute::edges_to_started,
    host::JournaledHost,
    identity,
    in_hand::InHand,
    observe::{Known, inputs, kind_of, look, outputs},
    probe,
    session::Counts,
    skipped::{self, Turn},
};

/// What was found for one step.
#[derive(Clone, Debug)]
pub struct AdoptLine {
    /// The step.
    pub step: Address,
    /// Its kind.
    pub kind: String,
    /// Digest of what it is asked to do.
    pub inputs: Digest,
    /// What can be adopted; none where everything is as wanted, or adopted, already.
    pub adoption: Option<Adoption>,
}

impl AdoptLine {
    /// Whether there is something to adopt.
    pub fn is_new(&self) -> bool {
        !matches!(self.adoption, None | Some(Adoption::Nothing))
    }
}

/// Looks for what can be adopted, in order of dependencies. Changes nothing.
///
/// # Errors
/// Another deployment of that name, or something that is in the place of what a step wants and can't
/// be that.
pub async fn survey(session: &Session, request: &RunRequest) -> Result<Vec<AdoptLine>, Fault> {
    let name = session.ledger.name().as_str();
    identity::check(&session.ledger.history(), &request.runbook, name)?;
    let mut known = Known::new();
    let mut left_out = BTreeMap::new();
    session
        .have_secrets(&request.runbook, &request.kinds, |_| true)
        .await?;
    let mut lines = vec![];
    for step in &request.runbook.steps {
        let args = match skipped::turn(step, &known, &left_out) {
            Turn::Look(args) => args,
            Turn::Skip(reason) => {
                left_out.insert(step.address.clone(), reason);
                continue;
            }
            Turn::Wait(_) => continue,
        };
        let kind = kind_of(&request.kinds, step)?;
        let Kind::State(state) = kind else {
            continue;
        };
        let seen = look(session, &*session.machine, kind, step, &args).await;
        let mut line = AdoptLine {
            step: step.address.clone(),
            kind: step.kind.clone(),
            inputs: inputs(kind, step, &args),
            adoption: None,
        };
        match &seen {
            Observation::State {
                check: Check::Satisfied(_),
                ..
            } => known.extend(
                outputs(session, &step.address, &seen).map(|said| (step.address.clone(), said)),
            ),
            // It is adopted already, and what differs is the next run's.
            _ if stands_already(session, &step.address).await? => {}
            _ => {
                let cx = CheckCx {
                    step: StepRef {
                        address: &step.address,
                        deployment: session.ledger.id(),
                        args: &args,
                        memory: None,
                        same_process: false,
                        unfinished: &[],
                        kept: &krun_model::plugin::KeptBy::new(),
                        secrets: &*session.vault,
                    },
                    host: &*session.machine,
                    progress: &Silent,
                };
                let adoption = state
                    .adopt(&cx)
                    .await
                    .map_err(|fault| fault.hint(format!("Step {} wants it.", step.address)))?;
                known.extend(said(&adoption).map(|said| (step.address.clone(), said.clone())));
                line.adoption = Some(adoption);
            }
        }
        lines.push(line);
    }
    Ok(lines)
}

/// Whether an adopted process stands for a step.
async fn stands_already(session: &Session, step: &Address) -> Result<bool, Fault> {
    let adopted = session.ledger.history().adopted.get(step).cloned();
    Ok(match adopted {
        Some(adopted) => session.machine.process(&adopted.spec.id).await?.is_some(),
        None => false,
    })
}

fn said(adoption: &Adoption) -> Option<&Outputs> {
    match adoption {
        Adoption::Nothing => None,
        Adoption::Accepted { outputs, .. } => Some(outputs),
        Adoption::Process(found) => Some(&found.outputs),
    }
}

/// Adopts what a survey found. `agree` is asked before anything is written.
///
/// # Errors
/// As [`survey`]; a no; what the journal or the machine reports.
pub async fn adopt(
    session: &Session,
    request: RunRequest,
    agree: impl Fn(&[AdoptLine]) -> Result<(), Fault>,
) -> Result<Ended, Fault> {
    let since = Instant::now();
    let recovered = probe::settle_for_run(session, request.options.force).await?;
    let lines = survey(session, &request).await?;
    agree(&lines)?;
    for source in &request.runbook.sources {
        let text = source.text.as_bytes().into();
        session.ledger.put_blob(text).await?;
    }
    let pin = identity::pin(&request);
    let run = session.begin(Verb::Adopt, Some(pin)).await?;
    session.say_all(recovered);
    let mut counts = Counts::default();
    for line in lines {
        let Some(step) = request.runbook.step(&line.step) else {
            continue;
        };
        let taking = Taking {
            session,
            run,
            runbook: &request.runbook,
            step,
            line: &line,
        };
        match &line.adoption {
            Some(Adoption::Accepted {
                effects,
                outputs,
                found,
            }) => {
                let reason = Reason::Drift(found.clone());
                taking.begin(&reason).await?;
                let step = &line.step;
                let host = JournaledHost {
                    session,
                    run,
                    step,
                    in_hand: InHand::default(),
                };
                for effect in effects {
                    host.perform(effect.clone()).await?;
                }
                counts.changed += 1;
                taking.end(Change::Update, reason, outputs).await?;
            }
            Some(Adoption::Process(found)) => {
                counts.changed += 1;
                taking.process(found).await?;
            }
            Some(Adoption::Nothing) | None => counts.unchanged += 1,
        }
    }
    let status = RunStatus::Succeeded;
    session.end(run, status, counts, since).await?;
    Ok(Ended {
        run,
        began: true,
        status,
        faults: vec![],
        outputs: Known::new(),
        passed: vec![],
    })
}

/// One step that takes something over.
struct Taking<'a> {
    session: &'a Session,
    run: krun_model::RunId,
    runbook: &'a Runbook,
    step: &'a Step,
    line: &'a AdoptLine,
}

impl Taking<'_> {
    async fn append(&self, entry: Entry) -> Result<(), Fault> {
        let appended = self.session.ledger.append(self.run, entry, true).await;
        appended.map(drop)
    }

    async fn begin(&self, reason: &Reason) -> Result<(), Fault> {
        let after = edges_to_started(&self.session.ledger.history(), self.runbook, self.step);
        self.append(Entry::StepStarted {
            step: self.line.step.clone(),
            kind: self.line.kind.clone(),
            change: Change::Update,
            reason: reason.clone(),
            after,
        })
        .await
    }

    async fn process(&self, found: &FoundProcess) -> Result<(), Fault> {
        let pid = found.running.pid;
        let start = Effect::StartProcess(found.spec.clone());
        let Effect::StartProcess(spec) = self.session.sealed(&start).await? else {
            return Err(Fault::internal("a sealed effect became another one"));
        };
        self.append(Entry::Adopted {
            step: self.line.step.clone(),
            spec,
            running: found.running.clone(),
            argv: found.argv,
        })
        .await?;
        self.session.machine.adopt(&found.spec.id, &found.running);
        self.end(Change::NoOp, Reason::Adopted { pid }, &found.outputs)
            .await
    }

    async fn end(&self, change: Change, reason: Reason, outputs: &Outputs) -> Result<(), Fault> {
        let step = self.line.step.clone();
        self.append(Entry::StepDone {
            step: step.clone(),
            kind: self.line.kind.clone(),
            change,
            inputs: self.line.inputs,
            key: None,
            outputs: outputs.clone(),
        })
        .await?;
        self.session.events.send(Event::StepFinished {
            step,
            change,
            reason,
            outputs: outputs.clone(),
            duration_ms: 0,
        });
        Ok(())
    }
}
