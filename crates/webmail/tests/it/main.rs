//! Tests of the webmail as browsers see it, over a real checkpoint with real records and accounts.

mod a_form_from_elsewhere_changes_nothing;
mod a_form_waits_for_its_turn;
mod a_half_signed_in_browser_can_only_finish;
mod a_strangers_form_is_small;
mod an_answer_is_lost;
mod changing_the_password;
mod kit;
mod pages_are_light;
mod pages_as_they_are;
mod recovery_codes;
mod registering_factors;
mod signing_in;
mod the_draft_is_kept;
mod the_guide;
mod the_status_page;
mod when_the_checkpoint_can_not_judge;
