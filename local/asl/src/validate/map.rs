//! A Map state: what it runs, over which items, how many at once, and what a
//! distributed one reads, batches and writes.

use serde_json::{Map, Value};

use super::diagnostics::{DiagnosticCode, Place, Report};
use super::paths::Roots;
use super::state::{self, State, Surroundings};
use super::state_machine::{self, Role};
use super::values;
use super::{payload_template, resource};
use crate::definition::QueryLanguage::{self, JsonPath, Jsonata};

/// The longest label, in characters.
const LONGEST_LABEL: usize = 40;

/// The most items that a reader reads, and a concurrency or a count that is more
/// than any Map has items.
const MOST_ITEMS: i64 = 100_000_000;

/// Judges a Map state.
pub(super) fn check(report: &mut Report<'_>, state: &State<'_>) {
    processor(report, state);
    items(report, state);
    numbers(report, state);
    if let Some((at, value)) = state.field("Label") {
        label(report, &at, value);
    }
    if let Some((at, value)) = state.field("ItemReader") {
        reader(report, state.language, &at, value);
    }
    if let Some((at, value)) = state.field("ItemBatcher") {
        batcher(report, state.language, &at, value);
    }
    if let Some((at, value)) = state.field("ResultWriter") {
        writer(report, state.language, &at, value);
    }
}

fn processor(report: &mut Report<'_>, state: &State<'_>) {
    let names = ["ItemProcessor", "Iterator"];
    if state::at_most_one(report, &state.at, state.fields, &names) == 0 {
        report.required(&state.at, &["ItemProcessor"]);
    }
    for (at, value) in names.into_iter().filter_map(|name| state.field(name)) {
        let Some(machine) = values::object(report, &at, value) else { continue };
        let mut around = state.around;
        if let Some(config) = machine.get("ProcessorConfig") {
            around.express |=
                config_is_express(report, &at.field("ProcessorConfig"), config, around);
        }
        state_machine::fields(report, &at, machine, Role::Processor, around);
    }
}

/// Judges a `ProcessorConfig`; says whether each item runs as an express workflow.
fn config_is_express(
    report: &mut Report<'_>,
    at: &Place,
    config: &Value,
    around: Surroundings,
) -> bool {
    let Some(config) = values::object(report, at, config) else { return false };
    for (field, value) in config {
        let inside = at.field(field);
        match field.as_str() {
            "Mode" => values::one_of(report, &inside, field, value, &["INLINE", "DISTRIBUTED"]),
            "ExecutionType" => {
                values::one_of(report, &inside, field, value, &["STANDARD", "EXPRESS"]);
            }
            _ => report.unsupported(at, field),
        }
    }
    let distributed = config.get("Mode").is_some_and(|mode| mode == "DISTRIBUTED");
    if distributed && around.express {
        let wrong = "Express state machine does not support Distributed mode";
        report.schema(&at.field("Mode"), wrong);
    }
    match (distributed, config.get("ExecutionType")) {
        (true, None) => report.required(at, &["ExecutionType"]),
        (false, Some(_)) => report.unsupported(at, "ExecutionType"),
        _ => {}
    }
    config.get("ExecutionType").is_some_and(|kind| kind == "EXPRESS")
}

fn items(report: &mut Report<'_>, state: &State<'_>) {
    if let Some((at, value)) = state.field("ItemsPath").filter(|_| state.language == JsonPath) {
        values::reference_path(report, &at, value, Roots::All);
    }
    if let Some((at, value)) = state.field("Items").filter(|_| state.language == Jsonata) {
        match value {
            Value::String(text) if text.starts_with("{%") => {
                values::expression(report, &at, text);
            }
            Value::Array(_) | Value::Object(_) => payload_template::expressions(report, &at, value),
            Value::String(text) if report.is_open(text) => {}
            _ => report.wrong_type(&at, "Array"),
        }
    }
    if let Some((at, value)) = state.field("ItemSelector") {
        payload_template::payload(report, state.language, &at, value);
    }
}

fn numbers(report: &mut Report<'_>, state: &State<'_>) {
    for field in ["MaxConcurrency", "ToleratedFailureCount"] {
        if let Some((at, value)) = state.field(field) {
            values::whole(report, state.language, &at, value, (0, i64::MAX));
        }
        paths(report, state.language, &state.at, state.fields, field);
    }
    if let Some((at, value)) = state.field("ToleratedFailurePercentage") {
        values::real(report, state.language, &at, value, (0.0, 100.0));
    }
    paths(report, state.language, &state.at, state.fields, "ToleratedFailurePercentage");
}

/// The `…Path` of a field, which only `JSONPath` has.
fn paths(
    report: &mut Report<'_>,
    language: QueryLanguage,
    at: &Place,
    fields: &Map<String, Value>,
    field: &str,
) {
    if language == JsonPath {
        state::or_path(report, at, fields, field);
    }
}

fn label(report: &mut Report<'_>, at: &Place, value: &Value) {
    let Some(label) = values::text(report, at, value) else { return };
    let forbidden =
        |c: char| c.is_whitespace() || c.is_control() || "?*<>{}[]:;,\\|^~$#%&`\"/".contains(c);
    if label.is_empty() || label.chars().count() > LONGEST_LABEL || label.contains(forbidden) {
        report.error(DiagnosticCode::InvalidLabelName, at, format!("Invalid label name: {label}"));
    }
}

