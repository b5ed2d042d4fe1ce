//! Pages of executions, newest first.
//!
//! The text of a query has only the conditions that apply, so that SQLite reads no more rows
//! than it returns: with an unused condition in it, it would read all rows of the state machine.

use rusqlite::{Connection, named_params};

use super::executions::{COLUMNS, PageKey, Record, record};
use super::{Store, StoreError};

/// A query for a page of executions, newest first.
#[derive(Debug, Clone, Default)]
pub(in crate::stepfunctions) struct ExecutionQuery {
    pub(in crate::stepfunctions) machine: String,
    /// Only executions started through the version or alias with this ARN.
    pub(in crate::stepfunctions) started_through: Option<String>,
    pub(in crate::stepfunctions) status: Option<String>,
    /// Only executions that were redriven, or only those that were not.
    pub(in crate::stepfunctions) redriven: Option<bool>,
    /// The last execution of the previous page.
    pub(in crate::stepfunctions) after: Option<PageKey>,
    pub(in crate::stepfunctions) limit: usize,
}

impl Store {
    /// A page of executions, newest first.
    pub(in crate::stepfunctions) async fn list(
        &self,
        query: ExecutionQuery,
    ) -> Result<Vec<Record>, StoreError> {
        self.run(move |connection| list(connection, &query)).await
    }
}

fn list(connection: &Connection, query: &ExecutionQuery) -> Result<Vec<Record>, StoreError> {
    let mut select = connection.prepare_cached(&select_text(query))?;
    let values = named_params! {
        ":machine": query.machine,
        ":status": query.status,
        ":redriven": query.redriven,
        ":arn": query.started_through,
        ":started_at": query.after.map(|key| key.started_at),
        ":id": query.after.map(|key| key.id),
        ":limit": i64::try_from(query.limit).unwrap_or(i64::MAX),
    };
    let used: Vec<_> = values
        .iter()
        .filter(|(name, _)| select.parameter_index(name).is_ok_and(|index| index.is_some()))
        .copied()
        .collect();
    let rows = select.query_map(used.as_slice(), |row| Ok(record(row)))?;
    rows.map(|row| row?).collect()
}

fn select_text(query: &ExecutionQuery) -> String {
    let conditions = [
        (query.status.is_some(), " AND status = :status"),
        (query.redriven.is_some(), " AND (redrives > 0) = :redriven"),
        (
            query.started_through.is_some(),
            " AND (about ->> 'version' = :arn OR about ->> 'alias' = :arn)",
        ),
        (query.after.is_some(), " AND (started_at, id) < (:started_at, :id)"),
    ];
    let applies = conditions.into_iter().filter(|(applies, _)| *applies);
    let conditions: String = applies.map(|(_, text)| text).collect();
    format!(
        "{COLUMNS} WHERE machine = :machine{conditions}
         ORDER BY started_at DESC, id DESC LIMIT :limit"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stepfunctions::store::SCHEMA;

    /// How SQLite would run the query.
    fn plan(query: &ExecutionQuery) -> String {
        let connection = Connection::open_in_memory().expect("a database");
        connection.execute_batch(SCHEMA).expect("the schema");
        let text = format!("EXPLAIN QUERY PLAN {}", select_text(query));
        let mut explain = connection.prepare(&text).expect("a query");
        // The plan does not depend on the values, so none are bound.
        let steps = explain.raw_query().mapped(|row| row.get::<_, String>("detail"));
        steps.collect::<Result<Vec<_>, _>>().expect("its steps").join("\n")
    }

    #[test]
    fn a_page_reads_only_its_own_rows() {
        let of_machine = ExecutionQuery { machine: "m".to_owned(), ..ExecutionQuery::default() };
        let after = Some(PageKey { started_at: 1, id: 1 });
        let of_status = ExecutionQuery { status: Some("RUNNING".to_owned()), ..of_machine.clone() };
        let next_page = ExecutionQuery { after, ..of_status.clone() };
        let search = "SEARCH executions USING INDEX";
        assert_eq!(plan(&of_machine), format!("{search} executions_by_start (machine=?)"));
        let by_status = format!("{search} executions_by_status (machine=? AND status=?");
        assert_eq!(plan(&of_status), format!("{by_status})"));
        assert_eq!(plan(&next_page), format!("{by_status} AND started_at<?)"));
    }
}
