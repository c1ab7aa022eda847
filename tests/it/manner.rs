//! How steps are treated: attempts, times, turns and gates, against a web server that counts.

use std::{
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

use krun_tests::{
    lab::Lab,
    web::{Reply, Web},
};
use serde_json::Value;

/// How many requests are under way, now and at most.
#[derive(Default)]
struct Busy {
    under_way: Mutex<(usize, usize)>,
    more: Condvar,
}

impl Busy {
    /// Holds a request until as many others are under way too, and some time longer.
    fn hold(&self, wanted: usize) {
        let mut under_way = self.under_way.lock().expect("no panic");
        under_way.0 += 1;
        under_way.1 = under_way.1.max(under_way.0);
        self.more.notify_all();
        let limit = Duration::from_secs(3);
        let held = self
            .more
            .wait_timeout_while(under_way, limit, |(_, most)| *most < wanted);
        drop(held);
        // One too many would come now.
        thread::sleep(Duration::from_millis(100));
        self.under_way.lock().expect("no panic").0 -= 1;
    }

    fn most(&self) -> usize {
        self.under_way.lock().expect("no panic").1
    }
}

fn ok() -> Reply {
    Reply::text("200 OK", "ok")
}

fn not_ok() -> Reply {
    Reply::text("503 Service Unavailable", "not yet")
}

fn runbook(lab: &Lab, web: &Web, steps: &str) -> String {
    let head = "runbook(#{ name: \"manner\", version: \"1\", summary: \"manner\" });\n";
    let steps = steps.replace("WEB", &web.url(""));
    let path = lab.write("manner.rhai", &format!("{head}{steps}"));
    path.to_str().expect("UTF-8").to_owned()
}

fn of<'a>(events: &'a [Value], name: &str) -> Vec<&'a Value> {
    events
        .iter()
        .filter(|event| event["event"] == name)
        .collect()
}

#[test]
fn a_step_is_tried_again_as_often_as_it_says() {
    let lab = Lab::default();
    // It asks every 100 ms: four times in an attempt at most, so that the third attempt can't find it.
    let web = Web::new(|asked| if asked.number < 12 { not_ok() } else { ok() });
    let step = |times: usize| {
        format!(
            "http::shows(\"page\", #{{url: \"WEB/\", texts: [\"ok\"], timeout: \"300ms\", \
             retries: #{{times: {times}, backoff: \"50ms\", max_backoff: \"100ms\", jitter: false}}}});"
        )
    };
    let book = runbook(&lab, &web, &step(1));
    let failed = lab.run(&[&book, "--json"]).expect(1);
    let events = failed.events();
    assert_eq!(of(&events, "step_retried").len(), 1, "{events:#?}");
    let fault = &of(&events, "step_failed")[0]["fault"];
    assert_eq!(fault["code"], "timeout");
    assert!(fault.to_string().contains("this was attempt 2"), "{fault}");

    let book = runbook(&lab, &web, &step(30));
    let done = lab.run(&[&book, "--json"]).expect(0);
    let events = done.events();
    let retried = of(&events, "step_retried");
    assert!((1..30).contains(&retried.len()), "{events:#?}");
    assert_eq!(
        (&retried[0]["attempt"], &retried[0]["of"]),
        (&1.into(), &31.into())
    );
    assert_eq!(retried[0]["wait_ms"], 50);
    let show = lab.run(&["show", "last"]).expect(0).out();
    assert!(show.contains("attempt 1 of 31"), "{show}");
}

#[test]
fn what_a_person_must_change_is_not_tried_again() {
    let lab = Lab::default();
    let web = Web::new(|_| ok());
    lab.write("folder/in-the-way", "");
    let step = format!(
        "file(\"f\", #{{path: \"{}\", content: \"x\", retries: 5}});",
        lab.path("folder").display()
    );
    let failed = lab.run(&[&runbook(&lab, &web, &step), "--json"]);
    assert_ne!(failed.code(), 0);
    assert!(of(&failed.events(), "step_retried").is_empty());
}

