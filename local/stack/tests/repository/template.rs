//! What the template says of each function.

use std::collections::{BTreeMap, BTreeSet};

use crate::files::read;

/// A function of the template.
#[derive(Debug, Default)]
pub(crate) struct TemplateFunction {
    /// The binary that it runs.
    pub(crate) binary: String,
    /// The Lambda timeout, in seconds.
    pub(crate) timeout: u64,
    /// The actions that its policies allow.
    pub(crate) actions: BTreeSet<String>,
}

/// The functions of the template, by their logical id.
pub(crate) fn functions_of_the_template() -> BTreeMap<String, TemplateFunction> {
    let template = read("template.yaml");
    let mut functions = BTreeMap::new();
    let mut current: Option<(String, TemplateFunction)> = None;
    for line in template.lines().skip_while(|line| *line != "Resources:") {
        if line.starts_with("  ") && !line.starts_with("   ") {
            functions.extend(current.take());
            if let Some(name) = line.trim().strip_suffix("Function:") {
                current = Some((format!("{name}Function"), TemplateFunction::default()));
            }
        }
        if let Some((_, function)) = &mut current {
            if let Some(binary) = line.trim().strip_prefix("Binary: ") {
                binary.clone_into(&mut function.binary);
            }
            if let Some(timeout) = line.trim().strip_prefix("Timeout: ") {
                function.timeout = timeout.parse().unwrap();
            }
            for word in line.split([' ', '[', ']', ',']) {
                if ["dynamodb:", "states:", "secretsmanager:"].iter().any(|p| word.starts_with(p)) {
                    function.actions.insert(word.to_owned());
                }
            }
        }
    }
    functions.extend(current);
    functions
}
