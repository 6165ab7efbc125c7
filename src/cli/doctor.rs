//! `doctor`: what this machine can do, what is missing, and what will not work without it. It changes nothing, and
//! works with a daemon and without one.

mod features;
mod forwarding;
mod known;
mod limits;
mod ours;
mod overlay;

use super::Dirs;
use super::outcome::{Outcome, need_root};
use super::print::{self, Format, FormatArgs};
use known::Known;
use serde::Serialize;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    /// All is well.
    Ok,
    /// Something does not work, or may not, that one can do without.
    Warn,
    /// What one has netdns for does not work.
    Fail,
}

/// One line of the report.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Finding {
    check: &'static str,
    result: Verdict,
    seen: String,
    /// What to do about it; empty where all is well.
    hint: String,
}

impl Finding {
    fn ok(check: &'static str, seen: impl Into<String>) -> Self {
        Self { check, result: Verdict::Ok, seen: seen.into(), hint: String::new() }
    }

    fn warn(check: &'static str, seen: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { check, result: Verdict::Warn, seen: seen.into(), hint: hint.into() }
    }

    fn fail(check: &'static str, seen: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { check, result: Verdict::Fail, seen: seen.into(), hint: hint.into() }
    }
}

/// Checks the machine; the exit code is 1 if anything fails.
pub fn doctor(args: &FormatArgs, dirs: &Dirs) -> Outcome {
    need_root("doctor")?;
    // Looked at before and after State: what is in both looks and not in State is a stray.
    let links = ours::marked();
    let known = Known::ask(dirs);
    let mut findings = features::features();
    findings.push(overlay::check(&dirs.run_dir));
    findings.extend(forwarding::forwarding(&known, &links));
    findings.push(forwarding::br_netfilter(&known));
    findings.extend(forwarding::forward(&links));
    findings.push(limits::nameservers(&dirs.resolv_conf, &known));
    findings.push(limits::descriptors(&known));
    findings.extend(known.daemon(dirs));
    findings.push(ours::strays(&known, &links));
    findings.push(ours::subnets(&known));
    findings.extend(ours::parents(&known));
    match args.format {
        Format::Json => print::json_lines(&findings)?,
        Format::Table => print::emit(&findings.iter().map(text).collect::<String>())?,
    }
    Ok(u8::from(findings.iter().any(|finding| finding.result == Verdict::Fail)))
}

fn text(finding: &Finding) -> String {
    let result = match finding.result {
        Verdict::Ok => "ok",
        Verdict::Warn => "warn",
        Verdict::Fail => "fail",
    };
    let mut text = format!("{result:<6}{:<15}{}\n", finding.check, finding.seen);
    if !finding.hint.is_empty() {
        text += &format!("      hint: {}\n", finding.hint);
    }
    text
}
