//! The policies of the template against what the code calls.
//!
//! Nothing here lists a permission by hand. The crate `aws` is parsed: which SDK
//! operation each of its functions calls, itself or through another one, and which
//! port it implements. Each function of the template is parsed too: which ports
//! bound its types, and which functions of `aws` its `main` calls. Its policy must
//! grant exactly those operations.

use std::collections::{BTreeMap, BTreeSet};

use local_stack::scenarios::grants;
use syn::visit::Visit;

use crate::files::{root, rust_files_below, rust_sources};
use crate::sources::{Names, parse};
use crate::template::functions_of_the_template;

type Actions = BTreeSet<String>;

#[test]
fn every_function_may_do_exactly_what_its_code_calls() {
    let aws = AwsCrate::read();
    for (name, function) in functions_of_the_template() {
        let needed = aws.actions_of(&format!("functions/{}/src", function.binary));
        assert_eq!(function.actions, needed, "the policy of {name}");
    }
}

#[test]
fn the_functions_of_the_template_and_the_binaries_match() {
    let template: BTreeSet<String> =
        functions_of_the_template().into_values().map(|function| function.binary).collect();
    let crates: BTreeSet<String> = std::fs::read_dir(root().join("functions"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("src/main.rs").exists())
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    let missing: Vec<_> = crates.difference(&template).collect();
    assert!(missing.is_empty(), "add to template.yaml: {missing:?}");
    let missing: Vec<_> = template.difference(&crates).collect();
    assert!(missing.is_empty(), "functions/ lacks a src/main.rs of: {missing:?}");
    assert!(template.len() >= 4, "{template:?}");
}

/// The reason of a grant that no code of ours uses.
const USED_BY_A_SERVICE: &str = "Step Functions delivers logs on AWS only";

#[test]
fn a_grant_without_a_scenario_names_a_test_that_needs_it_or_is_used_by_a_service() {
    let sources = rust_sources();
    let mut count = 0;
    for entry in grants::load(&root()).unwrap() {
        let Some(reason) = &entry.reason else { continue };
        count += 1;
        if reason == USED_BY_A_SERVICE {
            let delivers_logs = entry.action.starts_with("logs:");
            assert!(delivers_logs && entry.role == "OrderWorkflowRole", "{entry:?}");
        } else {
            let test = reason.split('`').nth(1).unwrap_or("nothing");
            assert!(sources.contains(&format!("fn {test}(")), "{entry:?}: no test {test}");
        }
    }
    assert!(count > 0);
}

/// What the crate `aws` calls.
#[derive(Debug, Default)]
struct AwsCrate {
    /// The actions of each port that it implements.
    ports: BTreeMap<String, Actions>,
    /// The actions of each public method that belongs to no port.
    methods: BTreeMap<String, Actions>,
}

/// A function of the crate: what it calls itself, and which others it calls.
#[derive(Debug, Default)]
struct Function {
    port: Option<String>,
    is_public: bool,
    actions: Actions,
    calls: BTreeSet<String>,
}

impl AwsCrate {
    fn read() -> Self {
        let mut found = Functions::default();
        for path in rust_files_below("shared/aws/src") {
            found.visit_file(&parse(&path));
        }
        let mut crate_ = Self::default();
        for (name, function) in &found.by_name {
            let actions = found.reach(function, &mut BTreeSet::new());
            let (map, key) = match &function.port {
                Some(port) => (&mut crate_.ports, port),
                None if function.is_public => (&mut crate_.methods, &name.1),
                None => continue,
            };
            map.entry(key.clone()).or_default().extend(actions);
        }
        crate_.methods.retain(|_, actions| !actions.is_empty());
        assert!(crate_.ports.len() > 10, "{crate_:?}");
        crate_
    }

    /// What the code below a folder needs.
    fn actions_of(&self, folder: &str) -> Actions {
        let mut names = Names::default();
        for path in rust_files_below(folder) {
            names.visit_file(&parse(&path));
        }
        let ports = self.ports.iter().filter(|(port, _)| names.paths.contains(*port));
        let methods = self.methods.iter().filter(|(method, _)| names.methods.contains(*method));
        ports.chain(methods).flat_map(|(_, actions)| actions.clone()).collect()
    }
}

#[derive(Debug, Default)]
struct Functions {
    /// By the type or port that they belong to, and their name.
    by_name: BTreeMap<(String, String), Function>,
    owner: String,
    port: Option<String>,
}

impl Functions {
    /// What a function calls, itself or through others of the crate.
    fn reach(&self, function: &Function, seen: &mut BTreeSet<String>) -> Actions {
        let mut actions = function.actions.clone();
        for call in &function.calls {
            if !seen.insert(call.clone()) {
                continue;
            }
            // A port's method is called through the port, not by its name.
            let called =
                self.by_name.iter().filter(|((_, name), f)| name == call && f.port.is_none());
            for (_, called) in called {
                actions.extend(self.reach(called, seen));
            }
        }
        actions
    }

    fn add(&mut self, name: &syn::Ident, visibility: &syn::Visibility, block: &syn::Block) {
        let mut names = Names::default();
        names.visit_block(block);
        let actions = names.methods.iter().filter_map(|method| action(method));
        let items = names.paths.iter().filter_map(|path| transaction_action(path, &names));
        let function = Function {
            port: self.port.clone(),
            is_public: matches!(visibility, syn::Visibility::Public(_)),
            actions: actions.chain(items).map(str::to_owned).collect(),
            calls: names.called,
        };
        self.by_name.insert((self.owner.clone(), name.to_string()), function);
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let last = |path: &syn::Path| path.segments.last().map(|part| part.ident.to_string());
        self.port = item.trait_.as_ref().and_then(|(_, path, _)| last(path));
        let syn::Type::Path(owner) = &*item.self_ty else { return };
        self.owner = format!("{} {:?}", last(&owner.path).unwrap(), self.port);
        syn::visit::visit_item_impl(self, item);
        self.port = None;
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.add(&function.sig.ident, &function.vis, &function.block);
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.owner.clear();
        self.add(&function.sig.ident, &function.vis, &function.block);
    }
}

/// The action of an SDK operation, by the name of its fluent builder.
///
/// IAM checks the actions of a transaction's items; there is no action for the transaction:
/// see [`transaction_action`]. Source: the DynamoDB developer guide, "Using IAM with
/// `DynamoDB` transactions".
fn action(method: &str) -> Option<&'static str> {
    Some(match method {
        "get_item" => "dynamodb:GetItem",
        "put_item" => "dynamodb:PutItem",
        "update_item" => "dynamodb:UpdateItem",
        "delete_item" => "dynamodb:DeleteItem",
        "query" => "dynamodb:Query",
        "scan" => "dynamodb:Scan",
        "batch_get_item" => "dynamodb:BatchGetItem",
        "batch_write_item" => "dynamodb:BatchWriteItem",
        "start_execution" => "states:StartExecution",
        "stop_execution" => "states:StopExecution",
        "describe_execution" => "states:DescribeExecution",
        "get_execution_history" => "states:GetExecutionHistory",
        "send_task_success" => "states:SendTaskSuccess",
        "send_task_failure" => "states:SendTaskFailure",
        "get_secret_value" => "secretsmanager:GetSecretValue",
        _ => return None,
    })
}

/// The action of a transaction's item that a function builds.
fn transaction_action(path: &str, names: &Names) -> Option<&'static str> {
    if !names.paths.contains("builder") {
        return None;
    }
    match path {
        "Put" => Some("dynamodb:PutItem"),
        "Update" => Some("dynamodb:UpdateItem"),
        "Delete" => Some("dynamodb:DeleteItem"),
        "ConditionCheck" => Some("dynamodb:ConditionCheckItem"),
        _ => None,
    }
}
