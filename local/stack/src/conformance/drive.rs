//! Runs a recording through the engine, on virtual time.
//!
//! The recording tells what the world did: what each task answered (`mocks`), and, by
//! the ids in its history, in which order answers came where branches ran side by
//! side. Nothing is taken from it that the engine should find out itself.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use asl::{
    Command, Event, Execution, ExecutionStatus, StartParameters, StateMachine, TaskId, TaskRequest,
    TimerId, TimerKind,
};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::compare::agree;
use super::vectors::{Mock, Outcome, Recording, text};

/// What an execution came to.
pub(super) struct Run {
    /// `{"status", "output"?, "error"?, "cause"?}`
    pub(super) outcome: Value,
    /// `{"id", "prev", "type", "details"}` of each event.
    pub(super) history: Vec<Value>,
    /// A task for which the recording has no answer.
    pub(super) unanswered: Option<String>,
}

/// A recording that cannot be run, and why.
pub(super) struct Refused(pub(super) String);

/// More events than this and the engine is taken to be going in circles.
const MOST_EVENTS: usize = 200_000;

/// Runs it to its end, or until nothing can happen any more.
pub(super) fn run(recording: &Recording) -> Result<Run, Refused> {
    let machine =
        StateMachine::parse(&recording.definition()).map_err(|why| Refused(why.to_string()))?;
    machine.check_supported().map_err(|why| Refused(why.to_string()))?;
    let mut world = World::of(recording);
    let (mut execution, commands) =
        Execution::start(Arc::new(machine), start(recording), world.now);
    world.obey(commands);
    let mut stop = recording.has_flag("needs_stop_execution");
    for _ in 0..MOST_EVENTS {
        if *execution.status() != ExecutionStatus::Running {
            break;
        }
        let Some(event) = world.next(execution.history().len(), &mut stop) else { break };
        let commands = execution.handle(event, world.now);
        world.obey(commands);
    }
    Ok(Run {
        outcome: outcome(execution.status()),
        history: execution.history().iter().map(event).collect(),
        unanswered: world.unanswered,
    })
}

fn start(recording: &Recording) -> StartParameters {
    let (machine, name) = (&recording.state_machine_name, &recording.execution_name);
    let arn =
        |kind: &str, rest: &str| format!("arn:aws:states:us-east-1:111111111111:{kind}:{rest}");
    let execution_arn = if recording.is_express() {
        // The id that AWS makes up for each run is anonymised along with the name.
        arn("express", &format!("{machine}:{name}:{}", name.replace("-9000-", "-9001-")))
    } else {
        arn("execution", &format!("{machine}:{name}"))
    };
    StartParameters {
        execution_arn,
        redrivable: recording.is_redrivable(),
        execution_name: name.clone(),
        state_machine_arn: arn("stateMachine", machine),
        state_machine_name: machine.clone(),
        role_arn: "arn:aws:iam::111111111111:role/test-sfn-role".to_owned(),
        input: recording.input(),
        seed: 1,
    }
}

fn stop_request(recording: &Recording) -> Event {
    let given = |name: &str| recording.expected.get(name).map(text_of);
    Event::StopRequested { error: given("error"), cause: given("cause") }
}

/// Text as it is, anything else as the JSON that it was before it was recorded.
fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| text(value), str::to_owned)
}

fn outcome(status: &ExecutionStatus) -> Value {
    let failed = |status: &str, error: &Option<String>, cause: &Option<String>| {
        let mut outcome = Map::from_iter([("status".to_owned(), json!(status))]);
        outcome.extend(error.iter().map(|error| ("error".to_owned(), json!(error))));
        outcome.extend(cause.iter().map(|cause| ("cause".to_owned(), json!(cause))));
        Value::Object(outcome)
    };
    match status {
        ExecutionStatus::Running => json!({"status": "RUNNING"}),
        ExecutionStatus::Succeeded { output } => {
            json!({"status": "SUCCEEDED", "output": json_in(output)})
        }
        ExecutionStatus::Failed { error, cause } => failed("FAILED", error, cause),
        ExecutionStatus::TimedOut => json!({"status": "TIMED_OUT"}),
        ExecutionStatus::Aborted { error, cause } => failed("ABORTED", error, cause),
    }
}

/// The recordings hold inputs and outputs as the JSON that their text is.
fn json_in(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| json!(text))
}

/// An event as the recordings have it: without the name around its details, and
/// without the notes on truncation, which were not kept.
fn event(event: &asl::HistoryEvent) -> Value {
    let inner = event.details.as_object().and_then(|details| details.values().next());
    let mut details = inner.cloned().unwrap_or_else(|| json!({}));
    if let Some(fields) = details.as_object_mut() {
        fields.retain(|name, _| name != "inputDetails" && name != "outputDetails");
        for name in ["input", "output"] {
            if let Some(field) = fields.get_mut(name) {
                *field = field.as_str().map_or_else(|| field.clone(), json_in);
            }
        }
    }
    json!({
        "id": event.id,
        "prev": event.previous_event_id,
        "type": event.event_type.as_str(),
        "details": details,
    })
}

/// Everything around the execution: workers, services, the clock.
struct World<'a> {
    recording: &'a Recording,
    now: Timestamp,
    unused: Vec<Mock>,
    /// What tasks will be told, by when the recording has it.
    answers: BTreeMap<(u64, u64), (TaskId, Event)>,
    answered: u64,
    timers: BTreeMap<(Timestamp, TimerId), TimerKind>,
    unanswered: Option<String>,
}

