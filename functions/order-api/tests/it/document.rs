//! The OpenAPI document and the code agree: routes, scopes, examples, problems, and
//! every limit of every body.

use std::collections::BTreeSet;

use domain::Order;
use order_api::problem::ProblemKind;
use serde_json::{Map, Value, json};
use strum::VariantArray as _;

use crate::support::{
    ADA, EASYPOST, OP, STRIPE, TestApi, TestBed, TestRequest, TestResponse, document, hmac, send,
};
use testing::samples;

/// Every operation with its method and its path.
fn operations() -> impl Iterator<Item = (String, &'static str, &'static Value)> {
    let paths = document()["paths"].as_object().unwrap();
    paths.iter().flat_map(|(path, item)| {
        let operations = item.as_object().unwrap().iter();
        operations.map(|(method, it)| (method.to_uppercase(), path.as_str(), it))
    })
}

/// `GET /orders/{}`: only the document names the parameters.
fn key(method: &str, path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
    format!("{method} {}", parts.collect::<Vec<_>>().join("/"))
}

fn documented() -> BTreeSet<String> {
    operations().map(|(method, path, _)| key(&method, path)).collect()
}

#[test]
fn it_is_openapi_3_1_and_has_exactly_the_routes_of_the_code() {
    assert_eq!(document()["openapi"], "3.1.0");
    let source = include_str!("../../src/routes.rs");
    let routes = source.lines().filter_map(|line| {
        let (method, rest) = line.trim().strip_prefix("(\"")?.split_once("\", [")?;
        let (path, _) = rest.split_once("]) =>")?;
        let parts = path.split(", ").map(|part| match part.strip_prefix('"') {
            Some(word) => word.trim_end_matches('"').to_owned(),
            None => "{}".to_owned(),
        });
        Some(format!("{method} /{}", parts.collect::<Vec<_>>().join("/")))
    });
    let mut routes: BTreeSet<String> = routes.collect();
    // A GET without a token also answers a HEAD.
    assert!(routes.remove("HEAD /openapi.json"));
    // One route in the code; in the document one for each provider.
    assert!(routes.remove("POST /webhooks/{}"));
    routes.extend(TestBed::new().webhooks.keys().map(|name| format!("POST /webhooks/{name}")));
    assert_eq!(documented(), routes);
}

#[tokio::test]
async fn every_path_refuses_another_method_and_lists_the_documented_ones() {
    for (path, item) in document()["paths"].as_object().unwrap() {
        let response = send(&TestBed::new(), TestRequest::new("PATCH", path)).await;
        response.assert_problem(405, "method-not-allowed");
        let allowed: BTreeSet<_> = response.headers["allow"]
            .as_str()
            .unwrap()
            .split(", ")
            .map(str::to_lowercase)
            .collect();
        let mut documented: BTreeSet<_> = item.as_object().unwrap().keys().cloned().collect();
        if is_public(&item["get"]) {
            documented.insert("head".to_owned());
        }
        assert_eq!(allowed, documented, "{path}");
    }
}

/// Whether an operation requires no token.
fn is_public(operation: &Value) -> bool {
    operation["security"].as_array().is_some_and(Vec::is_empty)
}

/// The routes of the web page, which is no part of the API.
const PAGE: [&str; 2] = ["/", "/console/{file+}"];

/// The value of a property in a line of the template.
fn property<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(&format!("{name}: "))?;
    rest.split([',', '}', ']']).next().map(|word| word.trim_matches(['"', '[', ' ']))
}

