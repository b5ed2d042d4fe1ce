//! From the JSON of a definition to the types of [`super`].

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map as Fields, Value};

use super::{
    Catcher, Choice, DefinitionError, Kind, Map, Mode, Pause, Percentage, Place, QueryLanguage,
    Seconds, State, StateMachine, Task, Text, Transition, UnsupportedFeature, Workflow, resource,
};
use crate::choice::ChoiceRule;
use crate::decimal::Decimal;
use crate::input_output::{DataFlow, Selection};
use crate::paths::{Path, ReferencePath};
use crate::retry::{Jitter, Retrier};
use crate::template::{Source, Template};

/// The steps of a `ResultPath`: each makes the data one level deeper.
const DEEPEST_PLACE: usize = 128;

type Parsed<T> = Result<T, DefinitionError>;

pub(super) fn machine(definition: &str) -> Parsed<StateMachine> {
    let value: Value = serde_json::from_str(definition)
        .map_err(|error| DefinitionError { message: format!("not JSON: {error}") })?;
    let Value::Object(fields) = value else {
        return Err(DefinitionError { message: "a state machine is a JSON object".to_owned() });
    };
    let top = Reader { place: "the state machine", fields: &fields };
    let query_language = top.query_language()?.unwrap_or_default();
    let mut workflows = Workflows { language: query_language, unsupported: None };
    Ok(StateMachine {
        workflow: workflows.read(&top)?,
        comment: top.text("Comment").ok().flatten().map(str::to_owned),
        timeout_seconds: top.whole("TimeoutSeconds")?,
        query_language,
        unsupported: workflows.unsupported,
    })
}

/// Reads workflows, however deep, and remembers the first thing that cannot be run.
struct Workflows {
    language: QueryLanguage,
    unsupported: Option<UnsupportedFeature>,
}

