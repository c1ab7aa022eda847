use super::*;

fn tree() -> Tree {
    let mut tree = Tree::default();
    tree.plant("/d/f".into(), Node::file(*b"x", 0o644));
    tree.plant("/alias".into(), Node::Link { to: "d".into() });
    tree
}

#[test]
fn links_of_folders_are_followed() {
    let mut tree = tree();
    assert_eq!(tree.bytes("/alias/f".into()).unwrap().unwrap()[..], *b"x");
    assert!(matches!(tree.get("/alias".into()), Some(Node::Link { .. })));
    assert!(matches!(
        tree.get("/alias/.".into()),
        Some(Node::Dir { .. })
    ));
    tree.write("/alias/g".into(), (*b"y").into(), 0o600, None)
        .unwrap();
    assert_eq!(tree.names("/d".into()).unwrap(), ["f", "g"]);
    tree.plant("/loop".into(), Node::Link { to: "loop".into() });
    assert_eq!(tree.follow("/loop/x".into()), None);
}

#[test]
fn what_a_killed_write_leaves_is_nobodys() {
    let mut tree = tree();
    tree.begin_write("/d/f".into(), 7);
    assert_eq!(tree.names("/d".into()).unwrap(), ["f"]);
    let before = tree.clone();
    tree.tidy("/d".into());
    assert_ne!(tree, before);
}

#[test]
fn a_folder_moves_with_what_is_in_it() {
    let mut tree = tree();
    tree.plant("/d/e/g".into(), Node::file(*b"z", 0o644));
    tree.rename("/d".into(), "/q/r/d".into()).unwrap();
    assert_eq!(tree.get("/d".into()), None);
    assert_eq!(tree.bytes("/q/r/d/e/g".into()).unwrap().unwrap()[..], *b"z");
    assert!(tree.rename("/q".into(), "/alias".into()).is_err());
    assert!(tree.remove_dir("/q".into()).is_err());
}
