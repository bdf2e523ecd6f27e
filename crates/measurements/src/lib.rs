//! What the benchmarks of this workspace measure, and the bounds that judge it.
//!
//! Each benchmark is a program of its own. It prints a line for each measurement, and appends it as a line of JSON to the
//! file that [`RESULTS`] names, which is how `cargo xtask bench` gets all of them.

use std::fmt;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The environment variable that names the file to which each measurement is appended.
pub const RESULTS: &str = "OSM_BENCH_RESULTS";

/// A measurement and its bound.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Measurement {
    /// What was measured.
    pub what: String,
    /// The unit of the values.
    pub unit: Unit,
    /// The value of each program or input.
    pub values: Vec<Value>,
    /// The number that is judged: the only value, or a ratio of values.
    pub judged: f64,
    /// The bound of that number.
    pub bound: Bound,
    /// Whether it is within the bound.
    pub holds: bool,
}

/// What one program, or the same program with one input, needed.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Value {
    /// The program or the input.
    pub of: String,
    /// How much it needed.
    pub value: f64,
}

/// The unit of a value.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub enum Unit {
    /// Seconds.
    #[serde(rename = "s")]
    Seconds,
    /// Bytes.
    #[serde(rename = "B")]
    Bytes,
}

/// The bound of a measurement.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Bound {
    /// The judged number is at most this.
    AtMost(f64),
    /// The judged number is at least this.
    AtLeast(f64),
}

impl Bound {
    fn holds(self, judged: f64) -> bool {
        match self {
            Self::AtMost(bound) => judged <= bound,
            Self::AtLeast(bound) => judged >= bound,
        }
    }
}

/// Judges measurements, and keeps whether all bounds hold.
#[derive(Debug)]
pub struct Judge {
    holds: bool,
}

impl Default for Judge {
    fn default() -> Self {
        Self { holds: true }
    }
}

impl Judge {
    /// Judges the ratio of the times of two programs or inputs, `one` divided by `other`, and reports both.
    ///
    /// # Panics
    /// As [`Self::judge`].
    pub fn ratio(
        &mut self,
        what: &str,
        one: (&str, Duration),
        other: (&str, Duration),
        bound: Bound,
    ) {
        let values = [one, other].map(|(of, time)| (of, time.as_secs_f64()));
        let [(_, one), (_, other)] = values;
        self.judge(what, Unit::Seconds, &values, one / other, bound);
    }

    /// Judges one number: prints it with its values and its bound, and appends it to the file that [`RESULTS`] names.
    ///
    /// # Panics
    /// The file cannot be written.
    #[allow(clippy::print_stdout, clippy::panic)]
    pub fn judge(
        &mut self,
        what: &str,
        unit: Unit,
        values: &[(&str, f64)],
        judged: f64,
        bound: Bound,
    ) {
        let measurement = Measurement {
            what: what.to_owned(),
            unit,
            values: (values.iter())
                .map(|(of, value)| Value {
                    of: (*of).to_owned(),
                    value: *value,
                })
                .collect(),
            judged,
            bound,
            holds: bound.holds(judged),
        };
        self.holds &= measurement.holds;
        println!("{measurement}");
        if let Some(path) = std::env::var_os(RESULTS) {
            let written = serde_json::to_string(&measurement)
                .map_err(std::io::Error::from)
                .and_then(|line| {
                    let mut file = OpenOptions::new().append(true).create(true).open(&path)?;
                    writeln!(file, "{line}")
                });
            written.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
    }

    /// Whether all measurements so far are within their bounds.
    pub fn holds(&self) -> bool {
        self.holds
    }

    /// The exit code of a benchmark: 1 if a bound does not hold.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(u8::from(!self.holds))
    }
}

impl fmt::Display for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}: ", self.what)?;
        for Value { of, value } in &self.values {
            write!(f, "{of} {}, ", self.unit.format(*value))?;
        }
        let (which, bound) = match self.bound {
            Bound::AtMost(bound) => ("at most", bound),
            Bound::AtLeast(bound) => ("at least", bound),
        };
        match self.values.len() {
            1 => write!(f, "{which} {}", self.unit.format(bound))?,
            _ => write!(f, "ratio {:.2} ({which} {bound})", self.judged)?,
        }
        write!(f, ": {}", if self.holds { "ok" } else { "NOT MET" })
    }
}

impl Unit {
    /// Writes a value as people read it.
    pub fn format(self, value: f64) -> String {
        match self {
            Self::Seconds if value < 1.0 => format!("{:.1} ms", value * 1e3),
            Self::Seconds => format!("{value:.2} s"),
            Self::Bytes => format!("{:.1} MB", value / 1e6),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn measurement(values: &[(&str, f64)], judged: f64, bound: Bound) -> Measurement {
        Measurement {
            what: "rendering".to_owned(),
            unit: Unit::Seconds,
            values: (values.iter())
                .map(|(of, value)| Value {
                    of: (*of).to_owned(),
                    value: *value,
                })
                .collect(),
            judged,
            bound,
            holds: bound.holds(judged),
        }
    }

    #[test]
    fn a_measurement_is_a_line_with_its_bound_and_whether_it_holds() {
        let both = [("osm", 0.5), ("helm", 6.0)];
        let table = [
            (
                &both[..],
                12.0,
                Bound::AtLeast(12.0),
                "rendering: osm 500.0 ms, helm 6.00 s, ratio 12.00 (at least 12): ok",
            ),
            // A ratio may be the same number as one of the values.
            (
                &both,
                0.5,
                Bound::AtMost(0.4),
                "rendering: osm 500.0 ms, helm 6.00 s, ratio 0.50 (at most 0.4): NOT MET",
            ),
            (
                &both[..1],
                0.5,
                Bound::AtMost(2.0),
                "rendering: osm 500.0 ms, at most 2.00 s: ok",
            ),
        ];
        for (values, judged, bound, line) in table {
            assert_eq!(measurement(values, judged, bound).to_string(), line);
        }
    }

    #[test]
    fn a_measurement_is_read_back_from_json() {
        let written = measurement(&[("osm", 0.5)], 0.5, Bound::AtMost(0.5));
        let line = serde_json::to_string(&written).unwrap();
        assert!(line.contains(r#""bound":{"atMost":0.5}"#), "{line}");
        assert_eq!(serde_json::from_str::<Measurement>(&line).unwrap(), written);
    }

    #[test]
    fn one_bound_that_does_not_hold_fails_the_benchmark() {
        let mut judge = Judge::default();
        let times = [
            ("one", Duration::from_secs(1)),
            ("two", Duration::from_secs(2)),
        ];
        judge.ratio("a", times[0], times[1], Bound::AtMost(0.5));
        assert!(judge.holds());
        judge.ratio("b", times[1], times[0], Bound::AtMost(0.5));
        judge.ratio("c", times[0], times[1], Bound::AtMost(0.5));
        assert!(!judge.holds());
    }
}
