//! What is known about a user, and where it comes from.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fmt, fs, io};

use tokio::sync::{Mutex, OnceCell};

use super::helper_program::{HelperProblem, HelperPrograms, program};
use super::json::JsonError;
use super::secret::Credentials;
use crate::place::{Host, Repository};
use auth_file::AuthFile;

mod auth_file;

pub use auth_file::EntryProblem;

/// What helper programs are asked for instead of `docker.io`, because `docker login` stores it so.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";
/// How long the answer of a helper program is used. Programs are slow, and what they answer can expire.
const REMEMBERED: Duration = Duration::from_mins(1);

/// Where credentials are looked for: files in the format of docker and podman, and the helper programs that they name.
///
/// Each file is read once, when it is needed.
pub struct CredentialStore {
    sources: Vec<Source>,
    programs: HelperPrograms,
    /// By name of the program and server. The lock is held while a program runs, so that it asks the user once.
    answers: Mutex<HashMap<(String, String), Answer>>,
}

struct Answer {
    at: Instant,
    credentials: Option<Credentials>,
}

impl CredentialStore {
    /// Returns the store without credentials.
    pub fn none() -> CredentialStore {
        CredentialStore::new(Vec::new())
    }

    /// Returns the store of one file, which has to be there.
    pub fn file(path: impl Into<PathBuf>) -> CredentialStore {
        CredentialStore::new(vec![Place::File {
            path: path.into(),
            must_exist: true,
        }])
    }

    /// Returns the store of the environment: the file of `REGISTRY_AUTH_FILE` alone, or else `DOCKER_AUTH_CONFIG`, which is
    /// such a file itself, then the files of podman and docker in the order that podman searches them.
    pub fn from_environment() -> CredentialStore {
        CredentialStore::from_variables(|name| std::env::var_os(name))
    }

    /// Does it with other variables. An empty variable counts as unset (XDG Base Directory Specification).
    fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> CredentialStore {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        if let Some(path) = set("REGISTRY_AUTH_FILE") {
            return CredentialStore::file(path);
        }
        let folder = |name: &str, in_home: &str| {
            let default = || Some(Path::new(&set("HOME")?).join(in_home));
            set(name).map(PathBuf::from).or_else(default)
        };
        let json = set("DOCKER_AUTH_CONFIG").map(|json| Place::Variable {
            name: "DOCKER_AUTH_CONFIG",
            json,
        });
        let runtime = set("XDG_RUNTIME_DIR").map(PathBuf::from);
        let files = [
            runtime.map(|folder| folder.join("containers/auth.json")),
            folder("XDG_CONFIG_HOME", ".config").map(|folder| folder.join("containers/auth.json")),
            folder("DOCKER_CONFIG", ".docker").map(|folder| folder.join("config.json")),
        ];
        let files = files.into_iter().flatten().map(|path| Place::File {
            path,
            must_exist: false,
        });
        CredentialStore::new(json.into_iter().chain(files).collect())
    }

    fn new(places: Vec<Place>) -> CredentialStore {
        let source = |place| Source {
            place,
            content: OnceCell::new(),
        };
        CredentialStore {
            sources: places.into_iter().map(source).collect(),
            programs: HelperPrograms::default(),
            answers: Mutex::default(),
        }
    }

    /// Returns the credentials for a repository: those of the first place that has some.
    ///
    /// # Errors
    /// A file is malformed or cannot be read, or a helper program fails. Places after the first match are not looked at.
    pub async fn find(
        &self,
        repository: &Repository,
    ) -> Result<Option<Credentials>, CredentialsError> {
        for source in &self.sources {
            if let Some(file) = source.content().await? {
                let found = self.find_in(&source.place, file, repository).await?;
                if found.is_some() {
                    return Ok(found);
                }
            }
        }
        Ok(None)
    }

