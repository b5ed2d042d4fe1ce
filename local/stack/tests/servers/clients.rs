//! boto3 and the AWS CLI against the AWS endpoint. The checks are in `clients.py`.

use std::process::{Command, Output};

use crate::support::{host, probe};

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::disallowed_methods, reason = "a test checks whether it runs in CI")]
async fn boto3_and_the_cli_are_served_as_by_aws() {
    if !(is_installed("python3", &["-c", "import boto3"]) && is_installed("aws", &["--version"])) {
        assert!(std::env::var_os("CI").is_none(), "in CI, boto3 and the AWS CLI must be installed");
        println!("skipped: boto3 or the AWS CLI is not installed");
        return;
    }
    let hosted = host(probe());
    let endpoint = hosted.endpoint().await;
    let url = endpoint.url();
    let ran = tokio::task::spawn_blocking(move || check(&url)).await.expect("the check");
    let (output, errors) =
        (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{output}\n{errors}");
    hosted.host.shutdown().await;
}

fn check(url: &str) -> Output {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers/clients.py");
    Command::new("python3").args([script, url]).output().expect("python3 runs")
}

fn is_installed(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|ran| ran.status.success())
}
