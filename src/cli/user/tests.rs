//! Texts of `-u`, and whom they mean.

use super::*;

const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\n# a comment\nweb:x:33:34:Web:/var/www:/bin/sh\n7up:x:50:50::/:\n";
const GROUP: &str = "root:x:0:\nweb:x:34:\ndisk:x:6:web,root\nlog:x:9:webby,web\n";

fn of(text: &str) -> Result<User, String> {
    User::of(text, PASSWD, GROUP).map_err(|failure| failure.text)
}

#[test]
fn a_user_is_named_or_numbered_and_has_the_groups_that_list_it() {
    let web = User {
        uid: 33,
        gid: 34,
        groups: vec![6, 9],
        name: Some("web".into()),
        home: "/var/www".into(),
    };
    assert_eq!(of("web").unwrap(), web);
    assert_eq!(of("33").unwrap(), web);
    assert_eq!(of("7up").unwrap().uid, 50);
    // A group that is asked for is the only one.
    let other = User { gid: 9, groups: vec![], ..web };
    for text in ["web:log", "33:9"] {
        assert_eq!(of(text).unwrap(), other);
    }
    let nobodys = User { uid: 4242, gid: 0, groups: vec![], name: None, home: "/".into() };
    assert_eq!(of("4242").unwrap(), nobodys);
    assert_eq!(of("4242:77").unwrap(), User { gid: 77, ..nobodys });
    let root = of(":log").unwrap();
    assert_eq!((root.uid, root.gid), (0, 9));
}

#[test]
fn nobody_is_refused_in_dockers_words() {
    let user = "unable to find user nosuch: no matching entries in passwd file";
    assert_eq!(of("nosuch").unwrap_err(), user);
    let group = "unable to find group nosuch: no matching entries in group file";
    assert_eq!(of("web:nosuch").unwrap_err(), group);
    for text in ["2147483648", "-1", "web:4294967295"] {
        assert!(of(text).unwrap_err().starts_with("uids and gids must be in range 0-2147483647"));
    }
    assert_eq!(User::find("").unwrap(), None);
}
