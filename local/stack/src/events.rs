//! What invokes functions by itself: `EventBridge`'s schedules, and its rule over the
//! status changes of executions, as the template has them.
//!
//! | file | what |
//! |---|---|
//! | [`schedule`] | ticks, each at a whole multiple of its rate |
//! | [`open`] | which ticks may be leapt over, because they would do nothing |
//! | [`ended`] | the end of an execution, told to the functions of the rules |
//! | [`shape`] | the events as `EventBridge` sends them |
//!
//! Every event is delivered as Lambda takes events: a function that fails is invoked
//! twice more, a minute and two minutes of the stack's clock later; then the event is
//! dropped with a line in the log. The clock does not leap while an invocation runs.
//!
//! **Nothing here holds the clock of an idle stack, nor drives it on for ever.** A
//! schedule that comes round for ever ticks whenever time passes over it, but an idle
//! clock does not leap for its sake ([`StackClock::sleep_along`]); for the sake of an
//! order that is due it does, and for how long is said in [`open`].
//!
//! A status change can be made to get lost, as `EventBridge` itself may lose it: the
//! point `events.status-change` of the fault plan, kind `drop`.

mod ended;
mod open;
mod schedule;
mod shape;
#[cfg(test)]
mod tests;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinSet;

use crate::clock::{Busy, StackClock};
use crate::dynamodb::DynamoDb;
use crate::faults::Faults;
use crate::lambda::{Delivered, LambdaHost};
use crate::stepfunctions::StepFunctions;
use crate::template::{Template, TemplateError};
use open::Open;
use schedule::Ticking;

/// What the events stand on.
#[derive(Debug)]
pub(crate) struct Deps {
    /// The stack's clock.
    pub(crate) clock: StackClock,
    /// Who invokes functions.
    pub(crate) target: Arc<dyn Target>,
    /// The tables: with `--skip` they say when there is something to look at.
    pub(crate) dynamodb: Arc<DynamoDb>,
    /// Whose executions end.
    pub(crate) step_functions: StepFunctions,
    /// What is to get lost.
    pub(crate) faults: Faults,
}

/// The schedules and rules of a stack, at work; they end when this is dropped. What a
/// function was invoked for goes on until the functions themselves end.
#[derive(Debug)]
pub(crate) struct Events {
    _at_work: JoinSet<()>,
}

impl Events {
    /// Sets everything going that the template has.
    pub(crate) fn start(template: &Template, deps: &Deps) -> Result<Self, TemplateError> {
        let mut at_work = JoinSet::new();
        for schedule in template.schedules()? {
            let (clock, target) = (deps.clock.clone(), Arc::clone(&deps.target));
            let open = Open::of(&schedule, &deps.clock, &deps.dynamodb);
            let ticking = Ticking { schedule, clock, target };
            at_work.spawn(ticking.run(open));
        }
        let rules = template.rules()?;
        if !rules.is_empty() {
            let moves = deps.step_functions.subscribe();
            let telling = ended::Telling {
                rules,
                states: deps.step_functions.clone(),
                target: Arc::clone(&deps.target),
                faults: deps.faults.clone(),
            };
            at_work.spawn(telling.run(moves));
        }
        Ok(Self { _at_work: at_work })
    }
}

/// Who takes events for functions: the Lambda host, or what stands for it in a test.
pub(crate) trait Target: Send + Sync + fmt::Debug {
    /// Delivers an event to a function, by its name, until the function has succeeded
    /// or the event is given up.
    fn deliver<'a>(&'a self, function: &'a str, event: Bytes, busy: Busy) -> Delivery<'a>;
}

/// A delivery under way.
pub(crate) type Delivery<'a> = Pin<Box<dyn Future<Output = Delivered> + Send + 'a>>;

impl Target for LambdaHost {
    fn deliver<'a>(&'a self, function: &'a str, event: Bytes, busy: Busy) -> Delivery<'a> {
        Box::pin(LambdaHost::deliver(self, function, event, busy))
    }
}
