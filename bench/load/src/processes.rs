//! CPU time and memory of process trees, read from `/proc`.

use std::collections::HashMap;
use std::fs;

use rustix::process::{Resource, Rlimit};

/// Processes that are measured together, under a label; every descendant counts with its root.
#[derive(Clone)]
pub struct Group {
    /// What the result calls it.
    pub label: String,
    /// The roots.
    pub roots: Vec<u32>,
}

/// A process: its parent, and the CPU ticks of itself and of its reaped children.
struct Process {
    parent: u32,
    ticks: u64,
}

fn read(pid: u32) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold spaces. proc(5): then come state and parent; utime, stime, cutime and cstime
    // are fields 14 to 17.
    let (_, fields) = stat.rsplit_once(") ")?;
    let fields: Vec<_> = fields.split(' ').collect();
    let ticks = fields.get(11..15)?.iter().flat_map(|f| f.parse::<u64>());
    Some(Process {
        parent: fields.get(1)?.parse().ok()?,
        ticks: ticks.sum(),
    })
}

fn all() -> HashMap<u32, Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            Some((pid, read(pid)?))
        })
        .collect()
}

fn members(group: &Group, all: &HashMap<u32, Process>) -> Vec<u32> {
    let mut found: Vec<u32> = Vec::new();
    let mut todo = group.roots.clone();
    while let Some(pid) = todo.pop() {
        if all.contains_key(&pid) && !found.contains(&pid) {
            found.push(pid);
            let children = all.iter().filter(|(_, process)| process.parent == pid);
            todo.extend(children.map(|(child, _)| *child));
        }
    }
    found
}

/// CPU seconds of each group so far.
pub fn cpu_seconds(groups: &[Group]) -> Vec<f64> {
    if groups.is_empty() {
        return Vec::new();
    }
    let all = all();
    groups
        .iter()
        .map(|group| {
            let ticks: u64 = members(group, &all).iter().map(|pid| all[pid].ticks).sum();
            ticks as f64 / rustix::param::clock_ticks_per_second() as f64
        })
        .collect()
}

/// CPU seconds of this process so far.
pub fn own_cpu_seconds() -> f64 {
    let ticks = read(std::process::id()).map_or(0, |own| own.ticks);
    ticks as f64 / rustix::param::clock_ticks_per_second() as f64
}

/// Memory of each group in KiB, what is shared counted by its share (PSS).
pub fn memory_kib(groups: &[Group]) -> Vec<f64> {
    let all = all();
    let pss = |pid: &u32| -> Option<f64> {
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
        let line = text.lines().find(|line| line.starts_with("Pss:"))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    groups
        .iter()
        .map(|group| members(group, &all).iter().filter_map(pss).sum())
        .collect()
}

/// Lets this process open as many files as it may, for thousands of connections.
pub fn raise_open_files() {
    let Rlimit { maximum, .. } = rustix::process::getrlimit(Resource::Nofile);
    let all = Rlimit {
        current: maximum,
        maximum,
    };
    // If that is refused, a run that needs more says which connection failed.
    let _ = rustix::process::setrlimit(Resource::Nofile, all);
}
