//! `krun gc` frees what nobody needs, and never what a rollback does.

use std::fs;

use krun_tests::{lab::Lab, tree::listing};

use crate::state::runbook;

fn blobs(lab: &Lab) -> usize {
    let folders = fs::read_dir(lab.path("state/blobs")).expect("blobs");
    folders
        .flatten()
        .flat_map(|folder| fs::read_dir(folder.path()).into_iter().flatten())
        .count()
}

/// Whatever was run before and after, a rollback after gc gives the tree of the beginning, to the
/// byte. Runs, drift, repairs and rollbacks in many orders.
#[test]
fn after_gc_a_rollback_still_goes_to_the_baseline() {
    for seed in 0..12_u32 {
        let lab = Lab::default();
        let runbook = runbook(&lab, 3);
        lab.write("root/f0", "was here before\n");
        lab.write("root/mine", "never krun's\n");
        let before = listing(&lab.path("root"));
        let mut random = seed.wrapping_mul(2_654_435_761).wrapping_add(12345);
        let mut next = move |below: u32| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (random >> 16) % below
        };
        for n in 0..5 {
            match next(4) {
                0 => drop(lab.write("root/f1", &format!("drift {seed} {n}\n"))),
                1 => {
                    let back = lab.run(&["rollback", "--yes"]);
                    assert!(matches!(back.code(), 0 | 2 | 6), "{}", back.err());
                }
                _ => {
                    let text = format!("text=t{}", next(3));
                    lab.run(&[&runbook, "-p", &text]).expect(0);
                }
            }
            if lab.path("state/journal.db").exists() {
                lab.run(&["gc", "--older-than", "0", "--yes"]).expect(0);
                lab.run(&["state", "check"]).expect(0);
            }
        }
        lab.run(&[&runbook]).expect(0);
        lab.run(&["gc", "--older-than", "0", "--yes"]).expect(0);
        lab.run(&["rollback", "--yes"]).expect(0);
        // What drifted before krun's first run on it is what a rollback goes back to.
        let now = listing(&lab.path("root"));
        let but = |text: &str| {
            let lines = text.lines().filter(|line| !line.starts_with("f1 "));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(but(&now), but(&before), "seed {seed}");
        let kept = blobs(&lab);
        lab.run(&["gc", "--older-than", "0", "--yes"]).expect(0);
        // The runbook that the last run pinned stays.
        assert!(kept > 1, "seed {seed}");
        assert_eq!(blobs(&lab), 1, "seed {seed}");
    }
}

#[test]
fn it_shows_first_asks_and_spares_what_is_young() {
    let lab = Lab::default();
    let runbook = runbook(&lab, 2);
    lab.write("root/f0", "was here before\n");
    lab.run(&[&runbook]).expect(0);
    lab.run(&["rollback", "--yes"]).expect(0);
    lab.write("state/blobs/tmp/half", "written");
    let there = listing(&lab.path("state/blobs"));
    let young = lab.run(&["gc", "--yes"]).expect(0);
    assert!(young.out().contains("nothing to delete"), "{}", young.out());
    let plan = lab
        .run(&["gc", "--plan", "--older-than", "0", "--json"])
        .expect(0);
    let items = plan.events()[0]["items"].as_array().expect("items").clone();
    assert!(
        items.iter().any(|item| item["kind"] == "leftover"),
        "{items:?}"
    );
    assert!(items.iter().any(|item| item["kind"] == "blob"), "{items:?}");
    lab.run(&["gc", "--older-than", "0"]).expect(10);
    assert_eq!(listing(&lab.path("state/blobs")), there, "nothing is gone");
    lab.run(&["gc", "--older-than", "soon"]).expect(2);
    lab.run(&["gc", "--older-than", "0", "--yes"]).expect(0);
    assert!(!lab.path("state/blobs/tmp/half").exists());
    lab.run(&["state", "check"]).expect(0);
}

