//! `krun gc`: frees room, after showing what goes.

use std::{process::ExitCode, time::SystemTime};

use krun_model::{DeploymentName, Fault, FaultCode, History, Journal as _};

use super::{Outcome, status::print_json};
use crate::{
    args::GcArgs,
    context::Context,
    garbage::{Garbage, Kind, find},
    prompt,
    sizes::{age, age_words, size},
};

pub fn gc(context: &Context, args: GcArgs) -> Outcome {
    let older_than = age(&args.older_than)?;
    if context.store_to_read()?.is_none() {
        return Err(Fault::new(FaultCode::Usage, "there is no state store")
            .at(context.state_folder()?)
            .hint("Name another state folder with `--state`.")
            .into());
    }
    // Alone, so that no run begins to need what is about to go.
    let store = context.store_alone()?;
    let mut histories: Vec<(DeploymentName, History)> = vec![];
    for name in store.deployments()? {
        let history = History::fold(&store.read(&name)?);
        histories.push((name, history));
    }
    let cache = match args.cache {
        true => Some(context.cache_folder()?),
        false => None,
    };
    let now = SystemTime::now();
    let found = find(&store, &histories, cache.as_deref(), older_than, now)?;
    show(context, &found, now);
    if args.plan || found.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    prompt::confirm("Delete this for good?", args.yes)?;
    let mut freed = 0;
    for garbage in &found {
        garbage.delete(&store)?;
        freed += garbage.bytes;
    }
    if context.global.json {
        let object = serde_json::json!({
            "event": "gc_finished", "deleted": found.len(), "bytes": freed,
        });
        print_json(context, &object);
    } else {
        context.print(&format!("freed {}\n", size(freed)));
    }
    Ok(ExitCode::SUCCESS)
}

fn show(context: &Context, found: &[Garbage], now: SystemTime) {
    let total: u64 = found.iter().map(|garbage| garbage.bytes).sum();
    if context.global.json {
        let items: Vec<_> = found
            .iter()
            .map(|garbage| {
                serde_json::json!({
                    "kind": garbage.kind.word(), "path": garbage.path, "bytes": garbage.bytes,
                    "age_s": garbage.age(now).as_secs(),
                })
            })
            .collect();
        let object = serde_json::json!({"event": "gc_plan", "items": items, "bytes": total});
        print_json(context, &object);
        return;
    }
    if found.is_empty() {
        context.print("nothing to delete\n");
        return;
    }
    let mut text = String::new();
    let line =
        |bytes: u64, age: &str, what: &str| format!("{:>10}  {age:>7}  {what}\n", size(bytes));
    for garbage in found.iter().filter(|garbage| garbage.kind != Kind::Blob) {
        let what = format!("{} {}", garbage.kind.word(), garbage.path);
        text.push_str(&line(garbage.bytes, &age_words(garbage.age(now)), &what));
    }
    let blobs: Vec<&Garbage> = found
        .iter()
        .filter(|garbage| garbage.kind == Kind::Blob)
        .collect();
    if !blobs.is_empty() {
        let bytes = blobs.iter().map(|blob| blob.bytes).sum();
        let what = format!("{} blobs that no rollback needs", blobs.len());
        text.push_str(&line(bytes, "", &what));
    }
    text.push_str(&line(total, "", "in all"));
    context.print(&text);
}