impl Workflows {
    fn read(&mut self, reader: &Reader<'_>) -> Parsed<Arc<Workflow>> {
        let start_at = reader.required("StartAt")?.to_owned();
        let Some(Value::Object(states)) = reader.fields.get("States") else {
            return reader.wrong("States", "must be an object");
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
        let reader = Reader { place: name, fields };
        let language = reader.query_language()?.unwrap_or(self.language);
        if language == QueryLanguage::Jsonata {
            return Ok(self.unsupported(&reader, "the JSONata query language"));
        }
        let kind = self.kind(&reader)?;
        Ok(State {
            name: name.to_owned(),
            flow: flow(&reader, &kind)?,
            next: transition(&reader, &kind)?,
            retry: reader.list("Retry")?.map(|entry| retrier(&entry)).collect::<Parsed<_>>()?,
            catch: reader.list("Catch")?.map(|entry| catcher(&entry)).collect::<Parsed<_>>()?,
            reads_context: mentions_context(value),
            kind,
        })
    }

    fn unsupported(&mut self, reader: &Reader<'_>, feature: &str) -> State {
        let (state, feature) = (reader.place.to_owned(), feature.to_owned());
        self.unsupported.get_or_insert(UnsupportedFeature { feature, state: state.clone() });
        State {
            name: state,
            kind: Kind::Unsupported,
            flow: DataFlow::default(),
            next: Transition::End,
            retry: Vec::new(),
            catch: Vec::new(),
            reads_context: false,
        }
    }

    fn kind(&mut self, reader: &Reader<'_>) -> Parsed<Kind> {
        match reader.required("Type")? {
            "Pass" => Ok(Kind::Pass { result: reader.fields.get("Result").cloned() }),
            "Task" => self.task(reader),
            "Choice" => choice(reader),
            "Wait" => pause(reader).map(Kind::Wait),
            "Succeed" => Ok(Kind::Succeed),
            "Fail" => Ok(Kind::Fail {
                error: reader.text_or_source("Error", "ErrorPath")?,
                cause: reader.text_or_source("Cause", "CausePath")?,
            }),
            "Parallel" => {
                let branches = reader.list("Branches")?.map(|branch| self.read(&branch));
                Ok(Kind::Parallel { branches: branches.collect::<Parsed<_>>()? })
            }
            "Map" => self.map(reader),
            other => reader.wrong("Type", &format!("'{other}' is no type of state")),
        }
    }

    fn task(&mut self, reader: &Reader<'_>) -> Parsed<Kind> {
        let arn = reader.required("Resource")?;
        let Some(resource) = resource::parse(arn) else {
            self.unsupported(reader, &format!("the resource '{arn}'"));
            return Ok(Kind::Unsupported);
        };
        Ok(Kind::Task(Box::new(Task {
            resource,
            credentials: reader.template("Credentials")?,
            timeout: reader.number_or_path("TimeoutSeconds", "TimeoutSecondsPath")?,
            heartbeat: reader.number_or_path("HeartbeatSeconds", "HeartbeatSecondsPath")?,
        })))
    }

    fn map(&mut self, reader: &Reader<'_>) -> Parsed<Kind> {
        for (field, feature) in [
            ("ItemReader", "an ItemReader in a distributed Map"),
            ("ItemBatcher", "an ItemBatcher in a distributed Map"),
            ("ResultWriter", "a ResultWriter in a distributed Map"),
        ] {
            if reader.fields.contains_key(field) {
                self.unsupported(reader, feature);
                return Ok(Kind::Unsupported);
            }
        }
        let field =
            if reader.fields.contains_key("ItemProcessor") { "ItemProcessor" } else { "Iterator" };
        let processor = reader.object(field)?;
        let map = Map {
            mode: mode(&processor),
            processor: self.read(&processor)?,
            items: reader.path("ItemsPath")?,
            selector: match reader.template("ItemSelector")? {
                Some(selector) => Some(selector),
                None => reader.template("Parameters")?,
            },
            concurrency: reader.number_or_path("MaxConcurrency", "MaxConcurrencyPath")?,
            tolerated_count: reader
                .number_or_path("ToleratedFailureCount", "ToleratedFailureCountPath")?,
            tolerated_percentage: percentage(reader)?,
            label: reader.text("Label")?.map(str::to_owned),
        };
        Ok(Kind::Map(Box::new(map)))
    }
}

fn mode(processor: &Reader<'_>) -> Mode {
    let config = processor.fields.get("ProcessorConfig").and_then(|config| config.get("Mode"));
    match config.and_then(Value::as_str) {
        Some("DISTRIBUTED") => Mode::Distributed,
        _ => Mode::Inline,
    }
}

fn percentage(reader: &Reader<'_>) -> Parsed<Option<Percentage>> {
    match reader.fields.get("ToleratedFailurePercentage") {
        Some(Value::Number(number)) => Ok(Some(Percentage::Fixed(number.clone()))),
        Some(_) => reader.wrong("ToleratedFailurePercentage", "must be a number"),
        None => Ok(reader.path("ToleratedFailurePercentagePath")?.map(Percentage::At)),
    }
}

fn choice(reader: &Reader<'_>) -> Parsed<Kind> {
    let choices = reader.list("Choices")?.map(|entry| {
        let rule = ChoiceRule::parse(&Value::Object(entry.fields.clone()));
        Ok(Choice {
            rule: rule.or_else(|fault| entry.wrong("Choices", &fault.to_string()))?,
            next: entry.required("Next")?.to_owned(),
            assign: entry.template("Assign")?,
        })
    });
    Ok(Kind::Choice {
        choices: choices.collect::<Parsed<_>>()?,
        default: reader.text("Default")?.map(str::to_owned),
    })
}

fn pause(reader: &Reader<'_>) -> Parsed<Pause> {
    if let Some(seconds) = reader.whole("Seconds")? {
        return Ok(Pause::Seconds(seconds));
    }
    if let Some(path) = reader.path("SecondsPath")? {
        return Ok(Pause::SecondsPath(path));
    }
    if let Some(path) = reader.path("TimestampPath")? {
        return Ok(Pause::UntilPath(path));
    }
    let text = reader.required("Timestamp")?;
    match text.parse::<Timestamp>() {
        Ok(timestamp) => Ok(Pause::Until(timestamp)),
        Err(_) => reader.wrong("Timestamp", "is not a timestamp of RFC 3339"),
    }
}

fn retrier(reader: &Reader<'_>) -> Parsed<Retrier> {
    let backoff_rate = match reader.fields.get("BackoffRate") {
        None => None,
        Some(rate) => match Decimal::parse(&rate.to_string()) {
            Some(rate) => Some(rate),
            None => return reader.wrong("BackoffRate", "must be a number"),
        },
    };
    Ok(Retrier {
        error_equals: reader.texts("ErrorEquals")?,
        interval_seconds: reader.whole("IntervalSeconds")?.unwrap_or(1),
        max_attempts: reader.whole("MaxAttempts")?.unwrap_or(3),
        backoff_rate: backoff_rate.unwrap_or(Decimal::TWO),
        max_delay_seconds: reader.whole("MaxDelaySeconds")?,
        jitter: match reader.text("JitterStrategy")? {
            Some("FULL") => Jitter::Full,
            _ => Jitter::None,
        },
    })
}

fn catcher(reader: &Reader<'_>) -> Parsed<Catcher> {
    Ok(Catcher {
        error_equals: reader.texts("ErrorEquals")?,
        next: reader.required("Next")?.to_owned(),
        result_path: reader.place("ResultPath")?,
        assign: reader.template("Assign")?,
    })
}

fn flow(reader: &Reader<'_>, kind: &Kind) -> Parsed<DataFlow> {
    // A Map's Parameters are the old name of ItemSelector and are read with it.
    let parameters = match kind {
        Kind::Map(_) => None,
        _ => reader.template("Parameters")?,
    };
    Ok(DataFlow {
        input: reader.selection("InputPath")?,
        parameters,
        result_selector: reader.template("ResultSelector")?,
        result_path: reader.place("ResultPath")?,
        output: reader.selection("OutputPath")?,
        assign: reader.template("Assign")?,
    })
}

fn transition(reader: &Reader<'_>, kind: &Kind) -> Parsed<Transition> {
    if matches!(kind, Kind::Succeed | Kind::Fail { .. } | Kind::Choice { .. } | Kind::Unsupported) {
        return Ok(Transition::End);
    }
    Ok(match reader.text("Next")? {
        Some(next) => Transition::Next(next.to_owned()),
        None => Transition::End,
    })
}

/// Every state that something leads to must be there.
fn check_targets(reader: &Reader<'_>, workflow: &Workflow) -> Parsed<()> {
    let missing = |target: &&String| !workflow.states.contains_key(target.as_str());
    let targets = workflow.states.values().flat_map(|state| targets(state));
    match std::iter::once(&workflow.start_at).chain(targets).find(missing) {
        None => Ok(()),
        Some(target) => reader.wrong("States", &format!("there is no state '{target}'")),
    }
}

fn targets(state: &State) -> Vec<&String> {
    let mut targets: Vec<&String> = state.catch.iter().map(|catcher| &catcher.next).collect();
    if let Transition::Next(next) = &state.next {
        targets.push(next);
    }
    if let Kind::Choice { choices, default } = &state.kind {
        targets.extend(choices.iter().map(|choice| &choice.next).chain(default));
    }
    targets
}

/// Whether any text in it mentions the context object.
fn mentions_context(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains("$$"),
        Value::Array(items) => items.iter().any(mentions_context),
        Value::Object(fields) => fields.values().any(mentions_context),
        _ => false,
    }
}

