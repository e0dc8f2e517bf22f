//! What a measurement found: one JSON object on standard output.

use std::fmt::Write as _;
use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::arguments::Arguments;
use crate::processes::{self, Group};

/// One result, a field at a time.
#[derive(Default)]
pub struct Report {
    fields: String,
}

impl Report {
    /// Adds a number.
    pub fn number(&mut self, name: &str, value: f64) {
        let value = if value.is_finite() { value } else { 0.0 };
        let separator = if self.fields.is_empty() { "" } else { ", " };
        let _ = write!(self.fields, "{separator}\"{name}\": {value}");
    }

    /// Adds a text.
    pub fn text(&mut self, name: &str, value: &str) {
        let value = value.replace('\\', "\\\\").replace('"', "\\\"");
        let separator = if self.fields.is_empty() { "" } else { ", " };
        let _ = write!(self.fields, "{separator}\"{name}\": \"{value}\"");
    }

    /// Adds the median and the 99th percentile of durations in seconds, as milliseconds.
    pub fn latencies(&mut self, seconds: &mut [f64]) {
        seconds.sort_by(f64::total_cmp);
        for (name, percent) in [("p50_ms", 50), ("p99_ms", 99)] {
            let at = (seconds.len() * percent / 100).min(seconds.len().saturating_sub(1));
            if let Some(value) = seconds.get(at) {
                self.number(name, value * 1e3);
            }
        }
    }

    /// Prints it.
    pub fn print(self) {
        println!("{{{}}}", self.fields);
    }
}

/// The clock and the CPU clocks of the watched processes and of this one, over one measured interval.
pub struct Meter {
    groups: Vec<Group>,
    cpu: Vec<f64>,
    own_cpu: f64,
    started: Instant,
}

impl Meter {
    /// Starts the clocks.
    pub fn start(arguments: &Arguments) -> Self {
        let groups = arguments.groups();
        Self {
            cpu: processes::cpu_seconds(&groups),
            own_cpu: processes::own_cpu_seconds(),
            groups,
            started: Instant::now(),
        }
    }

    /// Adds the seconds that passed, and the CPU microseconds an operation by group; gives the seconds.
    pub fn stop(self, report: &mut Report, operations: u64) -> f64 {
        let seconds = self.started.elapsed().as_secs_f64();
        let own_cpu = processes::own_cpu_seconds() - self.own_cpu;
        // The CPU time of children is counted when they are reaped.
        std::thread::sleep(Duration::from_millis(150));
        let operations = operations.max(1) as f64;
        report.number("secs", seconds);
        let after = processes::cpu_seconds(&self.groups);
        for ((group, before), after) in self.groups.iter().zip(self.cpu).zip(after) {
            let name = format!("cpu_us_{}", group.label);
            report.number(&name, (after - before) * 1e6 / operations);
        }
        report.number("cpu_us_client", own_cpu * 1e6 / operations);
        seconds
    }
}

/// What the clients of one run count together.
#[derive(Default)]
pub struct Tally {
    next: AtomicUsize,
    done: AtomicU64,
    errors: AtomicU64,
    bytes: AtomicU64,
    seconds: Mutex<Vec<f64>>,
    first_error: Mutex<Option<String>>,
}

impl Tally {
    /// Nothing yet.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// The number of the next operation, from 0.
    pub fn next(&self) -> usize {
        self.next.fetch_add(1, Relaxed)
    }

    /// So many operations were done, in that time.
    pub fn done(&self, operations: u64, since: Instant) {
        self.done.fetch_add(operations, Relaxed);
        let seconds = since.elapsed().as_secs_f64();
        lock(&self.seconds).push(seconds);
    }

    /// So many bytes went over the line.
    pub fn add_bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Relaxed);
    }

    /// How many bytes there were so far.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    /// One failed.
    pub fn failed(&self, error: &io::Error) {
        self.errors.fetch_add(1, Relaxed);
        lock(&self.first_error).get_or_insert_with(|| error.to_string());
    }

    /// Adds all that to the report, and stops the clocks.
    pub fn report(&self, report: &mut Report, meter: Meter) {
        let done = self.done.load(Relaxed);
        let seconds = meter.stop(report, done);
        report.number("rate", done as f64 / seconds);
        report.number("mb_per_s", self.bytes() as f64 / 1e6 / seconds);
        report.latencies(&mut lock(&self.seconds));
        report.number("errors", self.errors.load(Relaxed) as f64);
        if let Some(error) = lock(&self.first_error).as_ref() {
            report.text("first_error", error);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
