//! The registry of a rehearsal: the real distribution on loopback, with its storage in the scratch folder.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use oci_registry::Host;
use serde_json::{Value, json};

use super::RehearsalError;
use crate::flags::Access;
use crate::tools::DISTRIBUTION;

/// It starts within a second, unless the machine is busy.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running registry; dropping it stops it. Its storage stays.
pub(super) struct LocalRegistry {
    process: Child,
    address: String,
}

impl LocalRegistry {
    /// Starts the registry and waits until it listens. In a folder where it was before, it has the same address: pin files
    /// contain it.
    pub fn start(workspace: &Path, scratch: &Path) -> Result<LocalRegistry, RehearsalError> {
        let program = DISTRIBUTION
            .provide(workspace)
            .map_err(RehearsalError::Registry)?;
        let failed = |error: io::Error| RehearsalError::Registry(error.to_string());
        let folder = scratch.join("registry");
        fs::create_dir_all(&folder).map_err(failed)?;
        let config = folder.join("config.json");
        let known = fs::read(&config).ok().and_then(|text| address_of(&text));
        let address = match known {
            Some(address) => address,
            None => free_address().map_err(failed)?,
        };
        let text = json!({
            "version": "0.1",
            "storage": {"filesystem": {"rootdirectory": folder.join("storage")}},
            "http": {"addr": address},
        });
        fs::write(&config, text.to_string()).map_err(failed)?;
        let log = folder.join("log");
        let output = File::create(&log).map_err(failed)?;
        let process = Command::new(program)
            .arg("serve")
            .arg(&config)
            // Otherwise it sends traces to whoever listens on port 4318.
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdin(Stdio::null())
            .stdout(output.try_clone().map_err(failed)?)
            .stderr(output)
            .spawn()
            .map_err(failed)?;
        let mut registry = LocalRegistry { process, address };
        registry.await_start(&log)?;
        Ok(registry)
    }

    fn await_start(&mut self, log: &PathBuf) -> Result<(), RehearsalError> {
        let start = Instant::now();
        let line = format!("listening on {}", self.address);
        loop {
            let said = fs::read_to_string(log).unwrap_or_default();
            if said.contains(&line) {
                return Ok(());
            }
            let has_ended = !matches!(self.process.try_wait(), Ok(None));
            if has_ended || start.elapsed() > PATIENCE {
                let last = said.lines().last().unwrap_or("it says nothing").to_owned();
                return Err(RehearsalError::Registry(last));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Returns host and port.
    pub fn address(&self) -> String {
        self.address.clone()
    }

    /// Returns how it is reached.
    pub fn access(&self) -> Access {
        Access {
            insecure: vec![Host::new(&self.address)],
            ..Access::default()
        }
    }
}

impl Drop for LocalRegistry {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Returns the address in a configuration.
fn address_of(config: &[u8]) -> Option<String> {
    let config: Value = serde_json::from_slice(config).ok()?;
    Some(config["http"]["addr"].as_str()?.to_owned())
}

/// Returns an address at which nobody listens.
fn free_address() -> io::Result<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.to_string())
}