    /// Looks into one file.
    ///
    /// A helper program for this host alone is the only source for docker and podman, whatever it answers: what else the file
    /// has for this host is old. For `credsStore`, the two differ: docker asks nothing else, and podman ignores the field and
    /// reads `auths`. So both find what they expect if the program is asked first, and `auths` is used if it has nothing.
    async fn find_in(
        &self,
        place: &Place,
        file: &AuthFile,
        repository: &Repository,
    ) -> Result<Option<Credentials>, CredentialsError> {
        let host = repository.host();
        if let Some(name) = file.helper(host) {
            return self.ask(place, name, host).await;
        }
        if let Some(name) = file.store() {
            let found = self.ask(place, name, host).await?;
            if found.is_some() {
                return Ok(found);
            }
        }
        let found = file.credentials(repository);
        found.map_err(|(entry, problem)| CredentialsError::Entry {
            place: place.to_string(),
            entry,
            problem,
        })
    }

    async fn ask(
        &self,
        place: &Place,
        name: &str,
        host: &Host,
    ) -> Result<Option<Credentials>, CredentialsError> {
        let server = match host.is_docker_hub() {
            true => DOCKER_HUB.to_owned(),
            false => host.to_string(),
        };
        let key = (name.to_owned(), server);
        let mut answers = self.answers.lock().await;
        if let Some(answer) = answers.get(&key)
            && answer.at.elapsed() < REMEMBERED
        {
            return Ok(answer.credentials.clone());
        }
        let found = self.programs.get(name, &key.1).await;
        let credentials = found.map_err(|problem| CredentialsError::Helper {
            place: place.to_string(),
            host: host.to_string(),
            program: program(name),
            problem,
        })?;
        let answer = Answer {
            at: Instant::now(),
            credentials: credentials.clone(),
        };
        answers.insert(key, answer);
        Ok(credentials)
    }
}

impl fmt::Debug for CredentialStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = self.sources.iter().map(|source| source.place.to_string());
        f.debug_list().entries(places).finish()
    }
}

/// A place with credentials, and what it says. `None` if the file does not exist.
struct Source {
    place: Place,
    content: OnceCell<Option<AuthFile>>,
}

enum Place {
    Variable { name: &'static str, json: OsString },
    File { path: PathBuf, must_exist: bool },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Variable { name, .. } => write!(f, "the environment variable {name}"),
            Place::File { path, .. } => write!(f, "{}", path.display()),
        }
    }
}

impl Source {
    async fn content(&self) -> Result<Option<&AuthFile>, CredentialsError> {
        let content = self.content.get_or_try_init(async || self.read()).await?;
        Ok(content.as_ref())
    }

    fn read(&self) -> Result<Option<AuthFile>, CredentialsError> {
        let parsed = match &self.place {
            Place::Variable { json, .. } => AuthFile::parse(json.as_encoded_bytes()),
            Place::File { path, must_exist } => match fs::read(path) {
                Ok(json) => AuthFile::parse(&json),
                Err(e) if !must_exist && is_absence(&e) => return Ok(None),
                Err(source) => {
                    return Err(CredentialsError::Read {
                        file: path.clone(),
                        source,
                    });
                }
            },
        };
        parsed
            .map(Some)
            .map_err(|problem| CredentialsError::Malformed {
                place: self.place.to_string(),
                problem,
            })
    }
}

