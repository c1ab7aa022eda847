//! The guide of a runbook, and the capture of a run that stands in it.

use camino::{Utf8Path, Utf8PathBuf};
use krun_doc::{Capture, Guide, OtherLanguage, Translations, Words};
use krun_model::{Event, Fault, FaultCode, Runbook, kind::Kinds};
use krun_script::{Loader, PathBase};

use crate::{
    args::DocArgs,
    context::{Context, absolute},
    errors::CliError,
    registry,
    runbooks::RunbookFile,
    select,
};

/// The language in which everything is written.
const ENGLISH: &str = "en";
/// The translations of what krun itself says.
const OF_KRUN: &str = "krun.yaml";
/// A home folder that a page shows as `~`: a guide is the same whoever makes it.
const HOME: &str = "/home/you";

/// The guide as Markdown.
pub fn page(context: &Context, args: &DocArgs, path: &str) -> Result<String, CliError> {
    let (kinds, runbook) = load(context, args, path, Some(HOME.into()))?;
    let capture = args.capture.as_deref().map(capture).transpose()?;
    if let Some(capture) = capture.as_ref().filter(|it| it.runbook != runbook.name) {
        return Err(
            Fault::new(FaultCode::Usage, "the capture is of another runbook")
                .because(format!("it is of {}", capture.runbook))
                .into(),
        );
    }
    let folder = Utf8Path::new(&args.translations);
    let translations = translations(folder, &args.lang, &runbook.name)?;
    let words = match &translations {
        None => Words::english(),
        Some(translations) => Words::of(translations),
    };
    let english = args.lang == ENGLISH;
    let page = Guide {
        runbook: &runbook,
        kinds: &kinds,
        home: Some(HOME),
        capture: capture.as_ref(),
        words: &words,
        path,
        given: &args.params,
        root: if english { "../" } else { "../../" },
        others: other_languages(folder, &args.lang, &runbook.name)?,
    }
    .page();
    if let Some(translations) = &translations {
        say_what_is_missing(context, args, &runbook.name, translations, &words)?;
    }
    Ok(page)
}

/// What a run said, from the events that `krun run --json` printed, as JSON.
pub fn record(
    context: &Context,
    args: &DocArgs,
    path: &str,
    events: &str,
) -> Result<String, CliError> {
    let home = context.path_base()?.home;
    let (_, runbook) = load(context, args, path, home)?;
    let mut read = vec![];
    for line in text(events)?.lines() {
        let event: Event = serde_json::from_str(line).map_err(|error| {
            Fault::new(FaultCode::Usage, "this is no output of `krun run --json`")
                .at(events)
                .because(error)
        })?;
        read.push(event);
    }
    let capture = Capture::of(&runbook, &read).map_err(|why| {
        Fault::new(FaultCode::Usage, "these events are no example of a run")
            .at(events)
            .because(why)
    })?;
    let json = serde_json::to_string_pretty(&capture)
        .map_err(|error| Fault::internal("a capture could not be written").because(error))?;
    Ok(json + "\n")
}

fn load(
    context: &Context,
    args: &DocArgs,
    path: &str,
    home: Option<Utf8PathBuf>,
) -> Result<(Kinds, Runbook), CliError> {
    let file = RunbookFile::open(context, path)?;
    let kinds = registry::kinds_for(context, &file)?.kinds;
    let base = PathBase {
        cwd: absolute(".")?,
        home,
    };
    let given = select::given(&args.params, args.params_file.as_deref())?;
    let loader = Loader::new(&kinds, base);
    let runbook = file.load(&loader, &given)?;
    Ok((kinds, runbook))
}

fn text(path: &str) -> Result<String, Fault> {
    std::fs::read_to_string(path).map_err(|error| Fault::io("could not read it", path, &error))
}

fn capture(path: &str) -> Result<Capture, Fault> {
    serde_json::from_str(&text(path)?).map_err(|error| {
        Fault::new(FaultCode::Usage, "this is no capture of a run")
            .at(path)
            .because(error)
            .hint("Make one with `krun doc RUNBOOK --record EVENTS`.")
    })
}

