//! Alarms, the dashboard and the runbooks: what can fail has an alarm or a reason, each
//! alarm has a runbook, and the metrics are those that the code emits.

use std::collections::{BTreeMap, BTreeSet};

use aws::metrics::{Metric, MetricName};
use domain::Timestamp;
use local_stack::template::Template;
use serde_json::Value;
use syn::visit::Visit;

use crate::files::{read, rust_files_below};
use crate::sources::parse;
use crate::template::functions_of_the_template;

/// What each kind of resource must be watched for.
const WATCHED: [(&str, &[&str]); 8] = [
    ("AWS::Serverless::Function", &["Errors", "Throttles", "Duration"]),
    (
        "AWS::Serverless::StateMachine",
        &["ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted", "ExecutionThrottled"],
    ),
    ("AWS::DynamoDB::Table", &["ReadThrottleEvents", "WriteThrottleEvents", "SystemErrors"]),
    ("AWS::SQS::Queue", &["ApproximateNumberOfMessagesVisible"]),
    ("AWS::SNS::Topic", &["NumberOfNotificationsFailed"]),
    ("AWS::Serverless::HttpApi", &["5xx", "Latency"]),
    ("AWS::Serverless::Api", &["5XXError", "Latency"]),
    ("AWS::ApiGatewayV2::Api", &["5xx", "Latency"]),
];

/// The API that SAM creates for the functions' events.
const IMPLICIT_API: &str = "ServerlessHttpApi";

/// What has no alarm, and why.
const WITHOUT_ALARM: [(&str, &str, &str); 6] = [
    (
        "OrderWorkflow",
        "ExecutionsFailed",
        "the execution of a rejected order fails, as it should; `ExecutionsEndedEarly` is watched",
    ),
    ("RecentOrders", "ReadThrottleEvents", NO_ORDER_WITHOUT_RECENT_ORDERS),
    ("RecentOrders", "WriteThrottleEvents", NO_ORDER_WITHOUT_RECENT_ORDERS),
    ("RecentOrders", "SystemErrors", NO_ORDER_WITHOUT_RECENT_ORDERS),
    ("SignInApi", "5xx", "it passes a redirect on to the API, which is watched"),
    ("SignInApi", "Latency", "it passes a redirect on to the API, which is watched"),
];

const NO_ORDER_WITHOUT_RECENT_ORDERS: &str =
    "only `POST /orders` uses it, which then answers 503; the API's 5xx is watched";

/// The custom metrics that have no alarm, and why. They are on the dashboard.
const METRICS_WITHOUT_ALARM: [(MetricName, &str, &str); 12] = [
    (MetricName::OrdersAccepted, "", "how much is sold is no failure"),
    (MetricName::OrdersFulfilled, "", "how much is sold is no failure"),
    (MetricName::OrdersRejected, "", "customers and cards decide; technical causes have alarms"),
    (MetricName::PaymentsDeclined, "", "a rise shows in the errors of process-payment"),
    (MetricName::CompensationsBegun, "", "what matters is whether it fails"),
    (MetricName::CompensationsEnded, "", "what matters is whether it fails"),
    (MetricName::AttentionRaised, "REVIEW", "a normal queue; its age is watched"),
    (MetricName::AttentionRaised, "BACKORDER", "a normal queue; a restock or its deadline ends it"),
    (MetricName::AttentionAge, "BACKORDER", "the deadline of the order ends it"),
    (MetricName::OutcomesResolved, "GATEWAY", "`OutcomesUnknown` is watched"),
    (MetricName::OutcomesResolved, "CARRIER", "`OutcomesUnknown` is watched"),
    (MetricName::ProviderLatency, "", "slow providers show in the duration of the functions"),
];

/// The most metrics that an alarm with an expression may read.
const MAX_METRICS_OF_AN_ALARM: usize = 10;

/// A metric that an alarm or the dashboard reads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Read {
    namespace: String,
    pub(crate) name: String,
    /// The values of references are the names of resources.
    pub(crate) dimensions: BTreeMap<String, String>,
}

