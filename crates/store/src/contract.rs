//! What every implementation of the store traits has to do, as cases to run against it.
//!
//! [`contract_tests!`](crate::contract_tests) makes a test of each. A case gets a store without any
//! records.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "these are tests, which fail by panicking"
)]

pub mod agents;
pub mod approvals;
pub mod audit;
pub mod challenges;
pub mod grants;
pub mod hosts;
pub mod housekeeping;
pub mod invitations;
pub mod jobs;
pub mod labels;
pub mod nodes;
pub mod notices;
pub mod openid;
pub mod passkeys;
pub mod persons;
pub mod recovery_codes;
pub mod replay;
pub mod samples;
pub mod search;
pub mod secrets;
pub mod sessions;
pub mod transactions;
pub mod vault;

/// Makes a test of every case. Takes the path of an async function that opens an empty store and
/// returns it as an `Arc<dyn Store>`, with something to keep alive while it is in use.
#[macro_export]
macro_rules! contract_tests {
    ($open:path) => {
        $crate::contract_tests! { @cases $open;
            hosts {
                a_host_comes_back_as_it_was
                an_unknown_host_is_not_found
                a_key_belongs_to_one_host
                a_url_belongs_to_one_host
                hosts_are_listed_oldest_first_page_by_page
                hosts_of_a_person_are_listed
                a_host_changes_from_the_expected_state_only
                a_host_is_linked_to_one_person
                a_host_is_taken_from_its_person_only
                a_new_key_of_a_host_replaces_the_expected_one
                a_published_key_is_adopted_in_place_of_the_expected_one
                a_host_that_stays_active_keeps_its_start
                uses_of_a_host_never_move_back
            }
            agents {
                an_agent_comes_back_as_it_was_in_every_state
                an_unknown_agent_is_absent
                a_key_belongs_to_one_agent_of_a_host
                agents_are_listed_by_host_and_state_page_by_page
                an_agent_changes_from_the_expected_state_only
                a_new_key_of_an_agent_replaces_the_expected_one
                uses_of_agents_never_move_back
                hundreds_of_uses_are_noted_at_once
                claiming_ends_autonomous_agents_that_have_acted
                revoking_reaches_every_agent_that_has_not_ended
                revoking_can_keep_to_the_oldest
                revoking_can_keep_to_one_mode
                an_agent_needs_its_host
            }
            grants {
                a_grant_comes_back_as_it_was_in_every_state
                an_unknown_grant_is_absent
                grants_keep_the_order_they_were_added_in
                one_grant_of_a_capability_waits_at_a_time
                grants_that_wait_for_a_decision_are_listed
                a_grant_changes_from_the_expected_state_only
                grants_of_another_form_are_listed
                uses_of_a_grant_are_taken_one_by_one
                of_parallel_takers_as_many_succeed_as_there_are_uses
                waiting_grants_move_to_another_request
                revoking_reaches_active_and_waiting_grants_of_many_agents
                a_grant_needs_its_agent_and_its_request
            }
            approvals {
                a_request_comes_back_as_it_was_in_every_state
                an_unknown_request_is_absent
                a_code_belongs_to_one_request
                a_notification_url_belongs_to_one_request
                open_requests_of_an_agent_are_listed
                an_inbox_lists_what_waits_for_its_person
                requests_that_can_be_answered_are_listed_page_by_page
                a_request_is_answered_once
                cancelling_reaches_open_requests_of_many_agents
                a_request_needs_its_agent_and_its_host
            }
            persons {
                a_person_comes_back_as_they_were
                an_unknown_person_is_absent
                an_address_belongs_to_one_person
                persons_are_listed_oldest_first_page_by_page
                a_person_is_barred_and_let_in_again
                a_person_goes_with_their_sessions
                a_password_is_set_and_taken_away
                a_person_is_brought_up_to_date
                an_administrator_counts_while_not_barred
            }
            sessions {
                a_session_comes_back_as_it_was
                a_new_proof_replaces_the_old
                a_session_ends_once_and_for_all
                all_sessions_of_a_person_end
                sessions_that_have_ended_are_forgotten
                a_session_needs_its_person
                sessions_of_a_person_are_listed
            }
            passkeys {
                a_passkey_comes_back_as_it_was
                a_credential_belongs_to_one_passkey
                passkeys_of_a_person_are_listed_oldest_first
                a_use_of_a_passkey_is_noted
                a_passkey_is_changed_by_its_person_only
                a_passkey_needs_its_person
                passkeys_and_codes_go_with_their_person
            }
            challenges {
                a_challenge_is_taken_once
                of_parallel_takers_one_gets_the_challenge
                expired_challenges_are_forgotten
            }
            openid {
                a_sign_in_comes_back_as_it_was_once
                of_parallel_takers_one_gets_the_sign_in
                expired_sign_ins_are_forgotten
                an_identity_comes_back_as_it_was
                an_identity_belongs_to_one_person_who_has_one_of_each_provider
                identities_of_a_person_are_listed_and_forgotten_one_by_one
                an_identity_needs_its_person_and_goes_with_them
            }
            vault {
                an_entry_comes_back_as_it_was
                entries_of_a_person_are_listed_and_removed_one_by_one
                an_entry_is_put_under_another_key
                an_entry_needs_its_person_and_goes_with_them
            }
            invitations {
                an_invitation_comes_back_as_it_was
                an_invitation_ends_once_and_for_all
                invitations_that_name_nobody_end_together
                expired_invitations_are_forgotten
            }
            recovery_codes {
                a_code_is_used_once
                new_codes_replace_the_old
                codes_need_their_person
            }
            audit {
                records_of_many_transactions_form_one_chain
                a_dropped_transaction_leaves_no_gap
                records_are_listed_from_both_ends
                every_text_and_number_keeps_its_hash
                parallel_writers_form_one_chain
                activity_of_a_person_is_listed_from_both_ends
                records_from_before_a_host_was_linked_concern_its_person
                what_an_agent_did_before_it_was_claimed_is_its_persons
                erased_activity_is_gone_and_the_chain_holds
                old_activity_is_erased_oldest_first
                a_log_is_cut_off_at_its_beginning
                salts_come_from_what_the_transaction_was_given
            }
            housekeeping {
                agents_that_nobody_approved_go_with_all_they_asked_for
                a_request_that_can_be_answered_keeps_its_agent
                hosts_that_nobody_approved_go_once_they_have_no_agents
                a_reactivation_that_nobody_approved_falls_back
                old_requests_go_unless_a_grant_waits_for_them
                grants_that_nobody_decided_about_go
                decisions_are_kept_until_their_agent_has_ended
                requests_and_grants_of_a_person_go_with_them
                tokens_and_sessions_go_in_bounded_numbers
                erasures_are_due_until_they_are_done
            }
            search {
                agents_are_found_newest_first
                agents_are_found_by_what_they_are
                agents_are_found_by_how_their_names_begin
                hosts_are_found
                persons_are_found_by_how_their_addresses_begin
                holders_of_a_capability_are_listed_newest_first
                records_are_found_by_what_they_are_about
            }
            labels {
                a_label_belongs_to_one_person
                all_labels_of_a_person_go
            }
            notices {
                a_notice_comes_back_as_it_was
                an_attempt_is_begun_once
                due_notices_are_found_in_turn
                recent_notices_of_an_audience_are_listed
                old_notices_go
                a_choice_about_mail_is_kept_until_the_next
                a_device_belongs_to_who_added_it_last
                all_notices_of_a_person_go
            }
            replay {
                a_token_stays_as_it_was_first_seen
                a_token_that_may_be_forgotten_is_new_again
                those_of_some_tokens_that_were_seen_are_found
                tokens_are_remembered_until_their_time
                names_are_kept_apart_to_the_last_character
                hundreds_of_tokens_are_added_at_once
            }
            secrets {
                a_secret_comes_back_newest_first
                of_parallel_makers_one_makes_the_secret
                old_secrets_are_forgotten
            }
            jobs {
                a_job_comes_back_as_it_was_in_every_state
                a_job_has_a_name_of_its_own
                a_job_ends_once
                of_parallel_ends_one_counts
                pending_jobs_are_found_by_their_node
                old_jobs_are_forgotten_in_bounded_numbers
            }
            nodes {
                signs_of_life_are_counted_for_each_node
            }
            transactions {
                dropping_a_transaction_undoes_all_of_it
                a_transaction_sees_its_own_writes
                readers_see_committed_writes_only
                a_reader_keeps_the_state_it_found
                a_reader_cannot_write
                a_second_writer_waits_for_the_first
                of_parallel_writers_one_gets_the_key
                of_parallel_transitions_one_succeeds
                a_failed_commit_keeps_nothing
                what_is_gone_by_the_commit_needs_nothing
            }
        }
    };
    (@cases $open:path; $($module:ident { $($case:ident)* })*) => {
        $(mod $module {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let (store, _kept) = $open().await;
                $crate::contract::$module::$case(&store).await;
            })*
        })*
    };
}

#[cfg(test)]
mod tests;
