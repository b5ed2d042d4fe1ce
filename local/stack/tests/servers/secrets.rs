//! Secrets Manager on the AWS endpoint: the operations, their errors, and what a stack
//! keeps.

use local_stack::dynamodb::Caller;
use local_stack::secretsmanager::SecretsManager;
use local_stack::template::TemplateSecret;
use serde_json::{Value, json};

use crate::client::post;
use crate::support::{host, probe};

const KEY_ARN: &str = "arn:aws:secretsmanager:us-east-1:000000000000:secret:Key-local0";

fn secret(name: &str, value: Option<&str>) -> TemplateSecret {
    let arn = format!("arn:aws:secretsmanager:us-east-1:000000000000:secret:{name}-local0");
    TemplateSecret { name: name.to_owned(), arn, value: value.map(str::to_owned) }
}

fn function(name: &str) -> Caller {
    Caller::Function(name.to_owned())
}

fn value(secrets: &SecretsManager, id: &str, caller: &Caller) -> Result<String, String> {
    let read = secrets.call("GetSecretValue", &json!({ "SecretId": id }), caller);
    read.map(|answer| answer["SecretString"].as_str().unwrap_or_default().to_owned())
        .map_err(|error| error.code)
}

fn put(secrets: &SecretsManager, id: &str, text: &str) -> Value {
    let body = json!({ "SecretId": id, "SecretString": text });
    secrets.call("PutSecretValue", &body, &Caller::Other).expect("a known secret")
}

#[tokio::test]
async fn a_secret_without_a_value_is_there_and_cannot_be_read() {
    let bed = host(probe());
    let secrets = SecretsManager::open(None, vec![secret("Key", None)], &[], bed.clock.clone());
    let secrets = secrets.expect("a stack in memory");
    let not_found = Err("ResourceNotFoundException".to_owned());
    assert_eq!(value(&secrets, "Key", &Caller::Other), not_found);
    let described = secrets.call("DescribeSecret", &json!({"SecretId": "Key"}), &Caller::Other);
    assert_eq!(described.expect("it is there")["ARN"], KEY_ARN);
    assert_eq!(value(&secrets, "Other", &Caller::Other), not_found);
    let first = put(&secrets, "Key", "one");
    put(&secrets, KEY_ARN, "two");
    for id in ["Key", KEY_ARN, KEY_ARN.trim_end_matches("-local0")] {
        assert_eq!(value(&secrets, id, &Caller::Other).as_deref(), Ok("two"), "{id}");
    }
    let previous = json!({"SecretId": "Key", "VersionStage": "AWSPREVIOUS"});
    let previous = secrets.call("GetSecretValue", &previous, &Caller::Other).expect("a version");
    assert_eq!(
        (&previous["SecretString"], &previous["VersionId"]),
        (&"one".into(), &first["VersionId"])
    );
}

#[tokio::test]
async fn a_test_key_names_the_function_that_reads_it_and_a_stored_value_is_returned_as_it_is() {
    let bed = host(probe());
    let test_values = [("Key", "sk_test_local_{function}")];
    let template = vec![secret("Key", None), secret("Settings", Some("{}"))];
    let secrets = SecretsManager::open(None, template, &test_values, bed.clock.clone());
    let secrets = secrets.expect("a stack in memory");
    let payment = function("process-payment");
    assert_eq!(value(&secrets, "Key", &payment).as_deref(), Ok("sk_test_local_process_payment"));
    assert_eq!(
        value(&secrets, "Key", &function("order-api")).as_deref(),
        Ok("sk_test_local_order_api")
    );
    put(&secrets, "Key", "sk_test_mine");
    assert_eq!(value(&secrets, "Key", &payment).as_deref(), Ok("sk_test_mine"));
    secrets.remove_keys();
    assert!(value(&secrets, "Key", &payment).is_err());
    assert_eq!(value(&secrets, "Settings", &payment).as_deref(), Ok("{}"), "no key");
    assert_eq!(secrets.reads()[&("Key".to_owned(), "process-payment".to_owned())], 2);
}

#[tokio::test]
async fn what_is_stored_by_hand_stays_until_the_template_changes() {
    let bed = host(probe());
    let folder = tempfile::tempdir().expect("a folder");
    let open = |template_value: &str| {
        let template = vec![secret("Settings", Some(template_value))];
        let file = Some(folder.path().join("secrets.json"));
        SecretsManager::open(file, template, &[], bed.clock.clone()).expect("a file")
    };
    let read = |secrets: &SecretsManager| value(secrets, "Settings", &Caller::Other);
    let first = open("deployed");
    assert_eq!(read(&first).as_deref(), Ok("deployed"));
    put(&first, "Settings", "by hand");
    assert_eq!(read(&open("deployed")).as_deref(), Ok("by hand"));
    assert_eq!(read(&open("deployed again")).as_deref(), Ok("deployed again"));
}

#[tokio::test]
async fn the_endpoint_speaks_json_1_1_with_the_error_names_of_aws() {
    let bed = host(probe());
    let endpoint = bed.endpoint().await;
    let call = async |operation: &str, body: Value| {
        let request = post(endpoint.url())
            .header("x-amz-target", &format!("secretsmanager.{operation}"))
            .header("content-type", "application/x-amz-json-1.1");
        let response = request.body(body.to_string()).send().await;
        (response.status, response.json())
    };
    let (status, created) =
        call("CreateSecret", json!({"Name": "a/b", "SecretString": "one"})).await;
    assert_eq!((status, &created["Name"]), (200, &json!("a/b")));
    let (status, read) = call("GetSecretValue", json!({"SecretId": created["ARN"]})).await;
    assert_eq!((status, &read["SecretString"]), (200, &json!("one")));
    let (_, listed) = call("ListSecrets", json!({})).await;
    assert_eq!(listed["SecretList"][0]["Name"], "a/b");
    for (operation, body, code) in [
        ("CreateSecret", json!({"Name": "a/b"}), "ResourceExistsException"),
        ("CreateSecret", json!({"Name": "a b"}), "ValidationException"),
        ("GetSecretValue", json!({"SecretId": "c"}), "ResourceNotFoundException"),
        ("GetSecretValue", json!({}), "ValidationException"),
        ("PutSecretValue", json!({"SecretId": "c"}), "ResourceNotFoundException"),
        ("PutSecretValue", json!({"SecretId": "a/b"}), "InvalidRequestException"),
        ("PutSecretValue", json!({"SecretId": "a/b", "SecretString": ""}), "ValidationException"),
        ("DeleteSecret", json!({"SecretId": "a/b"}), "UnknownOperationException"),
    ] {
        let (status, error) = call(operation, body.clone()).await;
        assert_eq!((status, &error["__type"]), (400, &json!(code)), "{operation} {body}");
    }
}
