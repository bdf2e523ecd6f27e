//! The real olareg: a registry with the referrers API, and without authentication.

use std::time::Instant;

use test_cluster::{PATIENCE, Process, SHORTLY, free_ports};

use super::home::{Home, program};
use super::registry::Registry;
use super::tls::{get, write_pair};

/// Number of attempts to start it, each on another port, if another process has taken the port.
const ATTEMPTS: usize = 3;

/// A running registry with TLS; dropping it stops it.
///
/// The fields are dropped in their order.
pub struct Olareg {
    _process: Process,
    address: String,
    home: Home,
}

impl Olareg {
    /// Starts an empty registry on a free port, and waits until it is ready.
    pub fn start() -> Self {
        let mut attempt = 1;
        loop {
            match Self::attempt() {
                Ok(registry) => return registry,
                // Another process took the port after it was found to be free.
                Err(why) if attempt < ATTEMPTS && why.contains("address already in use") => {
                    attempt += 1;
                }
                Err(why) => panic!("cannot start olareg: {why}"),
            }
        }
    }

    fn attempt() -> Result<Self, String> {
        let home = Home::new();
        let folder = home.path().join("olareg");
        std::fs::create_dir_all(folder.join("storage")).unwrap();
        write_pair("olareg", &folder);
        let [port] = free_ports();
        let arguments = [
            "serve",
            "--addr=127.0.0.1",
            &format!("--port={port}"),
            "--dir=storage",
            "--tls-cert=server.pem",
            "--tls-key=server.key",
        ];
        let arguments = arguments.map(str::to_owned);
        let program = program("OSM_TEST_OLAREG");
        let mut process = Process::start("olareg", &program, &arguments, &folder);
        let address = format!("127.0.0.1:{port}");
        let start = Instant::now();
        loop {
            // If another process has taken the port, its certificate is not trusted.
            let answer = get(&address, true, "/v2/");
            if answer.is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")) {
                break;
            }
            if let Some(ended) = process.ended() {
                return Err(format!("{ended}\n{}", process.tail()));
            }
            if start.elapsed() > PATIENCE {
                return Err(format!("it does not answer\n{}", process.tail()));
            }
            std::thread::sleep(SHORTLY);
        }
        Ok(Self {
            _process: process,
            address,
            home,
        })
    }
}

impl Registry for Olareg {
    fn address(&self) -> &str {
        &self.address
    }

    fn home(&self) -> &Home {
        &self.home
    }
}
