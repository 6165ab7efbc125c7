use super::*;

#[test]
fn a_route_is_a_domain_and_one_to_eight_addresses() {
    for (text, shown) in [
        ("Corp.Example.=10.0.0.1,fd00::1", "corp.example=10.0.0.1,fd00::1"),
        (".=10.0.0.1", ".=10.0.0.1"),
    ] {
        assert_eq!(text.parse::<Route>().unwrap().to_string(), shown);
    }
    let nine = format!("corp={}", ["10.0.0.1"; 9].join(","));
    for text in ["", "corp", "corp=", "=10.0.0.1", "corp=10.0.0", "corp=10.0.0.1,", "a..b=10.0.0.1"]
    {
        assert!(text.parse::<Route>().is_err(), "{text}");
    }
    assert!(nine.parse::<Route>().is_err());
}
