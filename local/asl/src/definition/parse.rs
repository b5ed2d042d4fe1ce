//! Parses the JSON of a definition into the types of `model.rs`.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map as Fields, Value};

use super::model::{
    Catcher, Choice, DefinitionError, Map, NumberOrPath, PercentageOrPath, ProcessorMode,
    QueryLanguage, State, StateMachine, StateType, StringOrPath, Task, Transition,
    UnsupportedFeature, WaitTime, Workflow,
};
use super::resource;
use crate::choice::ChoiceRule;
use crate::decimal::Decimal;
use crate::input_output::{DataFlow, PathFilter, ResultPath};
use crate::paths::{Path, ReferencePath};
use crate::retry::{Jitter, Retrier};
use crate::template::{PathOrCall, PayloadTemplate};

/// The maximum number of steps in a `ResultPath`. Each step makes the data one level deeper.
const MAX_RESULT_PATH_STEPS: usize = 128;

type Parsed<T> = Result<T, DefinitionError>;

impl StateMachine {
    /// Parses the JSON text of a definition.
    ///
    /// # Errors
    /// Returns a [`DefinitionError`] if the text is not JSON, if a field that execution needs is
    /// missing or malformed, or if a transition names a state that does not exist.
    pub fn parse(definition: &str) -> Result<StateMachine, DefinitionError> {
        state_machine(definition)
    }
}

fn state_machine(definition: &str) -> Parsed<StateMachine> {
    let value: Value = serde_json::from_str(definition)
        .map_err(|error| DefinitionError { message: format!("not JSON: {error}") })?;
    let Value::Object(fields) = value else {
        return Err(DefinitionError {
            message: "a state machine must be a JSON object".to_owned(),
        });
    };
    let root = Reader { owner: "the state machine", fields: &fields };
    let query_language = root.query_language()?.unwrap_or_default();
    let mut workflows = Workflows { language: query_language, unsupported: None };
    Ok(StateMachine {
        workflow: workflows.read(&root)?,
        comment: root.string("Comment").ok().flatten().map(str::to_owned),
        timeout_seconds: root.integer("TimeoutSeconds")?,
        query_language,
        unsupported: workflows.unsupported,
    })
}

/// Parses workflows at any depth, and remembers the first feature that this engine does not run.
struct Workflows {
    language: QueryLanguage,
    unsupported: Option<UnsupportedFeature>,
}

impl Workflows {
    fn read(&mut self, reader: &Reader<'_>) -> Parsed<Arc<Workflow>> {
        let start_at = reader.required("StartAt")?.to_owned();
        let Some(Value::Object(states)) = reader.fields.get("States") else {
            return reader.invalid("States", "must be an object");
        };
        let states = states
            .iter()
            .map(|(name, value)| Ok((name.clone(), Arc::new(self.state(name, value)?))))
            .collect::<Parsed<_>>()?;
        let workflow = Workflow { start_at, states };
        check_targets(reader, &workflow)?;
        Ok(Arc::new(workflow))
    }

    fn state(&mut self, name: &str, value: &Value) -> Parsed<State> {
        let Value::Object(fields) = value else {
            return Err(DefinitionError { message: format!("state '{name}' is not an object") });
        };
        let reader = Reader { owner: name, fields };
        let language = reader.query_language()?.unwrap_or(self.language);
        if language == QueryLanguage::Jsonata {
            return Ok(self.unsupported(&reader, "the JSONata query language"));
        }
        let state_type = self.state_type(&reader)?;
        Ok(State {
            name: name.to_owned(),
            data_flow: data_flow(&reader, &state_type)?,
            next: transition(&reader, &state_type)?,
            retry: reader.objects("Retry")?.map(|entry| retrier(&entry)).collect::<Parsed<_>>()?,
            catch: reader.objects("Catch")?.map(|entry| catcher(&entry)).collect::<Parsed<_>>()?,
            reads_context: mentions_context(value),
            kind: state_type,
        })
    }

    fn unsupported(&mut self, reader: &Reader<'_>, feature: &str) -> State {
        let (state, feature) = (reader.owner.to_owned(), feature.to_owned());
        self.unsupported.get_or_insert(UnsupportedFeature { feature, state: state.clone() });
        State {
            name: state,
            kind: StateType::Unsupported,
            data_flow: DataFlow::default(),
            next: Transition::End,
            retry: Vec::new(),
            catch: Vec::new(),
            reads_context: false,
        }
    }

