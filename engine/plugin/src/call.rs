//! One call of a guest: an instance of its own, its limits, and the desk beside it.

use futures::future::BoxFuture;
use krun_model::Fault;
use tokio::sync::mpsc;
use wasmtime::{Store, UpdateDeadline};

use crate::{
    Plugin, Runtime,
    bindings::{
        StepPlugin, StepPluginPre, exports::krun::plugin::step_kinds as wit, krun::plugin::types,
    },
    blame::{self, Called},
    desk::Desk,
    guest::{Guest, Question},
};

/// How a call ends: the guest does, or does not, and says what, or what went wrong.
pub(crate) type Ended<T> = wasmtime::Result<Result<T, types::Fault>>;

/// What a call does with an instance.
pub(crate) type Work<T> =
    Box<dyn for<'i> FnOnce(&'i StepPlugin, &'i mut Store<Guest>) -> BoxFuture<'i, Ended<T>> + Send>;

/// A call from its instance on, whatever world that is of.
pub(crate) type Begin<T> =
    Box<dyn for<'s> FnOnce(&'s mut Store<Guest>) -> BoxFuture<'s, Ended<T>> + Send>;

/// Asks a plugin what its step kinds are. There is nothing that it could reach.
pub(crate) fn describe(
    runtime: &Runtime,
    pre: &StepPluginPre<Guest>,
) -> Result<wit::Description, Fault> {
    let work: Work<wit::Description> = Box::new(|plugin, store| {
        Box::pin(async move {
            let kinds = plugin.krun_plugin_step_kinds();
            kinds.call_describe(store).await.map(Ok)
        })
    });
    let called = Called {
        plugin: None,
        function: "describe",
        kind: None,
    };
    reaching_nothing(runtime, &called, on(pre, work))
}

/// Calls a function that can reach nothing, on this thread.
pub(crate) fn reaching_nothing<T>(
    runtime: &Runtime,
    called: &Called<'_>,
    begin: Begin<T>,
) -> Result<T, Fault> {
    futures::executor::block_on(run(runtime, None, called, begin))
}

/// A call of a step kind's function.
fn on<T: 'static>(pre: &StepPluginPre<Guest>, work: Work<T>) -> Begin<T> {
    let pre = pre.clone();
    Box::new(move |store| {
        Box::pin(async move {
            let plugin = pre.instantiate_async(&mut *store).await?;
            work(&plugin, store).await
        })
    })
}

impl Plugin {
    /// Calls a function of a kind that can reach nothing, on this thread.
    pub(crate) fn call_pure<T: 'static>(
        &self,
        function: &str,
        kind: &str,
        work: Work<T>,
    ) -> Result<T, Fault> {
        let called = self.called(function, Some(kind));
        reaching_nothing(&self.runtime, &called, on(self.steps()?, work))
    }

    /// Makes an instance and lets it go, as every call does, for whoever measures what that takes.
    ///
    /// # Errors
    /// [`FaultCode::Plugin`](krun_model::FaultCode::Plugin) where the component has no kinds, or its start
    /// ends badly.
    pub fn instance(&self) -> Result<(), Fault> {
        let nothing: Work<()> = Box::new(|_, _| Box::pin(async { Ok(Ok(())) }));
        let called = self.called("instantiate", None);
        reaching_nothing(&self.runtime, &called, on(self.steps()?, nothing))
    }

    /// Calls a function of a kind, with a desk that answers what it asks.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        function: &str,
        kind: &str,
        desk: &Desk<'_>,
        work: Work<T>,
    ) -> Result<T, Fault> {
        let called = self.called(function, Some(kind));
        run(&self.runtime, Some(desk), &called, on(self.steps()?, work)).await
    }

    fn steps(&self) -> Result<&StepPluginPre<Guest>, Fault> {
        self.steps
            .as_ref()
            .ok_or_else(|| Fault::internal("a plugin without kinds is asked about one"))
    }

    /// One of its functions, for whoever says how a call of it ended.
    pub(crate) fn called<'a>(&self, function: &'a str, kind: Option<&'a str>) -> Called<'a> {
        Called {
            plugin: Some(self.description.called()),
            function,
            kind,
        }
    }
}

/// Runs a guest and answers it, until it ends. With the fault come the last lines of its log.
async fn run<T>(
    runtime: &Runtime,
    desk: Option<&Desk<'_>>,
    called: &Called<'_>,
    begin: Begin<T>,
) -> Result<T, Fault> {
    let limits = runtime.limits;
    let _place = runtime.pool.place(desk.is_some()).await;
    let mut turn = match desk {
        Some(_) => runtime.pool.turn().await,
        None => None,
    };
    let (questions, mut asked) = mpsc::unbounded_channel::<Question>();
    let mut store = Store::new(&runtime.engine, Guest::new(limits, questions));
    store.limiter(|guest| &mut guest.taken);
    store.set_hostcall_fuel(limits.payload);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|store| {
        Ok(match store.data().is_late() {
            true => UpdateDeadline::Interrupt,
            false => UpdateDeadline::Yield(1),
        })
    });
    let _clock = runtime.begin_call();
    let ended = {
        let mut guest = begin(&mut store);
        loop {
            tokio::select! {
                biased;
                // Before the guest goes on, what it said is said.
                Some(question) = asked.recv() => match desk {
                    Some(desk) if question.takes_time => {
                        drop(turn.take());
                        (question.work)(desk).await;
                        turn = runtime.pool.turn().await;
                    }
                    Some(desk) => (question.work)(desk).await,
                    // Dropped: the guest learns that there is nothing to ask here.
                    None => drop(question),
                },
                ended = &mut guest => break ended,
            }
        }
    };
    while let (Some(desk), Ok(question)) = (desk, asked.try_recv()) {
        (question.work)(desk).await;
    }
    drop(turn);
    let guest = store.data();
    match ended {
        Ok(said) => said.map_err(|fault| guest.handed.heard(fault)),
        Err(error) => Err(blame::fault(called, &error, &guest.lines)),
    }
}