impl<'a> World<'a> {
    fn of(recording: &'a Recording) -> Self {
        let mut unused = recording.mocks.clone();
        if unused.is_empty() {
            unused = recording.answers_in_history();
        }
        unused.sort_by_key(|mock| mock.scheduled_event_id);
        Self {
            recording,
            // 2026-11-23T04:00:00Z, when the recordings that look at the clock begin.
            now: Timestamp::constant(1_795_406_400, 0),
            unused,
            answers: BTreeMap::new(),
            answered: 0,
            timers: BTreeMap::new(),
            unanswered: None,
        }
    }

    fn obey(&mut self, commands: Vec<Command>) {
        for command in commands {
            match command {
                Command::StartTask { task, request } => self.take_up(task, &request),
                Command::CancelTask { task } => self.answers.retain(|_, (one, _)| *one != task),
                Command::SetTimer { timer, due, kind, .. } => {
                    self.timers.insert((due, timer), kind);
                }
                Command::CancelTimer { timer } => self.timers.retain(|(_, one), _| *one != timer),
            }
        }
    }

    /// What happens next, after so many events: answers come at once, unless the
    /// recording has them after the end of a pause; then whoever wants to stop the
    /// execution does; then time passes.
    fn next(&mut self, events: usize, stop: &mut bool) -> Option<Event> {
        let answer = self.answers.keys().next().map(|(id, _)| *id);
        let later = answer.is_some_and(|id| id > u64::try_from(events).unwrap_or(0) + 1);
        if later && self.recording.has_ids() && self.is_pausing() {
            return self.next_timer();
        }
        self.next_answer()
            .or_else(|| std::mem::take(stop).then(|| stop_request(self.recording)))
            .or_else(|| self.next_timer())
    }

    /// Whether the next timer ends a pause, rather than a task's or the execution's time.
    fn is_pausing(&self) -> bool {
        let next = self.timers.values().next();
        next.is_some_and(|kind| matches!(kind, TimerKind::Wait | TimerKind::RetryDelay))
    }

    fn next_answer(&mut self) -> Option<Event> {
        self.answers.pop_first().map(|(_, (_, event))| event)
    }

    fn next_timer(&mut self) -> Option<Event> {
        let ((due, timer), _) = self.timers.pop_first()?;
        self.now = self.now.max(due);
        Some(Event::TimerFired { timer })
    }

    /// Plans what the task will be told.
    fn take_up(&mut self, task: TaskId, request: &TaskRequest) {
        let Some(mock) = self.find(request) else {
            let TaskRequest { state, attempt, .. } = request;
            let missing = format!("no answer was recorded for attempt {attempt} of '{state}'");
            self.unanswered.get_or_insert(missing);
            return;
        };
        let mut script = self.script(task, &mock);
        while let Some((when, event)) = script.pop_front() {
            self.answered += 1;
            self.answers.insert((when, self.answered), (task, event));
        }
    }

    /// The answer for this request: of the same state and attempt, and for the same
    /// parameters where there are several.
    fn find(&mut self, request: &TaskRequest) -> Option<Mock> {
        let same = |mock: &Mock| match &mock.state {
            Some(state) => *state == request.state && mock.attempt == request.attempt,
            None => true,
        };
        let passed = |mock: &Mock| {
            let recorded = mock.parameters.as_ref().or(mock.input.as_ref());
            recorded.is_some_and(|recorded| agree(recorded, &request.parameters))
        };
        let place = self.unused.iter().position(|mock| same(mock) && passed(mock));
        let place = place.or_else(|| self.unused.iter().position(same))?;
        Some(self.unused.remove(place))
    }

    /// Started, submitted, answered, each with the id that the recording gives it.
    fn script(&self, task: TaskId, mock: &Mock) -> VecDeque<(u64, Event)> {
        let mut script = VecDeque::new();
        let mut at = mock.scheduled_event_id;
        let started =
            self.following(at, &["TaskStarted", "LambdaFunctionStarted", "ActivityStarted"]);
        if started.is_some() || self.recording.expected_history.is_none() {
            let worker = started.and_then(|event| event.details["workerName"].as_str());
            at = started.map_or(at, |event| event.id);
            script.push_back((at, Event::TaskStarted { task, worker: worker.map(str::to_owned) }));
        }
        if let Some(output) = &mock.submitted {
            at = self.following(at, &["TaskSubmitted"]).map_or(at, |event| event.id);
            script.push_back((at, Event::TaskSubmitted { task, output: text(output) }));
        }
        at = self.following(at, &["Succeeded", "Failed"]).map_or(at, |event| event.id);
        match &mock.outcome {
            Outcome::Silence { .. } => {}
            Outcome::Result { result } => {
                script.push_back((at, Event::TaskSucceeded { task, output: text(result) }));
            }
            Outcome::Failure { error, cause } => {
                let given = |value: &Value| (!value.is_null()).then(|| text_of(value));
                let (error, cause) = (given(error), given(cause));
                script.push_back((at, Event::TaskFailed { task, error, cause }));
            }
        }
        script
    }

    /// The recorded event that followed from this one and is of such a type.
    fn following(&self, id: u64, types: &[&str]) -> Option<&'a super::vectors::Event> {
        let history = self.recording.expected_history.as_ref()?;
        let of_type = |name: &str| types.iter().any(|wanted| name.ends_with(wanted));
        history.iter().find(|event| event.prev == id && of_type(&event.kind))
    }
}
