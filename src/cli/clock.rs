//! Clock: times as text, RFC 3339 in UTC, and how long ago they were in Docker's words. The arithmetic is Howard
//! Hinnant's days_from_civil; time zones and leap seconds are deliberately absent.

use crate::model::civil_time;
use std::time::{Duration, SystemTime};

#[cfg(test)]
mod tests;

/// Returns milliseconds since the epoch.
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    since.as_millis() as u64
}

/// Writes milliseconds since the epoch as `2026-01-02T03:04:05.678Z`.
pub fn format(millis: u64) -> String {
    format!("{}.{:03}Z", civil_time(millis), millis % 1000)
}

/// Reads `2026-01-02T03:04:05[.678...]Z` as milliseconds since the epoch; other offsets than Z and earlier years than
/// 1970 are none.
pub fn parse(text: &str) -> Option<u64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = numbers(date, '-')?;
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let [hour, minute, second] = numbers(clock, ':')?;
    let in_range = (1970..10_000).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 61;
    if !in_range || !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let millis: u64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let days = days(year as i64, month as i64, day as i64) as u64;
    Some((days * 86_400 + hour * 3600 + minute * 60 + second) * 1000 + millis)
}

/// Says how long ago a time was: `2 minutes ago`; empty for a text that is no time.
pub fn ago(text: &str, now: u64) -> String {
    since(text, now).map_or_else(String::new, |span| format!("{span} ago"))
}

/// Says how long it has been since: `2 minutes`.
pub fn since(text: &str, now: u64) -> Option<String> {
    parse(text).map(|then| span(Duration::from_millis(now.saturating_sub(then))))
}

/// Says a span in Docker's words.
fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (minutes, hours) = (seconds / 60, (seconds + 1800) / 3600);
    match () {
        () if seconds < 1 => "Less than a second".into(),
        () if seconds == 1 => "1 second".into(),
        () if seconds < 60 => format!("{seconds} seconds"),
        () if minutes == 1 => "About a minute".into(),
        () if minutes < 60 => format!("{minutes} minutes"),
        () if hours == 1 => "About an hour".into(),
        () if hours < 48 => format!("{hours} hours"),
        () if hours < 24 * 14 => format!("{} days", hours / 24),
        () if hours < 24 * 60 => format!("{} weeks", hours / 24 / 7),
        () if hours < 24 * 730 => format!("{} months", hours / 24 / 30),
        () => format!("{} years", hours / 24 / 365),
    }
}

fn numbers(text: &str, separator: char) -> Option<[u64; 3]> {
    let parts: Option<Vec<u64>> = text.split(separator).map(|part| part.parse().ok()).collect();
    parts?.try_into().ok()
}

/// Returns the days since 1970-01-01 of a date.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}
