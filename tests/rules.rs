//! `rules.md` and `cli.md` keep their word: every test that they name exists.

use std::path::{Path, PathBuf};

#[test]
fn every_rule_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = Vec::new();
    for dir in ["src", "tests"] {
        collect(&root.join(dir), &mut sources);
    }
    let rows = all();
    assert!(!rows.is_empty(), "the tables have no rows");
    let missing: Vec<String> = rows
        .iter()
        .flat_map(|(rule, tests)| tests.iter().map(move |test| (rule, test)))
        .filter(|(_, test)| !sources.iter().any(|(path, text)| holds(path, text, test)))
        .map(|(rule, test)| format!("rule {rule}: no test {test}"))
        .collect();
    assert!(missing.is_empty(), "\n{}", missing.join("\n"));
}

#[test]
fn every_rule_has_words_and_a_test_and_stands_once() {
    let rows = all();
    for (at, (rule, tests)) in rows.iter().enumerate() {
        assert!(!tests.is_empty(), "rule {rule} names no test");
        assert!(!rows[..at].iter().any(|(other, _)| other == rule), "rule {rule} stands twice");
    }
}

fn all() -> Vec<(String, Vec<String>)> {
    [include_str!("rules.md"), include_str!("cli.md")].into_iter().flat_map(rows).collect()
}

/// Returns each row's rule and its tests, which stand in backquotes in the last column.
fn rows(table: &str) -> Vec<(String, Vec<String>)> {
    let lines = table.lines().filter(|line| line.starts_with('|') && !line.starts_with("|--"));
    let cells = lines.map(|line| line.trim_matches('|').split('|').map(str::trim).collect());
    let rows =
        cells.filter(|cells: &Vec<&str>| ![Some(&"rule"), Some(&"line")].contains(&cells.first()));
    rows.map(|cells| {
        let [rule, words, tests] = cells[..] else { panic!("not three columns: {cells:?}") };
        assert!(!words.is_empty(), "rule {rule} says nothing");
        (rule.to_owned(), tests.split('`').skip(1).step_by(2).map(str::to_owned).collect())
    })
    .collect()
}

/// Whether a source has the test: as a function in Rust, by its name in a shell script.
fn holds(path: &Path, text: &str, test: &str) -> bool {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("rs") => text.contains(&format!("fn {test}(")),
        Some("sh") => text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|w| w == test),
        _ => false,
    }
}

fn collect(dir: &Path, sources: &mut Vec<(PathBuf, String)>) {
    for entry in std::fs::read_dir(dir).expect("a directory of the repository can be listed") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() {
            collect(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "sh") {
            let text = std::fs::read_to_string(&path).expect("a source can be read");
            sources.push((path, text));
        }
    }
}
