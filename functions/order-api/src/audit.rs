//! The audit history in a response. For operators, never for customers.

use domain::Timestamp;
use domain::audit::{AuditAction, AuditEntry};
use serde::Serialize;
use utoipa::ToSchema;

use crate::schema;

/// An entry of an audit history: who changed the order or the product, when, and how.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub(crate) struct AuditEntryResponse<'a> {
    #[schema(value_type = schema::TimestampSchema)]
    at: Timestamp,
    /// The subject of the person's token.
    actor: &'a str,
    #[schema(value_type = schema::AuditActionSchema)]
    action: AuditAction,
    /// What it changed, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    detail: Option<&'a str>,
    /// The person's note.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    note: Option<&'a str>,
}

/// The entries of a history.
pub(crate) fn entries(history: &[AuditEntry]) -> Vec<AuditEntryResponse<'_>> {
    fn response(entry: &AuditEntry) -> AuditEntryResponse<'_> {
        AuditEntryResponse {
            at: entry.at,
            actor: &entry.actor,
            action: entry.action,
            detail: entry.detail.as_deref(),
            note: entry.note.as_ref().map(|note| note.expose().as_str()),
        }
    }
    history.iter().map(response).collect()
}