fn is_absence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Why credentials cannot be read. The message contains none of them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// A file cannot be read.
    #[error("cannot read the credentials in {}: {source}", .file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not JSON, or has other types.
    #[error("the credentials in {place} are malformed: {problem}")]
    Malformed {
        /// The file, or the variable.
        place: String,
        /// Where and what.
        problem: JsonError,
    },
    /// An entry for the registry cannot be used.
    #[error(
        "the credentials for {entry} in {place} cannot be used: {problem}. Log in again to replace them"
    )]
    Entry {
        /// The file, or the variable.
        place: String,
        /// The host, or the beginning of the repository.
        entry: String,
        /// Why.
        problem: EntryProblem,
    },
    /// A helper program fails.
    #[error("{place} names the helper program {program:?} for {host}: {problem}")]
    Helper {
        /// The file, or the variable.
        place: String,
        /// The registry.
        host: String,
        /// The program, without a folder.
        program: String,
        /// Why.
        #[source]
        problem: HelperProblem,
    },
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use image_pins::Reference;

    use super::*;
    use crate::auth::secret::Secret;
    use crate::auth::secret::tests::plain;

    fn repository(name: &str) -> Repository {
        Repository::from(&name.parse::<Reference>().unwrap())
    }

    async fn find(store: &CredentialStore, name: &str) -> Result<Option<String>, String> {
        let found = store.find(&repository(name)).await;
        if let Err(error) = &found {
            assert!(!format!("{error:?}").contains("marker-secret"), "{error:?}");
        }
        found
            .map(|found| found.as_ref().map(plain))
            .map_err(|error| error.to_string())
    }

    fn entry(host: &str, user: &str) -> String {
        format!(r#"{{"auths":{{"{host}":{{"username":"{user}","password":"pw"}}}}}}"#)
    }

    fn user(name: &str) -> Result<Option<String>, String> {
        Ok(Some(format!("user {name}, password pw")))
    }

    /// Returns a store for variables, in which `~` is this folder.
    fn store(folder: &Path, variables: &[(&str, &str)]) -> CredentialStore {
        let home = folder.to_str().unwrap();
        let variables: BTreeMap<&str, String> = variables
            .iter()
            .map(|&(name, value)| (name, value.replace('~', home)))
            .collect();
        CredentialStore::from_variables(|name| variables.get(name).map(OsString::from))
    }

    fn write(folder: &Path, name: &str, content: &str) {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    #[test]
    fn the_environment_says_where_to_look_and_in_which_order() {
        type Case = (
            &'static [(&'static str, &'static str)],
            &'static [&'static str],
        );
        let table: [Case; 6] = [
            (&[], &[]),
            (
                &[("HOME", "~")],
                &["~/.config/containers/auth.json", "~/.docker/config.json"],
            ),
            (
                &[
                    ("HOME", "~"),
                    ("DOCKER_CONFIG", "/docker"),
                    ("XDG_CONFIG_HOME", "/config"),
                    ("XDG_RUNTIME_DIR", "/run/user/1"),
                    ("DOCKER_AUTH_CONFIG", "{}"),
                ],
                &[
                    "the environment variable DOCKER_AUTH_CONFIG",
                    "/run/user/1/containers/auth.json",
                    "/config/containers/auth.json",
                    "/docker/config.json",
                ],
            ),
            (&[("DOCKER_CONFIG", "/docker")], &["/docker/config.json"]),
            (
                &[
                    ("HOME", "~"),
                    ("DOCKER_AUTH_CONFIG", "{}"),
                    ("REGISTRY_AUTH_FILE", "~/own.json"),
                ],
                &["~/own.json"],
            ),
            (
                &[
                    ("HOME", "~"),
                    ("REGISTRY_AUTH_FILE", ""),
                    ("DOCKER_CONFIG", ""),
                    ("DOCKER_AUTH_CONFIG", ""),
                    ("XDG_RUNTIME_DIR", ""),
                ],
                &["~/.config/containers/auth.json", "~/.docker/config.json"],
            ),
        ];
        for (variables, expected) in table {
            let found = format!("{:?}", store(Path::new("/home/jane"), variables));
            let expected: Vec<String> = expected
                .iter()
                .map(|place| place.replace('~', "/home/jane"))
                .collect();
            assert_eq!(found, format!("{expected:?}"));
        }
    }

    #[tokio::test]
    async fn the_first_place_with_a_match_wins() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        write(
            folder,
            "run/containers/auth.json",
            &entry("a.example.com", "run"),
        );
        write(
            folder,
            ".config/containers/auth.json",
            &entry("b.example.com", "config"),
        );
        let docker = r#"{"auths":{"a.example.com":{"username":"d","password":"pw"},
            "b.example.com":{"username":"d","password":"pw"},"docker.io":{"username":"d","password":"pw"}}}"#;
        write(folder, ".docker/config.json", docker);
        let json = entry("v.example.com", "variable");
        let variables = [
            ("HOME", "~"),
            ("XDG_RUNTIME_DIR", "~/run"),
            ("DOCKER_AUTH_CONFIG", json.as_str()),
        ];
        let store = store(folder, &variables);
        assert_eq!(find(&store, "v.example.com/x").await, user("variable"));
        assert_eq!(find(&store, "a.example.com/x").await, user("run"));
        assert_eq!(find(&store, "b.example.com/x").await, user("config"));
        assert_eq!(find(&store, "curl").await, user("d"));
        assert_eq!(find(&store, "other.example.com/x").await, Ok(None));
        assert_eq!(find(&CredentialStore::none(), "curl").await, Ok(None));
    }

    #[tokio::test]
    async fn a_missing_file_is_an_error_only_if_it_was_named() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        write(folder, ".docker", "a file in place of the folder");
        let default = store(folder, &[("HOME", "~")]);
        assert_eq!(find(&default, "curl").await, Ok(None));
        let named = store(
            folder,
            &[("HOME", "~"), ("REGISTRY_AUTH_FILE", "~/own.json")],
        );
        let error = find(&named, "curl").await.unwrap_err();
        let path = folder.join("own.json");
        let start = format!("cannot read the credentials in {}: ", path.display());
        assert!(error.starts_with(&start), "{error}");
        fs::create_dir(&path).unwrap();
        let error = find(&CredentialStore::file(&path), "curl")
            .await
            .unwrap_err();
        assert!(error.starts_with(&start), "{error}");
    }

    #[tokio::test]
    async fn a_malformed_file_is_an_error_that_does_not_quote_it() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let table = [
            (
                "{\n \"auths\": marker-secret}",
                "line 2, column 11: not valid JSON",
            ),
            (
                "{\"auths\":\"marker-secret\"}",
                "line 1, column 24: a value has the wrong type",
            ),
            (
                "{\"auths\":{\"a\":{\"auth\":[\"marker-secret\"]}}}",
                "line 1, column 22: a value has the wrong type",
            ),
            (
                "{\"credsStore\":\"marker-secret",
                "line 1, column 28: not valid JSON",
            ),
            ("[]", "a value has the wrong type"),
        ];
        for (json, expected) in table {
            write(folder, "own.json", json);
            let path = folder.join("own.json");
            let error = find(&CredentialStore::file(&path), "curl")
                .await
                .unwrap_err();
            let start = format!("the credentials in {} are malformed: line", path.display());
            assert!(
                error.starts_with(&start) && error.ends_with(expected),
                "{error}"
            );
            assert!(!error.contains("marker-secret"), "{error}");
        }
        let variables = [("DOCKER_AUTH_CONFIG", "marker-secret")];
        assert_eq!(
            find(&store(folder, &variables), "curl").await,
            Err("the credentials in the environment variable DOCKER_AUTH_CONFIG are malformed: line 1, column 1: \
                 not valid JSON"
                .to_owned())
        );
    }

    #[tokio::test]
    async fn a_malformed_place_after_the_first_match_is_not_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        write(folder, ".docker/config.json", "malformed");
        let json = entry("a.example.com", "jane");
        let store = store(folder, &[("HOME", "~"), ("DOCKER_AUTH_CONFIG", &json)]);
        assert_eq!(find(&store, "a.example.com/x").await, user("jane"));
        assert!(find(&store, "b.example.com/x").await.is_err());
    }

    #[tokio::test]
    async fn an_unusable_entry_is_an_error_with_file_and_host() {
        let json = r#"{"auths":{"https://a.example.com/v2/":{"auth":"marker-secret"}}}"#;
        let store = store(Path::new("/"), &[("DOCKER_AUTH_CONFIG", json)]);
        assert_eq!(
            find(&store, "a.example.com/x").await,
            Err("the credentials for a.example.com in the environment variable DOCKER_AUTH_CONFIG cannot be used: \
                 `auth` is not base64. Log in again to replace them"
                .to_owned())
        );
        assert_eq!(find(&store, "b.example.com/x").await, Ok(None));
    }

    #[test]
    fn nothing_shows_a_secret() {
        let secret = || Secret::new("marker-secret".to_owned());
        let json = r#"{"auths":{"a":{"password":"marker-secret"}}}"#;
        let store = store(Path::new("/"), &[("DOCKER_AUTH_CONFIG", json)]);
        let basic = Credentials::of_user("jane".to_owned(), secret());
        let shown = [
            format!("{:?}", secret()),
            format!("{basic:?}"),
            format!("{:?}", Credentials::IdentityToken(secret())),
            format!("{:?}", Credentials::RegistryToken(secret())),
            format!("{store:?}"),
        ];
        for text in &shown {
            assert!(!text.contains("marker-secret"), "{text}");
        }
        assert_eq!(
            shown[1],
            "Some(Basic { user: \"jane\", password: [secret] })"
        );
    }

    #[cfg(unix)]
    mod with_programs {
        use super::*;
        use crate::auth::helper_program::scripts;

        /// A program that knows one server, and notes each call.
        fn knowing(server: &str) -> String {
            format!(
                "server=$(cat)\necho x >> \"${{0%/*}}/calls\"\nif [ \"$server\" = \"{server}\" ]\nthen printf \
                 '{{\"Username\":\"%s\",\"Secret\":\"pw\"}}' \"${{0##*-}}\"\nelse echo credentials not found in native \
                 keychain; exit 1\nfi"
            )
        }

        fn in_folder(folder: &Path, json: &str) -> CredentialStore {
            let mut store = store(folder, &[("DOCKER_AUTH_CONFIG", json)]);
            store.programs.folder = Some(folder.to_owned());
            store
        }

        #[tokio::test]
        async fn programs_are_asked_before_the_entries_of_the_file() {
            let folder = tempfile::tempdir().unwrap();
            let folder = folder.path();
            scripts::write(folder, "own", &knowing("a.example.com:5000"));
            scripts::write(folder, "hub", &knowing("https://index.docker.io/v1/"));
            scripts::write(folder, "all", &knowing("c.example.com"));
            let json = r#"{"credHelpers":{"a.example.com:5000":"own","b.example.com":"own","docker.io":"hub"},
                "credsStore":"all","auths":{"a.example.com:5000":{"username":"file","password":"pw"},
                "b.example.com":{"username":"file","password":"pw"},"c.example.com":{"username":"file","password":"pw"},
                "d.example.com":{"username":"file","password":"pw"}}}"#;
            let store = in_folder(folder, json);
            let table = [
                ("a.example.com:5000/x", user("own")),
                ("curl", user("hub")),
                // The program for a host is the only source for it.
                ("b.example.com/x", Ok(None)),
                ("c.example.com/x", user("all")),
                ("d.example.com/x", user("file")),
                ("e.example.com/x", Ok(None)),
            ];
            for (name, expected) in table {
                assert_eq!(find(&store, name).await, expected, "{name}");
            }
        }

        #[tokio::test]
        async fn a_program_is_asked_once_for_each_server() {
            let folder = tempfile::tempdir().unwrap();
            let folder = folder.path();
            scripts::write(folder, "all", &knowing("a.example.com"));
            let store = in_folder(folder, r#"{"credsStore":"all"}"#);
            for _ in 0..3 {
                let (a, b, c) = tokio::join!(
                    find(&store, "a.example.com/x"),
                    find(&store, "a.example.com/y"),
                    find(&store, "b.example.com/x")
                );
                assert_eq!((a, b, c), (user("all"), user("all"), Ok(None)));
            }
            let calls = fs::read_to_string(folder.join("calls")).unwrap();
            assert_eq!(calls.lines().count(), 2);
        }

        #[tokio::test]
        async fn an_error_of_a_program_names_file_host_and_program() {
            let folder = tempfile::tempdir().unwrap();
            let folder = folder.path();
            scripts::write(folder, "bad", "echo marker-secret; exit 7");
            let place = "the environment variable DOCKER_AUTH_CONFIG names the helper program";
            let table = [
                (
                    r#"{"credsStore":"bad"}"#,
                    "\"docker-credential-bad\" for a.example.com: the program failed with exit code 7: run it with the \
                     argument `get` and the server on stdin to see why",
                ),
                (
                    r#"{"credHelpers":{"a.example.com":"absent"}}"#,
                    "\"docker-credential-absent\" for a.example.com: the program is not in PATH: install it, or remove \
                     its name from the file",
                ),
                (
                    r#"{"credHelpers":{"a.example.com":"../bad"}}"#,
                    "\"docker-credential-../bad\" for a.example.com: this is not a name of a helper program: expected \
                     letters, digits, `-`, `_` and `.`",
                ),
            ];
            for (json, expected) in table {
                let error = find(&in_folder(folder, json), "a.example.com/x").await;
                assert_eq!(error, Err(format!("{place} {expected}")), "{json}");
            }
        }
    }
}
