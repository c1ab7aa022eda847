//! What befalls one krun: when it is killed or told to stop, which effect fails, when a process dies or a
//! server of web pages goes away, and how long everything takes.
//!
//! Owns the seed's choices and the moments at which they strike; a moment is before or after a record
//! of the journal, and before or after an effect acts. After its death nothing that a krun still does
//! is seen by anybody: its journal takes nothing and its machine never answers.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use krun_model::{Entry, KillPoint, Moment, Whose, journal::Record, journal::Seq};
use tokio::sync::{Notify, watch};

use crate::guests::others_first;

/// The longest that an effect takes, in simulated milliseconds.
const SLOW_MS: u64 = 40;

/// A sort of moment or effect: when, and what is done.
pub type Class = (&'static str, &'static str);

/// Which moment or effect is struck, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strike {
    /// The so-manieth of all.
    Nth(u64),
    /// The so-manieth of a sort.
    Of(Class, u64),
}

impl Strike {
    /// Whether it is this one: the so-manieth of all, and of its sort.
    fn is(self, nth: u64, class: Class, of_class: u64) -> bool {
        match self {
            Self::Nth(number) => number == nth,
            Self::Of(wanted, number) => wanted == class && number == of_class,
        }
    }
}

/// How many moments or effects there were, by sort.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Of every sort.
    pub all: u64,
    /// Of each sort.
    pub classes: BTreeMap<Class, u64>,
}

impl Counted {
    fn one_more(&mut self, class: Class) -> (u64, u64) {
        self.all += 1;
        let of_class = self.classes.entry(class).or_default();
        *of_class += 1;
        (self.all, *of_class)
    }

    /// One of them, or one a little beyond, since going on may take longer: of all alike, or of all sorts
    /// alike, as most effects of a run are of a few sorts.
    pub fn pick(&self, rng: &mut fastrand::Rng) -> Strike {
        let beyond = |count: u64| count + count / 4 + 1;
        if rng.bool() || self.classes.is_empty() {
            return Strike::Nth(rng.u64(1..=beyond(self.all)));
        }
        let at = rng.usize(..self.classes.len());
        match self.classes.iter().nth(at) {
            Some((class, count)) => Strike::Of(*class, rng.u64(1..=*count)),
            None => Strike::Nth(1),
        }
    }
}

/// What is to befall a krun.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Blows {
    /// The moment at which it is killed.
    pub kill: Option<Strike>,
    /// The moment at which somebody presses Ctrl-C.
    pub stop: Option<Strike>,
    /// The moment at which a process dies.
    pub death: Option<Strike>,
    /// The moment at which a server of web pages goes away.
    pub outage: Option<Strike>,
    /// The effect that fails, and whether it acts all the same.
    pub error: Option<(Strike, bool)>,
    /// Whether effects take their time.
    pub delay: bool,
}

/// What becomes of an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Luck {
    /// It is brought about.
    Acts,
    /// It fails, and nothing has happened.
    Fails,
    /// It fails once it has happened.
    FailsLate,
}

/// A moment, as the machine sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Now {
    /// Everything goes on.
    GoesOn,
    /// Something befalls the machine.
    Befalls(Mishap),
    /// The krun is dead.
    Dead,
}

/// What befalls a machine while a krun lives; a number says which of them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// A process dies.
    ProcessDies(usize),
    /// A server of web pages goes away.
    ServerGoes(usize),
}

/// The fate of one krun.
pub struct Fate {
    inner: Mutex<Inner>,
    killed: Notify,
    stop: watch::Sender<bool>,
}

struct Inner {
    rng: fastrand::Rng,
    blows: Blows,
    alive: bool,
    moments: Counted,
    effects: Counted,
    struck: bool,
    said: Option<Said>,
}

/// What was written down of it.
#[derive(Default)]
struct Said {
    lines: Vec<String>,
    intents: BTreeMap<Seq, Whose>,
    counts: BTreeMap<Whose, u32>,
    last: BTreeMap<Whose, u32>,
}

