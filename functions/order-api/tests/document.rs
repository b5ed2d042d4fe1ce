//! The OpenAPI document says what the code does, and the code does what it says:
//! routes, scopes, examples, problems, and every limit of every body.

#![allow(clippy::unwrap_used, reason = "a test that unwraps says enough")]

mod support;

use std::collections::BTreeSet;

use domain::Order;
use order_api::Api;
use serde_json::{Map, Value, json};
use support::{ADA, Answer, Call, EASYPOST, STRIPE, World, document, hmac, send};
use testing::samples;

/// Every operation with its method and its path.
fn operations() -> impl Iterator<Item = (String, &'static str, &'static Value)> {
    let paths = document()["paths"].as_object().unwrap();
    paths.iter().flat_map(|(path, item)| {
        let operations = item.as_object().unwrap().iter();
        operations.map(|(method, it)| (method.to_uppercase(), path.as_str(), it))
    })
}

/// `GET /orders/{}`: parameters have a name in the document only.
fn key(method: &str, path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
    format!("{method} {}", parts.collect::<Vec<_>>().join("/"))
}

fn documented() -> BTreeSet<String> {
    operations().map(|(method, path, _)| key(&method, path)).collect()
}

#[test]
fn it_is_openapi_3_1_and_names_every_route_of_the_code_and_no_other() {
    assert_eq!(document()["openapi"], "3.1.0");
    let source = include_str!("../src/routes.rs");
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
    // One route in the code, one in the document for each provider.
    assert!(routes.remove("POST /webhooks/{}"));
    routes.extend(World::new().webhooks.keys().map(|name| format!("POST /webhooks/{name}")));
    assert_eq!(documented(), routes);
}

#[tokio::test]
async fn every_path_answers_another_method_with_those_that_it_documents() {
    for (path, item) in document()["paths"].as_object().unwrap() {
        let answer = send(&World::new(), Call::new("PATCH", path)).await;
        answer.is_problem(405, "method-not-allowed");
        let allowed: BTreeSet<_> =
            answer.headers["allow"].as_str().unwrap().split(", ").map(str::to_lowercase).collect();
        assert_eq!(allowed, item.as_object().unwrap().keys().cloned().collect(), "{path}");
    }
}

/// What the template says of a route, by its name in it.
fn said<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(&format!("{name}: "))?;
    rest.split([',', '}', ']']).next().map(|word| word.trim_matches(['"', '[', ' ']))
}

#[test]
fn it_names_every_route_of_the_template_with_its_scopes_and_no_other() {
    let template = include_str!("../../../template.yaml");
    let lines = template.lines().filter(|line| line.contains("Properties: {Method: "));
    let mut routes = BTreeSet::new();
    for line in lines.filter(|line| !line.contains("{proxy+}")) {
        // The path's own braces are in quotes.
        let (_, rest) = line.split_once("Path: ").unwrap();
        let end = if rest.starts_with('"') { "\"" } else { ",}" };
        let path = rest.trim_start_matches('"').split(|c| end.contains(c)).next().unwrap();
        let method = said(line, "Method").unwrap();
        let scopes: BTreeSet<String> = line
            .split_once("AuthorizationScopes: [")
            .map(|(_, rest)| rest.split(']').next().unwrap())
            .into_iter()
            .flat_map(|list| list.split(", "))
            .map(|scope| scope.trim_matches('"').to_owned())
            .collect();
        let is_public = said(line, "Authorizer") == Some("NONE");
        let operation = &document()["paths"][path][method.to_lowercase()];
        let security = operation["security"].as_array().unwrap_or_else(|| panic!("{line}"));
        let named: BTreeSet<String> = security
            .iter()
            .flat_map(|one| one["token"].as_array().unwrap())
            .map(|scope| scope.as_str().unwrap().to_owned())
            .collect();
        assert_eq!((named, security.is_empty()), (scopes, is_public), "{method} {path}");
        routes.insert(key(method, path));
    }
    assert_eq!(documented(), routes);
}

#[test]
fn every_kind_of_problem_is_documented_where_it_can_come() {
    let all: BTreeSet<&str> = document()["components"]["schemas"]["Problem"]["properties"]["type"]
        ["enum"]
        .as_array()
        .unwrap()
        .iter()
        .map(|urn| urn.as_str().unwrap().rsplit(':').next().unwrap())
        .collect();
    let source = include_str!("../src/problem.rs");
    let in_code: BTreeSet<&str> = source
        .lines()
        .filter_map(|line| line.split_once("(\"")?.1.split_once("\", "))
        .filter(|(_, rest)| rest.starts_with(['4', '5']))
        .map(|(name, _)| name)
        .collect();
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
    assert!(about.contains("method-not-allowed"), "which belongs to no operation");
}

/// Whether a schema says what it takes, and so does everything in it.
fn is_typed(schema: &Value) -> bool {
    let within = |name: &str| schema[name].as_object().into_iter().flat_map(Map::values);
    let items = schema.get("items").into_iter();
    let either = schema["oneOf"].as_array().into_iter().flatten();
    let says = ["type", "$ref", "oneOf"].iter().any(|word| schema.get(word).is_some());
    says && within("properties").chain(items).chain(either).all(is_typed)
}

