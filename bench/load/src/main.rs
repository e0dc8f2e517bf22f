//! Load for mail servers, and the plainest servers to compare with.
//!
//! A subcommand measures once and prints one JSON object; `bench/run.py` calls it in turn for each server. It trusts
//! every certificate and knows one password: it is for servers on loopback, made for the measurement.
//!
//! In reading order: [`arguments`] is the command line; [`wire`] a connection, [`clients`] who logs in over it;
//! [`logins`], [`idle`], [`reads`], [`appends`], [`deliveries`] and [`http`] are what is measured; [`report`] is what
//! comes of it, with [`processes`] for CPU and memory; [`servers`] are upstreams that cost nothing and a proxy that
//! only copies; [`mail`] makes messages.

mod appends;
mod arguments;
mod clients;
mod deliveries;
mod http;
mod idle;
mod logins;
mod mail;
mod processes;
mod reads;
mod report;
mod servers;
mod wire;

use std::io;
use std::process::ExitCode;

use arguments::Arguments;

const HELP: &str = "load SUBCOMMAND [--option value]...

What is measured, with  --to HOST:PORT [--tls] --user PATTERN(%d) [--users K] [--n N] [--c CLIENTS]
                        [--warm-up W] [--sources K] [--pid LABEL=PID[,PID]]...
  imap-login     connect, LOGIN, LOGOUT
  imap-idle      open N connections, SELECT, IDLE, and hold them
  imap-read      N times a command over C connections     --command 'FETCH 1:* (BODY.PEEK[])' [--at-least BYTES]
  imap-select    SELECT N times, each on a new connection
  imap-append    APPEND N messages                        [--size BYTES | --corpus [--min-kb --max-kb]] [--pipeline P]
  lmtp           deliver N messages over C connections    --recipient PATTERN(%d) [--size BYTES]
  http           N requests for --url PATH                [--header H]... [--expect TEXT]

Servers, until they are killed:
  fake-imap, fake-pop3, fake-smtp   --listen A:P          let everybody in
  auth-http      --listen A:P --imap A:P                  tells nginx's mail proxy where everybody belongs
  copier         --listen A:P --to A:P [--certificate F --key F]   copies bytes, out of TLS if it has a key

Data:
  maildir        --dir D --n N [--min-kb 2 --max-kb 60]
";

fn main() -> ExitCode {
    processes::raise_open_files();
    let arguments = Arguments::read();
    let threads = arguments.number("threads", 1);
    let runtime = if threads == 1 {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
    } else {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .enable_all()
            .build()
    };
    match runtime.and_then(|runtime| runtime.block_on(run(&arguments))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load {}: {error}", arguments.command);
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> io::Result<()> {
    match arguments.command.as_str() {
        "imap-login" => logins::run(arguments).await,
        "imap-idle" => idle::run(arguments).await,
        "imap-read" | "imap-select" => reads::run(arguments).await,
        "imap-append" => appends::run(arguments).await,
        "lmtp" => deliveries::run(arguments).await,
        "http" => http::run(arguments).await,
        "fake-imap" | "fake-pop3" | "fake-smtp" | "auth-http" | "copier" => {
            servers::run(arguments).await
        }
        "maildir" => mail::maildir(arguments),
        _ => {
            print!("{HELP}");
            Ok(())
        }
    }
}
