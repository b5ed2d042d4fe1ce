//! Runs unmodified boto3 and the AWS CLI against the AWS endpoint; `boto/stepfunctions.py` has
//! the checks.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and prints why it was skipped"
)]

use std::process::Command;
use std::sync::Arc;

use local_stack::aws::{Endpoint, Services};
use local_stack::clock::{ClockSettings, StackClock};
use local_stack::counters::Counters;
use local_stack::dynamodb::{self, DynamoDb};
use local_stack::faults::Faults;
use local_stack::lambda::{HostSettings, LambdaHost};
use local_stack::secretsmanager::SecretsManager;
use local_stack::stepfunctions::{Deps, StepFunctions, StoreLocation};
use tokio::net::TcpListener;

#[tokio::test(flavor = "multi_thread")]
async fn boto3_and_the_aws_cli_work_against_the_endpoint() {
    if !has_boto3() {
        return skipped("boto3 is not installed");
    }
    let endpoint = endpoint().await;
    let url = endpoint.url();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/boto/stepfunctions.py");
    let ran = tokio::task::spawn_blocking(move || {
        Command::new("python3").arg(script).arg(url).output().unwrap()
    });
    let ran = ran.await.unwrap();
    let output = String::from_utf8_lossy(&ran.stdout);
    let errors = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{output}\n{errors}");
}

/// An endpoint with all services but without functions.
async fn endpoint() -> Endpoint {
    let clock = StackClock::new(ClockSettings::default());
    let (counters, faults) = (Counters::new(), Faults::new());
    let lambda =
        LambdaHost::start(HostSettings::default(), clock.clone(), counters.clone(), faults.clone());
    let lambda = lambda.unwrap();
    let tables = dynamodb::Deps {
        clock: clock.clone(),
        counters: counters.clone(),
        faults: faults.clone(),
        functions: None,
    };
    let dynamodb = Arc::new(DynamoDb::open(dynamodb::Store::Memory, tables).unwrap());
    let states = StepFunctions::start(Deps {
        clock: clock.clone(),
        lambda: Arc::clone(&lambda) as _,
        dynamodb: Arc::clone(&dynamodb),
        store: StoreLocation::Memory,
        counters,
        faults: faults.clone(),
        permissions: None,
    });
    let states = states.await.unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let services = Services {
        lambda,
        dynamodb,
        step_functions: Arc::new(move |operation, body, signer| {
            let states = states.clone();
            Box::pin(async move { states.serve(&operation, body, &signer).await })
        }),
        secrets: Arc::new(SecretsManager::open(None, Vec::new(), &[], clock.clone()).unwrap()),
        clock,
        faults,
        permissions: None,
    };
    Endpoint::start(listener, services).unwrap()
}

fn has_boto3() -> bool {
    let probe = Command::new("python3").args(["-c", "import boto3"]).output();
    probe.is_ok_and(|output| output.status.success())
}

#[expect(clippy::disallowed_methods, reason = "only CI must have boto3")]
fn skipped(why: &str) {
    assert!(std::env::var("CI").is_err(), "{why}; CI requires it");
    println!("skipped: {why}");
}
