//! `osm completion`: completion scripts for shells.

use clap_complete::Shell;

use super::exit::Done;
use super::output::Printer;

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  source <(osm completion bash)
  osm completion zsh > \"${fpath[1]}/_osm\"
  osm completion fish > ~/.config/fish/completions/osm.fish")]
pub(super) struct Completion {
    /// Shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completion {
    pub fn run(&self, printer: &mut Printer) -> Done {
        let mut script = Vec::new();
        clap_complete::generate(
            self.shell,
            &mut super::documented_command(),
            "osm",
            &mut script,
        );
        printer.data(&String::from_utf8_lossy(&script))?;
        Ok(())
    }
}
