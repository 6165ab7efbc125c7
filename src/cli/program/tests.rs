//! What is found, what is not, and what looks like an image.

use super::*;

fn refused(word: &str) -> Failure {
    Program::find(&[word.into()], &[], Path::new("/"), None).expect_err("no program")
}

#[test]
fn a_program_is_found_in_path_or_by_its_own() {
    for word in ["sh", "/bin/sh", "bin/sh"] {
        assert!(Program::find(&[word.into()], &[], Path::new("/"), None).is_ok(), "{word}");
    }
    let elsewhere = ["PATH=/nowhere".to_owned()];
    assert!(Program::find(&["sh".into()], &elsewhere, Path::new("/"), None).is_err());
}

#[test]
fn shells_codes_say_what_is_wrong_with_a_program() {
    assert_eq!(refused("no-such-program").code, 127);
    assert_eq!(refused("").code, 127);
    assert_eq!(refused("/no/such/program").code, 127);
    assert_eq!(refused("/etc/passwd").code, 126);
    assert_eq!(refused("/etc").code, 126);
}

#[test]
fn what_looks_like_an_image_gets_a_hint() {
    for word in ["alpine", "alpine:3.20", "docker.io/library/x", "me/tool:1", "ghcr.io/a/b:c"] {
        assert!(looks_like_image(word), "{word}");
    }
    for word in ["sleep", "./alpine", "/usr/bin/x:y", "bin/tool"] {
        assert!(!looks_like_image(word), "{word}");
    }
}

#[test]
fn a_variable_given_replaces_the_caller_s() {
    let env = environment(&["PATH=/a".into(), "PATH=/b".into(), "PWD".into()], None).unwrap();
    let paths: Vec<_> = env.iter().filter(|pair| pair.as_bytes().starts_with(b"PATH=")).collect();
    assert_eq!(paths, ["PATH=/b"]);
}

#[test]
fn a_variable_has_a_name() {
    for text in ["", "=x", "="] {
        let refused = environment(&[text.into()], None).unwrap_err();
        assert_eq!(refused.text, format!("invalid environment variable: {text}"));
    }
    assert!(environment(&["X=".into(), "Y".into(), "Z=a=b".into()], None).is_ok());
}
