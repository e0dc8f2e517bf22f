//! What people do with it, in Chromium and Firefox: each story in both, in Japanese and English, in a window as wide as a desktop's and one as wide as a phone's.
//!
//! The pages that a story comes by are kept as pictures under `target/screenshots/`, and looked over for faults while they are.

mod a_private_address_is_the_second_way;
mod codes_survive_a_look_at_the_app;
mod everything_works_without_scripts;
mod half_a_letter_survives_the_way_home;
mod mail_is_written_and_read;
mod scene;
mod the_app_is_registered_and_asked_for;
mod the_keyboard_is_enough;
mod the_password_is_changed;
