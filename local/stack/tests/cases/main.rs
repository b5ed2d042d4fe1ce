//! Cases from public reports: each file of `../shared/cases` is a test here.
//!
//! The files are read where they are and are not part of this repository. [`cases`] names the
//! runner of each file. A file without a runner, and a runner without a file, are failures.
//!
//! [`case`] reads a file and starts a stack; the other modules are the runners by kind.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and prints why it was skipped"
)]

mod case;
#[path = "../servers/client.rs"]
#[expect(dead_code, reason = "the tests of the servers use the rest")]
mod client;
mod definitions;
mod dynamodb;
mod execution_api;
mod functions;
mod http_api;
mod orders;
mod providers;

use case::Case;

/// Makes a test of each file, and the list of all files.
macro_rules! cases {
    ($($name:ident => $runner:path),+ $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                if let Some(case) = Case::read(stringify!($name)) {
                    $runner(&case).await;
                }
            }
        )+

        const NAMES: &[&str] = &[$(stringify!($name)),+];
    };
}

cases! {
    a01_choice_input_path => definitions::check,
    a05_format_with_escaped_braces => definitions::check,
    a07_flatten_map_results => definitions::check,
    b09_context_variable_is_refused => definitions::check,
    b10_error_output_outside_a_catcher => definitions::check,
    d02_express_names_are_free => execution_api::check,
    d04_token_used_twice => execution_api::check,
    e01_answer_of_just_over_six_mebibytes => functions::answers_of_a_size,
    e02_event_of_over_a_mebibyte => functions::refused_event,
    e05_empty_body_is_an_empty_object => functions::empty_payload,
    f03_key_of_the_wrong_type_and_empty_key => dynamodb::refused_transactions,
    f04_numbers_keep_their_digits => dynamodb::stored_numbers,
    f05_number_where_text_is_due => dynamodb::refused_item,
    g01_path_is_decoded => http_api::one_request,
    g02_blank_and_non_ascii_in_the_path => http_api::one_request,
    g03_which_bodies_are_text => http_api::bodies,
    g05_repeated_headers_and_cookies => http_api::one_request,
    g06_headers_that_the_gateway_adds => http_api::one_request,
    h01_secret_is_being_rolled => providers::rolled_secret,
    h03_same_event_twice_and_too_early => orders::early_and_repeated_events,
    h04_cancel_what_was_captured => providers::cancel_after_capture,
    i01_rate_of_another_shipment => providers::foreign_rate,
    j01_the_same_sku_on_two_lines => orders::one_sku_on_two_lines,
    j06_schedule_with_an_offset => orders::schedules_with_an_offset,
}

#[test]
fn every_file_has_a_runner_and_every_runner_a_file() {
    if let Some(folder) = case::folder() {
        assert_eq!(case::names(&folder), NAMES.iter().map(|name| (*name).to_owned()).collect());
    }
}