impl Read {
    pub(crate) fn is_about(&self, resource: &str) -> bool {
        self.dimensions.values().any(|value| value == resource)
    }
}

pub(crate) fn template() -> Value {
    Template::parse(&read("template.yaml")).unwrap().as_json().clone()
}

/// The resources of a type, by logical id.
pub(crate) fn resources<'a>(
    template: &'a Value,
    kind: &'a str,
) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let all = template["Resources"].as_object().unwrap().iter();
    all.filter(move |(_, resource)| resource["Type"] == kind)
        .map(|(id, resource)| (id.as_str(), &resource["Properties"]))
}

fn metric_alarms(template: &Value) -> Vec<(&str, &Value)> {
    resources(template, "AWS::CloudWatch::Alarm").collect()
}

fn composite_alarms(template: &Value) -> Vec<(&str, &Value)> {
    resources(template, "AWS::CloudWatch::CompositeAlarm").collect()
}

/// A text, or the resource that a reference names.
pub(crate) fn text(value: &Value) -> String {
    let referenced =
        value["Ref"].as_str().or_else(|| value["Fn::GetAtt"][0].as_str()).map(str::to_owned);
    referenced.or_else(|| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The metrics that an alarm reads.
fn read_by_alarm(alarm: &Value) -> Vec<Read> {
    let several = alarm["Metrics"].as_array().into_iter().flatten();
    let several = several.map(|one| &one["MetricStat"]["Metric"]).filter(|one| !one.is_null());
    let single = Some(alarm).filter(|one| one["MetricName"].is_string());
    let read = |one: &Value| {
        let dimensions = one["Dimensions"].as_array().into_iter().flatten();
        let dimensions = dimensions.map(|d| (text(&d["Name"]), text(&d["Value"])));
        Read {
            namespace: text(&one["Namespace"]),
            name: text(&one["MetricName"]),
            dimensions: dimensions.collect(),
        }
    };
    several.chain(single).map(read).collect()
}

fn read_by_alarms(template: &Value) -> Vec<Read> {
    metric_alarms(template).iter().flat_map(|(_, alarm)| read_by_alarm(alarm)).collect()
}

fn widgets(template: &Value) -> Vec<Value> {
    let dashboards: Vec<_> = resources(template, "AWS::CloudWatch::Dashboard").collect();
    let [(_, dashboard)] = dashboards[..] else { panic!("one dashboard, not {dashboards:?}") };
    let body = dashboard["DashboardBody"]["Fn::Sub"].as_str().unwrap();
    let body: Value = serde_json::from_str(body).unwrap_or_else(|e| panic!("DashboardBody: {e}"));
    body["widgets"].as_array().unwrap().clone()
}

/// The metrics that the dashboard reads.
pub(crate) fn read_by_dashboard(template: &Value) -> Vec<Read> {
    let mut found = Vec::new();
    for widget in widgets(template) {
        for metric in widget["properties"]["metrics"].as_array().into_iter().flatten() {
            let words: Vec<_> =
                metric.as_array().unwrap().iter().map_while(Value::as_str).collect();
            let name_of = |word: &str| {
                word.strip_prefix("${").and_then(|w| w.strip_suffix('}')).unwrap_or(word).to_owned()
            };
            let pairs = words[2..].chunks(2).map(|pair| (pair[0].to_owned(), name_of(pair[1])));
            found.push(Read {
                namespace: words[0].to_owned(),
                name: words[1].to_owned(),
                dimensions: pairs.collect(),
            });
        }
    }
    assert!(found.len() > 50, "{found:?}");
    found
}

fn our_namespace() -> String {
    let line = Metric::OrdersAccepted.to_emf(Timestamp::from_seconds(0).unwrap());
    line["_aws"]["CloudWatchMetrics"][0]["Namespace"].as_str().unwrap().to_owned()
}

/// Every metric that `CloudWatch` bills, with the value of its dimension.
fn custom_metrics() -> Vec<(MetricName, &'static str, Read)> {
    let mut metrics = Vec::new();
    for name in MetricName::ALL {
        let values = name.dimension().map_or(vec![""], |dimension| dimension.values);
        for value in values {
            let stack = ("Stack".to_owned(), "AWS::StackName".to_owned());
            let own = name.dimension().map(|d| (d.name.to_owned(), value.to_owned()));
            let dimensions = [stack].into_iter().chain(own).collect();
            let name_in_aws = name.as_str().to_owned();
            let read = Read { namespace: our_namespace(), name: name_in_aws, dimensions };
            metrics.push((*name, value, read));
        }
    }
    metrics
}

#[test]
fn what_can_fail_has_an_alarm_or_a_reason() {
    let template = template();
    let read = read_by_alarms(&template);
    let is_watched = |resource: &str, metric: &str| {
        read.iter().any(|one| one.is_about(resource) && one.name == metric)
    };
    let mut missing = Vec::new();
    let mut excused = BTreeSet::new();
    for (kind, metrics) in WATCHED {
        let implicit = (kind == "AWS::Serverless::HttpApi").then_some(IMPLICIT_API);
        for resource in resources(&template, kind).map(|(id, _)| id).chain(implicit) {
            for metric in metrics {
                let reason = WITHOUT_ALARM.iter().find(|one| (one.0, one.1) == (resource, *metric));
                match (is_watched(resource, metric), reason) {
                    (false, None) => missing.push(format!("{resource}: {metric}")),
                    (false, Some(reason)) => _ = excused.insert(reason.1),
                    (true, _) => {}
                }
            }
        }
    }
    assert!(missing.is_empty(), "add an alarm to template.yaml or a reason here: {missing:#?}");
    assert_eq!(excused.len(), WITHOUT_ALARM.len(), "a reason is no longer needed");
}

#[test]
fn every_index_that_can_throttle_its_table_has_an_alarm() {
    let template = template();
    let read = read_by_alarms(&template);
    for (table, properties) in resources(&template, "AWS::DynamoDB::Table") {
        let indexes = properties["GlobalSecondaryIndexes"].as_array().into_iter().flatten();
        let expected: BTreeSet<_> = indexes.map(|index| text(&index["IndexName"])).collect();
        let on_table = read.iter().filter(|one| one.is_about(table));
        let watched = on_table.filter(|one| one.name == "WriteThrottleEvents");
        let index = |one: &Read| one.dimensions.get("GlobalSecondaryIndexName").cloned();
        assert_eq!(watched.filter_map(index).collect::<BTreeSet<_>>(), expected, "{table}");
    }
}

#[test]
fn every_operation_on_a_table_is_watched_for_system_errors() {
    let template = template();
    let read = read_by_alarms(&template);
    let has_reason =
        |table| WITHOUT_ALARM.iter().any(|one| (one.0, one.1) == (table, "SystemErrors"));
    for (table, _) in resources(&template, "AWS::DynamoDB::Table") {
        if has_reason(table) {
            continue;
        }
        let mut expected = operations_on(&template, table);
        // IAM checks the items of a transaction, CloudWatch counts the transaction.
        expected.insert("TransactWriteItems".to_owned());
        let on_table = read.iter().filter(|one| one.is_about(table) && one.name == "SystemErrors");
        let watched: BTreeSet<_> =
            on_table.filter_map(|one| one.dimensions.get("Operation").cloned()).collect();
        assert_eq!(watched, expected, "{table}");
    }
}

/// The operations on a table that the policies of the template allow.
fn operations_on(template: &Value, table: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for resource in template["Resources"].as_object().unwrap().values() {
        let policies = resource["Properties"]["Policies"].as_array().into_iter().flatten();
        for statement in policies.filter_map(|one| one["Statement"].as_array()).flatten() {
            let resource = statement["Resource"].to_string();
            let names = [format!("\"{table}\""), format!("${{{table}.Arn}}")];
            if !names.iter().any(|name| resource.contains(name)) {
                continue;
            }
            let actions = match &statement["Action"] {
                Value::Array(several) => several.iter().map(text).collect(),
                one => vec![text(one)],
            };
            found.extend(
                actions.iter().filter_map(|a| a.strip_prefix("dynamodb:")).map(str::to_owned),
            );
        }
    }
    assert!(found.len() > 3, "{table}: {found:?}");
    found
}

#[test]
fn every_custom_metric_has_an_alarm_or_a_reason_and_is_read() {
    let template = template();
    let (by_alarms, by_dashboard) = (read_by_alarms(&template), read_by_dashboard(&template));
    for (name, value, read) in custom_metrics() {
        let reason = METRICS_WITHOUT_ALARM
            .iter()
            .find(|(metric, of, _)| *metric == name && (of.is_empty() || *of == value));
        let (has_alarm, is_shown) = (by_alarms.contains(&read), by_dashboard.contains(&read));
        assert!(has_alarm || reason.is_some(), "{name:?} {value} has neither alarm nor reason");
        assert!(!has_alarm || reason.is_none(), "{name:?} {value} has an alarm and a reason");
        assert!(is_shown, "{name:?} {value} is not on the dashboard");
    }
}

#[test]
fn alarms_and_dashboard_read_only_metrics_that_the_code_emits() {
    let template = template();
    let emitted: BTreeSet<_> = custom_metrics().into_iter().map(|(.., read)| read).collect();
    let read = read_by_alarms(&template).into_iter().chain(read_by_dashboard(&template));
    let ours: BTreeSet<_> = read.filter(|one| one.namespace == our_namespace()).collect();
    let unknown: Vec<_> = ours.difference(&emitted).collect();
    assert!(unknown.is_empty(), "the code never emits these: {unknown:#?}");
}

/// The variants of `Metric` that the code of a file builds.
#[derive(Default)]
struct Emitted(BTreeSet<String>);

impl<'ast> Visit<'ast> for Emitted {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        let mut last: Vec<_> =
            path.segments.iter().rev().map(|one| one.ident.to_string()).collect();
        if last.len() > 1 && last[1] == "Metric" {
            self.0.insert(last.swap_remove(0));
        }
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, makro: &'ast syn::Macro) {
        // `vec![Metric::OrdersAccepted]` holds expressions.
        type Arguments = syn::punctuated::Punctuated<syn::Expr, syn::Token![,]>;
        let arguments = makro.parse_body_with(Arguments::parse_terminated);
        for argument in arguments.iter().flatten() {
            syn::visit::visit_expr(&mut *self, argument);
        }
    }
}

#[test]
fn every_metric_is_emitted_somewhere() {
    let (mut emitted, mut variants) = (Emitted::default(), BTreeSet::new());
    for path in ["shared/aws/src", "functions"].map(rust_files_below).concat() {
        if path.ends_with("shared/aws/src/metrics.rs") {
            for item in parse(&path).items {
                if let syn::Item::Enum(metric) = item
                    && metric.ident == "Metric"
                {
                    variants.extend(metric.variants.iter().map(|one| one.ident.to_string()));
                }
            }
        } else if !path.components().any(|part| part.as_os_str() == "tests") {
            emitted.visit_file(&parse(&path));
        }
    }
    assert_eq!(variants.len(), MetricName::ALL.len());
    let silent: Vec<_> = variants.difference(&emitted.0).collect();
    assert!(silent.is_empty(), "no code emits these: {silent:?}");
}

#[test]
fn the_duration_alarms_follow_the_timeouts() {
    let functions = functions_of_the_template();
    let mut seen = 0;
    for (id, alarm) in metric_alarms(&template()) {
        let read = read_by_alarm(alarm);
        let [one] = &read[..] else { continue };
        if one.name == "Duration" {
            let function = &functions[&one.dimensions["FunctionName"]];
            // 80 % of the timeout, in milliseconds.
            assert_eq!(alarm["Threshold"], function.timeout * 800, "{id}");
            seen += 1;
        }
    }
    assert_eq!(seen, functions.len());
}

#[test]
fn every_alarm_sends_a_mail_or_is_part_of_one_that_does() {
    let template = template();
    let composites = composite_alarms(&template);
    let rules: String = composites.iter().map(|(_, c)| c["AlarmRule"].to_string()).collect();
    let suppressors: Vec<_> =
        composites.iter().map(|(_, c)| text(&c["ActionsSuppressor"])).collect();
    let widgets = widgets(&template);
    let shown = widgets.iter().filter(|widget| widget["type"] == "alarm");
    let shown: String = shown.map(|widget| widget["properties"]["alarms"].to_string()).collect();
    for (id, alarm) in metric_alarms(&template).iter().chain(&composites) {
        let sends_mail = alarm["AlarmActions"][0]["Ref"] == "Alarms";
        let is_part = rules.contains(&format!("${{{id}}}"));
        let suppresses = suppressors.iter().any(|suppressor| suppressor == id);
        assert!(sends_mail || is_part || suppresses, "{id} is never sent");
        assert!(shown.contains(&format!("${{{id}.Arn}}")), "the dashboard does not show {id}");
        let count = read_by_alarm(alarm).len();
        assert!(count <= MAX_METRICS_OF_AN_ALARM, "{id} reads {count} metrics");
    }
}

/// The sections of the runbooks, by the anchor of their heading.
fn runbooks() -> BTreeMap<String, String> {
    let document = read("docs/operate.md");
    let (_, rest) = document.split_once("\n## Runbooks\n").unwrap();
    let (runbooks, _) = rest.split_once("\n## ").unwrap();
    let sections = runbooks.split("\n### ").skip(1);
    let section = |text: &str| {
        let (heading, body) = text.split_once('\n').unwrap();
        (heading.to_lowercase().replace(' ', "-"), body.to_owned())
    };
    sections.map(section).collect()
}

#[test]
fn every_alarm_has_a_runbook_and_every_runbook_an_alarm() {
    let template = template();
    let runbooks = runbooks();
    let mut named = BTreeSet::new();
    for (id, alarm) in metric_alarms(&template).iter().chain(&composite_alarms(&template)) {
        let description = alarm["AlarmDescription"].as_str().unwrap_or_default();
        let (_, anchor) = description
            .split_once("docs/operate.md#")
            .unwrap_or_else(|| panic!("the description of {id} names no runbook"));
        assert!(runbooks.contains_key(anchor), "{id}: docs/operate.md has no runbook {anchor}");
        named.insert(anchor.to_owned());
    }
    for (anchor, body) in &runbooks {
        assert!(named.contains(anchor), "no alarm leads to the runbook {anchor}");
        for part in ["**Means.**", "**Look.**", "**Do.**", "**Over when**"] {
            assert!(body.contains(part), "the runbook {anchor} has no {part}");
        }
    }
}

#[test]
fn the_resources_and_outputs_that_the_commands_name_exist() {
    let (template, document) = (template(), read("docs/operate.md"));
    let mut count = 0;
    for (call, section) in [("$(resource ", "Resources"), ("$(output ", "Outputs")] {
        for after in document.split(call).skip(1) {
            let name = after.split(')').next().unwrap();
            assert!(template[section][name].is_object(), "template.yaml: {section} lacks {name}");
            count += 1;
        }
    }
    assert!(count > 8, "{count}");
}

#[test]
fn the_price_of_metrics_and_alarms_is_the_documented_one() {
    let template = template();
    let document = read("docs/operate.md");
    let line = |what: &str, count: usize, cents: usize| {
        let price = |cents: usize| format!("${}.{:02}", cents / 100, cents % 100);
        let (each, total) = (price(cents), price(count * cents));
        let row = format!("| {what} | {count} | {count} × {each} = {total} |");
        assert!(document.contains(&row), "docs/operate.md lacks {row}");
    };
    line("custom metrics", MetricName::ALL.iter().map(|name| name.billed()).sum(), 30);
    line("metrics that alarms watch", read_by_alarms(&template).len(), 10);
    line("composite alarms", composite_alarms(&template).len(), 50);
}
