//! A panic ends the process and logs its place, not its message, which may hold private
//! data. The test runs itself as a child process, because a panic aborts the process.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test without the harness")]

use std::process::Command;

const CANARY: &str = "canary-4242424242424242";

fn main() {
    if std::env::args().any(|argument| argument == "panic") {
        aws::telemetry::install_panic_hook();
        panic!("{CANARY}");
    }
    let this = std::env::current_exe().unwrap();
    let output = Command::new(this).arg("panic").output().unwrap();
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed);
    assert!(!output.status.success(), "the process ends");
    assert!(printed.contains("the function panicked"), "{printed}");
    assert!(printed.contains("panic.rs:"), "the place is logged: {printed}");
    assert!(!printed.contains(CANARY), "the message is not logged: {printed}");
    println!("a_panic_ends_the_process_and_does_not_log_its_message ... ok");
}
