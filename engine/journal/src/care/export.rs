//! A deployment as lines of JSON, with everything that its entries speak of, and back.
//!
//! | line | what |
//! |---|---|
//! | 1 | `{"krun_export": 1, "format": …, "deployment": …}` |
//! | then, for each blob | `{"blob": DIGEST, "base64": …}` |
//! | then, for each entry | `{"seq": …, "run": …, "at_ms": …, "entry": TEXT, "prev": …, "hash": …}` |
//! | last | `{"end": NUMBER OF ENTRIES}` |
//!
//! An entry stays the text that its hash was made of, so that the chain is verified again when it is
//! imported. An import is all or nothing.

use std::{
    collections::BTreeSet,
    io::{BufRead, Write},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use camino::Utf8Path;
use krun_model::{DeploymentName, Digest, Fault, FaultCode, Journal as _};
use serde::{Deserialize, Serialize};

use crate::{
    FORMAT_VERSION, Store,
    chain::{Head, Row, Verifier},
    faults,
};

const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct First {
    krun_export: u32,
    format: u32,
    deployment: DeploymentName,
}

#[derive(Serialize, Deserialize)]
struct Blob {
    blob: Digest,
    base64: String,
}

#[derive(Serialize, Deserialize)]
struct Line {
    seq: i64,
    run: i64,
    at_ms: i64,
    entry: String,
    prev: String,
    hash: String,
}

#[derive(Serialize, Deserialize)]
struct End {
    end: u64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Any {
    Blob(Blob),
    Entry(Line),
    End(End),
}

/// Writes a deployment out.
///
/// # Errors
/// `StateDamaged` if its entries or a blob that they speak of do not verify; `Io` if `to` can't be
/// written.
pub fn export(store: &Store, deployment: &DeploymentName, to: &mut dyn Write) -> Result<(), Fault> {
    // All of it, or why not; the rows are then the same.
    store.read(deployment)?;
    let rows = store.sound_rows(deployment);
    let first = First {
        krun_export: VERSION,
        format: FORMAT_VERSION,
        deployment: deployment.clone(),
    };
    line(to, &first)?;
    let there: BTreeSet<Digest> = store.blobs()?.iter().map(|blob| blob.digest).collect();
    let spoken_of: BTreeSet<Digest> = rows
        .iter()
        .flat_map(|row| digests(&row.body).map(Digest::blob))
        .collect();
    for digest in spoken_of.intersection(&there) {
        let blob = Blob {
            blob: *digest,
            base64: STANDARD.encode(store.blob(digest)?),
        };
        line(to, &blob)?;
    }
    let end = End {
        end: rows.len() as u64,
    };
    for row in rows {
        let entry = Line {
            seq: row.seq,
            run: row.run,
            at_ms: row.at_ms,
            entry: row.body,
            prev: row.prev,
            hash: row.hash,
        };
        line(to, &entry)?;
    }
    line(to, &end)
}

fn line(to: &mut dyn Write, value: &impl Serialize) -> Result<(), Fault> {
    let text = serde_json::to_string(value)
        .map_err(|error| Fault::internal(format!("an export is not JSON: {error}")))?;
    writeln!(to, "{text}").map_err(|error| Fault::io("could not export", "the output", &error))
}

/// What an import brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The deployment.
    pub deployment: DeploymentName,
    /// How many entries.
    pub entries: u64,
    /// How many blobs.
    pub blobs: u64,
}

/// Reads a deployment in, into a store that has none of its name.
///
/// # Errors
/// `Usage` if it is no export or the deployment is there already; `StateNewer` if a newer krun wrote
/// it; `StateDamaged` if it does not verify or is not whole; otherwise what the store reports.
/// Nothing but blobs, which harm nobody, was written then.
pub fn import(store: &Store, from: &mut dyn BufRead, name: &Utf8Path) -> Result<Imported, Fault> {
    let what = "could not import a deployment";
    let no_export = |why: &dyn std::fmt::Display| {
        Fault::new(FaultCode::Usage, what)
            .at(name)
            .because(why)
            .hint("`krun state export` writes files that can be imported.")
    };
    let mut lines = from.lines().map(|line| {
        line.map_err(|error| Fault::io("could not read what is to be imported", name, &error))
    });
    let first = lines.next().transpose()?.unwrap_or_default();
    let first: First = serde_json::from_str(&first)
        .map_err(|_| no_export(&"its first line is not that of one"))?;
    if first.krun_export > VERSION || first.format > FORMAT_VERSION {
        return Err(Fault::new(FaultCode::StateNewer, what)
            .at(name)
            .because(format_args!(
                "a newer krun wrote it: it has format {}, and this krun knows formats up to {FORMAT_VERSION}",
                first.format
            ))
            .hint("Use a krun that is at least as new as the one that wrote it."));
    }
    let deployment = first.deployment;
    if !store.read(&deployment)?.is_empty() {
        return Err(no_export(&format_args!(
            "there is a deployment `{deployment}` already"
        ))
        .hint("Import it into another state folder with `--state FOLDER`."));
    }
    let damaged = |why: &dyn std::fmt::Display| faults::damaged(what, name, why);
    let (mut rows, mut blobs, mut end) = (vec![], 0, None);
    for line in lines {
        let any = serde_json::from_str(&line?).map_err(|error| damaged(&error))?;
        match any {
            Any::Blob(blob) => {
                let bytes = STANDARD
                    .decode(&blob.base64)
                    .map_err(|error| damaged(&error))?;
                if Digest::of(&bytes) != blob.blob {
                    return Err(damaged(&format_args!(
                        "blob {} is not what its digest says",
                        blob.blob.short()
                    )));
                }
                store.put_blob(&bytes)?;
                blobs += 1;
            }
            Any::Entry(line) => rows.push(Row {
                seq: line.seq,
                run: line.run,
                at_ms: line.at_ms,
                body: line.entry,
                prev: line.prev,
                hash: line.hash,
            }),
            Any::End(last) => end = Some(last.end),
        }
    }
    if end != Some(rows.len() as u64) {
        return Err(damaged(&"it is not whole: its end is missing"));
    }
    verify(&deployment, &rows).map_err(|why| damaged(&why))?;
    store.put_rows(&deployment, &rows)?;
    Ok(Imported {
        deployment,
        entries: rows.len() as u64,
        blobs,
    })
}

fn verify(deployment: &DeploymentName, rows: &[Row]) -> Result<(), String> {
    let head = match rows.last() {
        Some(last) => Head {
            seq: last.seq,
            at_ms: last.at_ms,
            hash: last.hash.clone(),
        },
        None => Head::origin(deployment.as_str()),
    };
    let mut verifier = Verifier::new(deployment, head);
    for row in rows {
        let position = verifier.position();
        verifier
            .take(row.clone())
            .map_err(|why| format!("entry {position}: {why}"))?;
    }
    Ok(())
}

/// Everything in a text that can be a digest.
fn digests(text: &str) -> impl Iterator<Item = Digest> + '_ {
    text.split('"').filter_map(|word| word.parse().ok())
}
