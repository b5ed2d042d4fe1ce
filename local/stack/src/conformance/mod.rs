//! The engine against recordings of the real Step Functions.
