//! Time zones: their offset from UTC at a point in time.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Zone {
    /// UTC.
    Utc,
    /// A constant offset in seconds, under the name that was read with it (may be empty).
    Fixed(i64, String),
    /// A zone of the database of this machine.
    Database(TimeZone),
}

/// The offset of a zone at a point in time.
pub struct Offset {
    /// Seconds east of UTC.
    pub seconds: i64,
    /// The abbreviation, such as `CEST`; may be empty.
    pub name: String,
}

impl Zone {
    /// Returns the zone of this machine: `TZ`, else `/etc/localtime`, else UTC.
    pub fn local() -> Zone {
        match TimeZone::try_system() {
            Ok(zone) => Zone::Database(zone),
            Err(_) => Zone::Utc,
        }
    }

    /// Returns the zone of a name such as `Europe/Berlin` or `Local`; UTC for an unknown name.
    pub fn named(name: &str) -> Zone {
        match name {
            "" | "UTC" => Zone::Utc,
            "Local" => Zone::local(),
            name => TimeZone::get(name).map_or(Zone::Utc, Zone::Database),
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
                let at = at.clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
                let at = Timestamp::from_second(at).unwrap_or_default();
                let info = zone.to_offset_info(at);
                of(i64::from(info.offset().seconds()), info.abbreviation())
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
