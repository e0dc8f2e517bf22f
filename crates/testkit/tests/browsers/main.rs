//! What people do with Sekisho, in Chromium and Firefox. Each story runs in both, in Japanese and English, in windows
//! as wide as a desktop's and a phone's.
//!
//! Stories take pictures of the pages that they visit, under `target/screenshots/`, and check each of these pages for
//! faults.

mod a_private_address_is_the_second_way;
mod another_authenticator_app;
mod codes_survive_a_look_at_the_app;
mod everything_works_without_scripts;
mod half_a_letter_survives_the_way_home;
mod mail_is_written_and_read;
mod mail_programs_are_helped;
mod one_phone_is_enough;
mod scene;
mod slips_at_the_question;
mod the_app_for_every_day;
mod the_app_is_registered_and_asked_for;
mod the_guide_shows_the_pages;
mod the_keyboard_is_enough;
mod the_password_is_changed;
mod the_phone_is_changed_or_lost;
mod what_each_flow_takes;
