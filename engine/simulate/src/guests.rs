//! Plugins' kinds where time is simulated.
//!
//! Owns how long they take: nothing. A guest that computes is interrupted by a real clock, now and then, so that
//! other steps get their turn. When that happens depends on how busy this machine is, and with it which of two
//! steps looks first: a seed would not be the same schedule each time. Here a guest goes on at once until it asks
//! for something and must wait. And what a kind says of arguments alone is asked once: an instance that can reach
//! nothing would say the same in every schedule.

use std::{
    cell::Cell,
    collections::BTreeMap,
    future::{Future, poll_fn},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use async_trait::async_trait;
use krun_model::{
    Address, ByHand, Change, Digest, Fault, HandCx, Kind, Map, Outputs, ReadHost, StepKind,
    TargetState, Value, WriteHost,
    kind::{
        Adoption, ApplyCx, Check, CheckCx, Declared, KindSpec, LeaveCx, OnceKind, ProofKind,
        StateKind, UndoClass,
    },
    plan::DiffLine,
    plugin::{PluginCall, Plugins},
};

/// What kinds of plugins said of steps before anything ran, for all schedules.
#[derive(Clone, Default)]
pub struct Guests(Arc<Mutex<BTreeMap<(&'static str, Address), Said>>>);

/// What one said of which arguments.
struct Said {
    deployment: String,
    args: Map<Value>,
    declared: Result<Declared, Fault>,
}

impl Guests {
    /// A plugin's kind as it is simulated.
    #[must_use]
    pub fn simulated(&self, kind: Kind) -> Kind {
        match kind {
            Kind::State(kind) => Kind::State(Arc::new(InNoTime::new(kind, self))),
            Kind::Once(kind) => Kind::Once(Arc::new(InNoTime::new(kind, self))),
            Kind::Proof(kind) => Kind::Proof(Arc::new(InNoTime::new(kind, self))),
        }
    }
}

/// Who asks plugins about what they did, likewise.
pub(crate) fn simulated(plugins: Arc<dyn Plugins>) -> Arc<dyn Plugins> {
    Arc::new(InNoTime::new(plugins, &Guests::default()))
}

struct InNoTime<T: ?Sized> {
    of: Arc<T>,
    guests: Guests,
}

impl<T: ?Sized> InNoTime<T> {
    fn new(of: Arc<T>, guests: &Guests) -> Self {
        let guests = guests.clone();
        Self { of, guests }
    }
}

thread_local! {
    /// Whether somebody let others go first since this was last cleared.
    static OTHERS_FIRST: Cell<bool> = const { Cell::new(false) };
}

/// Lets others go first, because the seed says so.
pub(crate) async fn others_first() {
    OTHERS_FIRST.set(true);
    tokio::task::yield_now().await;
}

/// Who is to be told that work can go on.
struct Told {
    /// Whether the work is looked at just now, by whoever will look again.
    at_work: AtomicBool,
    goes_on: AtomicBool,
    outside: Waker,
}

impl Wake for Told {
    fn wake(self: Arc<Self>) {
        match self.at_work.load(Ordering::SeqCst) {
            true => self.goes_on.store(true, Ordering::SeqCst),
            false => self.outside.wake_by_ref(),
        }
    }
}

/// Looks at work again at once as long as it can go on, unless it lets others go first because the seed says so:
/// all of it is looked at again when it has its turn, so that nothing that it was told meanwhile is missed.
async fn until_it_waits<T>(work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    poll_fn(move |cx| {
        let told = Arc::new(Told {
            at_work: AtomicBool::new(true),
            goes_on: AtomicBool::new(false),
            outside: cx.waker().clone(),
        });
        let waker = Waker::from(told.clone());
        loop {
            OTHERS_FIRST.set(false);
            if let Poll::Ready(done) = work.as_mut().poll(&mut Context::from_waker(&waker)) {
                return Poll::Ready(done);
            }
            told.at_work.store(false, Ordering::SeqCst);
            if !told.goes_on.swap(false, Ordering::SeqCst) || OTHERS_FIRST.get() {
                return Poll::Pending;
            }
            told.at_work.store(true, Ordering::SeqCst);
        }
    })
    .await
}

impl<K: StepKind + ?Sized> StepKind for InNoTime<K> {
    fn spec(&self) -> &KindSpec {
        self.of.spec()
    }

    fn declare(
        &self,
        step: &Address,
        deployment: &str,
        args: &Map<Value>,
    ) -> Result<Declared, Fault> {
        let all = &self.guests.0;
        let known = || all.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (self.of.spec().name, step.clone());
        if let Some(said) = known().get(&key)
            && said.deployment == deployment
            && said.args == *args
        {
            return said.declared.clone();
        }
        let declared = self.of.declare(step, deployment, args);
        let said = Said {
            deployment: deployment.to_owned(),
            args: args.clone(),
            declared: declared.clone(),
        };
        known().insert(key, said);
        declared
    }

    fn undo_of(&self, change: Change, diff: &[DiffLine]) -> UndoClass {
        self.of.undo_of(change, diff)
    }

    fn computed(&self, args: &Map<Value>) -> Map<Value> {
        self.of.computed(args)
    }

    fn by_hand(&self, cx: &HandCx<'_>) -> ByHand {
        self.of.by_hand(cx)
    }
}

#[async_trait]
impl StateKind for InNoTime<dyn StateKind> {
    async fn check(&self, cx: &CheckCx<'_>) -> Result<Check, Fault> {
        until_it_waits(self.of.check(cx)).await
    }

    async fn apply(&self, cx: &ApplyCx<'_>) -> Result<Outputs, Fault> {
        until_it_waits(self.of.apply(cx)).await
    }

    async fn foresee(&self, cx: &ApplyCx<'_>) -> Result<Option<Outputs>, Fault> {
        until_it_waits(self.of.foresee(cx)).await
    }

    async fn adopt(&self, cx: &CheckCx<'_>) -> Result<Adoption, Fault> {
        until_it_waits(self.of.adopt(cx)).await
    }

    async fn may_leave(&self, cx: &LeaveCx<'_>) -> Result<(), Fault> {
        until_it_waits(self.of.may_leave(cx)).await
    }
}

#[async_trait]
impl OnceKind for InNoTime<dyn OnceKind> {
    fn ways(&self) -> &'static [&'static str] {
        self.of.ways()
    }

    async fn incarnation(&self, cx: &CheckCx<'_>) -> Result<Option<Digest>, Fault> {
        until_it_waits(self.of.incarnation(cx)).await
    }

    async fn apply(&self, cx: &ApplyCx<'_>) -> Result<Outputs, Fault> {
        until_it_waits(self.of.apply(cx)).await
    }
}

#[async_trait]
impl ProofKind for InNoTime<dyn ProofKind> {
    async fn prove(&self, cx: &CheckCx<'_>) -> Result<Outputs, Fault> {
        until_it_waits(self.of.prove(cx)).await
    }
}

#[async_trait]
impl Plugins for InNoTime<dyn Plugins> {
    async fn observe(
        &self,
        call: PluginCall<'_>,
        host: &dyn ReadHost,
    ) -> Result<TargetState, Fault> {
        until_it_waits(self.of.observe(call, host)).await
    }

    async fn undo(&self, call: PluginCall<'_>, host: &dyn WriteHost) -> Result<(), Fault> {
        until_it_waits(self.of.undo(call, host)).await
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::atomic::AtomicU32, time::Duration};

    use krun_model::FaultCode;

    use super::*;

    /// Work that computes, is interrupted so many times meanwhile, and then asks, which takes a while.
    async fn computes(name: &str, interrupted: u32, order: &Mutex<Vec<String>>) {
        for turn in 0..2 {
            for _ in 0..interrupted {
                let mut was = false;
                poll_fn(|cx| {
                    cx.waker().wake_by_ref();
                    match std::mem::replace(&mut was, true) {
                        true => Poll::Ready(()),
                        false => Poll::Pending,
                    }
                })
                .await;
            }
            order
                .lock()
                .expect("no panic")
                .push(format!("{name} {turn}"));
            others_first().await;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    #[test]
    fn how_often_it_is_interrupted_changes_nothing() {
        let order = |first: u32, second: u32| {
            let order = Arc::new(Mutex::new(vec![]));
            let runtime = crate::runtime().unwrap_or_else(|fault| panic!("{fault}"));
            runtime.block_on(async {
                let mut all = tokio::task::JoinSet::new();
                for (name, interrupted) in [("one", first), ("other", second)] {
                    let order = order.clone();
                    all.spawn(async move {
                        until_it_waits(computes(name, interrupted, &order)).await;
                    });
                }
                all.join_all().await;
            });
            order.lock().expect("no panic").clone()
        };
        let calm = order(0, 0);
        assert_eq!(calm.len(), 4);
        for (first, second) in [(1, 0), (0, 1), (7, 2), (1_000, 3)] {
            assert_eq!(order(first, second), calm, "{first} {second}");
        }
    }
    /// Counts how often it is asked what a step touches; refuses one without arguments.
    #[derive(Default)]
    struct Counting(AtomicU32);

    static SPEC: KindSpec = KindSpec {
        name: "counting",
        doc: "Counts.",
        args: &[],
        outputs: &[],
        undo: UndoClass::Nothing,
        examples: &[],
    };

    impl StepKind for Counting {
        fn spec(&self) -> &KindSpec {
            &SPEC
        }

        fn declare(&self, _: &Address, _: &str, args: &Map<Value>) -> Result<Declared, Fault> {
            self.0.fetch_add(1, Ordering::SeqCst);
            match args.is_empty() {
                true => Err(Fault::new(FaultCode::Script, "no arguments")),
                false => Ok(Declared::default()),
            }
        }
    }

    #[async_trait]
    impl ProofKind for Counting {
        async fn prove(&self, _: &CheckCx<'_>) -> Result<Outputs, Fault> {
            Ok(Outputs::new())
        }
    }

    #[test]
    fn what_is_said_of_the_same_arguments_is_asked_once() {
        let (guests, counting) = (Guests::default(), Arc::new(Counting::default()));
        let declares = |step: &str, deployment: &str, args: &[(&str, i64)]| {
            let args = args
                .iter()
                .map(|(name, n)| (name.to_string(), Value::Int(*n)));
            let step: Address = step.parse().unwrap_or_else(|_| panic!("{step}"));
            // Each krun has kinds of its own.
            let kind = guests.simulated(Kind::Proof(counting.clone()));
            let said = kind.common().declare(&step, deployment, &args.collect());
            (said.is_ok(), counting.0.load(Ordering::SeqCst))
        };
        assert_eq!(declares("a", "d", &[("n", 1)]), (true, 1));
        assert_eq!(declares("a", "d", &[("n", 1)]), (true, 1));
        assert_eq!(declares("b", "d", &[]), (false, 2));
        assert_eq!(declares("b", "d", &[]), (false, 2));
        assert_eq!(declares("a", "d", &[("n", 2)]), (true, 3));
        assert_eq!(declares("a", "other", &[("n", 2)]), (true, 4));
        assert_eq!(declares("b", "d", &[]), (false, 4));
    }
}