    fn state_type(&mut self, reader: &Reader<'_>) -> Parsed<StateType> {
        match reader.required("Type")? {
            "Pass" => Ok(StateType::Pass { result: reader.fields.get("Result").cloned() }),
            "Task" => self.task(reader),
            "Choice" => choice(reader),
            "Wait" => wait_time(reader).map(StateType::Wait),
            "Succeed" => Ok(StateType::Succeed),
            "Fail" => Ok(StateType::Fail {
                error: reader.string_or_path("Error", "ErrorPath")?,
                cause: reader.string_or_path("Cause", "CausePath")?,
            }),
            "Parallel" => {
                let branches = reader.objects("Branches")?.map(|branch| self.read(&branch));
                Ok(StateType::Parallel { branches: branches.collect::<Parsed<_>>()? })
            }
            "Map" => self.map(reader),
            other => reader.invalid("Type", &format!("'{other}' is not a state type")),
        }
    }

    fn task(&mut self, reader: &Reader<'_>) -> Parsed<StateType> {
        let arn = reader.required("Resource")?;
        let Some(resource) = resource::parse(arn) else {
            self.unsupported(reader, &format!("the resource '{arn}'"));
            return Ok(StateType::Unsupported);
        };
        Ok(StateType::Task(Box::new(Task {
            resource,
            credentials: reader.template("Credentials")?,
            timeout: reader.number_or_path("TimeoutSeconds", "TimeoutSecondsPath")?,
            heartbeat: reader.number_or_path("HeartbeatSeconds", "HeartbeatSecondsPath")?,
        })))
    }

    fn map(&mut self, reader: &Reader<'_>) -> Parsed<StateType> {
        for (field, feature) in [
            ("ItemReader", "an ItemReader in a distributed Map"),
            ("ItemBatcher", "an ItemBatcher in a distributed Map"),
            ("ResultWriter", "a ResultWriter in a distributed Map"),
        ] {
            if reader.fields.contains_key(field) {
                self.unsupported(reader, feature);
                return Ok(StateType::Unsupported);
            }
        }
        let field =
            if reader.fields.contains_key("ItemProcessor") { "ItemProcessor" } else { "Iterator" };
        let processor = reader.object(field)?;
        let map = Map {
            processor_mode: processor_mode(&processor),
            processor: self.read(&processor)?,
            items_path: reader.path("ItemsPath")?,
            item_selector: match reader.template("ItemSelector")? {
                Some(selector) => Some(selector),
                None => reader.template("Parameters")?,
            },
            max_concurrency: reader.number_or_path("MaxConcurrency", "MaxConcurrencyPath")?,
            tolerated_failure_count: reader
                .number_or_path("ToleratedFailureCount", "ToleratedFailureCountPath")?,
            tolerated_failure_percentage: tolerated_failure_percentage(reader)?,
            label: reader.string("Label")?.map(str::to_owned),
        };
        Ok(StateType::Map(Box::new(map)))
    }
}

fn processor_mode(processor: &Reader<'_>) -> ProcessorMode {
    let config = processor.fields.get("ProcessorConfig").and_then(|config| config.get("Mode"));
    match config.and_then(Value::as_str) {
        Some("DISTRIBUTED") => ProcessorMode::Distributed,
        _ => ProcessorMode::Inline,
    }
}

fn tolerated_failure_percentage(reader: &Reader<'_>) -> Parsed<Option<PercentageOrPath>> {
    match reader.fields.get("ToleratedFailurePercentage") {
        Some(Value::Number(number)) => Ok(Some(PercentageOrPath::Number(number.clone()))),
        Some(_) => reader.invalid("ToleratedFailurePercentage", "must be a number"),
        None => Ok(reader.path("ToleratedFailurePercentagePath")?.map(PercentageOrPath::Path)),
    }
}

fn choice(reader: &Reader<'_>) -> Parsed<StateType> {
    let choices = reader.objects("Choices")?.map(|entry| {
        let rule = ChoiceRule::parse(&Value::Object(entry.fields.clone()));
        Ok(Choice {
            rule: rule.or_else(|error| entry.invalid("Choices", &error.to_string()))?,
            next: entry.required("Next")?.to_owned(),
            assign: entry.template("Assign")?,
        })
    });
    Ok(StateType::Choice {
        choices: choices.collect::<Parsed<_>>()?,
        default: reader.string("Default")?.map(str::to_owned),
    })
}

fn wait_time(reader: &Reader<'_>) -> Parsed<WaitTime> {
    if let Some(seconds) = reader.integer("Seconds")? {
        return Ok(WaitTime::Seconds(seconds));
    }
    if let Some(path) = reader.path("SecondsPath")? {
        return Ok(WaitTime::SecondsPath(path));
    }
    if let Some(path) = reader.path("TimestampPath")? {
        return Ok(WaitTime::TimestampPath(path));
    }
    let text = reader.required("Timestamp")?;
    match text.parse::<Timestamp>() {
        Ok(timestamp) => Ok(WaitTime::Timestamp(timestamp)),
        Err(_) => reader.invalid("Timestamp", "is not an RFC 3339 timestamp"),
    }
}

