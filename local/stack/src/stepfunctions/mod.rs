//! Step Functions: executions of the state machine, over crate `asl`.
