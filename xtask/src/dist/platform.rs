//! The names of targets in archives: those of Go, as in all earlier releases.

use std::fmt;

/// An operating system and a processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Platform {
    os: &'static str,
    arch: &'static str,
}

impl Platform {
    /// Returns the platform of a target of Rust.
    ///
    /// # Errors
    /// Archives of this target have no name.
    pub(super) fn of(target: &str) -> Result<Platform, String> {
        let os = [
            ("-unknown-linux-musl", "linux"),
            ("-unknown-linux-gnu", "linux"),
            ("-apple-darwin", "darwin"),
            ("-pc-windows-msvc", "windows"),
            ("-pc-windows-gnu", "windows"),
        ];
        let arch = [("x86_64", "amd64"), ("aarch64", "arm64")];
        let found = os.into_iter().find_map(|(end, os)| {
            let processor = target.strip_suffix(end)?;
            let (_, arch) = arch.into_iter().find(|(name, _)| *name == processor)?;
            Some(Platform { os, arch })
        });
        found.ok_or_else(|| {
            let known = super::TARGETS.join(", ");
            format!("there are no archives for the target `{target}`: choose one of {known}")
        })
    }

    /// Returns the name of a program's file.
    pub(super) fn file_of(self, program: &str) -> String {
        match self.os {
            "windows" => format!("{program}.exe"),
            _ => program.to_owned(),
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.os, self.arch)
    }
}

#[cfg(test)]
mod tests {
    use toml::Table;

    use super::super::TARGETS;
    use super::*;
    use crate::tools::workspace;

    #[test]
    fn archives_have_the_names_of_earlier_releases() {
        for (target, name, program) in [
            ("x86_64-unknown-linux-musl", "linux-amd64", "osm"),
            ("x86_64-unknown-linux-gnu", "linux-amd64", "osm"),
            ("aarch64-unknown-linux-musl", "linux-arm64", "osm"),
            ("x86_64-apple-darwin", "darwin-amd64", "osm"),
            ("aarch64-apple-darwin", "darwin-arm64", "osm"),
            ("x86_64-pc-windows-msvc", "windows-amd64", "osm.exe"),
        ] {
            let platform = Platform::of(target).unwrap();
            assert_eq!(platform.to_string(), name);
            assert_eq!(platform.file_of("osm"), program);
        }
        for target in ["riscv64gc-unknown-linux-gnu", "x86_64", "linux-amd64", ""] {
            let error = Platform::of(target).unwrap_err();
            assert!(error.contains("x86_64-unknown-linux-musl"), "{error}");
        }
    }
    #[test]
    fn cargo_binstall_and_cargo_deny_know_each_target_of_a_release() {
        let workspace = workspace();
        let read = |name: &str| -> Table {
            let text = std::fs::read_to_string(workspace.join(name)).unwrap();
            text.parse().unwrap()
        };
        let manifest = read("Cargo.toml");
        let metadata = &manifest["package"]["metadata"];
        let release = metadata["osm"]["release"].as_str().unwrap();
        let overrides = metadata["binstall"]["overrides"].as_table().unwrap();
        assert_eq!(overrides.keys().collect::<Vec<_>>(), TARGETS);
        for (target, values) in overrides {
            let platform = Platform::of(target).unwrap();
            let end = match values.get("pkg-fmt") {
                Some(format) => format.as_str().unwrap(),
                None => "tar.gz",
            };
            let url =
                format!("{{ repo }}/releases/download/{release}/osm-{release}-{platform}.{end}");
            assert_eq!(values["pkg-url"].as_str(), Some(url.as_str()));
            let program = format!("{platform}/{{ bin }}{{ binary-ext }}");
            assert_eq!(values["bin-dir"].as_str(), Some(program.as_str()));
        }
        let checked = &read("deny.toml")["graph"]["targets"];
        let checked = checked
            .as_array()
            .unwrap()
            .iter()
            .map(|target| target.as_str().unwrap());
        assert_eq!(checked.collect::<Vec<_>>(), TARGETS);
    }
}
