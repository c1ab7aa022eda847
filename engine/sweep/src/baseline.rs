//! What is there after a life that nobody disturbed: what all others are measured by.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{
    Effect, Entry, Fault, FaultCode, History, Map, Target, TargetState,
    journal::{Outcome, Record},
};

use crate::{
    Clusters, Point, Tree, points,
    scratch::{Ended, Scratch},
    witness::count,
};

/// How many differences of one sort are told.
const TOLD: usize = 3;

/// How much of a deployment's id stands in the names of what it keeps in a cluster.
const SHORT_ID: usize = 8;

/// What witnesses see of a deployment once its run has ended.
pub(crate) struct State {
    tree: Tree,
    running: Map<usize>,
    starts: Map<usize>,
    topics: Vec<Option<Map<String>>>,
    /// How often each effect happened, as the journal has it: the one thing that is not seen, but told.
    effects: Map<usize>,
    /// What `krun plan --detailed-exitcode` said.
    plan: i32,
}

/// An undisturbed life.
pub(crate) struct Baseline {
    pub(crate) run: Vec<Point>,
    pub(crate) rollback: Vec<Point>,
    first: Tree,
    topics_first: Vec<Option<Map<String>>>,
    after: State,
    /// What two undisturbed lives have different.
    different: BTreeSet<Utf8PathBuf>,
    /// The clusters that the deployment's effects are in.
    clusters: Vec<Vec<String>>,
}

impl Baseline {
    /// Lives twice without being disturbed.
    pub(crate) fn live(scratch: &mut Scratch<'_>, clusters: &dyn Clusters) -> Result<Self, Fault> {
        let mut first = Self::once(scratch, clusters, vec![])?;
        let second = Self::once(scratch, clusters, first.clusters.clone())?;
        first.topics_first = second.topics_first;
        let different = first.after.tree.differing(&second.after.tree);
        first.different = different.map(Utf8Path::to_owned).collect();
        Ok(first)
    }

    fn once(
        scratch: &mut Scratch<'_>,
        clusters: &dyn Clusters,
        known: Vec<Vec<String>>,
    ) -> Result<Self, Fault> {
        scratch.reset()?;
        let first = look(scratch, None, &BTreeSet::new())?;
        let topics_first = topics(clusters, &known)?;
        if scratch.spec.then.is_some() {
            let ended = scratch.run(false, None)?;
            ended_well(scratch, "the first run", &ended)?;
        }
        let before = scratch.journal()?;
        let ended = scratch.run(true, None)?;
        ended_well(scratch, "the undisturbed run", &ended)?;
        let done = scratch.journal()?;
        let targets: BTreeSet<Target> = History::fold(&done)
            .effects
            .iter()
            .map(|memory| memory.effect.target())
            .collect();
        let clusters_of: BTreeSet<Vec<String>> = targets
            .iter()
            .filter_map(|target| Some(target.bootstrap()?.to_vec()))
            .collect();
        let clusters_of: Vec<_> = clusters_of.into_iter().collect();
        let after = State::of(scratch, clusters, &clusters_of)?;
        let ended = scratch.rollback(None)?;
        ended_well(scratch, "the undisturbed rollback", &ended)?;
        let all = scratch.journal()?;
        let baseline = Self {
            run: points(&before, &done[before.len()..], &scratch.world()),
            rollback: points(&done, &all[done.len()..], &scratch.world()),
            first,
            topics_first,
            after,
            different: BTreeSet::new(),
            clusters: clusters_of,
        };
        match &baseline.not_back(scratch, clusters)?[..] {
            [] => Ok(baseline),
            wrong => Err(Fault::new(
                FaultCode::NotConverged,
                "an undisturbed rollback leaves something behind",
            )
            .evidence(wrong.iter().cloned())),
        }
    }

    /// What is not as after the undisturbed run.
    pub(crate) fn not_the_same(
        &self,
        scratch: &mut Scratch<'_>,
        clusters: &dyn Clusters,
    ) -> Result<Vec<String>, Fault> {
        let now = State::of(scratch, clusters, &self.clusters)?;
        let mut wrong = vec![];
        let paths = now.tree.differing(&self.after.tree);
        let paths = paths.filter(|path| !self.different.contains(*path));
        told(&mut wrong, paths, |path| {
            let (there, wanted) = (now.tree.at(path), self.after.tree.at(path));
            format!("{path} is {there}, not {wanted}")
        });
        compare(&mut wrong, "processes", &now.running, &self.after.running);
        compare(&mut wrong, "starts", &now.starts, &self.after.starts);
        compare(&mut wrong, "effects", &now.effects, &self.after.effects);
        if now.topics != self.after.topics {
            let (there, wanted) = (&now.topics, &self.after.topics);
            wrong.push(format!("topics are {there:?}, not {wanted:?}"));
        }
        if now.plan != self.after.plan {
            let (there, wanted) = (now.plan, self.after.plan);
            wrong.push(format!("krun plan ends with {there}, not {wanted}"));
        }
        Ok(wrong)
    }

    /// What is not as before the first run.
    pub(crate) fn not_back(
        &self,
        scratch: &mut Scratch<'_>,
        clusters: &dyn Clusters,
    ) -> Result<Vec<String>, Fault> {
        let now = look(scratch, None, &BTreeSet::new())?;
        let mut wrong = vec![];
        told(&mut wrong, now.differing(&self.first), |path| {
            let (there, wanted) = (now.at(path), self.first.at(path));
            format!("{path} is {there}, not {wanted}")
        });
        let running = count(scratch.witness.look().iter());
        compare(&mut wrong, "processes", &running, &Map::new());
        if !self.topics_first.is_empty() {
            let topics = topics(clusters, &self.clusters)?;
            // A cluster that the runbook itself started is gone with all its topics.
            if topics != self.topics_first && topics.iter().any(Option::is_some) {
                let wanted = &self.topics_first;
                wrong.push(format!("topics are {topics:?}, not {wanted:?}"));
            }
        }
        if !History::fold(&scratch.journal()?).is_baseline() {
            wrong.push("the journal says that something is left".into());
        }
        Ok(wrong)
    }
}

