//! Dates both ways, and Docker's words for spans.

use super::*;

#[test]
fn a_time_survives_its_text() {
    for (millis, text) in [
        (0, "1970-01-01T00:00:00.000Z"),
        (951_782_400_123, "2000-02-29T00:00:00.123Z"),
        (1_795_508_417_005, "2026-11-24T08:20:17.005Z"),
        (4_102_444_799_999, "2099-12-31T23:59:59.999Z"),
    ] {
        assert_eq!(format(millis), text);
        assert_eq!(parse(text), Some(millis));
    }
    assert_eq!(parse("2026-11-24T08:20:17Z"), Some(1_795_508_417_000));
    assert_eq!(parse("2026-11-24T08:20:17.123456789Z"), Some(1_795_508_417_123));
    for text in ["", "0001-01-01T00:00:00Z", "2026-11-24", "2026-13-01T00:00:00Z", "x-y-zT0:0:0Z"] {
        assert_eq!(parse(text), None, "{text}");
    }
}

#[test]
fn spans_have_docker_s_words() {
    for (seconds, text) in [
        (0, "Less than a second"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "About a minute"),
        (120, "2 minutes"),
        (3600, "About an hour"),
        (7200, "2 hours"),
        (86_400 * 3, "3 days"),
        (86_400 * 21, "3 weeks"),
        (86_400 * 90, "3 months"),
        (86_400 * 800, "2 years"),
    ] {
        assert_eq!(span(Duration::from_secs(seconds)), text, "{seconds}");
    }
}
