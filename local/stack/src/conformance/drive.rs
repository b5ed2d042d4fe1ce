//! Runs a recording through the engine, on virtual time.
//!
//! The recording supplies the results of tasks (`mocks`) and, by the ids in its history, their
//! order if branches ran in parallel. Everything else comes from the engine.

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

/// The result of a run.
pub(super) struct Run {
    /// `{"status", "output"?, "error"?, "cause"?}`
    pub(super) outcome: Value,
    /// `{"id", "prev", "type", "details"}` of each event.
    pub(super) history: Vec<Value>,
    /// A task for which the recording has no result.
    pub(super) missing_result: Option<String>,
}

/// The reason why a recording cannot be run.
pub(super) struct NotRunnable(pub(super) String);

/// The limit of events per run, which ends an endless loop.
const MAX_EVENTS: usize = 200_000;

/// Runs the recording until the execution ends or no event is left.
pub(super) fn run(recording: &Recording) -> Result<Run, NotRunnable> {
    let machine =
        StateMachine::parse(&recording.definition()).map_err(|why| NotRunnable(why.to_string()))?;
    machine.check_supported().map_err(|why| NotRunnable(why.to_string()))?;
    let mut simulation = Simulation::new(recording);
    let (mut execution, commands) =
        Execution::start(Arc::new(machine), start(recording), simulation.now);
    simulation.apply(commands);
    let mut stop = recording.has_flag("needs_stop_execution");
    for _ in 0..MAX_EVENTS {
        if *execution.status() != ExecutionStatus::Running {
            break;
        }
        let Some(event) = simulation.next(execution.history().len(), &mut stop) else { break };
        let commands = execution.handle(event, simulation.now);
        simulation.apply(commands);
    }
    Ok(Run {
        outcome: outcome(execution.status()),
        history: execution.history().iter().map(recorded_form).collect(),
        missing_result: simulation.missing_result,
    })
}

fn start(recording: &Recording) -> StartParameters {
    let (machine, name) = (&recording.state_machine_name, &recording.execution_name);
    let arn =
        |kind: &str, rest: &str| format!("arn:aws:states:us-east-1:111111111111:{kind}:{rest}");
    let execution_arn = if recording.is_express() {
        // The recording anonymizes the id that AWS generates for each run like the name.
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

/// A string as it is; any other value as JSON text.
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
            json!({"status": "SUCCEEDED", "output": parse_json(output)})
        }
        ExecutionStatus::Failed { error, cause } => failed("FAILED", error, cause),
        ExecutionStatus::TimedOut => json!({"status": "TIMED_OUT"}),
        ExecutionStatus::Aborted { error, cause } => failed("ABORTED", error, cause),
    }
}

/// The JSON value of an input or output, as recordings have it.
fn parse_json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| json!(text))
}

