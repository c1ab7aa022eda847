//! What a runbook says of itself without parameters.

use std::fs;

use camino::Utf8Path;

use super::loader;

#[test]
fn needs_no_parameters() {
    let temp = tempfile::tempdir().unwrap();
    let path = Utf8Path::from_path(temp.path()).unwrap().join("a.rhai");
    fs::write(
        &path,
        r#"
//! A cluster.
runbook(#{name: "a", version: "2"});
let ids = param("ids", #{type: "list<int>"});
let host = param("host_name", #{type: "string"});
/// The port.
let port = param("port", #{type: "port"});
phase("Brokers");
for id in ids { file(`broker-${id}/${host}`, #{path: `/${port}`}); }
if ids[1] == 7 { }
param("never-reached", #{type: "int"});
"#,
    )
    .unwrap();
    let description = loader().describe(&path).unwrap();
    assert_eq!(description.summary, "A cluster.");
    assert_eq!(description.phases[0].title, "Brokers");
    let params: Vec<_> = description
        .params
        .iter()
        .map(|p| (&*p.name, &*p.doc))
        .collect();
    assert_eq!(
        params,
        [("ids", ""), ("host_name", ""), ("port", "The port.")]
    );

    assert_eq!(loader().name(&path).unwrap(), "a");

    let endless = "runbook(#{name: \"b\"});\nloop { }\nfile(7, 8);\n";
    fs::write(&path, endless).unwrap();
    assert_eq!(loader().name(&path).unwrap(), "b");
    fs::write(&path, "runbook(#{});").unwrap();
    let found = loader().name(&path).unwrap_err();
    assert_eq!(found.items[0].code, "krun::missing-key");

    fs::write(&path, "let x = ;").unwrap();
    let found = loader().describe(&path).unwrap_err();
    assert_eq!(found.items[0].code, "krun::syntax");
}
