//! Times and durations as people read them. Reads no clock.

use jiff::Timestamp;

/// A duration in milliseconds: `0.03 s`, `4.2 s`, `1 min 12 s`, `2 h 5 min`.
pub fn seconds(ms: u64) -> String {
    match ms {
        0..=994 => format!("{:.2} s", ms as f64 / 1000.0),
        995..=59_949 => format!("{:.1} s", ms as f64 / 1000.0),
        59_950..=3_599_499 => {
            let whole = (ms + 500) / 1000;
            format!("{} min {} s", whole / 60, whole % 60)
        }
        _ => {
            let minutes = (ms + 30_000) / 60_000;
            format!("{} h {} min", minutes / 60, minutes % 60)
        }
    }
}

/// A time in milliseconds since 1970, as RFC 3339 in UTC, to the second.
pub fn stamp(ms: i64) -> String {
    Timestamp::from_second(ms.div_euclid(1000))
        .map_or_else(|_| "(no time)".to_owned(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (ms, expected) in [
            (0, "0.00 s"),
            (34, "0.03 s"),
            (994, "0.99 s"),
            (999, "1.0 s"),
            (4_200, "4.2 s"),
            (59_949, "59.9 s"),
            (59_950, "1 min 0 s"),
            (72_000, "1 min 12 s"),
            (7_500_000, "2 h 5 min"),
        ] {
            assert_eq!(seconds(ms), expected, "{ms}");
        }
    }

    #[test]
    fn stamps() {
        assert_eq!(stamp(0), "1970-01-01T00:00:00Z");
        assert_eq!(stamp(1_795_252_265_123), "2026-11-21T09:11:05Z");
        assert_eq!(stamp(i64::MAX), "(no time)");
    }
}
