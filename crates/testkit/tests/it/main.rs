//! The stories, in one test binary.

mod a_factor_that_never_came_is_told;
mod a_grant_ends_after_fourteen_hours;
mod a_laptop_moves_from_campus_to_home;
mod a_mail_client_is_refused_then_admitted;
mod a_password_never_becomes_a_factor;
mod a_stolen_password_opens_no_mail_client;
mod a_stranger_learns_nothing_at_the_mail_doors;
mod accounts_in_openldap;
mod an_open_connection_ends_with_its_grant;
mod an_otp_is_accepted_once;
mod behind_haproxy;
mod ending_things_ends_them_everywhere;
mod every_refusal_is_the_same_bytes;
mod floors;
mod guesses_are_counted;
mod in_front_of_dovecot;
mod mail_is_not_smuggled;
mod no_crate_below_the_floor;
mod no_door_leads_past_the_checkpoint;
mod no_mail_is_too_odd;
mod nothing_said_before_tls_counts;
mod person;
mod servers_that_ask;
mod two_nodes_and_one_database;
mod when_the_records_are_out_of_reach;
mod where_truths_come_from;
