//! The program as people start it: processes, signals, files and pipes.

mod a_backup_brings_everything_back;
mod a_crash_loses_no_acknowledged_mail;
mod a_node_dies_and_the_other_goes_on;
mod a_restart_drops_nobody;
mod behind_a_forgotten_proxy;
mod config_check_asks_the_upstreams;
mod logs_name_nobody;
mod mail_from_elsewhere;
#[path = "../../../testkit/src/ports.rs"]
mod ports;
#[expect(dead_code, reason = "shared with the end-to-end stories")]
#[path = "../../../testkit/src/postgres.rs"]
mod postgres;
#[expect(dead_code, reason = "shared with the tests of mail clients")]
mod support;
mod the_command_line;
