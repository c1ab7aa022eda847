//! What a person types instead of the steps of this crate.
//!
//! Commands are for bash with the usual tools of a Unix. What they leave on the machine is what the
//! step leaves, but for before-images: nothing here can be taken back by `krun rollback`.

use krun_model::{
    ByHand, HandCx,
    by_hand::{ShellFunction, quoted},
};

const SET_PROPERTY: ShellFunction = ShellFunction {
    name: "set_property",
    say: "Gives a key of a properties file one value: the first entry of the key is replaced, further \
          ones are left out, and a key that has none is added at the end.",
    text: r#"set_property() { # FILE KEY VALUE
    key=$2 value=$3 awk '
        { name = $0; sub(/^[ \t]+/, "", name); sub(/[ \t]*[=:].*$/, "", name) }
        name == ENVIRON["key"] { if (!done++) print ENVIRON["key"] "=" ENVIRON["value"]; next }
        { print }
        END { if (!done) print ENVIRON["key"] "=" ENVIRON["value"] }
    ' "$1" > "$1.new" && cat "$1.new" > "$1" && rm "$1.new"
}"#,
};

const REMOVE_PROPERTY: ShellFunction = ShellFunction {
    name: "remove_property",
    say: "Takes all entries of a key out of a properties file.",
    text: r#"remove_property() { # FILE KEY
    key=$2 awk '
        { name = $0; sub(/^[ \t]+/, "", name); sub(/[ \t]*[=:].*$/, "", name) }
        name != ENVIRON["key"]
    ' "$1" > "$1.new" && cat "$1.new" > "$1" && rm "$1.new"
}"#,
};

pub fn directory(cx: &HandCx<'_>) -> ByHand {
    let Some(path) = cx.arg("path") else {
        return ByHand::default();
    };
    let mut commands = format!("mkdir -p {path}");
    if let Some(mode) = cx.arg("mode") {
        commands.push_str(&format!("\nchmod {mode} {path}"));
    }
    ByHand::of(commands)
}

pub fn file(cx: &HandCx<'_>) -> ByHand {
    let (Some(path), Some(content)) = (cx.arg("path"), cx.arg("content")) else {
        return ByHand::default();
    };
    let mut commands = format!("mkdir -p \"$(dirname {path})\"\nprintf '%s' {content} > {path}");
    let secret = cx
        .step
        .args
        .get("content")
        .is_some_and(|content| content.secret().is_some());
    if secret {
        // Nobody else may read it while it is written.
        commands = commands.replace(
            "\nprintf",
            &format!("\ninstall -m 600 /dev/null {path}\nprintf"),
        );
    }
    if let Some(mode) = cx.arg("mode") {
        commands.push_str(&format!("\nchmod {mode} {path}"));
    }
    ByHand::of(commands)
}

pub fn file_clone(cx: &HandCx<'_>) -> ByHand {
    match (cx.arg("from"), cx.arg("to")) {
        (Some(from), Some(to)) => {
            ByHand::of(format!("[ -e {to} ] || cp {from} {to}")).undone_by("", format!("rm {to}"))
        }
        _ => ByHand::default(),
    }
}

pub fn http_shows(cx: &HandCx<'_>) -> ByHand {
    let Some(url) = cx.arg("url") else {
        return ByHand::default();
    };
    let mut commands = format!("page=$(curl -fsS {url})");
    for text in cx.list("texts") {
        commands.push_str(&format!("\ngrep -qF -- {text} <<< \"$page\""));
    }
    ByHand::of(commands)
}

pub fn package(cx: &HandCx<'_>) -> ByHand {
    let names = cx.list("names").join(" ");
    let install = format!("sudo apt-get install -y {names}");
    ByHand::of(match cx.arg("command") {
        Some(command) => format!("command -v {command} || {install}"),
        None => install,
    })
}

pub fn properties(cx: &HandCx<'_>) -> ByHand {
    let Some(path) = cx.arg("path") else {
        return ByHand::default();
    };
    let set = cx.map("set");
    let removed = cx.list("remove");
    let width = set.keys().map(|key| quoted(key).len()).max().unwrap_or(0);
    let lines = set
        .iter()
        .map(|(key, value)| format!("set_property \"$file\" {:width$} {value}", quoted(key)));
    let commands: Vec<_> = std::iter::once(format!("file={path}"))
        .chain(lines)
        .chain(
            removed
                .iter()
                .map(|key| format!("remove_property \"$file\" {key}")),
        )
        .collect();
    let by_hand = ByHand::of(commands.join("\n"));
    match (set.is_empty(), removed.is_empty()) {
        (_, true) => by_hand.using(&[SET_PROPERTY]),
        (true, false) => by_hand.using(&[REMOVE_PROPERTY]),
        (false, false) => by_hand.using(&[SET_PROPERTY, REMOVE_PROPERTY]),
    }
}