/// `Parameters` or `Arguments`, whichever is the language's.
fn destination(
    report: &mut Report<'_>,
    language: QueryLanguage,
    at: &Place,
    field: &str,
    value: &Value,
) {
    match (field, language) {
        ("Parameters", JsonPath) | ("Arguments", Jsonata) => {
            payload_template::payload(report, language, &at.field(field), value);
        }
        _ => state::foreign(report, at, language, field),
    }
}

fn reader(report: &mut Report<'_>, language: QueryLanguage, at: &Place, value: &Value) {
    let Some(reader) = values::object(report, at, value) else { return };
    for (field, value) in reader {
        match field.as_str() {
            "Resource" => {
                let sources = ["s3:getObject", "s3:listObjectsV2"];
                resource::of_map(report, &at.field(field), value, &sources);
            }
            "Parameters" | "Arguments" => destination(report, language, at, field, value),
            "ReaderConfig" => reader_config(report, language, &at.field(field), value),
            _ => report.unsupported(at, field),
        }
    }
    if !reader.contains_key("Resource") {
        report.required(at, &["Resource"]);
    }
}

fn reader_config(report: &mut Report<'_>, language: QueryLanguage, at: &Place, value: &Value) {
    let Some(config) = values::object(report, at, value) else { return };
    for (field, value) in config {
        let inside = at.field(field);
        let mut word = |words: &[&str]| values::one_of(report, &inside, field, value, words);
        match field.as_str() {
            "InputType" => word(&["MANIFEST", "JSON", "CSV", "JSONL", "PARQUET"]),
            "CSVHeaderLocation" => word(&["FIRST_ROW", "GIVEN"]),
            "CSVDelimiter" => word(&["COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB"]),
            "ManifestType" => word(&["S3_INVENTORY", "ATHENA_DATA"]),
            "Transformation" => word(&["NONE", "LOAD_AND_FLATTEN"]),
            "ItemsPointer" => drop(values::text(report, &inside, value)),
            "CSVHeaders" => csv_headers(report, language, &inside, value),
            "MaxItems" => values::whole(report, language, &inside, value, (0, MOST_ITEMS)),
            "MaxItemsPath" if language == Jsonata => state::foreign(report, at, language, field),
            "MaxItemsPath" => {}
            _ => report.unsupported(at, field),
        }
    }
    paths(report, language, at, config, "MaxItems");
    let is = |field: &str, word: &str| config.get(field).is_some_and(|value| value == word);
    if is("InputType", "CSV") && !config.contains_key("CSVHeaderLocation") {
        report.required(at, &["CSVHeaderLocation"]);
    }
    if is("CSVHeaderLocation", "GIVEN") && !config.contains_key("CSVHeaders") {
        report.required(at, &["CSVHeaders"]);
    }
}

fn csv_headers(report: &mut Report<'_>, language: QueryLanguage, at: &Place, value: &Value) {
    match value {
        Value::String(text) if language == Jsonata => values::expression(report, at, text),
        value => {
            for (index, header) in
                values::array(report, at, value).into_iter().flatten().enumerate()
            {
                values::text(report, &at.item(index), header);
            }
        }
    }
}

fn batcher(report: &mut Report<'_>, language: QueryLanguage, at: &Place, value: &Value) {
    let Some(batcher) = values::object(report, at, value) else { return };
    for (field, value) in batcher {
        let inside = at.field(field);
        match field.as_str() {
            "MaxItemsPerBatch" | "MaxInputBytesPerBatch" => {
                let most = if field == "MaxInputBytesPerBatch" { 262_144 } else { MOST_ITEMS };
                values::whole(report, language, &inside, value, (0, most));
            }
            "MaxItemsPerBatchPath" | "MaxInputBytesPerBatchPath" if language == Jsonata => {
                state::foreign(report, at, language, field);
            }
            "MaxItemsPerBatchPath" | "MaxInputBytesPerBatchPath" => {}
            "BatchInput" => payload_template::payload(report, language, &inside, value),
            _ => report.unsupported(at, field),
        }
    }
    for field in ["MaxItemsPerBatch", "MaxInputBytesPerBatch"] {
        paths(report, language, at, batcher, field);
    }
    let bounds = ["MaxItemsPerBatch", "MaxInputBytesPerBatch"];
    if !batcher.keys().any(|key| bounds.iter().any(|bound| key.starts_with(bound))) {
        report.required(at, &bounds);
    }
}

/// An empty writer can be created; it fails when it runs.
fn writer(report: &mut Report<'_>, language: QueryLanguage, at: &Place, value: &Value) {
    let Some(writer) = values::object(report, at, value) else { return };
    for (field, value) in writer {
        match field.as_str() {
            "Resource" => resource::of_map(report, &at.field(field), value, &["s3:putObject"]),
            "Parameters" | "Arguments" => destination(report, language, at, field, value),
            "WriterConfig" => writer_config(report, &at.field(field), value),
            _ => report.unsupported(at, field),
        }
    }
}

fn writer_config(report: &mut Report<'_>, at: &Place, value: &Value) {
    let Some(config) = values::object(report, at, value) else { return };
    for (field, value) in config {
        let inside = at.field(field);
        match field.as_str() {
            "Transformation" => {
                values::one_of(report, &inside, field, value, &["NONE", "COMPACT", "FLATTEN"]);
            }
            "OutputType" => values::one_of(report, &inside, field, value, &["JSON", "JSONL"]),
            _ => report.unsupported(at, field),
        }
    }
}
