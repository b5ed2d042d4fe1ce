//! The emulators of the providers, and the signatures of their webhooks.

use jiff::Timestamp;
use local_stack::dynamodb::Caller;
use serde_json::{Value, json};

use crate::case::{Case, items, probe_stack, real_stack, text};
use crate::client::{Response, get, post};

pub(crate) async fn cancel_after_capture(case: &Case) {
    let stack = probe_stack().await;
    let url = format!("{}/v1/payment_intents", stack.urls().stripe);
    let call = async |path: &str, form: &str| -> Response {
        let request = post(format!("{url}{path}"))
            .header("authorization", "Bearer sk_test_local")
            .header("content-type", "application/x-www-form-urlencoded");
        request.body(form.to_owned()).send().await
    };
    let form = "amount=3900&currency=usd&payment_method=pm_card_visa&capture_method=manual\
                &confirm=true&automatic_payment_methods[enabled]=true\
                &automatic_payment_methods[allow_redirects]=never";
    let created = call("", form).await.json();
    let id = text(&created["id"]);
    assert_eq!(call(&format!("/{id}/capture"), "").await.status, 200);
    let refused = call(&format!("/{id}/cancel"), "").await;
    let expected = &case.input()["expect"]["last"];
    assert_eq!(refused.status, expected["http_status"]);
    let error = &refused.json()["error"];
    let message = text(&expected["error"]["message_contains"]);
    assert!(text(&error["message"]).contains(message), "{error}");
    assert_eq!(error["code"], expected["error"]["code"]);
    let status = &expected["error"]["payment_intent"]["status"];
    assert_eq!(error["payment_intent"]["status"], *status);
    stack.shutdown().await;
}

pub(crate) async fn foreign_rate(case: &Case) {
    let stack = probe_stack().await;
    let url = format!("{}/v2/shipments", stack.urls().easypost);
    let key = "Basic RVpUS2xvY2FsOg==";
    let call = async |path: &str, body: Value| -> Response {
        let request = post(format!("{url}{path}")).header("authorization", key);
        request.header("content-type", "application/json").body(body.to_string()).send().await
    };
    let (first, second) = (call("", shipment()).await.json(), call("", shipment()).await.json());
    let id = text(&first["id"]);
    let rate = json!({ "rate": { "id": second["rates"][0]["id"] } });
    let refused = call(&format!("/{id}/buy"), rate).await;
    let expected = &case.input()["expect"];
    let statuses = items(&expected["third"]["http_status_in"]);
    assert!(statuses.contains(&refused.status.into()), "{refused:?}");
    let found = get(format!("{url}/{id}")).header("authorization", key).send().await.json();
    assert_eq!(found["postage_label"], expected["fourth"]["postage_label"]);
    stack.shutdown().await;
}

fn shipment() -> Value {
    let address = json!({
        "name": "Grace Hopper", "street1": "1 Main St", "city": "Boston", "state": "MA",
        "zip": "02108", "country": "US", "phone": "+14155550123",
    });
    let parcel = json!({ "weight": 15.4 });
    json!({ "shipment": { "to_address": address, "from_address": address, "parcel": parcel } })
}

/// Signatures with two secrets at once, at the API of the product.
pub(crate) async fn rolled_secret(case: &Case) {
    let input = case.input();
    let at = Timestamp::from_second(input["at"].as_i64().unwrap()).unwrap();
    let stack = real_stack(&at.to_string(), false).await;
    let secrets = json!({
        "SecretId": "StripeWebhookSecret", "SecretString": input["known_secrets"],
    });
    stack.secrets().call("PutSecretValue", &secrets, &Caller::Other).unwrap();
    for header in items(&input["headers"]) {
        let answer = post(format!("{}/webhooks/stripe", stack.urls().api))
            .header("content-type", "application/json; charset=utf-8")
            .header("stripe-signature", text(&header["stripe-signature"]))
            .body(text(&input["body"]).to_owned())
            .send()
            .await;
        assert_eq!(answer.status, header["status"], "{header}");
    }
    stack.shutdown().await;
}
