//! `cargo local`: the commands, one file each.
