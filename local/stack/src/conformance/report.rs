//! The result of a conformance run: counts and disagreements.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::compare::{Pair, first_difference};

/// The comparison of one recording.
pub(super) struct Verdict {
    pub(super) name: String,
    pub(super) group: Group,
    /// The compared parts, each with its pair of values.
    pub(super) parts: Vec<(Part, Pair)>,
    /// The reason why the recording could not be run.
    pub(super) skipped: Option<String>,
}

/// The group in which a recording is counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Group {
    Tier { tier: String, query_language: String },
    Api,
    Validate,
    DefinitionsByAws,
    DefinitionsByOthers,
}

/// The part of a recording that is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// How the execution ended; for requests and definitions, the response.
    Outcome,
    /// All history events.
    History,
}

impl Part {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Outcome => "outcome",
            Self::History => "history",
        }
    }
}

/// A disagreement with one recording.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Disagreement {
    pub(super) name: String,
    /// `outcome` or `history`.
    pub(super) part: &'static str,
    /// The first difference, or the reason why the recording was not run.
    pub(super) why: String,
}

#[derive(Debug, Default)]
struct Count {
    total: usize,
    outcome: usize,
    history_total: usize,
    history: usize,
}

/// The result of a run.
#[derive(Debug, Default)]
pub(super) struct Report {
    counts: BTreeMap<Group, Count>,
    /// In the order of the recordings.
    pub(super) disagreements: Vec<Disagreement>,
    skipped: Vec<(String, String)>,
}

impl Report {
    /// Counts one recording.
    pub(super) fn add(&mut self, verdict: &Verdict, has_history: bool) {
        let count = self.counts.entry(verdict.group.clone()).or_default();
        count.total += 1;
        count.history_total += usize::from(has_history);
        if let Some(reason) = &verdict.skipped {
            self.skipped.push((verdict.name.clone(), reason.clone()));
            self.disagree(verdict, Part::Outcome, format!("not run: {reason}"));
            return;
        }
        for (part, pair) in &verdict.parts {
            match (first_difference(&pair.recorded, &pair.actual), part) {
                (Some(why), _) => self.disagree(verdict, *part, why),
                (None, Part::Outcome) => self.count(&verdict.group).outcome += 1,
                (None, Part::History) => self.count(&verdict.group).history += 1,
            }
        }
    }

    fn count(&mut self, group: &Group) -> &mut Count {
        self.counts.entry(group.clone()).or_default()
    }

    fn disagree(&mut self, verdict: &Verdict, part: Part, why: String) {
        let (name, part) = (verdict.name.clone(), part.as_str());
        self.disagreements.push(Disagreement { name, part, why });
    }

    /// The report as JSON.
    pub(super) fn json(&self) -> Value {
        let mut report = Map::new();
        let tiers: Vec<Value> = self.counts.iter().filter_map(tier_json).collect();
        if !tiers.is_empty() {
            report.insert("tiers".to_owned(), tiers.into());
        }
        let total = |group: &Group| {
            let count = self.counts.get(group)?;
            Some(json!({"total": count.total, "agree": count.outcome}))
        };
        report.extend(total(&Group::Api).map(|count| ("api".to_owned(), count)));
        report.extend(total(&Group::Validate).map(|count| ("validate".to_owned(), count)));
        let by_aws = total(&Group::DefinitionsByAws).map(|count| ("aws".to_owned(), count));
        let others = total(&Group::DefinitionsByOthers).map(|count| ("others".to_owned(), count));
        let definitions: Map<String, Value> = by_aws.into_iter().chain(others).collect();
        if !definitions.is_empty() {
            report.insert("definitions".to_owned(), definitions.into());
        }
        let skipped =
            self.skipped.iter().map(|(name, reason)| json!({"name": name, "reason": reason}));
        report.insert("skipped".to_owned(), skipped.collect());
        Value::Object(report)
    }

    /// The report as text.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for (group, count) in &self.counts {
            let Count { total, outcome, history_total, history } = count;
            // Writing to a String cannot fail.
            let _ = match group {
                Group::Tier { tier, query_language } => writeln!(
                    text,
                    "tier {tier} {query_language:<8}  outcome {outcome:>4} of {total:>4}   history {history:>4} of {history_total:>4}"
                ),
                Group::Api => writeln!(text, "rejected calls    {outcome:>4} of {total:>4}"),
                Group::Validate => writeln!(text, "validations       {outcome:>4} of {total:>4}"),
                Group::DefinitionsByAws => {
                    writeln!(text, "definitions judged by AWS     {outcome:>4} of {total:>4}")
                }
                Group::DefinitionsByOthers => {
                    writeln!(text, "definitions judged by others  {outcome:>4} of {total:>4}")
                }
            };
        }
        for Disagreement { name, part, why } in &self.disagreements {
            let _ = writeln!(text, "{name}\n    {part}: {why}");
        }
        text
    }
}

fn tier_json((group, count): (&Group, &Count)) -> Option<Value> {
    let Group::Tier { tier, query_language } = group else { return None };
    Some(json!({
        "tier": tier,
        "query_language": query_language,
        "total": count.total,
        "outcome": count.outcome,
        "history_total": count.history_total,
        "history": count.history,
    }))
}
