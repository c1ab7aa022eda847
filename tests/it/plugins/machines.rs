//! Grants that hold on one machine and not on another. There is one machine: what is granted on others is seen to
//! be granted nowhere.

use super::{hostile::holds, *};

/// A line for another machine lets nothing through here, is shown as what it is, and the fault names the line
/// that would.
#[test]
fn another_machine_s_grant_is_none_here() {
    let lab = Lab::new(0);
    let folder = lab.path("folder");
    fs::create_dir_all(&folder).expect("a folder");
    let folder = folder.display();
    let elsewhere = [format!("write@b-2.example:{folder}")];
    let added = add(&lab, &lab.path(""), &component("owners"), &elsewhere);
    let may = format!("may change {folder} on b-2.example");
    holds(&added.expect(0).out(), &[&may]);
    let line = format!("- write@b-2.example:{folder}");
    holds(&text(&lab, "krun.lock"), &[&line]);
    holds(&lab.run(&["plugin", "list"]).expect(0).out(), &[&may]);
    let shown = lab.run(&["plugin", "inspect", "owners"]).expect(0).out();
    holds(&shown, &[&may]);
    let step =
        format!("owners::owner(\"owner\", #{{ folder: \"{folder}\", team: \"payments\" }});\n");
    runbook(&lab, "owners", &step);
    let done = lab.run(&["plan", "test.rhai"]);
    let may = format!("may: change {folder} on b-2.example");
    holds(&done.out(), &[&may]);
    holds(
        &flat(&done.err()),
        &[
            &format!("the plugin `owners` may not read {folder}/OWNER"),
            &format!("`write@b-2.example:{folder}` in krun.lock is about another machine"),
            &format!("add the line `- read:{folder}/OWNER`"),
        ],
    );
    lab.run(&["run", "test.rhai"]).expect(1);
    assert!(!lab.path("folder/OWNER").exists());
    // On any machine is on this one, too.
    let any = [format!("write@*:{folder}")];
    add(&lab, &lab.path(""), &component("owners"), &any).expect(0);
    let plan = lab.run(&["plan", "test.rhai"]).expect(0).out();
    let may = format!("change {folder} on b-2.example; change {folder} on any machine");
    holds(&plan, &[&may]);
    lab.run(&["run", "test.rhai"]).expect(0);
    assert_eq!(text(&lab, "folder/OWNER"), "payments");
    let none = lab.run(&[
        "plugin",
        "add",
        "plugins/owners.wasm",
        "--grant",
        "read@:/x",
    ]);
    holds(
        &flat(&none.expect(2).err()),
        &["this is no grant", "names no machine"],
    );
}

/// What a plugin is told of its machine is what its grants are held against.
#[test]
fn the_machine_s_name() {
    let lab = lab_with("hostile", &[]);
    let said = lab.path("said").display().to_string();
    let steps = format!(
        "let asked = hostile::machine(\"asked\", #{{}});\n\
         file(\"said\", #{{ path: \"{said}\", content: asked.said }});\n"
    );
    runbook(&lab, "hostile", &steps);
    lab.run(&["run", "test.rhai"]).expect(0);
    assert_eq!(text(&lab, "said"), "local");
}
