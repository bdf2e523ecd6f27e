//! `osm completion`: completion scripts for shells. They ask `osm __complete` for the candidates.

use clap::ValueEnum;

use super::exit::Done;
use super::output::Printer;

/// Print a completion script for a shell
///
/// The script asks osm what a word can be. Contexts, meshes and namespaces are those of the kubeconfig and the cluster, if it
/// answers within a second. To complete kubectl osm, link osm as kubectl-osm and kubectl_complete-osm in a folder of PATH.
// This text is the help, which has no markup.
#[allow(clippy::doc_markdown)]
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

/// A shell.
// Comments of these would be descriptions in the help.
#[allow(missing_docs)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    Bash,
    Elvish,
    Fish,
    #[value(name = "powershell")]
    PowerShell,
    Zsh,
}

impl Shell {
    /// Returns the completion script.
    pub fn script(self) -> &'static str {
        match self {
            Shell::Bash => include_str!("completion/osm.bash"),
            Shell::Elvish => include_str!("completion/osm.elv"),
            Shell::Fish => include_str!("completion/osm.fish"),
            Shell::PowerShell => include_str!("completion/_osm.ps1"),
            Shell::Zsh => include_str!("completion/_osm"),
        }
    }

    /// Returns the name of a file that the shell loads by itself, in a folder of completions.
    pub fn file_name(self) -> &'static str {
        match self {
            Shell::Bash => "osm.bash",
            Shell::Elvish => "osm.elv",
            Shell::Fish => "osm.fish",
            Shell::PowerShell => "_osm.ps1",
            Shell::Zsh => "_osm",
        }
    }
}

impl Completion {
    pub fn run(&self, printer: &mut Printer) -> Done {
        printer.data(self.shell.script())?;
        Ok(())
    }
}
