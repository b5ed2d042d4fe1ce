//! Runs scenarios on stacks that lack one grant.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use local_stack::functions::Binaries;
use local_stack::iam::GrantUse;
use local_stack::scenarios::grants::{self, GrantEntry};
use local_stack::scenarios::stock_levels::load_stock;
use local_stack::scenarios::{self, Scenario, reconciliation, runner};
use local_stack::stack::{Settings, Stack};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// How many stacks run at once.
const STACKS: usize = 3;
/// The real time after which a scenario that lacks a grant counts as failed. Some wait for
/// what never comes, while the stack's clock skips through months.
const TIME_LIMIT: Duration = Duration::from_secs(15);
/// What is run before the reconciliation, so that there is something to reconcile.
const RECONCILED: &str = "happy";
/// The name of the loading of the stock among the scenarios.
const LOAD_STOCK: &str = "load-stock";

/// Starts stacks and takes grants away.
#[derive(Debug, Clone)]
pub(crate) struct Removals {
    root: PathBuf,
    binaries: Binaries,
    scenarios: Arc<BTreeMap<String, Scenario>>,
    slots: Arc<Semaphore>,
}

impl Removals {
    pub(crate) fn new(root: &Path, binaries: Binaries) -> Self {
        let scenarios = scenarios::load(root).unwrap().into_iter();
        let scenarios = scenarios.map(|scenario| (scenario.name.clone(), scenario)).collect();
        let slots = Arc::new(Semaphore::new(STACKS));
        Self { root: root.to_owned(), binaries, scenarios: Arc::new(scenarios), slots }
    }

    async fn stack(&self) -> Stack {
        let settings = Settings::temporary(&self.root, self.binaries.clone()).with_policies(true);
        Stack::start(settings).await.unwrap()
    }

    /// All grants of the template.
    pub(crate) async fn grants(&self) -> Vec<GrantUse> {
        let stack = self.stack().await;
        let grants = stack.permissions().unwrap().grants();
        stack.shutdown().await;
        grants
    }

    /// The grants whose scenario does not fail without them.
    pub(crate) async fn harmless(&self, entries: &[GrantEntry]) -> Vec<String> {
        let mut runs = JoinSet::new();
        for entry in entries.iter().filter(|entry| entry.scenario.is_some()) {
            let (removals, entry) = (self.clone(), entry.clone());
            runs.spawn(async move {
                let failure = removals.run_without(&entry).await;
                println!("{entry:?}: {}", failure.as_deref().unwrap_or("SUCCEEDS"));
                failure.is_none().then(|| format!("{entry:?}"))
            });
        }
        runs.join_all().await.into_iter().flatten().collect()
    }

    /// Finds a scenario for each grant that is not among these entries: one of the scenarios
    /// that use it, the ones with the fewest calls first.
    pub(crate) async fn find_scenarios(&self, entries: &[GrantEntry]) -> Vec<GrantEntry> {
        let uses = self.run_all().await;
        let mut weights: BTreeMap<&String, u64> = BTreeMap::new();
        for (scenario, calls) in uses.iter().flat_map(|grant| &grant.scenarios) {
            *weights.entry(scenario).or_default() += calls;
        }
        let mut searches = JoinSet::new();
        for grant in &uses {
            let mut candidates: Vec<_> = grant.scenarios.keys().cloned().collect();
            candidates.sort_by_key(|scenario| weights[scenario]);
            let known = grants::find(entries, grant).cloned();
            let (removals, grant) = (self.clone(), grant.clone());
            searches.spawn(async move {
                match known {
                    Some(known) => Some(known),
                    None => removals.find_scenario(&grant, candidates).await,
                }
            });
        }
        let mut found: Vec<_> = searches.join_all().await.into_iter().flatten().collect();
        found.sort_by_key(|entry| uses.iter().position(|grant| entry.is_of(grant)));
        found
    }

    async fn find_scenario(&self, grant: &GrantUse, candidates: Vec<String>) -> Option<GrantEntry> {
        let GrantUse { role, action, resource, .. } = grant.clone();
        let mut entry = GrantEntry { role, action, resource, scenario: None, reason: None };
        for scenario in candidates {
            entry.scenario = Some(scenario);
            let failure = self.run_without(&entry).await;
            println!("{entry:?}: {failure:?}");
            if failure.is_some() {
                return Some(entry);
            }
        }
        println!("no scenario fails without {entry:?}");
        None
    }

    /// Runs all scenarios with all grants.
    async fn run_all(&self) -> Vec<GrantUse> {
        let stack = self.stack().await;
        load_stock(&stack, &self.root).await.unwrap();
        for scenario in self.scenarios.values() {
            let report = runner::run(&stack, scenario, &mut |_| {}).await.unwrap();
            println!("{}: {:?}", scenario.name, report.differences);
        }
        reconciliation::run(&stack).await.unwrap();
        let permissions = stack.permissions().unwrap();
        println!("denied: {:#?}", permissions.denied());
        let grants = permissions.grants();
        stack.shutdown().await;
        grants
    }

    /// Runs the scenario of an entry on a separate stack without the grant. Returns how it
    /// failed, if it did, provided that a call was denied.
    async fn run_without(&self, entry: &GrantEntry) -> Option<String> {
        let _slot = self.slots.acquire().await.unwrap();
        let scenario = entry.scenario.as_deref().unwrap();
        let stack = self.stack().await;
        if scenario != LOAD_STOCK {
            load_stock(&stack, &self.root).await.unwrap();
        }
        if scenario == reconciliation::NAME {
            runner::run(&stack, &self.scenarios[RECONCILED], &mut |_| {}).await.unwrap();
        }
        let permissions = stack.permissions().unwrap();
        assert!(permissions.remove_grant(&entry.role, &entry.action, &entry.resource), "{entry:?}");
        // What a worker read while it started must be read again.
        stack.lambda().end_idle_workers();
        let failure = tokio::time::timeout(TIME_LIMIT, self.run(&stack, scenario)).await;
        let denied = permissions.denied();
        stack.shutdown().await;
        let failure = failure.unwrap_or_else(|_| Some("it does not end".to_owned()));
        failure.filter(|_| !denied.is_empty())
    }

    /// Runs a scenario, the reconciliation or the loading of the stock. Returns what went
    /// wrong.
    async fn run(&self, stack: &Stack, scenario: &str) -> Option<String> {
        let error = match scenario {
            LOAD_STOCK => load_stock(stack, &self.root).await.err(),
            reconciliation::NAME => reconciliation::run(stack).await.err(),
            _ => match runner::run(stack, &self.scenarios[scenario], &mut |_| {}).await {
                Ok(report) => return report.differences.into_iter().next(),
                Err(error) => Some(error),
            },
        };
        error.map(|error| format!("{error:#}"))
    }
}
