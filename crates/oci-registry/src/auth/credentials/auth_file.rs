//! The format that `docker login` and `podman login` write: `~/.docker/config.json` and `containers-auth.json(5)`.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;

use super::super::json::JsonError;
use super::super::secret::{Credentials, Secret};
use crate::place::{Host, Repository};

/// base64 as people write it by hand, too.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// What one file says about registries. It contains secrets, and has no `Debug` for that.
#[derive(Default)]
pub(super) struct AuthFile {
    /// By `host` or `host/path`.
    entries: BTreeMap<String, Entry>,
    /// Names of helper programs, by host.
    helpers: BTreeMap<String, String>,
    store: Option<String>,
}

#[derive(Deserialize)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    #[serde(rename = "identitytoken")]
    identity_token: Option<String>,
    #[serde(rename = "registrytoken")]
    registry_token: Option<String>,
}

impl AuthFile {
    /// Reads the JSON. A file that was just created is empty, and `/dev/null` is a way to name a file without credentials.
    pub fn parse(json: &[u8]) -> Result<AuthFile, JsonError> {
        #[derive(Deserialize)]
        struct Raw {
            auths: Option<BTreeMap<String, Option<Entry>>>,
            #[serde(rename = "credHelpers")]
            helpers: Option<BTreeMap<String, Option<String>>>,
            #[serde(rename = "credsStore")]
            store: Option<String>,
        }
        if json.trim_ascii().is_empty() {
            return Ok(AuthFile::default());
        }
        let raw: Raw = serde_json::from_slice(json).map_err(|e| JsonError::new(&e))?;
        let entries = raw.auths.unwrap_or_default().into_iter();
        let helpers = raw.helpers.unwrap_or_default().into_iter();
        Ok(AuthFile {
            entries: by_place(
                entries.filter_map(|(key, entry)| Some((key, entry.filter(|e| !e.is_empty())?))),
            ),
            helpers: by_place(
                helpers.filter_map(|(key, name)| Some((key, name.filter(|n| !n.is_empty())?))),
            ),
            store: raw.store.filter(|name| !name.is_empty()),
        })
    }

    /// Returns the name of the helper program for one host.
    pub fn helper(&self, host: &Host) -> Option<&str> {
        self.helpers.get(&host.to_string()).map(String::as_str)
    }

    /// Returns the name of the helper program for all hosts.
    pub fn store(&self) -> Option<&str> {
        self.store.as_deref()
    }

    /// Returns the credentials that are written in the file: the entry with the longest path.
    ///
    /// # Errors
    /// The place of an entry that cannot be read, and why.
    pub fn credentials(
        &self,
        repository: &Repository,
    ) -> Result<Option<Credentials>, (String, EntryProblem)> {
        let whole = repository.to_string();
        let mut place = Some(whole.as_str());
        while let Some(current) = place {
            if let Some(entry) = self.entries.get(current) {
                let found = entry
                    .credentials()
                    .map_err(|why| (current.to_owned(), why))?;
                if found.is_some() {
                    return Ok(found);
                }
            }
            place = current.rsplit_once('/').map(|(parent, _)| parent);
        }
        Ok(None)
    }
}

/// Returns the values by `host` or `host/path`. A key that is written this way wins over others of the same meaning.
fn by_place<T>(values: impl Iterator<Item = (String, T)>) -> BTreeMap<String, T> {
    let mut found = BTreeMap::new();
    for (key, value) in values {
        let place = place(&key);
        if place == key {
            found.insert(place, value);
        } else {
            found.entry(place).or_insert(value);
        }
    }
    found
}

/// Returns what a key is about. URLs, which old versions of docker wrote, mean their host.
fn place(key: &str) -> String {
    let key = key.trim();
    let (rest, is_url) = match key.split_once("://") {
        Some((_, rest)) => (rest, true),
        None => (key, false),
    };
    let rest = rest.trim_end_matches('/');
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = Host::new(host);
    match is_url || path.is_empty() {
        true => host.to_string(),
        false => format!("{host}/{path}"),
    }
}

impl Entry {
    /// docker writes an empty entry for a registry whose credentials a helper program has.
    fn is_empty(&self) -> bool {
        let fields = [
            &self.auth,
            &self.username,
            &self.password,
            &self.identity_token,
            &self.registry_token,
        ];
        fields
            .into_iter()
            .all(|field| set(field.as_ref()).is_none())
    }

    fn credentials(&self) -> Result<Option<Credentials>, EntryProblem> {
        if let Some(token) = set(self.registry_token.as_ref()) {
            let token = Secret::new(token.to_owned());
            return match token.is_visible_ascii() {
                true => Ok(Some(Credentials::RegistryToken(token))),
                false => Err(EntryProblem::RegistryToken),
            };
        }
        if let Some(token) = set(self.identity_token.as_ref()) {
            let token = Secret::new(token.to_owned());
            return Ok(Some(Credentials::IdentityToken(token)));
        }
        if let Some(auth) = set(self.auth.as_ref()) {
            let (user, password) = decode(auth)?;
            return Ok(Credentials::of_user(user, password));
        }
        Ok(
            match (set(self.username.as_ref()), set(self.password.as_ref())) {
                (Some(user), Some(password)) => {
                    Credentials::of_user(user.to_owned(), Secret::new(password.to_owned()))
                }
                _ => None,
            },
        )
    }
}

