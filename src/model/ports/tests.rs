use super::*;

#[test]
fn a_set_of_ports_is_written_as_the_kernel_writes_it() {
    let set = PortSet::parse("9000,8000-8002\t8003\nx,70000\n");
    assert_eq!(set.to_string(), "8000-8003,9000");
    assert_eq!(set.without(&PortSet::parse("8001")).to_string(), "8000,8002-8003,9000");
    assert_eq!(set.union(&PortSet::parse("8999")).to_string(), "8000-8003,8999-9000");
    assert_eq!(PortSet::parse("1-65535").to_string(), "1-65535");
    assert_eq!(PortSet::default().to_string(), "");
}
