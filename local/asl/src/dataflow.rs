//! How data moves through a state.
