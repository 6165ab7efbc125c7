use super::*;

fn world() -> World {
    let mut world = World::new();
    world.create(network("n")).unwrap();
    world.run(sandbox("a", &[on("n")])).unwrap();
    world.run(sandbox("b", &[on("n")])).unwrap();
    world
}

#[test]
fn a_new_name_must_be_new_and_nobodys_running_or_stopped() {
    let mut world = world();
    world.end("b");
    let to = |text: &str| rename(&world.state, "a", text.parse().unwrap());
    assert!(text(to("b")).starts_with("Conflict. The name \"b\" is already in use"));
    assert_eq!(text(to("a")), "Renaming a sandbox with the same name as its current name");
    let Change::Rename { name, .. } = to("c").unwrap().noun else { panic!() };
    assert_eq!(name.as_str(), "c");
    world.run(sandbox("web", &[on("n")])).unwrap();
    let shared = rename(&world.state, "a", "WEB".parse().unwrap()).unwrap().warnings;
    assert_eq!(shared, ["\"web\" is also the name of a sandbox on network n: both answer to it"]);
}

#[test]
fn an_alias_is_added_once_and_removed_if_it_is_there() {
    let mut world = world();
    let alias = |text: &str| text.parse::<DnsName>().unwrap();
    let added = add_alias(&world.state, "n", "a", alias("www")).unwrap();
    let own = world.state.sandbox("a").unwrap().id;
    let Change::SetAliases { endpoint, .. } = added.noun else { panic!("{added:?}") };
    assert_eq!(world.state.endpoints[&endpoint].sandbox, own);
    world.state.apply(&added.noun);
    assert_eq!(add_alias(&world.state, "n", "a", alias("WWW")).unwrap().noun, added.noun);
    let words = text(remove_alias(&world.state, "n", "a", &alias("ftp")));
    assert_eq!(words, "sandbox a has no alias ftp on that network");
    world.state.apply(&remove_alias(&world.state, "n", "a", &alias("www")).unwrap());
    assert!(remove_alias(&world.state, "n", "a", &alias("www")).is_err());
    let shared = add_alias(&world.state, "n", "a", alias("b")).unwrap();
    assert!(shared.warnings[0].contains("both answer"), "{shared:?}");
    let words = "network-scoped aliases are only supported for user-defined networks";
    assert_eq!(text(add_alias(&world.state, "bridge", "a", alias("x"))), words);
}