fn retrier(reader: &Reader<'_>) -> Parsed<Retrier> {
    let backoff_rate = match reader.fields.get("BackoffRate") {
        None => None,
        Some(rate) => match Decimal::parse(&rate.to_string()) {
            Some(rate) => Some(rate),
            None => return reader.invalid("BackoffRate", "must be a number"),
        },
    };
    Ok(Retrier {
        error_equals: reader.strings("ErrorEquals")?,
        interval_seconds: reader.integer("IntervalSeconds")?.unwrap_or(1),
        max_attempts: reader.integer("MaxAttempts")?.unwrap_or(3),
        backoff_rate: backoff_rate.unwrap_or(Decimal::TWO),
        max_delay_seconds: reader.integer("MaxDelaySeconds")?,
        jitter: match reader.string("JitterStrategy")? {
            Some("FULL") => Jitter::Full,
            _ => Jitter::None,
        },
    })
}

fn catcher(reader: &Reader<'_>) -> Parsed<Catcher> {
    Ok(Catcher {
        error_equals: reader.strings("ErrorEquals")?,
        next: reader.required("Next")?.to_owned(),
        result_path: reader.result_path("ResultPath")?,
        assign: reader.template("Assign")?,
    })
}

fn data_flow(reader: &Reader<'_>, state_type: &StateType) -> Parsed<DataFlow> {
    // In a Map state, `Parameters` is the old name of `ItemSelector`.
    let parameters = match state_type {
        StateType::Map(_) => None,
        _ => reader.template("Parameters")?,
    };
    Ok(DataFlow {
        input_path: reader.path_filter("InputPath")?,
        parameters,
        result_selector: reader.template("ResultSelector")?,
        result_path: reader.result_path("ResultPath")?,
        output_path: reader.path_filter("OutputPath")?,
        assign: reader.template("Assign")?,
    })
}

fn transition(reader: &Reader<'_>, state_type: &StateType) -> Parsed<Transition> {
    if matches!(
        state_type,
        StateType::Succeed
            | StateType::Fail { .. }
            | StateType::Choice { .. }
            | StateType::Unsupported
    ) {
        return Ok(Transition::End);
    }
    Ok(match reader.string("Next")? {
        Some(next) => Transition::Next(next.to_owned()),
        None => Transition::End,
    })
}

/// Checks that every transition leads to a state of the workflow.
fn check_targets(reader: &Reader<'_>, workflow: &Workflow) -> Parsed<()> {
    let missing = |target: &&String| !workflow.states.contains_key(target.as_str());
    let targets = workflow.states.values().flat_map(|state| targets(state));
    match std::iter::once(&workflow.start_at).chain(targets).find(missing) {
        None => Ok(()),
        Some(target) => reader.invalid("States", &format!("there is no state '{target}'")),
    }
}

fn targets(state: &State) -> Vec<&String> {
    let mut targets: Vec<&String> = state.catch.iter().map(|catcher| &catcher.next).collect();
    if let Transition::Next(next) = &state.next {
        targets.push(next);
    }
    if let StateType::Choice { choices, default } = &state.kind {
        targets.extend(choices.iter().map(|choice| &choice.next).chain(default));
    }
    targets
}

/// Whether any string in the value mentions the context object.
fn mentions_context(value: &Value) -> bool {
    match value {
        Value::String(string) => string.contains("$$"),
        Value::Array(items) => items.iter().any(mentions_context),
        Value::Object(fields) => fields.values().any(mentions_context),
        _ => false,
    }
}

/// Reads the fields of one object of the definition; `owner` names it in error messages.
struct Reader<'a> {
    owner: &'a str,
    fields: &'a Fields<String, Value>,
}

impl<'a> Reader<'a> {
    fn invalid<T>(&self, field: &str, reason: &str) -> Parsed<T> {
        Err(DefinitionError { message: format!("{field} of '{}' {reason}", self.owner) })
    }

