//! A way to a registry that passes a number of bytes, and then nothing until it is opened again.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// A way to a registry: a port of its own. It is open at first.
pub struct Valve {
    address: String,
    state: Arc<State>,
}

struct State {
    /// How many bytes may pass, in both directions together.
    left: Mutex<u64>,
    closed: Condvar,
}

impl Valve {
    /// Opens a way to a registry.
    pub fn open_to(address: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let state = Arc::new(State {
            left: Mutex::new(u64::MAX),
            closed: Condvar::new(),
        });
        let valve = Self {
            address: listener.local_addr().unwrap().to_string(),
            state: Arc::clone(&state),
        };
        let to = address.to_owned();
        // These threads end with the process.
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(&to).unwrap());
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let state = Arc::clone(&state);
                    std::thread::spawn(move || pass(from, to, &state));
                }
            }
        });
        valve
    }

    /// Returns host and port of this way: `127.0.0.1:40000`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Passes so many bytes more, and then nothing.
    pub fn close_after(&self, bytes: u64) {
        *self.state.left.lock().unwrap() = bytes;
    }

    /// Opens the way again, for connections that begin now. Returns how many bytes have passed since then, when called again.
    pub fn open(&self) -> u64 {
        let mut left = self.state.left.lock().unwrap();
        u64::MAX - std::mem::replace(&mut *left, u64::MAX)
    }

    /// Waits a short time until it is closed. Returns whether it is.
    pub fn is_closed_within(&self, time: Duration) -> bool {
        let left = self.state.left.lock().unwrap();
        let (left, _) = (self.state.closed)
            .wait_timeout_while(left, time, |left| *left > 0)
            .unwrap();
        *left == 0
    }
}

/// Passes what comes from one side on to the other.
fn pass(mut from: TcpStream, mut to: TcpStream, state: &State) {
    let mut buffer = [0; 16 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        let mut left = state.left.lock().unwrap();
        let passed = usize::try_from(*left).map_or(read, |left| left.min(read));
        *left -= passed as u64;
        if *left == 0 {
            state.closed.notify_all();
        }
        drop(left);
        if to.write_all(&buffer[..passed]).is_err() {
            break;
        }
        if passed < read {
            // Nothing comes any more, and nothing says so: the other side stays open until this one ends.
            while let Ok(1..) = from.read(&mut buffer) {}
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
