//! Checks the fields of a Map state: its items, its limits, and the reader, batcher and writer of a
//! distributed Map. `state_machine.rs` checks its item processor.

use serde_json::{Map, Value};

use super::context::{MachineContext, State};
use super::diagnostics::DiagnosticCode;
use super::fields;
use super::location::Location;
use super::paths::AllowedRoots;
use super::report::Report;
use super::values;
use super::{payload_template, resource};
use crate::definition::QueryLanguage::{self, JsonPath, Jsonata};

/// The maximum length of a label, in characters.
const MAX_LABEL_CHARS: usize = 40;

/// The maximum number of items that a reader reads.
const MAX_ITEMS: i64 = 100_000_000;

/// Checks a Map state.
pub(super) fn check(report: &mut Report<'_>, state: &State<'_>) {
    check_items(report, state);
    check_limits(report, state);
    if let Some((location, value)) = state.field("Label") {
        check_label(report, &location, value);
    }
    if let Some((location, value)) = state.field("ItemReader") {
        check_reader(report, state.language, &location, value);
    }
    if let Some((location, value)) = state.field("ItemBatcher") {
        check_batcher(report, state.language, &location, value);
    }
    if let Some((location, value)) = state.field("ResultWriter") {
        check_writer(report, state.language, &location, value);
    }
}

/// Checks a `ProcessorConfig`. Returns whether each item runs as an Express workflow.
pub(super) fn is_express_config(
    report: &mut Report<'_>,
    location: &Location,
    config: &Value,
    context: MachineContext,
) -> bool {
    let Some(config) = values::object(report, location, config) else { return false };
    for (field, value) in config {
        let field_location = location.field(field);
        match field.as_str() {
            "Mode" => values::enum_value(
                report,
                &field_location,
                field,
                value,
                &["INLINE", "DISTRIBUTED"],
            ),
            "ExecutionType" => {
                values::enum_value(report, &field_location, field, value, &["STANDARD", "EXPRESS"]);
            }
            _ => report.unsupported(location, field),
        }
    }
    let distributed = config.get("Mode").is_some_and(|mode| mode == "DISTRIBUTED");
    if distributed && context.express {
        let message = "Express state machine does not support Distributed mode";
        report.schema(&location.field("Mode"), message);
    }
    match (distributed, config.get("ExecutionType")) {
        (true, None) => report.required(location, &["ExecutionType"]),
        (false, Some(_)) => report.unsupported(location, "ExecutionType"),
        _ => {}
    }
    config.get("ExecutionType").is_some_and(|execution_type| execution_type == "EXPRESS")
}

fn check_items(report: &mut Report<'_>, state: &State<'_>) {
    if let Some((location, value)) = state.field("ItemsPath").filter(|_| state.language == JsonPath)
    {
        values::reference_path(report, &location, value, AllowedRoots::All);
    }
    if let Some((location, value)) = state.field("Items").filter(|_| state.language == Jsonata) {
        match value {
            Value::String(text) if text.starts_with("{%") => {
                values::expression(report, &location, text);
            }
            Value::Array(_) | Value::Object(_) => {
                payload_template::expressions(report, &location, value);
            }
            Value::String(text) if report.has_substitution(text) => {}
            _ => report.wrong_type(&location, "Array"),
        }
    }
    if let Some((location, value)) = state.field("ItemSelector") {
        payload_template::payload(report, state.language, &location, value);
    }
}

fn check_limits(report: &mut Report<'_>, state: &State<'_>) {
    for field in ["MaxConcurrency", "ToleratedFailureCount"] {
        if let Some((location, value)) = state.field(field) {
            values::integer(report, state.language, &location, value, (0, i64::MAX));
        }
        check_path_field(report, state.language, &state.location, state.fields, field);
    }
    if let Some((location, value)) = state.field("ToleratedFailurePercentage") {
        values::float(report, state.language, &location, value, (0.0, 100.0));
    }
    check_path_field(
        report,
        state.language,
        &state.location,
        state.fields,
        "ToleratedFailurePercentage",
    );
}

/// Checks the `…Path` of a field, which only `JSONPath` has.
fn check_path_field(
    report: &mut Report<'_>,
    language: QueryLanguage,
    location: &Location,
    fields: &Map<String, Value>,
    field: &str,
) {
    if language == JsonPath {
        fields::value_or_path(report, location, fields, field);
    }
}

fn check_label(report: &mut Report<'_>, location: &Location, value: &Value) {
    let Some(label) = values::string(report, location, value) else { return };
    let forbidden =
        |c: char| c.is_whitespace() || c.is_control() || "?*<>{}[]:;,\\|^~$#%&`\"/".contains(c);
    if label.is_empty() || label.chars().count() > MAX_LABEL_CHARS || label.contains(forbidden) {
        report.error(
            DiagnosticCode::InvalidLabelName,
            location,
            format!("Invalid label name: {label}"),
        );
    }
}

/// Checks `Parameters` or `Arguments`, depending on the query language.
fn location_parameters(
    report: &mut Report<'_>,
    language: QueryLanguage,
    location: &Location,
    field: &str,
    value: &Value,
) {
    match (field, language) {
        ("Parameters", JsonPath) | ("Arguments", Jsonata) => {
            payload_template::payload(report, language, &location.field(field), value);
        }
        _ => fields::report_wrong_language(report, location, language, field),
    }
}

