//! The crates depend on each other as the floors table in ARCHITECTURE.md says: only on lower floors, and only on the
//! rooms that their row names.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::Context;

/// A row of the table: the floor, and the rooms that the room may use.
struct Room {
    floor: u32,
    may_use: Vec<String>,
}

fn table() -> anyhow::Result<BTreeMap<String, Room>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ARCHITECTURE.md");
    let text = std::fs::read_to_string(path)?;
    let rows = text.lines().filter_map(|line| {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let [_, floor, room, may_use, ..] = cells.as_slice() else {
            return None;
        };
        let names = |cell: &str| {
            cell.split('`')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let room = names(room).into_iter().next()?;
        Some((
            room,
            Room {
                floor: floor.parse().ok()?,
                may_use: names(may_use),
            },
        ))
    });
    Ok(rows.collect())
}

/// Every dependency between rooms: from, to, and whether it is for tests only.
fn edges() -> anyhow::Result<Vec<(String, String, bool)>> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
            "--offline",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()?;
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let room = |name: &str| name.strip_prefix("sekisho-").unwrap_or(name).to_owned();
    let mut edges = Vec::new();
    for package in metadata["packages"].as_array().context("packages")? {
        let from = room(package["name"].as_str().context("a name")?);
        for dependency in package["dependencies"].as_array().context("dependencies")? {
            let name = dependency["name"].as_str().context("a name")?;
            if name.starts_with("sekisho") {
                edges.push((from.clone(), room(name), dependency["kind"] == "dev"));
            }
        }
    }
    Ok(edges)
}

#[test]
fn every_room_uses_lower_floors_only_and_no_room_that_its_row_does_not_name() -> anyhow::Result<()>
{
    let table = table()?;
    let edges = edges()?;
    assert!(edges.len() > 20, "the edges were read");
    for (from, to, for_tests) in edges {
        let (room, used) = (
            table
                .get(&from)
                .with_context(|| format!("{from} has no row in ARCHITECTURE.md"))?,
            table
                .get(&to)
                .with_context(|| format!("{to} has no row in ARCHITECTURE.md"))?,
        );
        if for_tests {
            // A room's tests may use rooms of the same floor, but none above it.
            assert!(used.floor <= room.floor, "{from} tests with {to}");
        } else {
            assert!(
                used.floor < room.floor,
                "{from} uses {to}, which is not on a lower floor"
            );
            assert!(
                room.may_use.contains(&to),
                "{from} uses {to}, which its row does not name"
            );
        }
    }
    Ok(())
}