impl Fate {
    /// A fate; with `known`, all records until now, what happens is written down.
    pub fn new(seed: u64, blows: Blows, known: Option<&[Record]>) -> Self {
        let said = known.map(|records| {
            let mut said = Said::default();
            for record in records {
                said.know(record);
            }
            said
        });
        Self {
            inner: Mutex::new(Inner {
                rng: fastrand::Rng::with_seed(seed),
                blows,
                alive: true,
                moments: Counted::default(),
                effects: Counted::default(),
                struck: false,
                said,
            }),
            killed: Notify::new(),
            stop: watch::Sender::new(false),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Becomes true when somebody presses Ctrl-C.
    pub fn told_to_stop(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    /// Ends when the krun is killed.
    pub async fn killed(&self) {
        while self.is_alive() {
            self.killed.notified().await;
        }
    }

    /// Whether the krun lives.
    pub fn is_alive(&self) -> bool {
        self.inner().alive
    }

    /// How many moments and effects there were.
    pub fn counted(&self) -> (Counted, Counted) {
        let inner = self.inner();
        (inner.moments.clone(), inner.effects.clone())
    }

    /// Whether anything befell it.
    pub fn struck(&self) -> bool {
        self.inner().struck
    }

    /// What was written down.
    pub fn lines(&self) -> Vec<String> {
        let mut inner = self.inner();
        let said = inner.said.as_mut();
        said.map(|said| std::mem::take(&mut said.lines))
            .unwrap_or_default()
    }

    /// Writes down what happens, if anybody wants to know.
    pub fn say(&self, line: impl FnOnce() -> String) {
        if let Some(said) = &mut self.inner().said {
            said.lines.push(line());
        }
    }

    /// Writes down what a mishap came to, if it came to anything.
    pub fn say_all(&self, said: Option<String>) {
        if let Some(line) = said {
            self.say(|| line);
        }
    }

    /// One more moment of a sort; `at` names it.
    pub fn moment(&self, class: Class, at: impl FnOnce() -> String) -> Now {
        let mut inner = self.inner();
        if !inner.alive {
            return Now::Dead;
        }
        let (nth, of_class) = inner.moments.one_more(class);
        let now = |strike: Option<Strike>| strike.is_some_and(|one| one.is(nth, class, of_class));
        let Blows {
            kill,
            stop,
            death,
            outage,
            ..
        } = inner.blows;
        if now(kill) {
            (inner.alive, inner.struck) = (false, true);
            if let Some(said) = &mut inner.said {
                said.lines.push(format!("killed {}", at()));
            }
            self.killed.notify_one();
            return Now::Dead;
        }
        if now(stop) {
            inner.struck = true;
            if let Some(said) = &mut inner.said {
                said.lines.push(format!("Ctrl-C {}", at()));
            }
            self.stop.send_replace(true);
        }
        if now(death) {
            inner.struck = true;
            return Now::Befalls(Mishap::ProcessDies(inner.rng.usize(..1 << 16)));
        }
        if now(outage) {
            inner.struck = true;
            return Now::Befalls(Mishap::ServerGoes(inner.rng.usize(..1 << 16)));
        }
        Now::GoesOn
    }

    /// What becomes of the next effect, which does this.
    pub fn luck(&self, act: &'static str) -> Luck {
        let mut inner = self.inner();
        let class = ("perform", act);
        let (nth, of_class) = inner.effects.one_more(class);
        match inner.blows.error {
            Some((strike, acts)) if strike.is(nth, class, of_class) => {
                inner.struck = true;
                if acts { Luck::FailsLate } else { Luck::Fails }
            }
            _ => Luck::Acts,
        }
    }

    /// A number of the seed's below `end`.
    pub fn pick(&self, end: usize) -> usize {
        self.inner().rng.usize(..end.max(1))
    }

    /// A look takes a little, so that others come in between. Of a krun that is dead none ends.
    pub async fn look(&self) {
        let turns = {
            let mut inner = self.inner();
            match inner.alive {
                true => Some(inner.rng.u8(..8).saturating_sub(4)),
                false => None,
            }
        };
        let Some(turns) = turns else {
            return std::future::pending().await;
        };
        for _ in 0..turns {
            others_first().await;
        }
    }

    /// An effect takes longer.
    pub async fn work(&self) {
        let wait = {
            let mut inner = self.inner();
            match (inner.alive, inner.blows.delay) {
                (false, _) => None,
                (true, false) => Some(0),
                (true, true) => Some(inner.rng.u64(..SLOW_MS)),
            }
        };
        match wait {
            None => std::future::pending().await,
            Some(0) => others_first().await,
            Some(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
        }
    }

    /// A record was written, or is about to be: names the place as `KRUN_KILL_AT` does.
    pub fn place(&self, moment: Moment, entry: &Entry) -> String {
        let mut inner = self.inner();
        let Some(said) = &mut inner.said else {
            return String::new();
        };
        let whose = Whose::of(entry, |intent| said.intents.get(&intent).cloned());
        if moment == Moment::Before {
            let count = said.counts.entry(whose.clone()).or_default();
            *count += 1;
            said.last.insert(whose.clone(), *count);
        }
        let number = said.last.get(&whose).copied().unwrap_or_default();
        KillPoint {
            moment,
            number,
            whose,
        }
        .to_string()
    }

    /// Takes in a record that was written.
    pub fn wrote(&self, record: &Record) {
        if let Some(said) = &mut self.inner().said {
            said.know(record);
            said.lines.push(in_words(record));
        }
    }
}

impl Said {
    fn know(&mut self, record: &Record) {
        if let Entry::Intent { step, effect, .. } = &record.entry {
            let whose = Whose::of_effect(step, effect);
            self.intents.insert(record.seq, whose);
        }
    }
}

/// A record in one line.
fn in_words(record: &Record) -> String {
    let what = match &record.entry {
        Entry::Intent { step, effect, .. } => {
            format!(
                "{step} is about to {} {}",
                crate::world::verb(effect),
                effect.target()
            )
        }
        Entry::Outcome { intent, outcome } => {
            use krun_model::journal::Outcome;
            let how = match outcome {
                Outcome::Done(state) => format!("done: {state}"),
                Outcome::Recovered(state) => format!("had happened: {state}"),
                Outcome::NotDone(why) => format!("not done: {why}"),
            };
            format!("effect {} {how}", intent.0)
        }
        Entry::StepStarted { step, reason, .. } => format!("{step} begins: {reason}"),
        Entry::StepDone { step, change, .. } => format!("{step} is done: {}", change.word()),
        Entry::StepFailed { step, fault, .. } => format!("{step} fails: {fault}"),
        Entry::Undone { intents, how } => {
            let all: Vec<_> = intents.iter().map(|seq| seq.0.to_string()).collect();
            format!("effects {} taken back: {how}", all.join(", "))
        }
        Entry::RunStarted { verb, .. } => format!("{verb:?} {} begins", record.run),
        Entry::RunResumed { .. } => format!("run {} goes on", record.run),
        Entry::RunFinished { status, .. } => format!("run {} ends: {status:?}", record.run),
        Entry::Created { .. } => "the deployment begins".to_owned(),
        Entry::RolledBack => "back at the baseline".to_owned(),
        Entry::Returned { part, .. } => format!("taken back: {part}"),
        Entry::Checkpoint { name } => format!("checkpoint `{name}` is passed"),
        Entry::Reconciled { .. } => "the runbook is another one".to_owned(),
        Entry::Resolved {
            intent, decision, ..
        } => format!("effect {} is to be decided by {decision}", intent.0),
        Entry::Adopted { step, .. } => format!("{step} adopts a process"),
    };
    format!("{:>4} {what}", record.seq.0)
}
