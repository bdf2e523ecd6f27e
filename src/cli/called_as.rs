//! The name that the program is called by. kubectl finds plugins, and programs that complete their words, by their names.

use std::ffi::OsString;
use std::path::Path;

/// The name that the program is called by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CalledAs {
    /// Any other name.
    Osm,
    /// `kubectl-osm`: kubectl runs it for `kubectl osm`.
    KubectlPlugin,
    /// `kubectl_complete-osm`: kubectl runs it to complete the words of `kubectl osm`.
    KubectlComplete,
}

impl CalledAs {
    /// What users type to run the plugin.
    pub const PLUGIN: &str = "kubectl osm";

    /// Returns the name by the path of the program.
    pub fn of(program: Option<&OsString>) -> CalledAs {
        let name = program.and_then(|path| Path::new(path).file_stem()?.to_str());
        match name {
            Some("kubectl-osm") => CalledAs::KubectlPlugin,
            Some("kubectl_complete-osm") => CalledAs::KubectlComplete,
            _ => CalledAs::Osm,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_that_of_the_file() {
        let table = [
            ("kubectl-osm", CalledAs::KubectlPlugin),
            ("/opt/kubectl-osm.exe", CalledAs::KubectlPlugin),
            ("./kubectl_complete-osm", CalledAs::KubectlComplete),
            ("/opt/kubectl-osm/osm", CalledAs::Osm),
            ("kubectl-osm2", CalledAs::Osm),
            ("", CalledAs::Osm),
        ];
        for (path, expected) in table {
            assert_eq!(CalledAs::of(Some(&path.into())), expected, "{path}");
        }
        assert_eq!(CalledAs::of(None), CalledAs::Osm);
    }
}