impl State {
    fn of(
        scratch: &mut Scratch<'_>,
        clusters: &dyn Clusters,
        which: &[Vec<String>],
    ) -> Result<Self, Fault> {
        let records = scratch.journal()?;
        let history = History::fold(&records);
        let claimed = claimed(&history, &scratch.world());
        let id = history.id;
        let plan = match scratch.plan(true)? {
            Ended::Code(code) => code,
            Ended::Killed => 137,
        };
        let running = count(scratch.witness.look().iter());
        Ok(Self {
            tree: look(scratch, id.as_deref(), &claimed)?,
            running,
            starts: scratch.witness.starts(),
            topics: topics(clusters, which)?,
            effects: effects(&records, id.as_deref().unwrap_or("?")),
            plan,
        })
    }
}

/// Folders whose contents belong to processes, as seen from the scratch folder.
fn claimed(history: &History, world: &Utf8Path) -> BTreeSet<Utf8PathBuf> {
    let effects = history.effects.iter();
    effects
        .filter_map(|memory| match &memory.effect {
            Effect::Claim { path, .. } => path.strip_prefix(world).ok(),
            _ => None,
        })
        .map(Utf8Path::to_owned)
        .collect()
}

fn look(
    scratch: &Scratch<'_>,
    id: Option<&str>,
    closed: &BTreeSet<Utf8PathBuf>,
) -> Result<Tree, Fault> {
    let world = scratch.world();
    Tree::of(&world, id, closed)
        .map_err(|error| Fault::io("could not look at the scratch folder", &world, &error))
}

fn topics(
    clusters: &dyn Clusters,
    which: &[Vec<String>],
) -> Result<Vec<Option<Map<String>>>, Fault> {
    which
        .iter()
        .map(|servers| clusters.topics(servers))
        .collect()
}

/// How often each effect happened.
fn effects(records: &[Record], id: &str) -> Map<usize> {
    let mut happened = Map::new();
    for record in records {
        let Entry::Outcome { intent, outcome } = &record.entry else {
            continue;
        };
        if !matches!(outcome, Outcome::Done(_) | Outcome::Recovered(_)) {
            continue;
        }
        let found = records.iter().find(|other| other.seq == *intent);
        if let Some(Entry::Intent { effect, before, .. }) = found.map(|record| &record.entry) {
            let name = match effect {
                // Steps without an edge between them may want the same folder, one of them with a mode: who
                // comes first makes it, and whether it needs another mode then is up to chance.
                Effect::MakeDir { .. } if matches!(before, TargetState::Dir { .. }) => continue,
                // A plugin that was cut off applies its step again; what it did and asks for has effects
                // of its own, which are counted.
                Effect::PluginAct(_) => continue,
                // Where in the quarantine something is set aside, a killed step may choose anew.
                Effect::Move { from, to } if to.as_str().contains("/quarantine/") => {
                    format!("set aside: {from}")
                }
                // Brokers put replicas of a new topic where chance wants: which are moved and whether any
                // leader is to be elected afterwards differs from life to life.
                Effect::Reassign { .. } => points::class_of(effect),
                Effect::ElectLeaders { .. } => continue,
                _ => format!("{}: {}", points::class_of(effect), effect.target()),
            };
            *happened.entry(nameless(&name, id)).or_default() += 1;
        }
    }
    happened
}

/// A name without the deployment's random id, which may be cut short: consumer groups have its beginning.
fn nameless(name: &str, id: &str) -> String {
    let short = id.get(..SHORT_ID).unwrap_or(id);
    name.replace(id, "ID").replace(short, "ID")
}

fn ended_well(scratch: &Scratch<'_>, what: &str, ended: &Ended) -> Result<(), Fault> {
    match ended {
        Ended::Code(0) => Ok(()),
        Ended::Code(code) => Err(Fault::new(
            FaultCode::NotConverged,
            format!("{what} ended with exit code {code}"),
        )
        .because(scratch.said())
        .hint("A sweep needs a runbook that succeeds when nobody disturbs it.")),
        Ended::Killed => Err(Fault::new(
            FaultCode::NotConverged,
            format!("{what} was killed by somebody else"),
        )),
    }
}

fn compare(wrong: &mut Vec<String>, what: &str, now: &Map<usize>, wanted: &Map<usize>) {
    let mut names: BTreeSet<&String> = now.keys().collect();
    names.extend(wanted.keys());
    let of = |map: &Map<usize>, name: &str| map.get(name).copied().unwrap_or(0);
    names.retain(|name| of(now, name) != of(wanted, name));
    told(wrong, names.into_iter(), |name| {
        format!(
            "{what} of {name}: {}, not {}",
            of(now, name),
            of(wanted, name)
        )
    });
}

/// Tells some differences, and how many more there are.
fn told<T>(wrong: &mut Vec<String>, all: impl Iterator<Item = T>, words: impl Fn(T) -> String) {
    let all: Vec<T> = all.collect();
    let more = all.len().saturating_sub(TOLD);
    wrong.extend(all.into_iter().take(TOLD).map(words));
    if more > 0 {
        wrong.push(format!("and {more} more"));
    }
}