/// The translations of a guide; none for English.
fn translations(
    folder: &Utf8Path,
    language: &str,
    runbook: &str,
) -> Result<Option<Translations>, Fault> {
    if language == ENGLISH {
        return Ok(None);
    }
    let folder = folder.join(language);
    if !folder.is_dir() {
        return Err(Fault::new(
            FaultCode::Usage,
            format!("there are no translations into `{language}`"),
        )
        .at(folder)
        .hint("Name the folder that holds them with `--translations FOLDER`."));
    }
    let mut all = Translations::default();
    for name in [OF_KRUN.to_owned(), format!("{runbook}.yaml")] {
        let path = folder.join(name);
        if path.is_file() {
            all.extend_yaml(&text(path.as_str())?).map_err(|why| {
                Fault::new(FaultCode::Usage, "this is no file of translations")
                    .at(&path)
                    .because(why)
                    .hint("It is a list of pairs: `- en: …` and below it `to: …`.")
            })?;
        }
    }
    Ok(Some(all))
}

/// The guide in the other languages that it is translated into.
fn other_languages(
    folder: &Utf8Path,
    language: &str,
    runbook: &str,
) -> Result<Vec<OtherLanguage>, Fault> {
    let up = if language == ENGLISH { "../" } else { "../../" };
    let mut found = vec![];
    if language != ENGLISH {
        found.push(OtherLanguage {
            name: "English".to_owned(),
            page: format!("{up}guides/{runbook}.md"),
        });
    }
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .map(|entries| {
            let names = entries.flatten();
            names
                .filter_map(|entry| entry.file_name().into_string().ok())
                .collect()
        })
        .unwrap_or_default();
    names.retain(|name| {
        name != language && folder.join(name).join(format!("{runbook}.yaml")).is_file()
    });
    names.sort();
    for name in names {
        // A language's own name of itself stands where English calls itself English.
        let own = translations(folder, &name, runbook)?.unwrap_or_default();
        found.push(OtherLanguage {
            name: Words::of(&own).say("English"),
            page: format!("{up}{name}/guides/{runbook}.md"),
        });
    }
    Ok(found)
}

/// Says which blocks have no translation, as lines that only have to be filled in, and which
/// translations are of nothing; an error where the page is to be complete.
fn say_what_is_missing(
    context: &Context,
    args: &DocArgs,
    runbook: &str,
    translations: &Translations,
    words: &Words<'_>,
) -> Result<(), Fault> {
    // The language's own name stands on the pages of the others.
    words.say("English");
    let (missing, unused) = (words.missing(), translations.unused(&words.used()));
    if missing.is_empty() && (unused.is_empty() || !args.complete) {
        return Ok(());
    }
    let folder = Utf8Path::new(&args.translations).join(&args.lang);
    let file = folder.join(format!("{runbook}.yaml"));
    if !missing.is_empty() {
        let new = missing.iter().filter(|en| !translations.is_open(en));
        let stub = Translations::stub(&new.cloned().collect::<Vec<_>>());
        if args.stub {
            add(&file, &stub)?;
        } else {
            // As it stands, so that it can be pasted into the file.
            context.warn(&format!(
                "# not translated into `{}` yet; add this to {file} and fill in each `to`:\n{stub}",
                args.lang
            ));
        }
    }
    if !args.complete {
        return Ok(());
    }
    let mut fault = Fault::new(
        FaultCode::Conflict,
        "the translations are not those of the page",
    )
    .at(&folder)
    .because(format!(
        "{} blocks are not translated, {} translations are of nothing",
        missing.len(),
        unused.len()
    ))
    .evidence(unused.iter().map(|en| format!("of nothing: {en}")));
    if !missing.is_empty() {
        fault = fault.hint(if args.stub {
            format!("Fill in each empty `to` at the end of {file}.")
        } else {
            "Add the lines above and fill in each `to`; `--stub` adds them for you.".to_owned()
        });
    }
    if !unused.is_empty() {
        fault =
            fault.hint("Take out, or correct, translations of what no longer stands on the page.");
    }
    Err(fault)
}

/// Adds lines to the end of a file of translations.
fn add(file: &Utf8Path, stub: &str) -> Result<(), Fault> {
    if stub.trim() == "[]" {
        return Ok(());
    }
    let mut whole = match file.is_file() {
        true => text(file.as_str())?,
        false => String::new(),
    };
    whole.push_str(stub);
    std::fs::write(file, whole)
        .map_err(|error| Fault::io("could not add to the translations", file, &error))
}