/// An object of the definition, and the name under which a mistake in it is reported.
struct Reader<'a> {
    place: &'a str,
    fields: &'a Fields<String, Value>,
}

impl<'a> Reader<'a> {
    fn wrong<T>(&self, field: &str, why: &str) -> Parsed<T> {
        Err(DefinitionError { message: format!("{field} of '{}' {why}", self.place) })
    }

    fn text(&self, field: &str) -> Parsed<Option<&'a str>> {
        match self.fields.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => self.wrong(field, "must be a string"),
        }
    }

    fn required(&self, field: &str) -> Parsed<&'a str> {
        match self.text(field)? {
            Some(text) => Ok(text),
            None => self.wrong(field, "is missing"),
        }
    }

    fn whole(&self, field: &str) -> Parsed<Option<u64>> {
        match self.fields.get(field) {
            None => Ok(None),
            Some(value) => match Decimal::parse(&value.to_string()).and_then(Decimal::whole) {
                Some(whole) => Ok(Some(whole)),
                None => self.wrong(field, "must be a whole number that is not negative"),
            },
        }
    }

    fn texts(&self, field: &str) -> Parsed<Vec<String>> {
        let Some(Value::Array(items)) = self.fields.get(field) else {
            return self.wrong(field, "must be an array");
        };
        let texts = items.iter().map(|item| match item {
            Value::String(text) => Ok(text.clone()),
            _ => self.wrong(field, "must hold strings"),
        });
        texts.collect()
    }

    fn object(&self, field: &str) -> Parsed<Reader<'a>> {
        match self.fields.get(field) {
            Some(Value::Object(fields)) => Ok(Reader { place: self.place, fields }),
            _ => self.wrong(field, "must be an object"),
        }
    }

    /// The objects of an array; none where the field is absent.
    fn list(&self, field: &str) -> Parsed<impl Iterator<Item = Reader<'a>>> {
        let items: &[Value] = match self.fields.get(field) {
            None => &[],
            Some(Value::Array(items)) => items,
            Some(_) => return self.wrong(field, "must be an array"),
        };
        if items.iter().any(|item| !item.is_object()) {
            return self.wrong(field, "must hold objects");
        }
        let place = self.place;
        Ok(items
            .iter()
            .filter_map(move |item| item.as_object().map(|fields| Reader { place, fields })))
    }

    fn query_language(&self) -> Parsed<Option<QueryLanguage>> {
        match self.text("QueryLanguage")? {
            None => Ok(None),
            Some("JSONPath") => Ok(Some(QueryLanguage::JsonPath)),
            Some("JSONata") => Ok(Some(QueryLanguage::Jsonata)),
            Some(_) => self.wrong("QueryLanguage", "must be JSONPath or JSONata"),
        }
    }

    fn path(&self, field: &str) -> Parsed<Option<Path>> {
        let Some(text) = self.text(field)? else { return Ok(None) };
        match Path::parse(text) {
            Ok(path) => Ok(Some(path)),
            Err(fault) => self.wrong(field, &fault.to_string()),
        }
    }

    fn template(&self, field: &str) -> Parsed<Option<Template>> {
        let Some(value) = self.fields.get(field) else { return Ok(None) };
        match Template::parse(value) {
            Ok(template) => Ok(Some(template)),
            Err(fault) => self.wrong(field, &fault.to_string()),
        }
    }

    fn number_or_path(&self, field: &str, path_field: &str) -> Parsed<Option<Seconds>> {
        match self.whole(field)? {
            Some(number) => Ok(Some(Seconds::Fixed(number))),
            None => Ok(self.path(path_field)?.map(Seconds::At)),
        }
    }

    fn text_or_source(&self, field: &str, path_field: &str) -> Parsed<Option<Text>> {
        if let Some(text) = self.text(field)? {
            return Ok(Some(Text::Fixed(text.to_owned())));
        }
        let Some(text) = self.text(path_field)? else { return Ok(None) };
        match Source::parse(text) {
            Ok(source) => Ok(Some(Text::At(source))),
            Err(fault) => self.wrong(path_field, &fault.to_string()),
        }
    }

    /// `InputPath` and `OutputPath`: absent is everything, null is nothing.
    fn selection(&self, field: &str) -> Parsed<Selection> {
        match self.fields.get(field) {
            None => Ok(Selection::Whole),
            Some(Value::Null) => Ok(Selection::Nothing),
            Some(_) => Ok(self.path(field)?.map_or(Selection::Whole, Selection::At)),
        }
    }

    /// `ResultPath`: absent and `$` are everything, null is nowhere.
    fn place(&self, field: &str) -> Parsed<Place> {
        let text = match self.fields.get(field) {
            None => return Ok(Place::Whole),
            Some(Value::Null) => return Ok(Place::Nowhere),
            Some(_) => self.required(field)?,
        };
        if text == "$" {
            return Ok(Place::Whole);
        }
        if text.matches(['.', '[']).count() > DEEPEST_PLACE {
            return self.wrong(field, "has too many steps");
        }
        match ReferencePath::parse(text) {
            Ok(path) => Ok(Place::At(path)),
            Err(fault) => self.wrong(field, &fault.to_string()),
        }
    }
}
