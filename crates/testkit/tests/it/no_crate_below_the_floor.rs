//! Security rule 26: `deny.toml` keeps forbidding the crates that it forbids, and `Cargo.lock` contains none of them.
//! `cargo deny` checks for open advisories where it can reach their database.

use std::path::Path;

#[test]
fn what_is_known_to_be_unsafe_is_forbidden_and_not_locked() -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let rules = std::fs::read_to_string(root.join("deny.toml"))?;
    for floor in [
        "yanked = \"deny\"",
        "\"lettre@<0.11.24\"",
        "\"ammonia@<4.1.4\"",
        "\"openssl-sys\"",
    ] {
        assert!(rules.contains(floor), "deny.toml no longer says {floor}");
    }
    let locked = std::fs::read_to_string(root.join("Cargo.lock"))?;
    for name in ["lettre", "openssl-sys"] {
        assert!(
            !locked.contains(&format!("name = \"{name}\"")),
            "{name} is locked"
        );
    }
    Ok(())
}
