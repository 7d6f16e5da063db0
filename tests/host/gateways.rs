//! How the gateways of these tests respond.

use std::time::Duration;

use super::support::diary::Delivery;
use super::support::gateway::{Builder, Gateway, Step};
use super::support::response::{Response, recording_id_for};

/// The call is accepted.
pub fn accepted(delivery: &Delivery) -> Response {
    Response::ok(&recording_id_for(&delivery.callee()))
}

/// The call is accepted, after this time.
pub fn accepted_after(pause: Duration, delivery: &Delivery) -> Vec<Step> {
    vec![Step::Pause(pause), Step::Send(accepted(delivery).bytes())]
}

/// The call is accepted, and the connection ends: each call needs a new one.
pub fn accepted_and_closed(delivery: &Delivery) -> Vec<Step> {
    let last = accepted(delivery).header("Connection", "close");
    vec![Step::Send(last.bytes()), Step::Close]
}

/// Receives requests and sends no response. Without TLS, so that even on a busy machine the request is
/// sent long before the call times out.
pub fn silent() -> Gateway {
    Gateway::plain().answer(|_| vec![Step::Stall]).start()
}

/// Makes a gateway's builder.
pub type NewGateway = fn() -> Builder;

/// For tests that run with TLS and with plain HTTP.
pub const SCHEMES: [(&str, NewGateway); 2] =
    [("TLS", Gateway::tls), ("plain HTTP", Gateway::plain)];
