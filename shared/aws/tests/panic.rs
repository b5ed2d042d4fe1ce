//! A panic ends the process, and its message, which may hold anything, is
//! written nowhere: run as a process of its own, because it must die.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test without the harness")]

use std::process::Command;

const CANARY: &str = "canary-4242424242424242";

fn main() {
    if std::env::args().any(|argument| argument == "die") {
        aws::telemetry::install_panic_hook();
        panic!("{CANARY}");
    }
    let this = std::env::current_exe().unwrap();
    let died = Command::new(this).arg("die").output().unwrap();
    let said = [died.stdout, died.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(!died.status.success(), "the process ends");
    assert!(said.contains("the function panicked"), "{said}");
    assert!(said.contains("panic.rs:"), "the place is named: {said}");
    assert!(!said.contains(CANARY), "the message is not: {said}");
    println!("a_panic_ends_the_process_and_gives_nothing_away ... ok");
}