/// An event in the form of the recordings: without the name around its details, and without
/// the fields about truncation.
fn recorded_form(event: &asl::HistoryEvent) -> Value {
    let inner = event.details.as_object().and_then(|details| details.values().next());
    let mut details = inner.cloned().unwrap_or_else(|| json!({}));
    if let Some(fields) = details.as_object_mut() {
        fields.retain(|name, _| name != "inputDetails" && name != "outputDetails");
        for name in ["input", "output"] {
            if let Some(field) = fields.get_mut(name) {
                *field = field.as_str().map_or_else(|| field.clone(), parse_json);
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

/// The environment of the execution: workers, services, the clock.
struct Simulation<'a> {
    recording: &'a Recording,
    now: Timestamp,
    unused_mocks: Vec<Mock>,
    /// Events of tasks that are to come, by the recorded event id and a serial number.
    task_events: BTreeMap<(u64, u64), (TaskId, Event)>,
    task_event_count: u64,
    timers: BTreeMap<(Timestamp, TimerId), TimerKind>,
    missing_result: Option<String>,
}

impl<'a> Simulation<'a> {
    fn new(recording: &'a Recording) -> Self {
        let mut unused_mocks = recording.mocks.clone();
        if unused_mocks.is_empty() {
            unused_mocks = recording.results_in_history();
        }
        unused_mocks.sort_by_key(|mock| mock.scheduled_event_id);
        Self {
            recording,
            // 2026-11-23T04:00:00Z, the start of the recordings that depend on the clock.
            now: Timestamp::constant(1_795_406_400, 0),
            unused_mocks,
            task_events: BTreeMap::new(),
            task_event_count: 0,
            timers: BTreeMap::new(),
            missing_result: None,
        }
    }

    fn apply(&mut self, commands: Vec<Command>) {
        for command in commands {
            match command {
                Command::StartTask { task, request } => self.schedule_task(task, &request),
                Command::CancelTask { task } => self.task_events.retain(|_, (one, _)| *one != task),
                Command::SetTimer { timer, due, kind, .. } => {
                    self.timers.insert((due, timer), kind);
                }
                Command::CancelTimer { timer } => self.timers.retain(|(_, one), _| *one != timer),
            }
        }
    }

    /// The next event, after `event_count` history events. Task events come at once, unless the
    /// recording has them after the end of a wait; then comes the request to stop the execution;
    /// then time passes.
    fn next(&mut self, event_count: usize, stop: &mut bool) -> Option<Event> {
        let next_id = self.task_events.keys().next().map(|(id, _)| *id);
        let later = next_id.is_some_and(|id| id > u64::try_from(event_count).unwrap_or(0) + 1);
        if later && self.recording.has_ids() && self.is_waiting() {
            return self.next_timer();
        }
        self.next_task_event()
            .or_else(|| std::mem::take(stop).then(|| stop_request(self.recording)))
            .or_else(|| self.next_timer())
    }

    /// Whether the next timer ends a wait or a retry delay, and is not a timeout.
    fn is_waiting(&self) -> bool {
        let next = self.timers.values().next();
        next.is_some_and(|kind| matches!(kind, TimerKind::Wait | TimerKind::RetryDelay))
    }

    fn next_task_event(&mut self) -> Option<Event> {
        self.task_events.pop_first().map(|(_, (_, event))| event)
    }

    fn next_timer(&mut self) -> Option<Event> {
        let ((due, timer), _) = self.timers.pop_first()?;
        self.now = self.now.max(due);
        Some(Event::TimerFired { timer })
    }

    /// Schedules the recorded events of a task.
    fn schedule_task(&mut self, task: TaskId, request: &TaskRequest) {
        let Some(mock) = self.take_mock(request) else {
            let TaskRequest { state, attempt, .. } = request;
            let missing = format!("no result was recorded for attempt {attempt} of '{state}'");
            self.missing_result.get_or_insert(missing);
            return;
        };
        let mut script = self.script(task, &mock);
        while let Some((id, event)) = script.pop_front() {
            self.task_event_count += 1;
            self.task_events.insert((id, self.task_event_count), (task, event));
        }
    }

    /// Takes the mock for this request: of the same state and attempt, and if there are several,
    /// with the same parameters.
    fn take_mock(&mut self, request: &TaskRequest) -> Option<Mock> {
        let same = |mock: &Mock| match &mock.state {
            Some(state) => *state == request.state && mock.attempt == request.attempt,
            None => true,
        };
        let same_input = |mock: &Mock| {
            let recorded = mock.parameters.as_ref().or(mock.input.as_ref());
            recorded.is_some_and(|recorded| agree(recorded, &request.parameters))
        };
        let index = self.unused_mocks.iter().position(|mock| same(mock) && same_input(mock));
        let index = index.or_else(|| self.unused_mocks.iter().position(same))?;
        Some(self.unused_mocks.remove(index))
    }

    /// The events of a task (started, submitted, ended), each with its id in the recording.
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
            Outcome::NoResponse { .. } => {}
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

    /// The recorded event that follows this one and has one of the types.
    fn following(&self, id: u64, types: &[&str]) -> Option<&'a super::vectors::Event> {
        let history = self.recording.expected_history.as_ref()?;
        let of_type = |name: &str| types.iter().any(|suffix| name.ends_with(suffix));
        history.iter().find(|event| event.prev == id && of_type(&event.kind))
    }
}