/// What a forced rollback set aside goes when it is asked for; another's quarantine never does.
#[test]
fn what_was_set_aside_goes_and_what_is_anothers_stays() {
    let lab = Lab::default();
    let runbook = runbook(&lab, 1);
    lab.run(&[&runbook]).expect(0);
    lab.write("root/foreign", "somebody's\n");
    lab.run(&["rollback", "--yes", "--force"]).expect(0);
    let aside = || {
        let listing = listing(&lab.path("state/quarantine"));
        listing.contains("foreign")
    };
    assert!(aside());
    lab.write(
        "state/quarantine/another-id/run-1/step/data",
        "of another store\n",
    );
    let plan = lab.run(&["gc", "--plan", "--older-than", "0"]).expect(0);
    assert!(plan.out().contains("set-aside"), "{}", plan.out());
    assert!(aside());
    lab.run(&["gc", "--older-than", "0", "--yes"]).expect(0);
    assert!(!aside());
    assert!(
        lab.path("state/quarantine/another-id/run-1/step/data")
            .exists()
    );
}

/// Of the cache, what an effect that was not taken back speaks of stays.
#[test]
fn the_cache_only_when_asked() {
    let lab = Lab::default();
    let used = lab.write("cache/krun/kafka/maven/used/a.jar", "jar");
    lab.write("cache/krun/kafka/maven/used.lock", "");
    lab.write("cache/krun/kafka/maven/unused/a.jar", "jar");
    lab.write("cache/krun/kafka/maven/unused.lock", "");
    lab.write("cache/krun/notes", "not krun's");
    for part in ["complete", "lock"] {
        lab.write(&format!("cache/krun/cds/abc.{part}"), "");
    }
    for part in ["broker.jsa", "broker.jsa.sha256", "zookeeper.jsa"] {
        lab.write(&format!("cache/krun/cds/abc-{part}"), "archive");
    }
    let script = format!(
        "runbook(#{{ name: \"kept\", version: \"1.0.0\", summary: \"s\" }});\n\
         file_clone(\"c\", #{{ from: \"{used}\", to: \"{to}\" }});\n\
         file(\"u\", #{{ path: \"{into}/made\", content: \"x\" }});\n",
        used = used.display(),
        to = lab.path("clone").display(),
        into = used.parent().expect("a folder").display(),
    );
    let runbook = lab.write("kept.rhai", &script);
    let run = |arguments: &[&str]| {
        let mut krun = lab.krun(arguments);
        krun.env("XDG_CACHE_HOME", lab.path("cache"));
        krun_tests::lab::Done::of(krun)
    };
    run(&[runbook.to_str().expect("UTF-8")]).expect(0);
    run(&["gc", "--older-than", "0", "--yes"]).expect(0);
    assert!(lab.path("cache/krun/kafka/maven/unused/a.jar").exists());
    run(&["gc", "--older-than", "0", "--cache", "--yes"]).expect(0);
    assert!(!lab.path("cache/krun/kafka/maven/unused").exists());
    assert!(lab.path("cache/krun/notes").exists());
    let left = fs::read_dir(lab.path("cache/krun/cds"))
        .expect("cds")
        .count();
    assert_eq!(left, 1, "an archive goes with what says that it is whole");
    assert!(
        used.exists(),
        "an effect that was not taken back lies in it"
    );
}

/// While a run has the store open, nothing goes.
#[test]
fn never_during_a_run() {
    let lab = Lab::default();
    let runbook = runbook(&lab, 1);
    lab.run(&[&runbook]).expect(0);
    // The lock is the kernel's, so anybody can hold it.
    let lock = fs::File::options()
        .write(true)
        .open(lab.path("state/store.lock"))
        .expect("the lock's file");
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockShared).expect("lock");
    for verb in [&["gc", "--plan"][..], &["state", "import", "x"]] {
        let refused = lab.run(verb).expect(5);
        assert!(refused.err().contains("krun::locked"), "{}", refused.err());
    }
    lab.run(&["status"]).expect(0);
    lab.run(&[&runbook]).expect(0);
}
