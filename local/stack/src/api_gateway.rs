//! The HTTP API's front: what API Gateway is to `order-api`.
//!
//! A request becomes an event of an HTTP API (payload format 2.0) for the function
//! whose route it matches, and the function's answer becomes the response. Routes
//! and the scopes that they need are the template's.
//!
//! - Identities are for development: `Authorization: Bearer dev:<sub>:<scopes>`
//!   becomes the claims of a JWT. Without one a route that needs a token answers
//!   401, without the scope 403, in API Gateway's words.
//! - API Gateway's limits hold: 10 MB of body, 30 seconds for an answer.
//! - `/healthz` is the stack's own.
//!
//! Read [`event`] and [`answer`] for the two directions, [`identity`] and [`routes`]
//! for what stands before them.

mod event;
mod identity;
mod response;
mod routes;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::clock::StackClock;
use crate::http::{
    Handler, Reply, Request, Response, Server, StatusCode, add_header, header, response,
};
use crate::lambda::LambdaHost;
use crate::template::TemplateRoute;
use event::HttpApiRequest;
use identity::{AuthorizationError, Identity};
use routes::Routes;

/// How long a function may take for an answer.
const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(30);

/// The front; it ends when it is dropped.
#[derive(Debug)]
pub struct ApiGateway {
    server: Server,
}

impl ApiGateway {
    /// Serves these routes on this listener.
    pub fn start(
        listener: TcpListener,
        routes: Vec<TemplateRoute>,
        lambda: Arc<LambdaHost>,
        clock: StackClock,
    ) -> io::Result<Self> {
        let front = HttpApi { routes: Routes::new(routes), lambda, clock };
        Ok(Self { server: Server::start(listener, front)? })
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        self.server.url()
    }
}

struct HttpApi {
    routes: Routes,
    lambda: Arc<LambdaHost>,
    clock: StackClock,
}

impl Handler for HttpApi {
    const BODY_LIMIT: usize = 10 * 1024 * 1024;

    async fn handle(&self, request: Request) -> Reply {
        let _busy = self.clock.busy("a request to the API");
        self.respond(&request).await.unwrap_or_else(|refusal| refusal).into()
    }

    fn too_large(&self) -> Response {
        message_response(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large")
    }
}

impl HttpApi {
    async fn respond(&self, request: &Request) -> Result<Response, Response> {
        if request.uri().path() == "/healthz" {
            return Ok(response(StatusCode::OK, "application/json", r#"{"status":"ok"}"#));
        }
        let Some(route_match) = self.routes.find(request.method(), request.uri().path()) else {
            return Err(message_response(StatusCode::NOT_FOUND, "Not Found"));
        };
        let authorization = header(request.headers(), "authorization");
        let identity = Identity::of(authorization, route_match.route)
            .map_err(|denied| unauthorized_response(&denied))?;
        let incoming =
            HttpApiRequest { request, route_match: &route_match, identity, at: self.clock.now() };
        self.invoke(&route_match.route.function, incoming.event().to_string().into()).await
    }

    async fn invoke(&self, function: &str, event: Bytes) -> Result<Response, Response> {
        let invoked = timeout(INTEGRATION_TIMEOUT, self.lambda.invoke(function, event)).await;
        let unavailable =
            || message_response(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable");
        let outcome = invoked.map_err(|_late| unavailable())?.map_err(|error| {
            tracing::warn!(function, %error, "the API could not invoke a function");
            unavailable()
        })?;
        let internal_error =
            || message_response(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error");
        if outcome.function_error.is_some() {
            return Err(internal_error());
        }
        response::from_outcome(&outcome).ok_or_else(internal_error)
    }
}

fn unauthorized_response(denied: &AuthorizationError) -> Response {
    let (status, text, challenge) = match denied {
        AuthorizationError::MissingToken => {
            (StatusCode::UNAUTHORIZED, "Unauthorized", "Bearer".to_owned())
        }
        AuthorizationError::InsufficientScope(scopes) => {
            let challenge = format!("Bearer scope=\"{scopes}\" error=\"insufficient_scope\"");
            (StatusCode::FORBIDDEN, "Forbidden", challenge)
        }
    };
    let mut refusal = message_response(status, text);
    add_header(&mut refusal, "www-authenticate", &challenge);
    refusal
}

fn message_response(status: StatusCode, text: &str) -> Response {
    response(status, "application/json", json!({ "message": text }).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ClockSettings;
    use crate::counters::Counters;
    use crate::faults::Faults;
    use crate::lambda::{FunctionSettings, HostSettings};

    fn slow() -> FunctionSettings {
        FunctionSettings {
            name: "order-api".to_owned(),
            logical_id: "OrderApiFunction".to_owned(),
            binary: "/nowhere".into(),
            timeout: Duration::from_mins(1),
            memory_mb: 128,
            environment: std::collections::BTreeMap::new(),
            max_concurrency: 1,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_function_that_takes_over_thirty_seconds_is_unavailable() {
        let (clock, faults) = (StackClock::new(ClockSettings::default()), Faults::new());
        let hang = json!([{ "at": "function.order-api", "kind": "hang" }]);
        faults.add_json(&hang).expect("a plan");
        let settings = HostSettings { functions: vec![slow()], log_file: None };
        let lambda = LambdaHost::start(settings, clock.clone(), Counters::new(), faults);
        let lambda = lambda.await.expect("it starts");
        let front = HttpApi { routes: Routes::new(Vec::new()), lambda, clock };
        let refused = front.invoke("order-api", Bytes::from("{}")).await.expect_err("it is late");
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