fn set(field: Option<&String>) -> Option<&str> {
    let text = field?.as_str();
    (!text.is_empty()).then_some(text)
}

/// Reads `user:password` in base64. A password can contain colons. NULs and newlines at the end are not a part of it: docker
/// ignores the first, and `echo` appends the second.
fn decode(auth: &str) -> Result<(String, Secret), EntryProblem> {
    let base64: String = auth.split_ascii_whitespace().collect();
    let decoded = BASE64.decode(base64).map_err(|_| EntryProblem::NotBase64)?;
    let text = String::from_utf8(decoded).map_err(|_| EntryProblem::NotText)?;
    let text = text.trim_end_matches(['\0', '\n', '\r']);
    let (user, password) = text.split_once(':').ok_or(EntryProblem::NoColon)?;
    Ok((user.to_owned(), Secret::new(password.to_owned())))
}

/// Why an entry of a file with credentials cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryProblem {
    /// `auth` is not base64.
    #[error("`auth` is not base64")]
    NotBase64,
    /// `auth` is not text.
    #[error("`auth` is not UTF-8 text in base64")]
    NotText,
    /// `auth` is not a user and a password.
    #[error("`auth` has no colon between user and password")]
    NoColon,
    /// `registrytoken` cannot be sent.
    #[error("`registrytoken` contains characters that a header must not contain")]
    RegistryToken,
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD as PLAIN;
    use image_pins::Reference;

    use super::*;
    use crate::auth::secret::tests::plain;

    fn repository(name: &str) -> Repository {
        Repository::from(&name.parse::<Reference>().unwrap())
    }

    fn found(json: &str, name: &str) -> Result<Option<String>, (String, EntryProblem)> {
        let file = AuthFile::parse(json.as_bytes()).unwrap();
        let found = file.credentials(&repository(name))?;
        Ok(found.as_ref().map(plain))
    }

    /// Returns a file with an entry for each key, whose user is the key.
    fn with_keys(keys: &[&str]) -> String {
        let entries = keys.iter().map(|key| {
            format!(
                "{key:?}: {{\"auth\": {:?}}}",
                PLAIN.encode(format!("{}:p", key.replace(':', ";")))
            )
        });
        let entries: Vec<String> = entries.collect();
        format!("{{\"auths\": {{{}}}}}", entries.join(","))
    }

    #[test]
    fn the_longest_path_of_the_repository_wins() {
        let keys = [
            "r.example.com",
            "r.example.com/a",
            "r.example.com/a/b/",
            "R.example.com/x/y",
            "r.example.com:5000",
            "docker.io/seaport",
        ];
        let json = with_keys(&keys);
        let table = [
            ("r.example.com/a/b/c:v1", Some("r.example.com/a/b/")),
            ("r.example.com/a/b", Some("r.example.com/a/b/")),
            ("r.example.com/a/bc", Some("r.example.com/a")),
            ("r.example.com/ab", Some("r.example.com")),
            ("r.example.com/x/y/z", Some("R.example.com/x/y")),
            ("r.example.com:5000/a/b/c", Some("r.example.com;5000")),
            ("other.example.com/a", None),
            ("index.docker.io/seaport/harbor", Some("docker.io/seaport")),
            ("curl", None),
        ];
        for (name, user) in table {
            let expected = user.map(|user| format!("user {user}, password p"));
            assert_eq!(found(&json, name), Ok(expected), "{name}");
        }
    }

    #[test]
    fn a_key_that_is_a_url_means_its_host() {
        let table = [
            ("https://r.example.com/v1/", "r.example.com/a"),
            ("https://r.example.com/v2/", "r.example.com/a"),
            ("https://r.example.com", "r.example.com/a/b"),
            ("http://r.example.com:5000/v2", "r.example.com:5000/a"),
            ("HTTPS://R.example.com//", "r.example.com/a"),
            ("r.example.com/", "r.example.com/a"),
            ("https://index.docker.io/v1/", "curl"),
            ("index.docker.io", "docker.io/seaport/harbor"),
            ("registry-1.docker.io", "curl"),
            ("docker.io", "registry-1.docker.io/library/curl"),
        ];
        for (key, name) in table {
            let user = key.replace(':', ";");
            let expected = format!("user {user}, password p");
            assert_eq!(found(&with_keys(&[key]), name), Ok(Some(expected)), "{key}");
            let both = with_keys(&["https://docker.io/v1/", "docker.io", "http://docker.io"]);
            let expected = "user docker.io, password p".to_owned();
            assert_eq!(found(&both, "curl"), Ok(Some(expected)));
        }
    }

    #[test]
    fn an_entry_has_one_kind_of_credentials() {
        let auth = |text: &str| format!("\"auth\":\"{}\"", PLAIN.encode(text));
        let table = [
            (auth("jane:pw"), Some("user jane, password pw")),
            (auth("jane:p:w:"), Some("user jane, password p:w:")),
            (auth("jane:pw\0\0"), Some("user jane, password pw")),
            (auth("jane:pw\n"), Some("user jane, password pw")),
            (
                auth("J\u{fc}:\u{fc}"),
                Some("user J\u{fc}, password \u{fc}"),
            ),
            (auth("<token>:pw"), Some("identity token pw")),
            (auth("jane:"), None),
            (auth(":"), None),
            (
                r#""auth":"amFuZTpwdw""#.to_owned(),
                Some("user jane, password pw"),
            ),
            (
                r#""auth":"amFuZTpw\ndw==\n""#.to_owned(),
                Some("user jane, password pw"),
            ),
            (
                r#""username":"jane","password":"pw""#.to_owned(),
                Some("user jane, password pw"),
            ),
            (
                r#""username":"<token>","password":"pw""#.to_owned(),
                Some("identity token pw"),
            ),
            (r#""username":"jane""#.to_owned(), None),
            (r#""password":"pw""#.to_owned(), None),
            (
                format!(r#"{},"username":"x","password":"y""#, auth("jane:pw")),
                Some("user jane, password pw"),
            ),
            (
                format!(r#"{},"identitytoken":"it""#, auth("0000:")),
                Some("identity token it"),
            ),
            (
                r#""username":"x","password":"y","identitytoken":"it""#.to_owned(),
                Some("identity token it"),
            ),
            (
                r#""identitytoken":"it","registrytoken":"rt""#.to_owned(),
                Some("registry token rt"),
            ),
            (
                r#""auth":"","identitytoken":"","email":"x""#.to_owned(),
                None,
            ),
            (r#""auth":null"#.to_owned(), None),
            (String::new(), None),
        ];
        for (fields, expected) in table {
            let json = format!("{{\"auths\":{{\"r.example.com\":{{{fields}}}}}}}");
            let expected = expected.map(str::to_owned);
            assert_eq!(found(&json, "r.example.com/a"), Ok(expected), "{fields}");
        }
    }

    #[test]
    fn an_empty_entry_hides_no_other() {
        let json = r#"{"auths": {"r.example.com/a": {}, "r.example.com": {"auth": "amFuZTpwdw=="},
            "docker.io": {}, "https://index.docker.io/v1/": {"auth": "amFuZTpwdw=="}, "x": null}}"#;
        let jane = Ok(Some("user jane, password pw".to_owned()));
        assert_eq!(found(json, "r.example.com/a/b"), jane);
        assert_eq!(found(json, "curl"), jane);
    }

    #[test]
    fn an_entry_that_cannot_be_read_is_an_error_with_its_place() {
        let encode = |bytes: &[u8]| PLAIN.encode(bytes);
        let table = [
            (
                r#""auth":"marker-secret""#.to_owned(),
                EntryProblem::NotBase64,
            ),
            (
                format!(r#""auth":"{}""#, encode(b"jane:\xff")),
                EntryProblem::NotText,
            ),
            (
                format!(r#""auth":"{}""#, encode(b"marker-secret")),
                EntryProblem::NoColon,
            ),
            (
                r#""registrytoken":"marker secret""#.to_owned(),
                EntryProblem::RegistryToken,
            ),
        ];
        for (fields, expected) in table {
            let json = format!("{{\"auths\":{{\"https://r.example.com/v1/\":{{{fields}}}}}}}");
            let place = "r.example.com".to_owned();
            assert_eq!(
                found(&json, "r.example.com/a"),
                Err((place, expected)),
                "{fields}"
            );
            // Other registries have nothing to do with it.
            assert_eq!(found(&json, "other.example.com/a"), Ok(None), "{fields}");
        }
    }

    #[test]
    fn helper_programs_are_named_for_hosts() {
        let json = r#"{"credsStore": "desktop.exe", "credHelpers": {"https://index.docker.io/v1/": "hub",
            "R.example.com": "ecr-login", "empty.example.com": "", "null.example.com": null}}"#;
        let file = AuthFile::parse(json.as_bytes()).unwrap();
        let table = [
            ("docker.io", Some("hub")),
            ("registry-1.docker.io", Some("hub")),
            ("r.example.com", Some("ecr-login")),
            ("empty.example.com", None),
            ("null.example.com", None),
            ("r.example.com:5000", None),
        ];
        for (host, expected) in table {
            assert_eq!(file.helper(&Host::new(host)), expected, "{host}");
        }
        assert_eq!(file.store(), Some("desktop.exe"));
    }

    #[test]
    fn a_file_without_content_has_no_credentials() {
        let table = [
            "",
            " \n",
            "{}",
            r#"{"auths": null, "credHelpers": null, "credsStore": null}"#,
            r#"{"credsStore": "", "HttpHeaders": {"a": 1}}"#,
        ];
        for json in table {
            assert_eq!(found(json, "r.example.com/a"), Ok(None), "{json}");
            let file = AuthFile::parse(json.as_bytes()).unwrap();
            assert_eq!(file.store(), None, "{json}");
        }
    }
}
