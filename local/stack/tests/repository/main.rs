//! What must hold over the whole repository and no compiler checks.
//!
//! [`state_machine`] compares the state machine file with the table of steps,
//! [`permissions`] the template with what the code calls, [`imports`] holds the
//! layout, [`dependencies`] the crates that ship, and [`documents`] the links,
//! paths and commands that the documents name. [`alarms`] holds that what can fail has an
//! alarm, each alarm a runbook, and that the metrics are those of the code. [`listed`] holds
//! that the template names each function in every list of functions.

#[cfg(test)]
mod alarms;
#[cfg(test)]
mod dependencies;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod files;
#[cfg(test)]
mod functions;
#[cfg(test)]
mod imports;
#[cfg(test)]
mod listed;
#[cfg(test)]
mod permissions;
#[cfg(test)]
mod sources;
#[cfg(test)]
mod state_machine;
#[cfg(test)]
mod template;
