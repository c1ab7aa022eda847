//! A distribution out of an archive or a folder that the user names.

use krun_model::{HandCx, Value};

/// The commands that lay it out in a folder; none for Confluent's layout, which the other commands of
/// this module do not know. Nothing is looked at, so an archive is told by its name.
pub fn laid_out(cx: &HandCx<'_>, from: &str, to: &str) -> Option<String> {
    if from.rsplit('/').next()?.starts_with("confluent") {
        return None;
    }
    let (source, folder) = (cx.text(from), cx.text(to));
    let url = is_url(from);
    if !url && ![".tgz", ".tar.gz"].iter().any(|end| from.ends_with(end)) {
        return Some(format!("mkdir -p {folder}\ncp -R {source}/. {folder}"));
    }
    let mut lines = vec![format!("mkdir -p {folder}")];
    let archive = if url {
        let archive = cx.text(&format!("{to}.tgz"));
        lines.push(format!("curl -fL -o {archive} {source}"));
        archive
    } else {
        source
    };
    lines.extend(checked(cx, from, &archive));
    lines.push(format!(
        "tar -xzf {archive} --strip-components=1 -C {folder}"
    ));
    Some(lines.join("\n"))
}

/// The command that fails where an archive is not what its checksum says. Files of checksums come in
/// several shapes; all have the digits in them, with or without spaces.
fn checked(cx: &HandCx<'_>, from: &str, archive: &str) -> Option<String> {
    let given = match cx.step.args.get("checksum") {
        Some(Value::Str(checksum)) => Some(checksum.as_str()),
        _ => None,
    };
    let unverified = cx.step.args.get("unverified") == Some(&Value::Bool(true));
    let (digits, of) = match given {
        None if unverified || !is_url(from) => return None,
        None => (
            format!("curl -fL {}", cx.text(&format!("{from}.sha512"))),
            "sha512sum",
        ),
        Some(place) if is_url(place) => (format!("curl -fL {}", cx.text(place)), sum(place)),
        Some(place) if place.starts_with('/') => (format!("cat {}", cx.text(place)), sum(place)),
        Some(digits) => {
            let count = digits.chars().filter(char::is_ascii_hexdigit).count();
            let of = if count < 128 {
                "sha256sum"
            } else {
                "sha512sum"
            };
            (format!("echo {}", cx.text(digits)), of)
        }
    };
    Some(format!(
        "{digits} | tr -d ' \\n' | grep -iq \"$({of} < {archive} | cut -d ' ' -f 1)\""
    ))
}

fn sum(place: &str) -> &'static str {
    match place.ends_with(".sha256") {
        true => "sha256sum",
        false => "sha512sum",
    }
}

fn is_url(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.starts_with("http://") || text.starts_with("https://")
}