#[test]
fn it_has_exactly_the_routes_of_the_template_with_their_scopes() {
    let template = include_str!("../../../../template.yaml");
    let lines = template.lines().filter(|line| line.contains("Properties: {Method: "));
    let mut routes = BTreeSet::new();
    for line in lines.filter(|line| !line.contains("{proxy+}")) {
        // A path with braces is quoted.
        let (_, rest) = line.split_once("Path: ").unwrap();
        let end = if rest.starts_with('"') { "\"" } else { ",}" };
        let path = rest.trim_start_matches('"').split(|c| end.contains(c)).next().unwrap();
        let method = property(line, "Method").unwrap();
        let scopes: BTreeSet<String> = line
            .split_once("AuthorizationScopes: [")
            .map(|(_, rest)| rest.split(']').next().unwrap())
            .into_iter()
            .flat_map(|list| list.split(", "))
            .map(|scope| scope.trim_matches('"').to_owned())
            .collect();
        let has_no_authorizer = property(line, "Authorizer").is_none();
        if PAGE.contains(&path) {
            assert!(has_no_authorizer && method == "ANY", "{line}");
            continue;
        }
        // A public GET is a route for any method: neither a HEAD nor a 405 needs a token.
        let method = if method == "ANY" { "GET" } else { method };
        let operation = &document()["paths"][path][method.to_lowercase()];
        let security = operation["security"].as_array().unwrap_or_else(|| panic!("{line}"));
        let named: BTreeSet<String> = security
            .iter()
            .flat_map(|one| one["token"].as_array().unwrap())
            .map(|scope| scope.as_str().unwrap().to_owned())
            .collect();
        assert_eq!((named, is_public(operation)), (scopes, has_no_authorizer), "{method} {path}");
        routes.insert(key(method, path));
    }
    assert_eq!(documented(), routes);
}

#[test]
fn every_kind_of_problem_is_documented() {
    let all: BTreeSet<&str> = document()["components"]["schemas"]["Problem"]["properties"]["type"]
        ["enum"]
        .as_array()
        .unwrap()
        .iter()
        .map(|urn| urn.as_str().unwrap().rsplit(':').next().unwrap())
        .collect();
    let in_code: BTreeSet<&str> = ProblemKind::VARIANTS.iter().map(|kind| kind.name()).collect();
    assert_eq!(all, in_code);
    let mut shown = BTreeSet::from(["method-not-allowed"]);
    for (method, path, operation) in operations() {
        for (status, response) in operation["responses"].as_object().unwrap() {
            let examples = &response["content"]["application/problem+json"]["examples"];
            for (kind, example) in examples.as_object().into_iter().flatten() {
                assert_eq!(example["value"]["status"].to_string(), *status, "{method} {path}");
                shown.insert(kind);
            }
        }
    }
    assert_eq!(shown, all);
    let about = document()["info"]["description"].as_str().unwrap();
    assert!(about.contains("method-not-allowed"), "the one that belongs to no operation");
}

/// Whether a schema and everything in it has a type.
fn is_typed(schema: &Value) -> bool {
    let within = |name: &str| schema[name].as_object().into_iter().flat_map(Map::values);
    let items = schema.get("items").into_iter();
    let either = schema["oneOf"].as_array().into_iter().flatten();
    let has_type = ["type", "$ref", "oneOf"].iter().any(|word| schema.get(word).is_some());
    has_type && within("properties").chain(items).chain(either).all(is_typed)
}

