//! What happens to an error: retriers and catchers.