#[test]
fn nothing_hides_behind_a_default_answer_or_a_schema_without_a_type() {
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

/// The schema that a reference leads to.
fn resolved(schema: &'static Value) -> &'static Value {
    match schema["$ref"].as_str() {
        Some(to) => document().pointer(to.trim_start_matches('#')).unwrap(),
        None => schema,
    }
}

/// The shop, and the request of an operation with the example's own parameters.
fn asked(
    id: &str,
    method: &str,
    path: &str,
    operation: &Value,
) -> (Api<World, World, World>, Call) {
    let order = match id {
        "reviewOrder" => samples::in_review(),
        "resumeOrder" => samples::needs_attention(),
        "cancelOrder" => samples::received(),
        _ => samples::fulfilled(),
    };
    let api = World::with(&order);
    for sku in ["MUG", "TEE"] {
        let mut shelves = api.inventory.shelves.lock().unwrap();
        let mut item = shelves[&domain::Sku::parse(sku).unwrap()].clone();
        item.sku = domain::Sku::parse(format!("{sku}-01")).unwrap();
        shelves.insert(item.sku.clone(), item);
    }
    api.workflow.started.lock().unwrap().push((order.execution.to_string(), json!({})));
    let path = path.replace("{orderId}", order.order_id.as_str()).replace("{sku}", "MUG-01");
    let scopes = "orders/read orders/write orders/operate inventory/write";
    let mut call = Call::new(method, &path).by(ADA, scopes);
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        if let Some(example) = parameter["schema"]["examples"][0].as_str() {
            call = call.header(&parameter["name"].as_str().unwrap().to_lowercase(), example);
        }
    }
    (api, call)
}

/// With this body, signed where that is asked for.
fn with_body(id: &str, call: Call, body: &Value) -> Call {
    let text = body.to_string();
    let time = samples::placed_at().to_jiff().as_second();
    let call = call.text(&text);
    match id {
        "stripeWebhook" => {
            let signature = hmac(STRIPE[1], format!("{time}.{text}").as_bytes());
            call.header("stripe-signature", &format!("t={time},v1={signature}"))
        }
        "easypostWebhook" => {
            let signature = hmac(EASYPOST[1], text.as_bytes());
            call.header("x-hmac-signature", &format!("hmac-sha256-hex={signature}"))
        }
        _ => call,
    }
}

#[tokio::test]
async fn every_example_is_accepted() {
    for (method, path, operation) in operations() {
        let id = operation["operationId"].as_str().unwrap();
        let (api, mut call) = asked(id, &method, path, operation);
        let content = &operation["requestBody"]["content"]["application/json"];
        if let Some(example) = content.get("example") {
            call = with_body(id, call, example);
        }
        let answer = send(&api, call).await;
        assert!((200..300).contains(&answer.status), "{id}: {}", answer.text);
    }
}

#[test]
fn the_example_of_an_order_is_the_sample_of_the_events() {
    let event: Value =
        serde_json::from_str(include_str!("../../../events/api/place-order.json")).unwrap();
    let content = &document()["paths"]["/orders"]["post"]["requestBody"]["content"];
    let body: Value = serde_json::from_str(event["body"].as_str().unwrap()).unwrap();
    assert_eq!(content["application/json"]["example"], body);
    assert_eq!(
        document()["components"]["schemas"]["OrderId"]["examples"][0],
        domain::OrderId::for_request(&samples::fulfilled().customer_id, "sample-order").as_str()
    );
}

/// A body that breaks the schema in one place, or that is just within it.
struct Case {
    what: String,
    body: Value,
    is_sound: bool,
}

/// Every way to break a schema by one step, and to go just so far.
struct Walk {
    sound: Value,
    cases: Vec<Case>,
}

impl Walk {
    fn over(schema: &'static Value, sound: Value) -> Vec<Case> {
        let mut walk = Self { sound, cases: vec![] };
        walk.visit("", schema);
        walk.cases
    }

    fn put(&mut self, pointer: &str, value: Value, is_sound: bool) {
        let mut body = self.sound.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let what = format!("{pointer} = {value}").chars().take(120).collect();
        match body.pointer_mut(parent).unwrap() {
            Value::Array(items) => items[name.parse::<usize>().unwrap()] = value,
            object => object[name] = value,
        }
        self.cases.push(Case { what, body, is_sound });
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
        self.put(&format!("{pointer}/unheardOf"), json!(1), false);
        let required = schema["required"].as_array().unwrap();
        for (name, field) in schema["properties"].as_object().unwrap() {
            let at = format!("{pointer}/{name}");
            self.put(&at, Value::Null, false);
            if required.iter().any(|one| one == name) {
                let mut body = self.sound.clone();
                body.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(name);
                self.cases.push(Case { what: format!("no {at}"), body, is_sound: false });
            } else if self.sound.pointer(&at).is_some() {
                let mut body = self.sound.clone();
                body.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(name);
                self.cases.push(Case { what: format!("no {at}"), body, is_sound: true });
            }
            self.visit(&at, field);
        }
    }

    fn array(&mut self, pointer: &str, schema: &'static Value) {
        let item = self.sound.pointer(pointer).unwrap()[0].clone();
        let of = |length: u64| json!((0..length).map(|_| item.clone()).collect::<Vec<_>>());
        let (least, most) =
            (schema["minItems"].as_u64().unwrap(), schema["maxItems"].as_u64().unwrap());
        for (length, is_sound) in
            [(least, true), (most, true), (least - 1, false), (most + 1, false)]
        {
            self.put(pointer, of(length), is_sound);
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
            self.put(pointer, json!("unheardOf"), false);
        } else {
            for wrong in ["\u{0}", " ", "a\nb", " a", "a ", "\u{85}", "a\u{9f}a"] {
                self.put(pointer, json!(wrong), false);
            }
        }
        if let Some(example) = schema["examples"][0].as_str() {
            self.put(pointer, json!(example), !pointer.ends_with("scheduledFor"));
        }
        if let Some(most) = schema["maxLength"].as_u64() {
            self.length(pointer, usize::try_from(most).unwrap(), schema);
        }
    }

    /// As long as may be, and one longer.
    fn length(&mut self, pointer: &str, most: usize, schema: &'static Value) {
        let text = schema["examples"][0].as_str().unwrap_or("é");
        let last = text.chars().last().unwrap();
        let of = |length: usize| {
            let more = length - text.chars().count();
            json!(text.chars().chain(std::iter::repeat_n(last, more)).collect::<String>())
        };
        // A phone number ends long before with its digits.
        self.put(pointer, of(most), !pointer.ends_with("/phone"));
        self.put(pointer, of(most + 1), false);
    }

    fn integer(&mut self, pointer: &str, schema: &'static Value) {
        for wrong in [json!("1"), json!(1.5), json!(-1)] {
            self.put(pointer, wrong, false);
        }
        let (least, most) =
            (schema["minimum"].as_u64().unwrap(), schema["maximum"].as_u64().unwrap());
        for sound in [least, most] {
            self.put(pointer, json!(sound), true);
            // As JSON Schema has it, this is the same number.
            let written: Value = serde_json::from_str(&format!("{sound}.0")).unwrap();
            self.put(pointer, written, true);
        }
        self.put(pointer, json!(most + 1), false);
        if least > 0 {
            self.put(pointer, json!(least - 1), false);
        }
    }
}

/// The example of an operation with every field that it may have.
fn whole(id: &str, example: &Value) -> Value {
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

/// What the schema cannot say: the body was understood, and the facts forbid it.
fn is_about_facts(answer: &Answer) -> bool {
    let gone = [409, 422].contains(&answer.status);
    // Nobody is there to confirm the card when the date comes.
    gone || answer.text.contains("is required with scheduledFor")
}

#[tokio::test]
async fn every_limit_of_every_body_is_the_codes_own() {
    let (mut seen, mut differences) = (0, vec![]);
    for (method, path, operation) in operations().filter(|(_, path, _)| !path.contains("webhooks"))
    {
        let content = &operation["requestBody"]["content"]["application/json"];
        let Some(example) = content.get("example") else { continue };
        let id = operation["operationId"].as_str().unwrap();
        for Case { what, body, is_sound } in Walk::over(&content["schema"], whole(id, example)) {
            let (api, call) = asked(id, &method, path, operation);
            let answer = send(&api, with_body(id, call, &body)).await;
            let taken = answer.status < 300 || is_about_facts(&answer);
            if taken != is_sound || !(taken || answer.status == 400) {
                differences.push(format!("{id} {what}: {}", answer.text));
            }
            seen += 1;
        }
    }
    assert!(differences.is_empty(), "{differences:#?}");
    assert!(seen > 200, "{seen}");
}

#[tokio::test]
async fn an_event_of_a_provider_may_have_more_fields_and_its_own_are_what_the_schema_says() {
    let settled = || World::with(&Order { open: None, check_at: None, ..samples::fulfilled() });
    for (path, sound, wrong) in [
        ("/webhooks/stripe", json!({"id": "evt_1", "more": 1}), json!({"livemode": false})),
        ("/webhooks/easypost", json!({"id": "evt_1", "more": 1}), json!({"id": 1})),
    ] {
        let operation = &document()["paths"][path]["post"];
        let id = operation["operationId"].as_str().unwrap();
        let schema = resolved(&operation["requestBody"]["content"]["application/json"]["schema"]);
        assert_eq!(schema["required"], json!(["id"]));
        let send = async |body: &Value| {
            send(&settled(), with_body(id, Call::new("POST", path), body)).await.status
        };
        assert_eq!((send(&sound).await, send(&wrong).await), (200, 400), "{path}");
        for (name, field) in schema["properties"].as_object().unwrap() {
            let kinds = resolved(field);
            let body = json!({"id": "evt_1", name: [1]});
            assert_eq!(send(&body).await, 400, "{name} is {kinds}");
        }
    }
}
