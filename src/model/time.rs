//! Times of day: milliseconds since 1970, and the calendar's numbers for them, in UTC.

/// Milliseconds since 1970-01-01T00:00:00Z.
pub type Millis = u64;

const DAY: u64 = 86_400;

/// Writes a time as RFC 3339 does, but for the fraction of the second and the `Z`: `2026-11-24T08:20:17`.
pub fn civil_time(time: Millis) -> String {
    let seconds = time / 1000;
    let (year, month, day) = civil(seconds / DAY);
    let (hour, minute, second) = (seconds % DAY / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
}

/// Returns year, month and day of the Gregorian calendar, of a day counted from 1970-01-01. Years are counted from
/// March, so that the leap day is the last one, in eras of 400 years, which are all of one length.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let leap_days = day_of_era / 1_460 + day_of_era / 146_096 - day_of_era / 36_524;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}