fn check_reader(
    report: &mut Report<'_>,
    language: QueryLanguage,
    location: &Location,
    value: &Value,
) {
    let Some(reader) = values::object(report, location, value) else { return };
    for (field, value) in reader {
        match field.as_str() {
            "Resource" => {
                let sources = ["s3:getObject", "s3:listObjectsV2"];
                resource::check_map_resource(report, &location.field(field), value, &sources);
            }
            "Parameters" | "Arguments" => {
                location_parameters(report, language, location, field, value);
            }
            "ReaderConfig" => check_reader_config(report, language, &location.field(field), value),
            _ => report.unsupported(location, field),
        }
    }
    if !reader.contains_key("Resource") {
        report.required(location, &["Resource"]);
    }
}

fn check_reader_config(
    report: &mut Report<'_>,
    language: QueryLanguage,
    location: &Location,
    value: &Value,
) {
    let Some(config) = values::object(report, location, value) else { return };
    for (field, value) in config {
        let field_location = location.field(field);
        let mut check_enum =
            |allowed: &[&str]| values::enum_value(report, &field_location, field, value, allowed);
        match field.as_str() {
            "InputType" => check_enum(&["MANIFEST", "JSON", "CSV", "JSONL", "PARQUET"]),
            "CSVHeaderLocation" => check_enum(&["FIRST_ROW", "GIVEN"]),
            "CSVDelimiter" => check_enum(&["COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB"]),
            "ManifestType" => check_enum(&["S3_INVENTORY", "ATHENA_DATA"]),
            "Transformation" => check_enum(&["NONE", "LOAD_AND_FLATTEN"]),
            "ItemsPointer" => drop(values::string(report, &field_location, value)),
            "CSVHeaders" => check_csv_headers(report, language, &field_location, value),
            "MaxItems" => values::integer(report, language, &field_location, value, (0, MAX_ITEMS)),
            "MaxItemsPath" if language == Jsonata => {
                fields::report_wrong_language(report, location, language, field);
            }
            "MaxItemsPath" => {}
            _ => report.unsupported(location, field),
        }
    }
    check_path_field(report, language, location, config, "MaxItems");
    let is =
        |field: &str, check_enum: &str| config.get(field).is_some_and(|value| value == check_enum);
    if is("InputType", "CSV") && !config.contains_key("CSVHeaderLocation") {
        report.required(location, &["CSVHeaderLocation"]);
    }
    if is("CSVHeaderLocation", "GIVEN") && !config.contains_key("CSVHeaders") {
        report.required(location, &["CSVHeaders"]);
    }
}

fn check_csv_headers(
    report: &mut Report<'_>,
    language: QueryLanguage,
    location: &Location,
    value: &Value,
) {
    match value {
        Value::String(text) if language == Jsonata => values::expression(report, location, text),
        value => {
            for (index, header) in
                values::array(report, location, value).into_iter().flatten().enumerate()
            {
                values::string(report, &location.item(index), header);
            }
        }
    }
}

fn check_batcher(
    report: &mut Report<'_>,
    language: QueryLanguage,
    location: &Location,
    value: &Value,
) {
    let Some(batcher) = values::object(report, location, value) else { return };
    for (field, value) in batcher {
        let field_location = location.field(field);
        match field.as_str() {
            "MaxItemsPerBatch" | "MaxInputBytesPerBatch" => {
                let max = if field == "MaxInputBytesPerBatch" { 262_144 } else { MAX_ITEMS };
                values::integer(report, language, &field_location, value, (0, max));
            }
            "MaxItemsPerBatchPath" | "MaxInputBytesPerBatchPath" if language == Jsonata => {
                fields::report_wrong_language(report, location, language, field);
            }
            "MaxItemsPerBatchPath" | "MaxInputBytesPerBatchPath" => {}
            "BatchInput" => payload_template::payload(report, language, &field_location, value),
            _ => report.unsupported(location, field),
        }
    }
    for field in ["MaxItemsPerBatch", "MaxInputBytesPerBatch"] {
        check_path_field(report, language, location, batcher, field);
    }
    let bounds = ["MaxItemsPerBatch", "MaxInputBytesPerBatch"];
    if !batcher.keys().any(|key| bounds.iter().any(|bound| key.starts_with(bound))) {
        report.required(location, &bounds);
    }
}

/// An empty writer is valid, but fails when it runs.
fn check_writer(
    report: &mut Report<'_>,
    language: QueryLanguage,
    location: &Location,
    value: &Value,
) {
    let Some(writer) = values::object(report, location, value) else { return };
    for (field, value) in writer {
        match field.as_str() {
            "Resource" => resource::check_map_resource(
                report,
                &location.field(field),
                value,
                &["s3:putObject"],
            ),
            "Parameters" | "Arguments" => {
                location_parameters(report, language, location, field, value);
            }
            "WriterConfig" => check_writer_config(report, &location.field(field), value),
            _ => report.unsupported(location, field),
        }
    }
}

fn check_writer_config(report: &mut Report<'_>, location: &Location, value: &Value) {
    let Some(config) = values::object(report, location, value) else { return };
    for (field, value) in config {
        let field_location = location.field(field);
        match field.as_str() {
            "Transformation" => {
                values::enum_value(
                    report,
                    &field_location,
                    field,
                    value,
                    &["NONE", "COMPACT", "FLATTEN"],
                );
            }
            "OutputType" => {
                values::enum_value(report, &field_location, field, value, &["JSON", "JSONL"]);
            }
            _ => report.unsupported(location, field),
        }
    }
}
