//! The argument that all commands share: where the configuration is.

use std::path::PathBuf;

use clap::Args;

use crate::config::{self, Plan};

/// Where the configuration is.
#[derive(Debug, Clone, Args)]
pub struct ConfigArgument {
    /// The configuration file.
    #[arg(
        long = "config",
        id = "config",
        value_name = "FILE",
        default_value = "/etc/sekisho/sekisho.toml",
        global = true
    )]
    pub(super) file: PathBuf,
}

impl ConfigArgument {
    /// Reads it.
    ///
    /// # Errors
    /// It can't be read, or something in it is wrong.
    pub(super) fn load(&self) -> anyhow::Result<Plan> {
        Ok(config::load(&self.file)?)
    }
}
