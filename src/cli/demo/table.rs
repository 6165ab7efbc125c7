//! Table: what was shown, a row each: `ok` with what was seen, or `FAILED` with the reason.

use super::person::{Person, Seen};
use crate::cli::print;
use std::time::Instant;

/// Prints what was shown; 1 if a row failed, or if some of it all could not be printed.
pub fn print(person: &Person, rows: &[(&str, Seen)], started: Instant) -> u8 {
    let cells: Vec<[String; 3]> = rows
        .iter()
        .map(|(title, seen)| {
            let (result, seen) = match seen {
                Ok(seen) => ("ok", seen),
                Err(why) => ("FAILED", why),
            };
            [result.to_owned(), (*title).to_owned(), seen.clone()]
        })
        .collect();
    person.print("\n");
    for line in print::aligned(["RESULT", "SHOWN", "SEEN"], &cells).lines() {
        let line = match line.split_once(' ') {
            Some(("ok", rest)) => format!("{} {rest}", person.paint("32", "ok")),
            Some(("FAILED", rest)) => format!("{} {rest}", person.paint("31", "FAILED")),
            _ => line.to_owned(),
        };
        person.print(&format!("{line}\n"));
    }
    let good = rows.iter().filter(|(_, seen)| seen.is_ok()).count();
    let all = rows.len();
    let took = started.elapsed().as_secs_f32();
    person.print(&format!("\n{good} of {all} as it should be, in {took:.1} s\n"));
    match person.unwritten() {
        Some(failure) => failure.report(),
        None => u8::from(good != all),
    }
}
