//! `events`: what happens, told until it is interrupted.

use super::outcome::{Outcome, note};
use super::print::{self, Format, FormatArgs};
use super::{Dirs, clock, spec};
use crate::api::call::{Events, Happened};
use crate::api::view::Event;
use clap::Args;

/// How long one question waits, in seconds.
const WAIT: u32 = 30;

/// Flags of `events`.
#[derive(Args, Debug)]
pub struct EventsArgs {
    #[command(flatten)]
    print: FormatArgs,
    /// Also what has happened since then, of the last 1,000 events: 10m, 2026-01-02T03:04:05Z, seconds since 1970
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
}

/// Shows what happens, newest last, as long as there are a daemon and a reader.
pub fn events(args: &EventsArgs, dirs: &Dirs) -> Outcome {
    let since = args.since.as_deref().map(|text| spec::moment(text, clock::now())).transpose();
    let since = since.map_err(|failure| failure.code(2))?;
    let client = dirs.client();
    let first = Events { after: since.map(|_| 0), wait: 0 };
    let mut happened = client.call(first)?;
    loop {
        if happened.lost {
            note("some events are missing here: only the last 1,000 are kept");
        }
        let wanted = |event: &&Event| {
            since.is_none_or(|since| clock::parse(&event.time).is_none_or(|time| time >= since))
        };
        let lines =
            happened.events.iter().filter(wanted).map(|event| line(event, args.print.format));
        if !print::show(&lines.collect::<String>())? {
            return Ok(0);
        }
        let Happened { last, .. } = happened;
        happened = client.call(Events { after: Some(last), wait: WAIT })?;
    }
}

fn line(event: &Event, format: Format) -> String {
    if format == Format::Json {
        return print::to_json(event) + "\n";
    }
    let Event { time, r#type, action, name, id: _, attributes } = event;
    let pairs: Vec<_> = attributes.iter().map(|(key, value)| format!("{key}={value}")).collect();
    format!("{time} {type} {action} {name} ({})\n", pairs.join(", "))
}
