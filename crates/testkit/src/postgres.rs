//! Debian's PostgreSQL in a temporary folder, reachable only through a Unix socket.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, ensure};
use sekisho_records::PostgresSettings;

/// The shell script that keeps the server. It starts and stops the server on orders from its standard input; when that
/// closes, it stops the server and removes the folder. It must not run as root, which PostgreSQL forbids.
const KEEPER: &str = r#"
set -e
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
cd "$(mktemp -d)"
"$bin/initdb" -D data -U sekisho --auth=trust --no-sync --no-locale -E UTF8 >initdb.log
start() {
  "$bin/postgres" -D data -k "$PWD" -c listen_addresses= -c fsync=off -c max_connections=200 >>log 2>&1 &
  server=$!
  until "$bin/pg_isready" -q -h "$PWD"; do kill -0 $server; sleep 0.05; done
}
trap 'kill -QUIT $server 2>/dev/null || true; wait $server || true; rm -rf "$PWD"' EXIT
start
echo "$PWD"
while read -r order argument; do
  case $order in
    start) start ;;
    stop) kill -INT $server; wait $server || true ;;
    crash) kill -QUIT $server; wait $server || true ;;
    freeze) kill -STOP $server $(ps -o pid= --ppid $server) ;;
    thaw) kill -CONT $server $(ps -o pid= --ppid $server) ;;
    sql) "$bin/psql" -X -q -h "$PWD" -U sekisho -d "${argument%% *}" -c "${argument#* }" >>log 2>&1 ;;
  esac
  echo done
done
"#;

/// A running PostgreSQL.
pub struct Postgres {
    keeper: Child,
    talk: Mutex<Option<Talk>>,
    folder: PathBuf,
    databases: AtomicU32,
}

struct Talk {
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Postgres {
    /// Starts a server without databases.
    ///
    /// # Errors
    /// PostgreSQL is not installed or does not start.
    pub fn start() -> anyhow::Result<Self> {
        ensure!(
            Path::new("/usr/lib/postgresql").exists(),
            "PostgreSQL is not installed: scripts/test installs postgresql"
        );
        let mut command = if is_root()? {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]);
            command.args(["bash", "-c", KEEPER]);
            command
        } else {
            let mut command = Command::new("bash");
            command.args(["-c", KEEPER]);
            command
        };
        let mut keeper = command
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting PostgreSQL")?;
        let mut talk = Talk {
            orders: keeper.stdin.take().context("piped")?,
            answers: BufReader::new(keeper.stdout.take().context("piped")?),
        };
        let folder = PathBuf::from(talk.answer()?);
        ensure!(folder.is_absolute(), "PostgreSQL did not start");
        Ok(Self {
            keeper,
            talk: Mutex::new(Some(talk)),
            folder,
            databases: AtomicU32::new(0),
        })
    }

    /// Creates an empty database, and returns the settings to connect to it.
    ///
    /// # Errors
    /// The server does not create it.
    pub fn database(&self) -> anyhow::Result<PostgresSettings> {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let database = format!("site_{number}");
        self.sql("postgres", &format!("CREATE DATABASE {database}"))?;
        Ok(PostgresSettings {
            servers: vec![(self.folder.display().to_string(), 5432)],
            database,
            user: "sekisho".to_owned(),
            password: None,
            roots: None,
            connections: 8,
            time_limit: Duration::from_secs(5),
        })
    }

    /// Executes a statement in a database as its owner.
    ///
    /// # Errors
    /// The statement fails.
    pub fn sql(&self, database: &str, statement: &str) -> anyhow::Result<()> {
        self.order(&format!("sql {database} {statement}"))
    }

    /// Stops the server and disconnects its clients.
    ///
    /// # Errors
    /// The server's keeper has ended.
    pub fn stop(&self) -> anyhow::Result<()> {
        self.order("stop")
    }

    /// Stops the server without shutting it down, as a crash does.
    ///
    /// # Errors
    /// The server's keeper has ended.
    pub fn crash(&self) -> anyhow::Result<()> {
        self.order("crash")
    }

    /// Starts the server again.
    ///
    /// # Errors
    /// It does not start.
    pub fn start_again(&self) -> anyhow::Result<()> {
        self.order("start")
    }

    /// Suspends the server: it keeps its connections and answers nothing.
    ///
    /// # Errors
    /// The server's keeper has ended.
    pub fn freeze(&self) -> anyhow::Result<()> {
        self.order("freeze")
    }

    /// Resumes the server after [`Self::freeze`].
    ///
    /// # Errors
    /// The server's keeper has ended.
    pub fn thaw(&self) -> anyhow::Result<()> {
        self.order("thaw")
    }

    fn order(&self, order: &str) -> anyhow::Result<()> {
        let mut talk = self.talk();
        let talk = talk.as_mut().context("the server has ended")?;
        writeln!(talk.orders, "{order}")?;
        let answer = talk.answer()?;
        ensure!(answer == "done", "PostgreSQL did not {order}");
        Ok(())
    }

    fn talk(&self) -> MutexGuard<'_, Option<Talk>> {
        self.talk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Talk {
    fn answer(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.talk().take());
        let _ = self.keeper.wait();
    }
}

/// Whether the tests run as root.
///
/// # Errors
/// `id` can't be run.
pub fn is_root() -> anyhow::Result<bool> {
    let output = Command::new("id").arg("-u").output()?;
    Ok(output.stdout.trim_ascii() == b"0")
}
