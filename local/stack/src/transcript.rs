//! The transcript of an execution: a tree of text.
