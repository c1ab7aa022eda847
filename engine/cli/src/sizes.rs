//! Sizes and ages as a person writes and reads them.

use std::time::Duration;

use krun_model::{Fault, FaultCode};

/// A size in binary units.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64;
    let mut unit = "B";
    for larger in UNITS {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = larger;
    }
    format!("{value:.1} {unit}")
}

/// An age such as `30d`, `12h`, `45min` or `10s`; 0 is any age.
pub fn age(text: &str) -> Result<Duration, Fault> {
    let digits = text.trim_end_matches(|letter: char| !letter.is_ascii_digit());
    let seconds = match &text[digits.len()..] {
        "d" => Some(86_400),
        "h" => Some(3600),
        "min" => Some(60),
        "s" => Some(1),
        "" if text == "0" => Some(0),
        _ => None,
    };
    let number: Option<u64> = digits.parse().ok();
    number
        .zip(seconds)
        .and_then(|(number, seconds)| number.checked_mul(seconds))
        .map(Duration::from_secs)
        .ok_or_else(|| {
            Fault::new(FaultCode::Usage, format!("`{text}` is no age"))
                .hint("Write it as 30d, 12h, 45min or 10s.")
        })
}

/// An age in its largest unit.
pub fn age_words(age: Duration) -> String {
    match age.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min", seconds / 60),
        seconds @ 3600..86_400 => format!("{} h", seconds / 3600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_and_sizes() {
        assert_eq!(age("30d").unwrap(), Duration::from_secs(30 * 86_400));
        assert_eq!(age("0").unwrap(), Duration::ZERO);
        for bad in ["", "d", "3", "-1d", "1y", "99999999999999999999d", "1 d"] {
            assert_eq!(age(bad).unwrap_err().code, FaultCode::Usage, "{bad}");
        }
        assert_eq!(size(1023), "1023 B");
        assert_eq!(size(1536), "1.5 KiB");
        assert_eq!(size(3 << 30), "3.0 GiB");
    }
}