#[test]
fn an_attempt_ends_with_its_time() {
    let lab = Lab::default();
    let web = Web::new(|_| ok().stall(0));
    let step =
        "http::shows(\"page\", #{url: \"WEB/\", texts: [], timeout_s: 60, timeout: \"200ms\"});";
    let since = Instant::now();
    let failed = lab.run(&[&runbook(&lab, &web, step)]).expect(1);
    assert!(
        since.elapsed() < Duration::from_secs(20),
        "{:?}",
        since.elapsed()
    );
    assert!(
        failed.err().contains("`timeout` allows 0.2 s"),
        "{}",
        failed.err()
    );
}

#[test]
fn a_group_takes_turns() {
    let lab = Lab::default();
    let busy = [Arc::new(Busy::default()), Arc::new(Busy::default())];
    let [turns, free] = busy.clone();
    let web = Web::new(move |asked| {
        match asked.path.starts_with("/turns") {
            true => turns.hold(2),
            false => free.hold(6),
        }
        ok()
    });
    let steps = |name: &str, serial: &str| {
        format!(
            "for id in 0..6 {{ http::shows(`{name}-${{id}}`, #{{url: `WEB/{name}-${{id}}`, texts: [\"ok\"]{serial}}}); }}\n"
        )
    };
    let both = steps("turns", ", serial: 2") + &steps("free", "");
    lab.run(&[&runbook(&lab, &web, &both)]).expect(0);
    assert_eq!(web.requests().len(), 12);
    assert_eq!(busy.map(|busy| busy.most()), [2, 6]);
}

/// Item by item: each is done and its gate passed before anything of the next begins.
#[test]
fn a_gate_is_passed_before_the_next_item_begins() {
    let lab = Lab::default();
    let web = Web::new(|asked| {
        if asked.path == "/healthy-2" {
            not_ok()
        } else {
            ok()
        }
    });
    let root = lab.path("root");
    let steps = format!(
        "directory(\"root\", #{{path: \"{root}\"}});\n\
         for id in 1..4 {{\n\
           let f = file(`item-${{id}}`, #{{path: `{root}/${{id}}`, content: \"x\", serial: 1, after: \"root\"}});\n\
           for probe in [\"healthy\", \"in-sync\"] {{\n\
             http::shows(`${{probe}}-${{id}}`, #{{url: `WEB/${{probe}}-${{id}}`, texts: [\"ok\"], timeout_s: 1, after: f}});\n\
           }}\n\
           gate(`item ${{id}} is well`);\n\
         }}",
        root = root.display()
    );
    let book = runbook(&lab, &web, &steps);
    let plan = lab.run(&["plan", &book]).expect(0).out();
    let place = |text: &str| {
        plan.find(text)
            .unwrap_or_else(|| panic!("{text} in\n{plan}"))
    };
    assert!(place("in-sync-1") < place("gate: item 1 is well"));
    assert!(place("gate: item 1 is well") < place("item-2 "));

    let failed = lab.run(&[&book, "--json"]).expect(1);
    let there = [1, 2, 3].map(|id| root.join(id.to_string()).exists());
    assert_eq!(
        there,
        [true, true, false],
        "item 2 is not well, so 3 was not begun"
    );
    let order: Vec<String> = web.requests().into_iter().map(|asked| asked.path).collect();
    let first_of_2 = order.iter().position(|path| path.ends_with("-2"));
    let last_of_1 = order.iter().rposition(|path| path.ends_with("-1"));
    assert!(last_of_1 < first_of_2, "{order:?}");
    let events = failed.events();
    let at = |name: &str, step: &str| {
        let found = events
            .iter()
            .position(|e| e["event"] == name && e["step"] == step);
        found.unwrap_or_else(|| panic!("{name} {step} in {events:#?}"))
    };
    for probe in ["healthy-1", "in-sync-1"] {
        assert!(
            at("step_finished", probe) < at("step_started", "item-2"),
            "{probe}"
        );
    }
    let skipped = events[at("step_skipped", "item-3")].clone();
    assert_eq!(skipped["why"], "a step failed");
}
