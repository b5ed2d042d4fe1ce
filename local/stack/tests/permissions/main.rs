//! Takes each grant of each role away, one at a time, and runs the scenario that
//! `local/stack/grants.json` names for it, with the real function binaries. The scenario
//! must fail because of the denied call: so no grant of the template is superfluous.
//!
//! `UPDATE_GRANTS=1` runs all scenarios, finds one for each grant that the file does not
//! list, and rewrites the file. To search again, remove the entry first. That takes much
//! longer than the test, which runs one short scenario for each grant.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and prints what it saw"
)]

mod grant_file;
mod removal;

use local_stack::clock::{ClockSettings, StackClock};
use local_stack::functions::{self, Profile};
use local_stack::scenarios::grants;
use local_stack::workspace;

use crate::removal::Removals;

#[tokio::test(flavor = "multi_thread")]
async fn without_any_one_grant_its_scenario_fails() {
    let root = workspace::root();
    let binaries = functions::build_in(&root, Profile::Dev).unwrap();
    let removals = Removals::new(&root, binaries);
    #[expect(clippy::disallowed_methods, reason = "the one switch of this test")]
    if std::env::var_os("UPDATE_GRANTS").is_some() {
        let entries = grants::load(&root).unwrap();
        grant_file::write(&root, &removals.find_scenarios(&entries).await);
    }
    let clock = StackClock::new(ClockSettings::default());
    let started = clock.now();
    let entries = grants::load(&root).unwrap();
    let differences = grant_file::differences(&entries, &removals.grants().await);
    assert!(differences.is_empty(), "{}:\n{}", grants::PATH, differences.join("\n"));
    let harmless = removals.harmless(&entries).await;
    println!("{} grants in {:#}", entries.len(), clock.now().duration_since(started));
    assert!(harmless.is_empty(), "nothing fails without:\n{}", harmless.join("\n"));
}
