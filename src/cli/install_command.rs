//! Prints the command that uses the images of a mirror.

use super::flag_names::assignment_flag;
use crate::mesh::images::{COMPONENTS, Pins};
use crate::mesh::names::DEFAULT_NAMESPACE;
use crate::mesh::{Plan, PlanError, Request, ValueSource};

/// A command that uses the images of a mirror.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InstallCommand {
    /// The name of the release.
    pub release: &'static str,
    /// The program, and each flag with its value.
    words: Vec<Vec<String>>,
    /// Whether it installs. Otherwise it prints values for the chart of a release that this program cannot install.
    pub installs: bool,
}

impl InstallCommand {
    /// Returns the command for a request.
    ///
    /// # Errors
    /// The request is wrong.
    pub fn new(request: &Request) -> Result<InstallCommand, PlanError> {
        let default = Pins::default_channel().name();
        let release = match &request.release {
            Some(name) => Pins::of_release(name)?.name(),
            None => default,
        };
        let installs = match Plan::new(request) {
            Err(PlanError::OtherMinorVersion { .. }) => false,
            plan => plan.map(|_| true)?,
        };
        let mut words = vec![owned(match installs {
            true => &["osm", "install"],
            false => &["osm", "images", "list"],
        })];
        if release != default {
            words.push(owned(&["--release", release]));
        }
        let namespace = request.namespace.as_str();
        if !["", DEFAULT_NAMESPACE].contains(&namespace) {
            words.push(owned(&["--osm-namespace", namespace]));
        }
        let overrides = &request.overrides;
        if let Some(registry) = &overrides.registry {
            words.push(owned(&["--image-registry", registry.value.as_ref()]));
        }
        for (key, digest) in &overrides.digests {
            let component = COMPONENTS.iter().find(|component| component.key == key);
            let name = component.map_or(key.as_str(), |component| component.name);
            words.push(owned(&["--image-digest", &format!("{name}={digest}")]));
        }
        if let Some(policy) = &overrides.pull_policy {
            let policy = policy.value.to_string();
            words.push(owned(&["--image-pull-policy", &policy]));
        }
        for source in &request.values {
            words.push(match source {
                ValueSource::File(path) => owned(&["-f", &file(&path.display().to_string())]),
                ValueSource::Text(_) => owned(&["-f", "-"]),
                ValueSource::Assignment(mode, text) => owned(&[assignment_flag(*mode), text]),
            });
        }
        if !installs {
            words.push(owned(&["-o", "helm-values"]));
        }
        Ok(InstallCommand {
            release,
            words,
            installs,
        })
    }

    /// Returns the program and its arguments.
    pub fn arguments(&self) -> Vec<&str> {
        self.words.iter().flatten().map(String::as_str).collect()
    }

    /// Returns the command for a shell, with a line for each flag.
    pub fn shell(&self) -> String {
        let quoted = |words: &Vec<String>| {
            let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
            words.join(" ")
        };
        let lines: Vec<String> = self.words.iter().map(quoted).collect();
        lines.join(" \\\n    ")
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Returns a path as `-f` takes it, which splits at commas.
fn file(path: &str) -> String {
    match path.contains([',', '"']) {
        true => format!("\"{}\"", path.replace('"', "\"\"")),
        false => path.to_owned(),
    }
}

/// Returns a word for a shell (POSIX, "Quoting").
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+%".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::mesh::images::{Given, GivenBy, Overrides};

    fn request(release: &str, values: Vec<ValueSource>) -> Request {
        Request {
            namespace: "osm-system".to_owned(),
            release: Some(release.to_owned()),
            values,
            overrides: Overrides {
                registry: Some(Given {
                    value: "mirror.example.com/mesh".parse().unwrap(),
                    by: GivenBy::CommandLine,
                }),
                ..Overrides::default()
            },
            ..Request::default()
        }
    }

    #[test]
    fn words_are_quoted_for_a_shell_where_necessary() {
        let table = [
            ("a", "a"),
            ("", "''"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("{a}", "'{a}'"),
            ("a=b:1@sha256:0", "a=b:1@sha256:0"),
        ];
        for (word, want) in table {
            assert_eq!(quoted(word), want);
        }
        assert_eq!(file("a,\"b"), "\"a,\"\"b\"");
    }

    #[test]
    fn a_release_of_another_minor_version_gets_values_for_its_chart() {
        let default =
            InstallCommand::new(&request(Pins::default_channel().name(), Vec::new())).unwrap();
        assert_eq!(
            default.shell(),
            "osm install \\\n    --image-registry mirror.example.com/mesh"
        );
        let other = InstallCommand::new(&request("v1.2.3", Vec::new())).unwrap();
        assert_eq!(
            other.arguments()[..4],
            ["osm", "install", "--release", "v1.2.3"]
        );
        let old = InstallCommand::new(&request("v1.0.0", Vec::new())).unwrap();
        assert_eq!(
            old.arguments().join(" "),
            "osm images list --release v1.0.0 --image-registry mirror.example.com/mesh -o helm-values"
        );
    }
}