#[test]
fn there_is_no_default_response_and_no_schema_without_a_type() {
    let schemas = document()["components"]["schemas"].as_object().unwrap();
    for (name, schema) in schemas {
        assert!(is_typed(schema), "{name}");
    }
    for (method, path, operation) in operations() {
        let responses = operation["responses"].as_object().unwrap();
        assert!(!responses.contains_key("default"), "{method} {path}");
        let contents = responses.values().chain(operation.get("requestBody"));
        let contents = contents.filter_map(|one| one["content"].as_object());
        for schema in contents.flat_map(Map::values).map(|content| &content["schema"]) {
            let name = schema["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
            assert!(schemas.contains_key(name), "{method} {path} {name}");
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(is_typed(&parameter["schema"]), "{method} {path} {}", parameter["name"]);
        }
    }
}

/// The schema, with a reference resolved.
fn resolved(schema: &'static Value) -> &'static Value {
    match schema["$ref"].as_str() {
        Some(to) => document().pointer(to.trim_start_matches('#')).unwrap(),
        None => schema,
    }
}

/// The shop, and a request of an operation with its example parameters.
fn example_request(
    id: &str,
    method: &str,
    path: &str,
    operation: &Value,
) -> (TestApi, TestRequest) {
    let order = match id {
        "reviewOrder" => samples::in_review(),
        "resumeOrder" => samples::needs_attention(),
        "cancelOrder" => samples::received(),
        _ => samples::fulfilled(),
    };
    let api = TestBed::with(&order);
    for sku in ["MUG", "TEE"] {
        let mut stock = api.inventory.stock.lock().unwrap();
        let mut item = stock[&domain::Sku::parse(sku).unwrap()].clone();
        item.sku = domain::Sku::parse(format!("{sku}-01")).unwrap();
        stock.insert(item.sku.clone(), item);
    }
    api.workflow.started.lock().unwrap().push((order.execution.to_string(), json!({})));
    let path = path.replace("{orderId}", order.order_id.as_str()).replace("{sku}", "MUG-01");
    let scopes = "orders/read orders/write orders/operate inventory/write";
    // Operators do not review their own orders.
    let sub = if id == "reviewOrder" { OP } else { ADA };
    let mut request = TestRequest::new(method, &path).by(sub, scopes);
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        if let Some(example) = parameter["schema"]["examples"][0].as_str() {
            request = request.header(&parameter["name"].as_str().unwrap().to_lowercase(), example);
        }
    }
    (api, request)
}

/// Adds this body, signed for a webhook.
fn with_body(id: &str, request: TestRequest, body: &Value) -> TestRequest {
    let text = body.to_string();
    let time = samples::placed_at().to_jiff().as_second();
    let request = request.text(&text);
    match id {
        "stripeWebhook" => {
            let signature = hmac(STRIPE[1], format!("{time}.{text}").as_bytes());
            request.header("stripe-signature", &format!("t={time},v1={signature}"))
        }
        "easypostWebhook" => {
            let signature = hmac(EASYPOST[1], text.as_bytes());
            request.header("x-hmac-signature", &format!("hmac-sha256-hex={signature}"))
        }
        _ => request,
    }
}

#[tokio::test]
async fn every_example_is_accepted() {
    for (method, path, operation) in operations() {
        let id = operation["operationId"].as_str().unwrap();
        let (api, mut request) = example_request(id, &method, path, operation);
        let content = &operation["requestBody"]["content"]["application/json"];
        if let Some(example) = content.get("example") {
            request = with_body(id, request, example);
        }
        let response = send(&api, request).await;
        assert!((200..300).contains(&response.status), "{id}: {}", response.text);
    }
}

#[test]
fn the_example_of_an_order_is_the_sample_event() {
    let event: Value =
        serde_json::from_str(include_str!("../../../../events/api/place-order.json")).unwrap();
    let content = &document()["paths"]["/orders"]["post"]["requestBody"]["content"];
    let body: Value = serde_json::from_str(event["body"].as_str().unwrap()).unwrap();
    assert_eq!(content["application/json"]["example"], body);
    assert_eq!(
        document()["components"]["schemas"]["OrderId"]["examples"][0],
        domain::OrderId::for_request(&samples::fulfilled().customer_id, "sample-order").as_str()
    );
}

/// A body that violates the schema in one place, or is just within it.
struct Case {
    description: String,
    body: Value,
    is_valid: bool,
}

/// Collects, for every limit of a schema, a body just within it and one beyond it.
struct SchemaWalk {
    valid: Value,
    cases: Vec<Case>,
}

impl SchemaWalk {
    fn over(schema: &'static Value, valid: Value) -> Vec<Case> {
        let mut walk = Self { valid, cases: vec![] };
        walk.visit("", schema);
        walk.cases
    }

    fn put(&mut self, pointer: &str, value: Value, is_valid: bool) {
        let mut body = self.valid.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let description = format!("{pointer} = {value}").chars().take(120).collect();
        match body.pointer_mut(parent).unwrap() {
            Value::Array(items) => items[name.parse::<usize>().unwrap()] = value,
            object => object[name] = value,
        }
        self.cases.push(Case { description, body, is_valid });
    }

    fn visit(&mut self, pointer: &str, schema: &'static Value) {
        let schema = resolved(schema);
        if !pointer.is_empty() {
            self.put(pointer, json!({"a": [null]}), false);
        }
        match schema["type"].as_str().unwrap() {
            "object" => self.object(pointer, schema),
            "array" => self.array(pointer, schema),
            "string" => self.string(pointer, schema),
            "integer" => self.integer(pointer, schema),
            "boolean" => {
                self.put(pointer, json!(true), true);
                self.put(pointer, json!("true"), false);
            }
            other => panic!("{pointer}: {other}"),
        }
    }

    fn object(&mut self, pointer: &str, schema: &'static Value) {
        assert_eq!(schema["additionalProperties"], false, "{pointer}");
        self.put(&format!("{pointer}/unknownField"), json!(1), false);
        let required = schema["required"].as_array().unwrap();
        for (name, field) in schema["properties"].as_object().unwrap() {
            let at = format!("{pointer}/{name}");
            self.put(&at, Value::Null, false);
            if required.iter().any(|one| one == name) {
                let mut body = self.valid.clone();
                body.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(name);
                self.cases.push(Case { description: format!("no {at}"), body, is_valid: false });
            } else if self.valid.pointer(&at).is_some() {
                let mut body = self.valid.clone();
                body.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(name);
                self.cases.push(Case { description: format!("no {at}"), body, is_valid: true });
            }
            self.visit(&at, field);
        }
    }

    fn array(&mut self, pointer: &str, schema: &'static Value) {
        let item = self.valid.pointer(pointer).unwrap()[0].clone();
        let of = |length: u64| json!((0..length).map(|_| item.clone()).collect::<Vec<_>>());
        let (min, max) =
            (schema["minItems"].as_u64().unwrap(), schema["maxItems"].as_u64().unwrap());
        for (length, is_valid) in [(min, true), (max, true), (min - 1, false), (max + 1, false)] {
            self.put(pointer, of(length), is_valid);
        }
        self.visit(&format!("{pointer}/0"), &schema["items"]);
    }

    fn string(&mut self, pointer: &str, schema: &'static Value) {
        self.put(pointer, json!(7), false);
        self.put(pointer, json!(""), false);
        if let Some(words) = schema["enum"].as_array() {
            for word in words {
                self.put(pointer, word.clone(), true);
            }
            self.put(pointer, json!("unknownWord"), false);
        } else {
            for wrong in ["\u{0}", " ", "a\nb", " a", "a ", "\u{85}", "a\u{9f}a"] {
                self.put(pointer, json!(wrong), false);
            }
        }
        if let Some(example) = schema["examples"][0].as_str() {
            self.put(pointer, json!(example), !pointer.ends_with("scheduledFor"));
        }
        if let Some(max) = schema["maxLength"].as_u64() {
            self.length(pointer, usize::try_from(max).unwrap(), schema);
        }
    }

    /// The maximum length, and one character more.
    fn length(&mut self, pointer: &str, max: usize, schema: &'static Value) {
        let text = schema["examples"][0].as_str().unwrap_or("é");
        let last = text.chars().last().unwrap();
        let of = |length: usize| {
            let more = length - text.chars().count();
            json!(text.chars().chain(std::iter::repeat_n(last, more)).collect::<String>())
        };
        // A phone number reaches its maximum of digits long before.
        self.put(pointer, of(max), !pointer.ends_with("/phone"));
        self.put(pointer, of(max + 1), false);
    }

    fn integer(&mut self, pointer: &str, schema: &'static Value) {
        for wrong in [json!("1"), json!(1.5), json!(-1)] {
            self.put(pointer, wrong, false);
        }
        let (min, max) = (schema["minimum"].as_u64().unwrap(), schema["maximum"].as_u64().unwrap());
        for valid in [min, max] {
            self.put(pointer, json!(valid), true);
            // In JSON Schema this is the same number.
            let written: Value = serde_json::from_str(&format!("{valid}.0")).unwrap();
            self.put(pointer, written, true);
        }
        self.put(pointer, json!(max + 1), false);
        if min > 0 {
            self.put(pointer, json!(min - 1), false);
        }
    }
}

/// The example of an operation with every optional field.
fn complete(id: &str, example: &Value) -> Value {
    let mut body = example.clone();
    match id {
        "placeOrder" => {
            body["paymentCustomer"] = json!("cus_1");
            body["scheduledFor"] = json!(samples::placed_at().plus_hours(1));
            body["whenOutOfStock"] = json!("wait");
            body["expectedTotal"] = json!({"amount": 4499, "currency": "USD"});
        }
        "resumeOrder" => body["refund"] = json!(false),
        "writeInventory" => body["available"] = json!(1),
        _ => {}
    }
    body
}

/// Whether a valid body was refused for a reason that a schema cannot express.
fn is_refused_by_facts(response: &TestResponse) -> bool {
    let is_conflict = [409, 422].contains(&response.status);
    let between_fields = ["is required with scheduledFor", "with `settle`"];
    is_conflict || between_fields.iter().any(|rule| response.text.contains(rule))
}

#[tokio::test]
async fn every_limit_of_every_body_is_that_of_the_code() {
    let (mut count, mut differences) = (0, vec![]);
    for (method, path, operation) in operations().filter(|(_, path, _)| !path.contains("webhooks"))
    {
        let content = &operation["requestBody"]["content"]["application/json"];
        let Some(example) = content.get("example") else { continue };
        let id = operation["operationId"].as_str().unwrap();
        for Case { description, body, is_valid } in
            SchemaWalk::over(&content["schema"], complete(id, example))
        {
            let (api, request) = example_request(id, &method, path, operation);
            let response = send(&api, with_body(id, request, &body)).await;
            let is_accepted = response.status < 300 || is_refused_by_facts(&response);
            if is_accepted != is_valid || !(is_accepted || response.status == 400) {
                differences.push(format!("{id} {description}: {}", response.text));
            }
            count += 1;
        }
    }
    assert!(differences.is_empty(), "{differences:#?}");
    assert!(count > 200, "{count}");
}

#[tokio::test]
async fn a_webhook_event_may_have_unknown_fields_and_its_known_ones_fit_the_schema() {
    let finalized = || TestBed::with(&Order { open: None, check_at: None, ..samples::fulfilled() });
    for (path, valid, invalid) in [
        ("/webhooks/stripe", json!({"id": "evt_1", "more": 1}), json!({"livemode": false})),
        ("/webhooks/easypost", json!({"id": "evt_1", "more": 1}), json!({"id": 1})),
    ] {
        let operation = &document()["paths"][path]["post"];
        let id = operation["operationId"].as_str().unwrap();
        let schema = resolved(&operation["requestBody"]["content"]["application/json"]["schema"]);
        assert_eq!(schema["required"], json!(["id"]));
        let send = async |body: &Value| {
            send(&finalized(), with_body(id, TestRequest::new("POST", path), body)).await.status
        };
        assert_eq!((send(&valid).await, send(&invalid).await), (200, 400), "{path}");
        for (name, field) in schema["properties"].as_object().unwrap() {
            let kinds = resolved(field);
            let body = json!({"id": "evt_1", name: [1]});
            assert_eq!(send(&body).await, 400, "{name} is {kinds}");
        }
    }
}
