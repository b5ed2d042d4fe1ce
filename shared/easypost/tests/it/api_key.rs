//! Which key a call uses: the stored one, its replacement once it is rejected, and never one
//! of the other mode.

use domain::ShipmentId;
use domain::account::AccountProblem;
use domain::ledger::ListLabels as _;
use domain::ports::{
    ApiKey, ApiKeySource, CallOutcome, NoApiKey, ProviderMode, ShippingProvider as _,
    ShippingRejection,
};
use easypost::EasyPost;
use serde_json::{Value, json};
use testing::fakes::run;
use testing::samples;
use testing::transport::ScriptedTransport;

#[derive(Debug, Clone)]
struct Replaced;

impl ApiKeySource for Replaced {
    async fn current(&self) -> Result<ApiKey, NoApiKey> {
        Ok(ApiKey::test("EZTK1"))
    }

    async fn replacement(&self, rejected: &ApiKey) -> Result<Option<ApiKey>, NoApiKey> {
        assert_eq!(rejected.secret.expose(), "EZTK1");
        Ok(Some(ApiKey::test("EZTK2")))
    }
}

fn shipment(mode: &str) -> Value {
    json!({"id": "shp_1", "mode": mode, "rates": []})
}

fn id() -> ShipmentId {
    ShipmentId::parse("shp_1").unwrap()
}

#[test]
fn a_call_whose_key_was_replaced_is_sent_once_more() {
    let inactive = json!({"error": {"code": "APIKEY.INACTIVE"}});
    for (status, body) in [(401, &Value::Null), (403, &inactive)] {
        let transport = ScriptedTransport::with_response(status, body);
        transport.push_response(200, &shipment("test"));
        let easypost = EasyPost::new(transport.clone(), "https://api.easypost.com", Replaced);
        let outcome = run(easypost.retrieve(&id())).unwrap();
        assert!(matches!(outcome, CallOutcome::Succeeded(_)), "{status}");
        assert_eq!(transport.urls().len(), 2);
    }
    let forbidden = ScriptedTransport::with_response(403, &Value::Null);
    let easypost = EasyPost::new(forbidden.clone(), "https://api.easypost.com", Replaced);
    let denied = ShippingRejection::Account(AccountProblem::AccessDenied);
    assert_eq!(run(easypost.retrieve(&id())).unwrap(), CallOutcome::Rejected(denied));
    assert_eq!(forbidden.urls().len(), 1, "another key would not help");
}

#[test]
fn an_object_of_the_other_mode_is_a_problem_of_the_account() {
    let wrong = ShippingRejection::Account(AccountProblem::WrongMode);
    for (mode, object, expected) in [
        (ProviderMode::Test, "test", true),
        (ProviderMode::Test, "production", false),
        (ProviderMode::Live, "production", true),
        (ProviderMode::Live, "test", false),
    ] {
        let key = ApiKey { mode, ..ApiKey::test("a key") };
        let page = json!({"shipments": [shipment(object)], "has_more": false});
        let easypost = |body: &Value| {
            let transport = ScriptedTransport::with_response(200, body);
            EasyPost::new(transport, "https://api.easypost.com", key.clone())
        };
        let retrieved = run(easypost(&shipment(object)).retrieve(&id())).unwrap();
        let listed = run(easypost(&page).list_labels(None, samples::placed_at(), None)).unwrap();
        if expected {
            assert!(matches!(retrieved, CallOutcome::Succeeded(_)));
            assert!(matches!(listed, CallOutcome::Succeeded(_)));
        } else {
            assert_eq!(retrieved, CallOutcome::Rejected(wrong.clone()), "{mode:?}");
            assert_eq!(listed, CallOutcome::Rejected(wrong.clone()), "{mode:?}");
        }
    }
}

#[test]
fn without_an_address_to_ship_from_no_shipment_is_created() {
    let transport = ScriptedTransport::default();
    let easypost =
        EasyPost::new(transport.clone(), "https://api.easypost.com", ApiKey::test("EZTK1"));
    let outcome = run(easypost.create(&samples::received().parcel().unwrap())).unwrap();
    assert!(matches!(outcome, CallOutcome::Rejected(ShippingRejection::Misconfigured(_))));
    assert!(transport.urls().is_empty());
}
