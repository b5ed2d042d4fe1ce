//! The format of the recordings in `vectors/`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Map, Value};

/// A file of recordings, each as JSON, so that one with an unknown format does not hide the rest.
#[derive(Debug, Deserialize)]
struct File {
    vectors: Vec<Value>,
}

/// One recording.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Vector {
    /// An execution, from its input to its history.
    Execution(Box<Recording>),
    /// A request that AWS rejected.
    ApiError(Request),
    /// A definition that AWS validated.
    ValidateDefinition(Request),
    /// A recording with an unknown format.
    #[serde(skip)]
    Unrecognized(Unrecognized),
}

/// The readable fields of a recording with an unknown format.
#[derive(Debug)]
pub(super) struct Unrecognized {
    pub(super) name: String,
    pub(super) tier: String,
    pub(super) query_language: String,
    pub(super) why: String,
}

/// An execution as AWS ran it.
#[derive(Debug, Deserialize)]
pub(super) struct Recording {
    pub(super) name: String,
    pub(super) tier: String,
    pub(super) query_language: String,
    #[serde(rename = "type", default)]
    machine_type: String,
    #[serde(default)]
    pub(super) flags: Vec<String>,
    definition: Option<Value>,
    definition_text: Option<String>,
    /// A recording without an input has an empty object as input.
    #[serde(default = "empty")]
    input: Value,
    pub(super) execution_name: String,
    pub(super) state_machine_name: String,
    #[serde(default)]
    aws_validated: String,
    #[serde(default)]
    pub(super) mocks: Vec<Mock>,
    #[serde(default)]
    pub(super) mocks_complete: bool,
    pub(super) expected: Map<String, Value>,
    pub(super) expected_history: Option<Vec<Event>>,
}

fn empty() -> Value {
    Value::Object(Map::new())
}

/// An event of a recorded history.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Event {
    pub(super) id: u64,
    pub(super) prev: u64,
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) details: Value,
}

/// A task's request to a worker or service, and the result.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Mock {
    /// The Task state; `None` if the mock was derived from the history.
    pub(super) state: Option<String>,
    pub(super) attempt: u32,
    pub(super) scheduled_event_id: u64,
    /// The parameters of a service integration.
    pub(super) parameters: Option<Value>,
    /// The input of a function or an activity.
    pub(super) input: Option<Value>,
    pub(super) submitted: Option<Value>,
    pub(super) outcome: Outcome,
}

/// How a task ended.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Outcome {
    /// There was no response.
    NoResponse {
        #[serde(rename = "never_answers")]
        _never: bool,
    },
    /// The task succeeded.
    Result { result: Value },
    /// The task failed; a worker may omit error and cause.
    Failure {
        #[serde(default)]
        error: Value,
        #[serde(default)]
        cause: Value,
    },
}

/// A request to the Step Functions API and AWS's response.
#[derive(Debug, Deserialize)]
pub(super) struct Request {
    pub(super) name: String,
    #[serde(default)]
    pub(super) api: String,
    #[serde(rename = "request")]
    pub(super) body: Map<String, Value>,
    pub(super) expected: Value,
}

impl Vector {
    /// The files of a folder that contain recordings, in the order of their names.
    pub(super) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
        let mut paths: Vec<_> = std::fs::read_dir(folder)
            .with_context(|| format!("cannot list {}", folder.display()))?
            .map(|entry| Ok(entry?.path()))
            .collect::<Result<_>>()?;
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        paths.sort();
        Ok(paths)
    }

    /// All recordings of a folder.
    pub(super) fn read_all(folder: &Path) -> Result<Vec<Self>> {
        let mut vectors = Vec::new();
        for path in Self::files(folder)? {
            let file = || format!("cannot read {}", path.display());
            let text = std::fs::read_to_string(&path).with_context(file)?;
            let found = serde_json::from_str::<File>(&text).with_context(file)?.vectors;
            vectors.extend(found.into_iter().map(Self::read));
        }
        Ok(vectors)
    }

    fn read(value: Value) -> Self {
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let (name, tier, query_language) = (text("name"), text("tier"), text("query_language"));
        serde_json::from_value(value).unwrap_or_else(|why| {
            Self::Unrecognized(Unrecognized { name, tier, query_language, why: why.to_string() })
        })
    }
}

impl Recording {
    /// The definition as text.
    pub(super) fn definition(&self) -> String {
        match (&self.definition_text, &self.definition) {
            (Some(text), _) => text.clone(),
            (None, Some(definition)) => text(definition),
            (None, None) => String::new(),
        }
    }

    /// The input as text.
    pub(super) fn input(&self) -> String {
        text(&self.input)
    }

    /// Whether the context object has a redrive count: since 2023-11-15, and never for Express
    /// executions.
    pub(super) fn is_redrivable(&self) -> bool {
        self.aws_validated.as_str() >= "2023-11-15" && !self.is_express()
    }

    /// Whether it is an Express execution, which has no history.
    pub(super) fn is_express(&self) -> bool {
        self.machine_type == "EXPRESS"
    }

    /// Whether the recorded history has AWS's event ids.
    pub(super) fn has_ids(&self) -> bool {
        let sorted = self.has_flag("parallel_history_sorted_by_localstack");
        self.expected_history.is_some() && !sorted
    }

    /// Mocks derived from the history, for recordings without mocks: the first scheduled task
    /// gets the first result, and so on.
    pub(super) fn results_in_history(&self) -> Vec<Mock> {
        let history = self.expected_history.as_deref().unwrap_or_default();
        let ends = |event: &&Event| {
            event.details.get("resource").is_some()
                && ["TaskSucceeded", "TaskFailed"].contains(&event.kind.as_str())
        };
        let scheduled = history.iter().filter(|event| event.kind == "TaskScheduled");
        let pairs = scheduled.zip(history.iter().filter(ends));
        pairs.map(|(scheduled, end)| Mock::from_events(scheduled, end)).collect()
    }

    pub(super) fn has_flag(&self, flag: &str) -> bool {
        self.flags.iter().any(|one| one == flag)
    }
}

impl Mock {
    fn from_events(scheduled: &Event, end: &Event) -> Self {
        let detail = |name: &str| end.details.get(name).cloned();
        let failure = || Outcome::Failure {
            error: detail("error").unwrap_or_default(),
            cause: detail("cause").unwrap_or_default(),
        };
        Self {
            state: None,
            attempt: 1,
            scheduled_event_id: scheduled.id,
            parameters: scheduled.details.get("parameters").cloned(),
            input: None,
            submitted: None,
            outcome: detail("output").map_or_else(failure, |result| Outcome::Result { result }),
        }
    }
}

/// The value as JSON text, or the text in `$rawText`, unchanged.
pub(super) fn text(value: &Value) -> String {
    let raw = value.as_object().filter(|fields| fields.len() == 1);
    match raw.and_then(|fields| fields.get("$rawText")).and_then(Value::as_str) {
        Some(raw) => raw.to_owned(),
        None => value.to_string(),
    }
}