    fn string(&self, field: &str) -> Parsed<Option<&'a str>> {
        match self.fields.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(string)) => Ok(Some(string)),
            Some(_) => self.invalid(field, "must be a string"),
        }
    }

    fn required(&self, field: &str) -> Parsed<&'a str> {
        match self.string(field)? {
            Some(string) => Ok(string),
            None => self.invalid(field, "is missing"),
        }
    }

    fn integer(&self, field: &str) -> Parsed<Option<u64>> {
        match self.fields.get(field) {
            None => Ok(None),
            Some(value) => match Decimal::parse(&value.to_string()).and_then(Decimal::to_integer) {
                Some(integer) => Ok(Some(integer)),
                None => self.invalid(field, "must be a non-negative integer"),
            },
        }
    }

    fn strings(&self, field: &str) -> Parsed<Vec<String>> {
        let Some(Value::Array(items)) = self.fields.get(field) else {
            return self.invalid(field, "must be an array");
        };
        let strings = items.iter().map(|item| match item {
            Value::String(string) => Ok(string.clone()),
            _ => self.invalid(field, "must hold strings"),
        });
        strings.collect()
    }

    fn object(&self, field: &str) -> Parsed<Reader<'a>> {
        match self.fields.get(field) {
            Some(Value::Object(fields)) => Ok(Reader { owner: self.owner, fields }),
            _ => self.invalid(field, "must be an object"),
        }
    }

    /// The objects of an array; none if the field is absent.
    fn objects(&self, field: &str) -> Parsed<impl Iterator<Item = Reader<'a>>> {
        let items: &[Value] = match self.fields.get(field) {
            None => &[],
            Some(Value::Array(items)) => items,
            Some(_) => return self.invalid(field, "must be an array"),
        };
        if items.iter().any(|item| !item.is_object()) {
            return self.invalid(field, "must hold objects");
        }
        let owner = self.owner;
        Ok(items
            .iter()
            .filter_map(move |item| item.as_object().map(|fields| Reader { owner, fields })))
    }

    fn query_language(&self) -> Parsed<Option<QueryLanguage>> {
        match self.string("QueryLanguage")? {
            None => Ok(None),
            Some("JSONPath") => Ok(Some(QueryLanguage::JsonPath)),
            Some("JSONata") => Ok(Some(QueryLanguage::Jsonata)),
            Some(_) => self.invalid("QueryLanguage", "must be JSONPath or JSONata"),
        }
    }

    fn path(&self, field: &str) -> Parsed<Option<Path>> {
        let Some(text) = self.string(field)? else { return Ok(None) };
        match Path::parse(text) {
            Ok(path) => Ok(Some(path)),
            Err(error) => self.invalid(field, &error.to_string()),
        }
    }

    fn template(&self, field: &str) -> Parsed<Option<PayloadTemplate>> {
        let Some(value) = self.fields.get(field) else { return Ok(None) };
        match PayloadTemplate::parse(value) {
            Ok(template) => Ok(Some(template)),
            Err(error) => self.invalid(field, &error.to_string()),
        }
    }

    fn number_or_path(&self, field: &str, path_field: &str) -> Parsed<Option<NumberOrPath>> {
        match self.integer(field)? {
            Some(number) => Ok(Some(NumberOrPath::Number(number))),
            None => Ok(self.path(path_field)?.map(NumberOrPath::Path)),
        }
    }

    fn string_or_path(&self, field: &str, path_field: &str) -> Parsed<Option<StringOrPath>> {
        if let Some(text) = self.string(field)? {
            return Ok(Some(StringOrPath::String(text.to_owned())));
        }
        let Some(text) = self.string(path_field)? else { return Ok(None) };
        match PathOrCall::parse(text) {
            Ok(path_or_call) => Ok(Some(StringOrPath::PathOrCall(path_or_call))),
            Err(error) => self.invalid(path_field, &error.to_string()),
        }
    }

    /// `InputPath` and `OutputPath`: absent selects everything, null nothing.
    fn path_filter(&self, field: &str) -> Parsed<PathFilter> {
        match self.fields.get(field) {
            None => Ok(PathFilter::All),
            Some(Value::Null) => Ok(PathFilter::Empty),
            Some(_) => Ok(self.path(field)?.map_or(PathFilter::All, PathFilter::Path)),
        }
    }

    /// `ResultPath`: absent and `$` replace the input, null discards the result.
    fn result_path(&self, field: &str) -> Parsed<ResultPath> {
        let text = match self.fields.get(field) {
            None => return Ok(ResultPath::ReplaceInput),
            Some(Value::Null) => return Ok(ResultPath::Discard),
            Some(_) => self.required(field)?,
        };
        if text == "$" {
            return Ok(ResultPath::ReplaceInput);
        }
        if text.matches(['.', '[']).count() > MAX_RESULT_PATH_STEPS {
            return self.invalid(field, "has too many steps");
        }
        match ReferencePath::parse(text) {
            Ok(path) => Ok(ResultPath::At(path)),
            Err(error) => self.invalid(field, &error.to_string()),
        }
    }
}
