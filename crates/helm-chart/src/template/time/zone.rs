//! Time zones: their offset from UTC at a point in time.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use tz::TimeZone;

/// Where systems keep the database of time zones, in the order of Go.
const DATABASES: [&str; 4] = [
    "/usr/share/zoneinfo",
    "/usr/share/lib/zoneinfo",
    "/usr/lib/locale/TZ",
    "/etc/zoneinfo",
];
/// The zone of a machine.
const LOCAL: &str = "/etc/localtime";
/// How large a file of the database may be; those of `tzdata` have up to 4 KiB.
const MAX_FILE: u64 = 1 << 20;
/// The first and the last second for which offsets are calculated: those of the years -9999 and 9999. Earlier and later
/// ones have the same offset.
const SECONDS: std::ops::RangeInclusive<i64> = -377_705_116_800..=253_402_300_799;

/// A time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Zone {
    /// UTC.
    Utc,
    /// A constant offset in seconds, under the name that was read with it (may be empty).
    Fixed(i64, String),
    /// A zone of the database of this machine.
    Database(Arc<TimeZone>),
}

/// The offset of a zone at a point in time.
pub struct Offset {
    /// Seconds east of UTC.
    pub seconds: i64,
    /// The abbreviation, such as `CEST`; may be empty.
    pub name: String,
}

impl Zone {
    /// Returns the zone of this machine: `TZ`, else `/etc/localtime`, else UTC (`time.Local`).
    pub fn local() -> Zone {
        static ZONE: OnceLock<Zone> = OnceLock::new();
        let zone = || match std::env::var("TZ") {
            Err(_) => read(Path::new(LOCAL)),
            Ok(name) => match name.strip_prefix(':').unwrap_or(&name) {
                "" => None,
                path if path.starts_with('/') => read(Path::new(path)),
                name => find(name),
            },
        };
        let zone = ZONE.get_or_init(|| zone().unwrap_or(Zone::Utc));
        zone.clone()
    }

    /// Returns the zone of a name such as `Europe/Berlin` or `Local`; UTC for an unknown name.
    pub fn named(name: &str) -> Zone {
        match name {
            "" | "UTC" => Zone::Utc,
            "Local" => Zone::local(),
            name => find(name).unwrap_or(Zone::Utc),
        }
    }

    /// Returns the offset at that many seconds since 1970.
    pub fn offset(&self, at: i64) -> Offset {
        let of = |seconds, name: &str| Offset {
            seconds,
            name: name.to_owned(),
        };
        match self {
            Zone::Utc => of(0, "UTC"),
            Zone::Fixed(seconds, name) => of(*seconds, name),
            Zone::Database(zone) => {
                let at = at.clamp(*SECONDS.start(), *SECONDS.end());
                let local = zone.find_local_time_type(at).ok().or_else(|| last(zone));
                local.map_or_else(
                    || of(0, "UTC"),
                    |local| of(local.ut_offset().into(), local.time_zone_designation()),
                )
            }
        }
    }

    /// Returns the seconds since 1970 of a date and time of day in this zone (`time.Date`).
    pub fn to_unix(&self, civil_seconds: i64) -> i64 {
        // The offset before and after the guess: in the hour that a change skips or repeats, the first one holds.
        let offset = self.offset(civil_seconds).seconds;
        if offset == 0 {
            return civil_seconds;
        }
        let guess = civil_seconds - offset;
        match self.offset(guess).seconds {
            same if same == offset => guess,
            other => civil_seconds - other,
        }
    }
}

/// Returns what holds after the last change of a zone that has no rule for later ones.
fn last(zone: &TimeZone) -> Option<&tz::LocalTimeType> {
    let zone = zone.as_ref();
    let last = zone.transitions().last()?;
    zone.local_time_types().get(last.local_time_type_index())
}

/// Finds a zone in the databases of this machine (`time.LoadLocation`). No name leads out of them.
fn find(name: &str) -> Option<Zone> {
    let is_inside =
        !name.starts_with('/') && !name.contains('\\') && name.split('/').all(|part| part != "..");
    let folders = DATABASES.iter().filter(|_| is_inside);
    folders
        .map(Path::new)
        .find_map(|folder| read(&folder.join(name)))
}

/// Reads a zone (`TZif`, RFC 9636).
fn read(path: &Path) -> Option<Zone> {
    let is_small =
        std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() <= MAX_FILE);
    let bytes = std::fs::read(path).ok().filter(|_| is_small)?;
    let zone = TimeZone::from_tz_data(&bytes).ok()?;
    Some(Zone::Database(Arc::new(zone)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_of_a_zone_change_with_the_seasons_and_end_with_the_calendar() {
        let berlin = Zone::named("Europe/Berlin");
        for (at, seconds, name) in [
            (1_705_000_000, 3600, "CET"),
            (1_720_000_000, 7200, "CEST"),
            (4_102_444_800, 3600, "CET"),
            (i64::MAX, 3600, "CET"),
            (i64::MIN, 3208, "LMT"),
        ] {
            let offset = berlin.offset(at);
            assert_eq!(
                (offset.seconds, offset.name.as_str()),
                (seconds, name),
                "{at}"
            );
        }
    }

    #[test]
    fn unknown_names_and_paths_are_utc() {
        for name in [
            "",
            "UTC",
            "Nowhere/City",
            "Europe",
            "../../../etc/localtime",
            "Europe/../Europe/Berlin",
            "/etc/localtime",
            "Europe\\Berlin",
            "zone.tab",
            "CET-1CEST",
            "a\0b",
        ] {
            assert_eq!(Zone::named(name), Zone::Utc, "{name:?}");
        }
    }
}
