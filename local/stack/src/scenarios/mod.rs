//! Scenarios: one order each, with its faults, its actions and its expected end.
