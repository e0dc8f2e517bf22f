//! The crates depend on each other as the floors table in ARCHITECTURE.md says: only on lower floors, and only on the
//! rooms that their row names.

use std::collections::{BTreeMap, BTreeSet};
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

/// Every dependency between rooms: from, to, and whether it is for tests only, as a dependency is that needs a feature:
/// rooms have none but `testing`.
fn edges() -> anyhow::Result<Vec<(String, String, bool)>> {
    let metadata = metadata()?;
    let room = |name: &str| name.strip_prefix("sekisho-").unwrap_or(name).to_owned();
    let mut edges = Vec::new();
    for package in metadata["packages"].as_array().context("packages")? {
        let from = room(package["name"].as_str().context("a name")?);
        for dependency in package["dependencies"].as_array().context("dependencies")? {
            let name = dependency["name"].as_str().context("a name")?;
            if name.starts_with("sekisho") {
                let for_tests = dependency["kind"] == "dev" || dependency["optional"] == true;
                edges.push((from.clone(), room(name), for_tests));
            }
        }
    }
    Ok(edges)
}

fn metadata() -> anyhow::Result<serde_json::Value> {
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
    Ok(serde_json::from_slice(&output.stdout)?)
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
            // A room's tests may use rooms of the same floor, but none above it except for the fakes.
            let is_allowed = used.floor <= room.floor || to == "fakes";
            assert!(is_allowed, "{from} tests with {to}");
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

#[test]
fn no_row_names_a_room_that_its_room_does_not_use() -> anyhow::Result<()> {
    let used: BTreeSet<(String, String)> = edges()?
        .into_iter()
        .filter(|(.., for_tests)| !for_tests)
        .map(|(from, to, _)| (from, to))
        .collect();
    for (room, row) in table()? {
        for allowed in row.may_use {
            assert!(
                used.contains(&(room.clone(), allowed.clone())),
                "the row of {room} names {allowed}, which it does not use"
            );
        }
    }
    Ok(())
}

/// What is built for the product, with the features that it turns on.
#[test]
fn no_fake_is_compiled_into_the_product() -> anyhow::Result<()> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "-p", "sekisho", "-e", "normal,build"])
        .args(["--prefix", "none", "--format", "{p} {f}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()?;
    let tree = String::from_utf8(output.stdout)?;
    let of_the_house: Vec<&str> = tree
        .lines()
        .filter(|line| line.starts_with("sekisho"))
        .collect();
    assert!(of_the_house.len() > 10, "the tree was read: {tree}");
    for package in of_the_house {
        assert!(!package.starts_with("sekisho-fakes"), "{package}");
        assert!(!package.starts_with("sekisho-testkit"), "{package}");
        assert!(!package.contains("testing"), "{package}");
    }
    Ok(())
}

#[test]
fn every_package_is_called_after_its_folder_and_has_a_row() -> anyhow::Result<()> {
    let table = table()?;
    let metadata = metadata()?;
    let packages = metadata["packages"].as_array().context("packages")?;
    for package in packages {
        let name = package["name"].as_str().context("a name")?;
        let manifest = Path::new(package["manifest_path"].as_str().context("a path")?);
        let folder = manifest.parent().and_then(Path::file_name);
        let folder = folder.and_then(|f| f.to_str()).context("a folder")?;
        let expected = match folder {
            "sekisho" => "sekisho".to_owned(),
            folder => format!("sekisho-{folder}"),
        };
        assert_eq!(name, expected, "of the folder {folder}");
        assert!(
            table.contains_key(folder),
            "{folder} has no row in ARCHITECTURE.md"
        );
    }
    assert_eq!(
        table.len(),
        packages.len(),
        "a row for each room, and no more"
    );
    Ok(())
}

/// What may make a source: the listener's room, the room that servers in front report to, and two places that show in
/// which network an address lies.
const MAKE_SOURCES: [&str; 4] = [
    "net/",
    "authapi/",
    "checkpoint/src/checkpoint/views.rs",
    "sekisho/src/commands/network.rs",
];

#[test]
fn no_other_room_says_where_a_request_comes_from() -> anyhow::Result<()> {
    let rooms = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut folders = vec![rooms.clone()];
    let mut looked_at = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path.strip_prefix(&rooms)?.to_string_lossy().into_owned();
            let for_tests = ["testkit", "fakes", "source"].contains(&name.as_str());
            if path.is_dir() && !for_tests && !name.ends_with("/tests") {
                folders.push(path);
            } else if name.ends_with(".rs") && !name.ends_with("/tests.rs") {
                let text = std::fs::read_to_string(&path)?;
                // Tests are last in a file.
                let product = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
                let makes_one = product.contains("Source::assured(");
                let may = MAKE_SOURCES.iter().any(|room| name.starts_with(room));
                anyhow::ensure!(!makes_one || may, "{name} says where a request comes from");
                looked_at += 1;
            }
        }
    }
    anyhow::ensure!(
        looked_at > 100,
        "the sources were not found: {looked_at} files"
    );
    Ok(())
}
