//! The real distribution: a registry with TLS and authentication, and without the referrers API.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use serde_json::{Value, json};
use test_cluster::{PATIENCE, Process, SHORTLY};

use super::access_log::{Request, parse};
use super::home::{Home, program};
use super::registry::{PASSWORD, Registry, USER};
use super::tls::{get, write_pair};
use super::token::{ISSUER, SERVICE, TokenOptions, TokenServer};

/// The path of requests that this file sends. They are not among [`Distribution::requests`].
const MARKER: &str = "/?marker=";

/// How a registry is started.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Whether it is reached by https.
    pub has_tls: bool,
    /// Who may use it.
    pub auth: Auth,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            has_tls: true,
            auth: Auth::None,
        }
    }
}

/// Who may use a registry.
#[derive(Clone, Copy, Debug)]
pub enum Auth {
    /// Everyone.
    None,
    /// [`USER`] with [`PASSWORD`], by basic authentication.
    Basic,
    /// Who has a token of a token server.
    Token(TokenOptions),
}

/// A running registry; dropping it stops it.
///
/// The fields are dropped in their order.
pub struct Distribution {
    process: Process,
    tokens: Option<TokenServer>,
    address: String,
    has_tls: bool,
    markers: AtomicUsize,
    home: Home,
}

impl Distribution {
    /// Starts an empty registry on a free port, and waits until it is ready.
    pub fn start(options: Options) -> Self {
        let home = Home::new();
        let folder = home.path().join("distribution");
        std::fs::create_dir(&folder).unwrap();
        let tokens = match options.auth {
            Auth::Token(options) => Some(TokenServer::start(options)),
            _ => None,
        };
        let config = folder.join("config.json");
        let text = configuration(options, tokens.as_ref(), &folder).to_string();
        std::fs::write(&config, text).unwrap();
        let arguments = [
            // Otherwise it sends traces to whoever listens on port 4318.
            "OTEL_TRACES_EXPORTER=none".to_owned(),
            program("OSM_TEST_DISTRIBUTION").display().to_string(),
            "serve".to_owned(),
            config.display().to_string(),
        ];
        let mut process = Process::start("distribution", Path::new("env"), &arguments, &folder);
        let address = await_address(&mut process, &log_file(&home));
        let registry = Self {
            process,
            tokens,
            address,
            has_tls: options.has_tls,
            markers: AtomicUsize::new(0),
            home,
        };
        if !matches!(options.auth, Auth::None) {
            for address in [&registry.address, &registry.localhost_address()] {
                registry.home.log_in(address, USER, PASSWORD);
            }
        }
        registry
    }

    /// Returns the token server of a registry with [`Auth::Token`].
    #[track_caller]
    pub fn tokens(&self) -> &TokenServer {
        self.tokens
            .as_ref()
            .expect("a registry with a token server")
    }

    /// Returns the requests that the registry has answered so far, in the order in which the answers ended.
    pub fn requests(&self) -> Vec<Request> {
        // The registry logs a request after its answer. What is logged before a request that begins now has ended.
        let number = self.markers.fetch_add(1, Ordering::Relaxed);
        let marker = format!("{MARKER}{number}");
        get(&self.address, self.has_tls, &marker).unwrap_or_else(|e| {
            panic!("the registry does not answer: {e}\n{}", self.process.tail())
        });
        let start = Instant::now();
        loop {
            let log = std::fs::read(log_file(&self.home)).unwrap();
            let mut requests = parse(&String::from_utf8_lossy(&log));
            if requests.iter().any(|request| request.path == marker) {
                requests.retain(|request| !request.path.starts_with(MARKER));
                return requests;
            }
            assert!(start.elapsed() < PATIENCE, "{marker} is not logged");
            std::thread::sleep(SHORTLY);
        }
    }
}

impl Registry for Distribution {
    fn address(&self) -> &str {
        &self.address
    }

    fn home(&self) -> &Home {
        &self.home
    }
}

/// Returns the file that the process logs to.
fn log_file(home: &Home) -> PathBuf {
    home.path().join("distribution/distribution.log")
}

/// Returns the configuration, for files in a folder. JSON is YAML.
fn configuration(options: Options, tokens: Option<&TokenServer>, folder: &Path) -> Value {
    let file = |name: &str, text: &str| {
        std::fs::write(folder.join(name), text).unwrap();
        folder.join(name)
    };
    let mut config = json!({
        "version": "0.1",
        "log": {"formatter": "json"},
        "storage": {
            "filesystem": {"rootdirectory": folder.join("storage")},
            "delete": {"enabled": true},
            "maintenance": {"uploadpurging": {"enabled": false}},
        },
        "http": {"addr": "127.0.0.1:0", "secret": "of the state of uploads"},
    });
    if options.has_tls {
        write_pair("distribution", folder);
        config["http"]["tls"] = json!({
            "certificate": folder.join("server.pem"),
            "key": folder.join("server.key"),
        });
    }
    match tokens {
        Some(tokens) => {
            let keys = file("keys.json", &tokens.key_set().to_string());
            config["auth"] = json!({"token": {
                "realm": tokens.realm(), "service": SERVICE, "issuer": ISSUER, "jwks": keys,
            }});
        }
        None if matches!(options.auth, Auth::Basic) => {
            // The salt of a password that is in the source text protects nothing, and the lowest cost is the fastest.
            let hash = bcrypt::hash_with_salt(PASSWORD, 4, [0; 16]).unwrap();
            let users = file("htpasswd", &format!("{USER}:{hash}\n"));
            config["auth"] = json!({"htpasswd": {"realm": "test", "path": users}});
        }
        None => {}
    }
    config
}

/// Waits until the log says where the registry listens.
fn await_address(process: &mut Process, log: &Path) -> String {
    let start = Instant::now();
    loop {
        let text = std::fs::read(log).unwrap_or_default();
        if let Some(address) = find_address(&String::from_utf8_lossy(&text)) {
            return address;
        }
        if let Some(ended) = process.ended() {
            panic!("{ended}\n{}", process.tail());
        }
        assert!(start.elapsed() < PATIENCE, "{}", process.tail());
        std::thread::sleep(SHORTLY);
    }
}

/// Finds `listening on HOST:PORT` in the log.
fn find_address(log: &str) -> Option<String> {
    log.lines().find_map(|line| {
        let entry: Value = serde_json::from_str(line).ok()?;
        let listens = entry["msg"].as_str()?.strip_prefix("listening on ")?;
        Some(listens.trim_end_matches(", tls").to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_in_complete_lines_of_the_log() {
        let line = r#"{"msg":"listening on 127.0.0.1:40123, tls","level":"info"}"#;
        let log = format!("warning\n{{\"msg\":\"redis not configured\"}}\n{line}\n");
        assert_eq!(find_address(&log).as_deref(), Some("127.0.0.1:40123"));
        assert_eq!(
            find_address(&log.replace(", tls", "")).as_deref(),
            Some("127.0.0.1:40123")
        );
        assert_eq!(find_address(&log[..log.len() - 20]), None);
    }
}
